"""What the commands of `peakctl ledger` do; only these write a ledger outside of an apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from peakctl.cli.actor import actor_of, run_id
from peakctl.cli.consent import require_consent
from peakctl.cli.exits import Exit
from peakctl.cli.inputs import load_resources, open_project, root_of
from peakctl.cli.owning import ledger_client, owner_of
from peakctl.cli.planning import tell_where
from peakctl.cli.session import connect
from peakctl.cli.tenant import check_tenant
from peakctl.engine.record import uses_of
from peakctl.errors import Diagnostic, Severity, UsageError
from peakctl.ledger.lease import refuse_held
from peakctl.ledger.recovery import recover, refuse_alive, unlock, write_owned
from peakctl.ledger.revisions import tell_duplicates
from peakctl.model import Run, ledger_name
from peakctl.present.ledger_json import (
    lease_document,
    ledger_document,
    place_document,
    rebuilt_document,
)
from peakctl.present.ledger_text import (
    Shown,
    found_lines,
    lease_lines,
    ledger_lines,
    no_ledger_lines,
    rebuilt_lines,
)
from peakctl.present.text import counted, line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.cli.session import Connection, Session
    from peakctl.engine.rebuild import Rebuilt
    from peakctl.ledger.client import LedgerClient
    from peakctl.ledger.recovery import Found
    from peakctl.ledger.revisions import LedgerRevision
    from peakctl.model import Key, Listed, Owner, Resource
    from peakctl.present.report import Report
    from peakctl.present.text import Line


@dataclass(frozen=True, slots=True)
class _Look:
    """Our ledger and all ledgers, as they were when we looked."""

    client: LedgerClient
    listed: tuple[Listed, ...]
    found: Found | None

    @property
    def revision(self) -> LedgerRevision | None:
        return self.found.revision if self.found else None

    @property
    def shown(self) -> Shown | None:
        return Shown(self.found.revision, self.client.store.now()) if self.found else None


async def show_ledger(session: Session) -> Report:
    """Everything about the ledger; an error beside it when its newest version is damaged."""
    owner = _open(session)
    async with connect(session) as connection:
        look = await _look(session, connection)
    shown = look.shown
    if look.found is None or shown is None:
        return session.report(lines=no_ledger_lines(owner), extra={"ledger": None})
    damage = look.found.damage
    return session.report(
        lines=ledger_lines(shown),
        extra={"ledger": ledger_document(shown)},
        exit_code=Exit.ERROR if damage else Exit.DONE,
        diagnostics=(damage,) if damage else (),
    )


async def unlock_ledger(session: Session) -> Report:
    """Drop the lease that was shown and agreed upon, and no other. Raises LeaseHeld."""
    owner = _open(session)
    async with connect(session) as connection:
        look = await _look_to_write(session, connection)
        shown = look.shown
        if shown is None:
            return session.report(lines=no_ledger_lines(owner), extra=_unlocked(None))
        if look.found and look.found.damage:
            session.warnings.append(_still_damaged(look.found.damage, shown.revision))
        if not shown.is_held:
            words = f"Nothing to do: the lease of {owner} is free."
            return session.report(lines=(line((words, "bold")),), extra=_unlocked(shown))
        _show_before(session, lease_lines(shown))
        refuse_alive(look.client, shown.revision.ledger)
        require_consent(
            session,
            "Is this run dead? Its lease will be taken away.",
            what="a run holds the lease",
            read="whose it is",
        )
        done = await unlock(look.client, shown.revision, _run(session))
    kept = counted(len(done.ledger.intents), "unfinished action")
    words = f"Unlocked: version {done.number} of the ledger has no lease, and keeps {kept}."
    return session.report(
        lines=((), line((words, "bold"))),
        extra=_unlocked(replace(shown, revision=done), lease=lease_document(shown)),
        wrote=True,
    )


async def rebuild_ledger(session: Session) -> Report:
    """Write what manifests and live state say, after asking. Raises LeaseHeld."""
    owner = _open(session)
    resources = load_resources(session)
    tell_where(session, len(resources))
    run = _run(session)
    async with connect(session) as connection:
        look = await _look_to_write(session, connection)
        if look.revision is not None:
            refuse_held(look.client, look.revision.ledger, run.actor)
        rebuilt = await _rebuilt(connection, look, resources)
        session.warnings += rebuilt.undecided
        lines = (*found_lines(look.found, owner), (), *rebuilt_lines(rebuilt))
        if not _is_needed(look.found, rebuilt):
            why = "the ledger says what is live" if look.found else "there is nothing to list"
            told = line(f"Nothing to do: {why}.")
            return session.report(lines=(*lines, told), extra=_written(look.revision, rebuilt))
        _show_before(session, lines)
        require_consent(
            session, "Write this ledger?", what="the ledger would change", read="what it would list"
        )
        done = await write_owned(look.client, look.revision, rebuilt.owned, run)
    words = f"Written: version {done.number} of {ledger_name(owner)}."
    return session.report(
        lines=((), line((words, "bold"))),
        extra={**_written(done, rebuilt), "written": True},
        wrote=True,
    )


def _open(session: Session) -> Owner:
    """The owner of the ledger; opens the project. Raises UsageError where none is kept."""
    open_project(session)
    owner = owner_of(session)
    if owner is not None:
        return owner
    if session.project is None:
        summary = "there is no peakctl.yaml in this folder or above it"
        raise UsageError(Diagnostic("usage/no-project", summary, fix="go to your project"))
    name = session.environment.name if session.environment else ""
    raise UsageError(
        Diagnostic(
            code="usage/no-ledger",
            summary=f'the environment "{name}" keeps no ledger',
            fix="take `ledger: false` out of peakctl.yaml, or choose another environment with -e",
        )
    )


async def _look(session: Session, connection: Connection) -> _Look:
    """Look at the ledgers, and warn of others that have the name of ours."""
    client = ledger_client(session, connection)
    assert client is not None  # noqa: S101 - the project has an owner
    listed = await client.store.list()
    found = await recover(client.store, listed, client.owner)
    if found is not None and found.duplicates:
        session.warnings.append(
            tell_duplicates(client.owner, (found.revision.id, *found.duplicates))
        )
    return _Look(client, listed, found)


async def _look_to_write(session: Session, connection: Connection) -> _Look:
    """The same, when the tenant is the one that the environment is meant for."""
    look = await _look(session, connection)
    await check_tenant(session, connection, str(look.revision.id) if look.revision else None)
    return look


async def _rebuilt(
    connection: Connection, look: _Look, resources: Mapping[Key, Resource]
) -> Rebuilt:
    from peakctl.engine.observe.live_state import observe
    from peakctl.engine.observe.parts import find_wholes, with_parts
    from peakctl.engine.rebuild import find_there, rebuild
    from peakctl.ledger.ownership import id_of
    from peakctl.ledger.revisions import read_others

    before = look.revision.ledger if look.revision else None
    world = await observe(resources, connection.kinds, connection.adapters)
    owned = before.owned.values() if before else ()
    known = {(each.key.kind, str(each.id)) for each in owned}
    new = [live for live in world.live.values() if id_of(live) not in known and not live.foreign]
    found = await find_wholes(new, world.live.values(), connection.adapters)
    world = with_parts(world, found)
    return rebuild(
        look.client.owner,
        resources,
        world,
        uses=uses_of(resources),
        before=before,
        there=await find_there(owned, world, connection.adapters),
        others=await read_others(look.client.store, look.listed, look.client.owner),
        damaged=look.found is not None and look.found.damage is not None,
    )


def _is_needed(found: Found | None, rebuilt: Rebuilt) -> bool:
    """Whether there is anything to write; an empty ledger is left to the first apply."""
    return rebuilt.differs or (found is not None and found.damage is not None)


def _show_before(session: Session, lines: tuple[Line, ...]) -> None:
    """What is to be read before it is agreed to."""
    if session.flags.output == "text":
        session.terminal.show(lines)


def _still_damaged(damage: Diagnostic, revision: LedgerRevision) -> Diagnostic:
    """That a lease was looked for in an older version, and that a rebuild is due all the same."""
    detail = f"the lease is that of version {revision.number}; what came later is lost"
    return replace(damage, detail=detail, severity=Severity.WARNING)


def _run(session: Session) -> Run:
    """Who writes, for the ledger's list of runs."""
    return Run(run_id(), actor_of(session.settings, root_of(session)), session.command)


def _unlocked(shown: Shown | None, lease: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON of unlock; `lease` is what was taken away, if anything."""
    place = place_document(shown.revision) if shown else None
    return {"ledger": place, "unlocked": lease is not None, "lease": lease}


def _written(revision: LedgerRevision | None, rebuilt: Rebuilt) -> dict[str, Any]:
    """The JSON of rebuild."""
    place = place_document(revision) if revision else None
    return {"ledger": place, "written": False, **rebuilt_document(rebuilt)}
