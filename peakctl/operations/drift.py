"""Drift: what was changed, deleted or added outside since the last apply. Reads, and nothing else.

It is found in the plan of the manifests as they are: what they have and was never applied is told
apart from what others did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from peakctl.engine.drift import Drift, added, find_drift, waiting
from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.model import Key, Lease, Listed, Live, LiveId, Owner, Verb
from peakctl.model.ledger import PastRun
from peakctl.model.records import dataclass
from peakctl.operations.load import LoadResult
from peakctl.operations.plan import (
    PlanOptions,
    PlanResult,
    ReplanInputs,
    load_and_connect,
    make_plan,
)
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project, require_owner, telling

_TOLD_AS_DRIFT = ("guard/adopt", "guard/mass-change", "guard/not-allowed", "guard/rolled-back")
"""Guards that stand before an apply and say nothing here."""


@dataclass(frozen=True, slots=True)
class DriftResult:
    """What others did since `last_run`, which is None where the ledger does not tell it.

    `waiting` is what an apply would change for other reasons: not applied yet, or failed, or no
    longer declared. `as_applied` is how many declared resources are as they were applied.
    `diagnostics` has the warnings and notes.
    """

    owner: Owner
    drift: tuple[Drift, ...]
    waiting: tuple[Key, ...] = ()
    last_run: PastRun | None = None
    as_applied: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def has_drifted(self) -> bool:
        """Whether anything was changed, deleted or added outside."""
        return bool(self.drift)


async def drift_async(
    project: Project, options: PlanOptions | None = None, *, unowned: bool = False
) -> DriftResult:
    """What was changed outside since the last apply; changes nothing.

    `select`, `exclude` and `parallelism` of `options` count. With `unowned` what is live without an
    owner, of the kinds that the project has, is listed as added. Raises UsageError where no ledger
    is kept, PeakctlError where nothing was applied yet, and as `plan_async`.
    """
    given = options or PlanOptions()
    chosen = PlanOptions(select=given.select, exclude=given.exclude, parallelism=given.parallelism)
    require_owner(project)
    async with load_and_connect(project, chosen) as (platform, loaded, told):
        found = await look_for_drift(platform, loaded, chosen, unowned=unowned)
    return replace(found, diagnostics=(*told, *found.diagnostics))


async def look_for_drift(
    platform: Platform, loaded: LoadResult, options: PlanOptions, *, unowned: bool = False
) -> DriftResult:
    """As `drift_async`, on a platform that is connected."""
    owner = require_owner(platform.project)
    again = ReplanInputs(conflicts=unowned)
    planned = await make_plan(platform, loaded, options, again)
    ledger = planned.live.ledger
    if ledger is None:
        raise PeakctlError(_never_applied(owner))
    with telling() as told:
        told += planned.diagnostics
        told += (_as_warning(d) for d in planned.guards if d.code not in _TOLD_AS_DRIFT)
        if ledger.lease is not None and ledger.lease.until > platform.ledgers.now():
            told.append(_under_way(ledger.lease))
        found = find_drift(planned.plan, planned.live)
        others = await _unowned(platform, planned, told) if unowned else ()
        declared = {each.key for each in found}
        more = tuple(added(live) for live in others if live.key not in declared)
        undeclared = tuple(each.key for each in planned.undeclared())
        return DriftResult(
            owner,
            (*found, *more),
            (*waiting(planned.plan, found), *undeclared),
            ledger.runs[-1] if ledger.runs else None,
            sum(a.verb is Verb.KEEP and a.key not in declared for a in planned.plan.actions),
            tuple(told),
        )


async def _unowned(
    platform: Platform, planned: PlanResult, told: list[Diagnostic]
) -> tuple[Live, ...]:
    """What is live, of the kinds of the project, and neither declared, owned, nor part of more.

    Nothing, with a warning, where the ledger of another project could not be read.
    """
    from peakctl.engine.observe.live_state import find_makers

    live = planned.live
    if live.owners.unread:
        told.append(_not_known(live.owners.unread))
        return ()
    kinds = {key.kind for key in planned.loaded.resources}
    kinds |= {key.kind for key in (live.ledger.owned if live.ledger else ())}
    lists = await asyncio.gather(*(_listed(platform, planned, kind) for kind in sorted(kinds)))
    found = [e for every in lists for e in every if not (e.foreign or live.owners.is_ours(e))]
    decided = await find_makers(found, live.live.values(), platform.adapters)
    told += [_unsure(why) for why in dict.fromkeys(decided.unsure.values())]
    part_of = {id_ for id_, maker in decided.found.items() if maker} | {*decided.unsure}
    return tuple(sorted((e for e in found if e.live_id not in part_of), key=lambda e: e.key))


async def _listed(platform: Platform, planned: PlanResult, kind: str) -> Iterable[Live]:
    """Every live resource of a kind that no project owns and no manifest has."""
    adapter, live = platform.adapters.get(kind), planned.live
    if adapter is None:
        return ()
    listed = live.listed[kind] if kind in live.listed else await adapter.index(())
    owners = live.owners
    known = {*owners.ids, *owners.claimed, *(each.live_id for each in live.live.values())}
    wanted = [each for each in listed if _is_new(each, kind, known)]
    reads = await asyncio.gather(*(adapter.read(each, None) for each in wanted))
    return [each for each in reads if each is not None]


def _is_new(listed: Listed, kind: str, known: Iterable[LiveId]) -> bool:
    return listed.ours and LiveId.of(kind, listed.id) not in known


def _as_warning(diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, severity=Severity.WARNING)


def _never_applied(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="drift/never-applied",
        summary=f"{owner} has no ledger: nothing that was applied is known",
        detail="drift is what differs from the last apply",
        fix="apply once; where the ledger was deleted, see peakctl ledger rebuild",
    )


def _under_way(lease: Lease) -> Diagnostic:
    return Diagnostic(
        code="drift/under-way",
        summary="an apply is under way: what it has done so far may be told as drift",
        detail=f"by {lease.actor.who}",
        fix="run this again when it has ended",
        severity=Severity.WARNING,
    )


def _not_known(unread: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        code="drift/owners-unknown",
        summary="what nobody owns is not listed: a project's ledger cannot be read",
        detail=f"it may own some of it: {', '.join(unread)}",
        fix="see to that ledger first",
        severity=Severity.WARNING,
    )


def _unsure(why: str) -> Diagnostic:
    return Diagnostic(
        code="live/parts-unread",
        summary="not everything that nobody owns is listed: a read failed",
        detail=why,
        fix="run the same command again",
        severity=Severity.WARNING,
    )
