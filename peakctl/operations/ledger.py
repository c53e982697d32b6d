"""The ledger of a project by itself: show it, unlock it, rebuild it from what is live.

Only these write a ledger outside of an apply. Unlocking and rebuilding go in two steps: what was
found is shown, and is what consent is given to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.engine.record import uses_of
from peakctl.errors import Diagnostic, Severity
from peakctl.ledger.lease import refuse_held
from peakctl.ledger.recovery import Found, recover, refuse_alive, unlock, write_owned
from peakctl.ledger.revisions import LedgerRevision, tell_duplicates
from peakctl.model import Ledger, Listed, Owner, Run
from peakctl.model.records import dataclass
from peakctl.operations.actor import actor_of, redacted, run_id
from peakctl.operations.load import LoadResult, load
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner, telling
from peakctl.operations.recorder import ledger_client
from peakctl.operations.tenant import check_tenant

if TYPE_CHECKING:
    from peakctl.engine.rebuild import Rebuilt
    from peakctl.ledger.client import LedgerClient


@dataclass(frozen=True, slots=True)
class LedgerResult:
    """The ledger as it was found, as far as it can be read; `found` is None where there is none.

    `now` is the platform's time, in seconds since 1970.
    """

    owner: Owner
    found: Found | None
    now: float
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def revision(self) -> LedgerRevision | None:
        """The newest version that can be read."""
        return self.found.revision if self.found else None

    @property
    def damage(self) -> Diagnostic | None:
        """What is wrong with the newest version, if it cannot be read."""
        return self.found.damage if self.found else None

    @property
    def ledger(self) -> Ledger | None:
        """What the version that can be read says."""
        return self.found.revision.ledger if self.found else None

    @property
    def is_held(self) -> bool:
        """Whether a run has its lease."""
        lease = self.ledger.lease if self.ledger else None
        return lease is not None and lease.until > self.now


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What a rebuilt ledger would list, and the ledger that is there before."""

    before: LedgerResult
    rebuilt: Rebuilt
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to write; an empty ledger is left to the first apply."""
        return self.rebuilt.differs or self.before.damage is not None


async def show_ledger_async(project: Project) -> LedgerResult:
    """Everything about the ledger. Raises UsageError where none is kept, LedgerUnusable, ApiError.

    A newest version that is damaged is no error: `damage` tells.
    """
    require_owner(project)
    async with connect(project) as platform:
        return await show_ledger(platform)


async def show_ledger(platform: Platform) -> LedgerResult:
    """As `show_ledger_async`, on a platform that is connected."""
    with telling() as told:
        shown, _ = await _look(platform, told)
        return replace(shown, diagnostics=tuple(told))


async def look_checked(platform: Platform, told: list[Diagnostic]) -> LedgerResult:
    """The ledger of the tenant that the environment is meant for; warnings go to `told`.

    Raises GuardRefused for another tenant.
    """
    shown, _ = await _look(platform, told, checked=True)
    return shown


async def look_to_unlock(platform: Platform) -> LedgerResult:
    """The ledger whose lease may be taken away, of the tenant that the environment is meant for.

    Raises GuardRefused for another tenant.
    """
    with telling() as told:
        shown, _ = await _look(platform, told, checked=True)
        if shown.damage and shown.revision:
            told.append(_still_damaged(shown.damage, shown.revision))
        return replace(shown, diagnostics=tuple(told))


def refuse_alive_run(platform: Platform, shown: LedgerResult) -> None:
    """Return unless the run that has the lease is certainly alive. Raises LeaseHeld."""
    if shown.ledger is not None:
        refuse_alive(_client(platform), shown.ledger)


async def unlock_ledger(platform: Platform, shown: LedgerResult) -> LedgerRevision:
    """Take away the lease that was shown, and no other.

    What that run set out to do stays recorded. Raises LeaseHeld when the ledger has moved since.
    """
    assert shown.revision is not None  # noqa: S101 - the caller has looked
    run = _run(platform.project, "ledger unlock")
    return await unlock(_client(platform), shown.revision, run)


async def look_to_rebuild(platform: Platform, loaded: LoadResult) -> RebuildResult:
    """What manifests and live state say that the ledger should list.

    Raises LeaseHeld while a run has the lease, GuardRefused for another tenant.
    """
    run = _run(platform.project, "ledger rebuild")
    with telling() as told:
        shown, listed = await _look(platform, told, checked=True)
        if shown.ledger is not None:
            refuse_held(_client(platform), shown.ledger, run.actor)
        rebuilt = await _rebuilt(platform, shown, listed, loaded)
        told += rebuilt.undecided
        return RebuildResult(shown, rebuilt, tuple(told))


async def write_rebuilt(platform: Platform, shown: RebuildResult) -> LedgerRevision:
    """Write what was shown. Raises LeaseHeld when another run writes at the same moment."""
    run, revision = _run(platform.project, "ledger rebuild"), shown.before.revision
    return await write_owned(_client(platform), revision, shown.rebuilt.owned, run)


async def unlock_ledger_async(project: Project) -> LedgerResult:
    """Take the lease away from a run that is dead; as it was where no run has it.

    Calling this is the consent. Raises LeaseHeld when the run is alive after all, UsageError where
    no ledger is kept.
    """
    require_owner(project)
    async with connect(project) as platform:
        shown = await look_to_unlock(platform)
        if not shown.is_held:
            return shown
        refuse_alive_run(platform, shown)
        return replace(shown, found=Found(await unlock_ledger(platform, shown)))


async def rebuild_ledger_async(project: Project) -> RebuildResult:
    """Write the ledger from manifests and live state, where it does not say what is live.

    Calling this is the consent. Raises as `load`, LeaseHeld, GuardRefused.
    """
    require_owner(project)
    loaded = load(project)
    async with connect(project) as platform:
        shown = await look_to_rebuild(platform, loaded)
        if shown.is_needed:
            await write_rebuilt(platform, shown)
    return replace(shown, diagnostics=(*loaded.diagnostics, *shown.diagnostics))


async def _look(
    platform: Platform, told: list[Diagnostic], *, checked: bool = False
) -> tuple[LedgerResult, tuple[Listed, ...]]:
    """Our ledger and all ledgers; warns of others with the name of ours.

    With `checked`, of the tenant that the environment is meant for, else GuardRefused is raised.
    """
    client = _client(platform)
    listed = await client.store.list()
    found = await recover(client.store, listed, client.owner)
    if found is not None and found.duplicates:
        told.append(tell_duplicates(client.owner, (found.revision.id, *found.duplicates)))
    if checked:
        told += await check_tenant(platform, str(found.revision.id) if found else None)
    return LedgerResult(client.owner, found, client.store.now()), listed


def _client(platform: Platform) -> LedgerClient:
    client = ledger_client(platform)
    assert client is not None  # noqa: S101 - the project has an owner: it was asked for first
    return client


async def _rebuilt(
    platform: Platform, shown: LedgerResult, listed: tuple[Listed, ...], loaded: LoadResult
) -> Rebuilt:
    from peakctl.engine.observe.live_state import find_makers, mark_made, observe
    from peakctl.engine.rebuild import find_there, rebuild
    from peakctl.ledger.revisions import read_others

    before = shown.ledger
    live = await observe(loaded.resources, platform.kinds, platform.adapters)
    owned = before.owned.values() if before else ()
    known = {each.live_id for each in owned}
    new = [each for each in live.live.values() if each.live_id not in known and not each.foreign]
    live = mark_made(live, await find_makers(new, live.live.values(), platform.adapters))
    return rebuild(
        shown.owner,
        loaded.resources,
        live,
        uses=uses_of(loaded.resources),
        before=before,
        there=await find_there(owned, live, platform.adapters),
        others=await read_others(platform.ledgers, listed, shown.owner),
        damaged=shown.damage is not None,
    )


def _still_damaged(damage: Diagnostic, revision: LedgerRevision) -> Diagnostic:
    """That a lease was looked for in an older version, and that a rebuild is due all the same."""
    detail = f"the lease is that of version {revision.number}; what came later is lost"
    return replace(damage, detail=detail, severity=Severity.WARNING)


def _run(project: Project, command: str) -> Run:
    """Who writes, for the ledger's list of runs."""
    actor = actor_of(project.settings, project.root)
    return Run(run_id(), redacted(actor, project.redact), command)
