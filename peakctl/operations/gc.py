"""Deletes old versions of images and artifacts that the project owns and nothing uses.

It goes in two steps: what would be deleted is shown, and is what consent is given to. Under the
lease all of it is read again; nothing is deleted then that was not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from peakctl.engine.waiting import Stop
from peakctl.errors import ApiError, Diagnostic, NotAuthenticated, PeakctlError
from peakctl.ledger.revisions import all_of
from peakctl.model import HistoryResource, HistoryRun, KeptVersion, Key, LiveId, Run, Status
from peakctl.model.records import dataclass
from peakctl.operations.actor import actor_of, origin_of, redacted, run_id
from peakctl.operations.gc_plan import GcOptions, GcPlan, GcResource, look_to_gc, plan_gc
from peakctl.operations.history import history_writer, plain_record
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner
from peakctl.operations.recorder import ledger_client, not_written

VERB = "delete-version"
"""The verb of what it does to a resource, in the history."""
COUNTED = "versions deleted"
DELETING = ("deleting", "delete-failed")
LOOKS, PAUSE = 5, 2.0
"""How often, and how many seconds apart, it looks whether what was deleted is gone."""


@dataclass(frozen=True, slots=True)
class GcOutcome:
    """What became of one version; `reason` says why it is still there."""

    key: Key
    number: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was shown, and what became of each version that was to be deleted."""

    plan: GcPlan
    outcomes: tuple[GcOutcome, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def deleted(self) -> int:
        """How many versions are gone, or are being deleted."""
        gone = (Status.DONE, Status.IN_PROGRESS)
        return sum(each.status in gone for each in self.outcomes)

    @property
    def failed(self) -> tuple[GcOutcome, ...]:
        """Those that are still there, or of which that is not known."""
        return tuple(e for e in self.outcomes if e.status in (Status.FAILED, Status.UNKNOWN))


async def gc_async(project: Project, options: GcOptions, *, stop: Stop | None = None) -> GcResult:
    """Delete old versions. Calling this is the consent.

    Raises UsageError where no ledger is kept and for options that say too little, ManifestsInvalid,
    GuardRefused, LeaseHeld, LedgerUnusable, NotAuthenticated, ApiError: nothing is deleted then.
    """
    require_owner(project)
    async with connect(project) as platform:
        shown = await look_to_gc(platform, options)
        return await run_gc(platform, options, shown, stop=stop)


async def run_gc(
    platform: Platform, options: GcOptions, shown: GcPlan, *, stop: Stop | None = None
) -> GcResult:
    """Delete what was shown, as far as it may still go, under the lease; add it to the history.

    Raises LeaseHeld while another run is under way.
    """
    if not shown.count:
        return GcResult(shown)
    client = ledger_client(platform)
    assert client is not None  # noqa: S101 - the ledger has been read
    project = platform.project
    actor = redacted(actor_of(project.settings, project.root), project.redact)
    run = Run(run_id(), actor, "gc")
    stop = stop or Stop()
    async with client.lease(run, ()) as lease:
        again = await plan_gc(platform, options, lease.ledger, shown.owner)
        before, left = lease.ledger.runs, lease.before
        async with lease.renewing(stop.request):
            outcomes = await _delete_all(platform, _approved(shown, again), stop)
        outcomes = (*outcomes, *_kept_after_all(shown, again))
        record = _record(project, run, outcomes, (lease.since, client.store.now()))
        told: tuple[Diagnostic, ...] = ()
        try:
            await lease.finish(
                owned=lease.ledger.owned,
                intents=left,
                outcome=record.outcome,
                counts=record.counts,
            )
        except PeakctlError as error:
            told = (not_written(error, "peakctl gc"),)
    history = history_writer(platform, shown.owner)
    history.record = record
    return GcResult(shown, outcomes, (*told, *await history.write(before, left)))


# --- what is deleted -----------------------------------------------------------------------------


def _approved(shown: GcPlan, again: GcPlan) -> list[tuple[GcResource, KeptVersion]]:
    """What may go now, of what was shown: the same number of the same resource."""
    agreed = _numbers(shown)
    return [
        (each, version)
        for each in again.resources
        for version in each.deleted
        if (LiveId.of(each.key.kind, each.listed.id), version.number) in agreed
    ]


def _numbers(plan: GcPlan) -> set[tuple[LiveId, str]]:
    return {
        (LiveId.of(each.key.kind, each.listed.id), version.number)
        for each in plan.resources
        for version in each.deleted
    }


def _kept_after_all(shown: GcPlan, again: GcPlan) -> tuple[GcOutcome, ...]:
    """What was shown and may not go any more, or is gone already."""
    still = _numbers(again)
    there = {
        (LiveId.of(each.key.kind, each.listed.id), verdict.version.number): verdict
        for each in again.resources
        for verdict in each.verdicts
    }
    found = []
    for each in shown.resources:
        for version in each.deleted:
            place = LiveId.of(each.key.kind, each.listed.id), version.number
            if place in still:
                continue
            verdict = there.get(place)
            status = Status.ALREADY_RIGHT if verdict is None else Status.CANCELLED
            why = verdict.kept.sentence if verdict and verdict.kept else "it is not there any more"
            found.append(GcOutcome(each.key, version.number, status, why))
    return tuple(found)


async def _delete_all(
    platform: Platform, todo: Sequence[tuple[GcResource, KeptVersion]], stop: Stop
) -> tuple[GcOutcome, ...]:
    """One after the other, the oldest of each resource first; then it looks what is still there."""
    outcomes = []
    for resource, version in todo:
        if stop.requested:
            why = "the run was stopped before"
            outcomes.append(GcOutcome(resource.key, version.number, Status.CANCELLED, why))
            continue
        outcomes.append(await _delete(platform, resource, version))
    asked = [each for each in outcomes if each.status in (Status.DONE, Status.UNKNOWN)]
    there = await _still_there(platform, [r for r, _ in todo], asked)
    return tuple(_settled(each, there) for each in outcomes)


async def _delete(platform: Platform, resource: GcResource, version: KeptVersion) -> GcOutcome:
    key, number = resource.key, version.number
    try:
        await platform.adapters[key.kind].drop_version(resource.listed, version)
    except ApiError as error:
        status = Status.UNKNOWN if error.doubtful else Status.FAILED
        return GcOutcome(key, number, status, str(error))
    except NotAuthenticated as error:
        return GcOutcome(key, number, Status.FAILED, str(error))
    return GcOutcome(key, number, Status.DONE)


async def _still_there(
    platform: Platform, resources: Sequence[GcResource], asked: Sequence[GcOutcome]
) -> dict[tuple[Key, str], str] | None:
    """The status words of versions that were to be deleted and are there; None where unread.

    The platform deletes in the background: it is looked at a few times.
    """
    keys = {each.key for each in asked}
    of = {each.key: each.listed for each in resources if each.key in keys}
    wanted = {(each.key, each.number) for each in asked}
    there: dict[tuple[Key, str], str] = {}
    for look in range(LOOKS if wanted else 0):
        if look:
            await platform.project.clock.sleep(PAUSE)
        try:
            found = await all_of(
                platform.adapters[key.kind].versions(listed) for key, listed in of.items()
            )
        except PeakctlError:
            return None
        there = {
            (key, version.number): version.status.lower()
            for key, versions in zip(of, found, strict=True)
            for version in versions
            if (key, version.number) in wanted
        }
        if not any(word == DELETING[0] for word in there.values()):
            break
    return there


def _settled(outcome: GcOutcome, there: Mapping[tuple[Key, str], str] | None) -> GcOutcome:
    """The outcome with what a look at the platform says of it."""
    if there is None or outcome.status not in (Status.DONE, Status.UNKNOWN):
        return outcome
    word = there.get((outcome.key, outcome.number))
    if word is None:
        return replace(outcome, status=Status.DONE, reason="")
    if word == DELETING[0]:
        why = "the platform is still deleting it"
        return replace(outcome, status=Status.IN_PROGRESS, reason=why)
    if outcome.status is Status.UNKNOWN and word != DELETING[1]:
        return outcome
    return replace(outcome, status=Status.FAILED, reason="the platform did not delete it")


# --- what is recorded ----------------------------------------------------------------------------


def _record(
    project: Project, run: Run, outcomes: Sequence[GcOutcome], times: tuple[float, float]
) -> HistoryRun:
    done = sum(each.status in (Status.DONE, Status.IN_PROGRESS) for each in outcomes)
    return plain_record(
        run,
        origin_of(project),
        times,
        outcome=_outcome(outcomes, done),
        counts={COUNTED: done} if done else {},
        resources=(
            HistoryResource(each.key, VERB, each.status, before=each.number)
            for each in outcomes
            if each.status not in (Status.CANCELLED, Status.ALREADY_RIGHT)
        ),
    )


def _outcome(outcomes: Sequence[GcOutcome], done: int) -> str:
    if all(each.status.good or each.status is Status.IN_PROGRESS for each in outcomes):
        return "done"
    if any(each.status in (Status.FAILED, Status.UNKNOWN) for each in outcomes):
        return "partial" if done else "failed"
    return "interrupted" if done else "stopped"
