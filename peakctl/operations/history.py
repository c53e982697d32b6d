"""The history of a project: what a run adds to it, and what can be asked of it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from peakctl import __version__, model
from peakctl.engine.record import plan_digest
from peakctl.engine.runner import MAKES
from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.ledger.history import FoundHistory, HistoryClient, merge_runs, recovered_run
from peakctl.ledger.recovery import recover
from peakctl.model.records import dataclass
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner, telling

MAKES_NUMBER = frozenset(MAKES) | {model.Step.REDEPLOY}
"""Calls after which what is live may have another number."""
ADOPT = "adopt"
"""The verb of what becomes the project's without being changed."""
_DURATION = re.compile(r"([0-9]{1,6})([mhdw])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


# --- what a run adds ---------------------------------------------------------------------------


def changes_made(outcomes: Iterable[model.Outcome]) -> dict[str, int]:
    """How many resources were changed, or still are being changed, by verb."""
    return dict(Counter(o.verb.value for o in outcomes if o.changed))


def run_record(
    run: model.Run,
    plan: model.Plan,
    outcomes: Sequence[model.Outcome],
    origin: model.Origin,
    times: tuple[float, float],
    *,
    adopted: Container[model.Key],
    outcome: str,
) -> model.HistoryRun:
    """What the history is to say of a run that lasted from the first of `times` to the second.

    `outcome` is the word for how it went, `adopted` became ours without being changed.
    """
    record = plain_record(
        run,
        origin,
        times,
        outcome=outcome,
        counts=changes_made(outcomes),
        resources=_resources(plan, outcomes, adopted),
    )
    return replace(record, plan=plan_digest(plan))


def plain_record(
    run: model.Run,
    origin: model.Origin,
    times: tuple[float, float],
    *,
    outcome: str,
    counts: Mapping[str, int],
    resources: Iterable[model.HistoryResource],
) -> model.HistoryRun:
    """The same of a run that carried out no plan; its number is given as it is written."""
    return model.HistoryRun(
        number=0,
        id=run.id,
        actor=run.actor,
        command=run.command,
        started=times[0],
        ended=max(times),
        outcome=outcome,
        counts=counts,
        origin=origin,
        peakctl=__version__,
        resources=tuple(resources),
    )


def _resources(
    plan: model.Plan, outcomes: Sequence[model.Outcome], adopted: Container[model.Key]
) -> tuple[model.HistoryResource, ...]:
    """What was to be changed, what was adopted, and what was waited for in vain."""
    actions = {action.key: action for action in plan.actions}
    found = []
    for outcome in outcomes:
        key, verb = outcome.key, outcome.verb.value
        if outcome.verb is model.Verb.KEEP and key in adopted:
            verb = ADOPT
        elif outcome.verb is model.Verb.KEEP and outcome.status.good:
            continue
        before, after = _versions(actions[key], outcome)
        found.append(model.HistoryResource(key, verb, outcome.status.value, before, after))
    return tuple(found)


def _versions(action: model.Action, outcome: model.Outcome) -> tuple[str | None, str | None]:
    """The number that a resource had, and the one that it has got or was to get; None if unknown.

    The platform tells some numbers in its answer only; what makes none keeps the one there was.
    """
    before = action.live.number if action.live else None
    if action.verb is model.Verb.DELETE:
        return before, None
    after = outcome.number or action.version
    return before, before if after is None and not MAKES_NUMBER & {*action.steps} else after


@dataclass(slots=True)
class HistoryWriter:
    """Adds one run to the history, once its work is done: `record` is what is said of it."""

    client: HistoryClient
    record: model.HistoryRun | None = None
    _found: asyncio.Task[FoundHistory | None] | None = None

    def begin(self, listed: tuple[model.Listed, ...] | None) -> None:
        """Begin to look for the history: `listed` are all artifacts, if known."""
        picked = None if listed is None else self.client.store.pick(listed)
        self._found = asyncio.create_task(self.client.find(picked))
        self._found.add_done_callback(_noticed)

    def cancel(self) -> None:
        """Look no longer."""
        if self._found is not None:
            self._found.cancel()

    async def write(
        self, past: Sequence[model.PastRun], left: Sequence[model.Intent]
    ) -> tuple[Diagnostic, ...]:
        """Add the run, and those in `past` that the history lacks; a warning where that fails.

        `past` are the runs that the ledger knows, `left` the intents of those that died.
        """
        assert self.record is not None  # noqa: S101 - the ledger was told of it before
        others = [recovered_run(each, left) for each in past if each.run != self.record.id]
        try:
            found = await self._found if self._found else await self.client.find()
            await self.client.add([*others, self.record], found)
        except PeakctlError as error:
            return (_not_written(error),)
        return ()


def _noticed(task: asyncio.Task[FoundHistory | None]) -> None:
    """An error is told when the history is written; a run that ends before needs none."""
    if not task.cancelled():
        task.exception()


def _not_written(error: PeakctlError) -> Diagnostic:
    return Diagnostic(
        code="history/not-written",
        summary="the run is over and recorded, and its history could not be written",
        detail=str(error),
        fix="nothing is lost but its details: the next apply adds what the ledger says of this run",
        severity=Severity.WARNING,
    )


# --- what can be asked -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """All runs that are known, the newest first. `id` is that of the artifact, None without one.

    `now` is the platform's time, in seconds since 1970; `prefix` begins the names of resources.
    """

    owner: model.Owner
    id: str | int | None
    runs: tuple[model.HistoryRun, ...]
    now: float
    diagnostics: tuple[Diagnostic, ...] = ()
    prefix: str = ""


async def history_async(
    project: Project,
    *,
    since: datetime | timedelta | None = None,
    resource: model.Key | str | None = None,
    limit: int | None = None,
) -> tuple[model.HistoryRun, ...]:
    """What the runs of a project did, the newest first.

    `since` is a time, or how long ago; `resource` a key or `Kind/name`, with `*` and `?` for any
    characters of the name; of what is left the newest `limit` are given. Raises UsageError where no
    ledger is kept, LedgerUnusable, ApiError, NotAuthenticated.
    """
    require_owner(project)
    async with connect(project) as platform:
        found = await read_runs(platform)
    return select_runs(found, since=since, resource=resource, limit=limit)


async def read_runs(platform: Platform) -> HistoryResult:
    """All runs of the history, and those that the ledger alone knows. Raises as `history_async`.

    A history or ledger that is damaged is no error: a warning tells.
    """
    client = history_client(platform, require_owner(platform.project))
    with telling() as told:
        found = await client.find()
        ledgers = platform.ledgers
        ledger = await recover(ledgers, await ledgers.list(), client.owner)
        told += [each.damage for each in (found, ledger) if each is not None and each.damage]
        past = ledger.revision.ledger.runs if ledger else ()
        runs = merge_runs(_runs(found), map(recovered_run, past))
        id_ = found.id if found else None
        warned = tuple(replace(each, severity=Severity.WARNING) for each in told)
        now, prefix = client.store.now(), platform.project.prefix
        return HistoryResult(client.owner, id_, runs[::-1], now, warned, prefix)


def _runs(found: FoundHistory | None) -> tuple[model.HistoryRun, ...]:
    return found.history.runs if found else ()


def select_runs(
    found: HistoryResult,
    *,
    since: datetime | timedelta | None = None,
    resource: model.Key | str | None = None,
    limit: int | None = None,
) -> tuple[model.HistoryRun, ...]:
    """Those of the runs that are asked for, as `history_async` takes them."""
    runs: Iterable[model.HistoryRun] = found.runs
    if since is not None:
        first = _moment(since, found.now)
        runs = (run for run in runs if run.ended >= first)
    if resource is not None:
        word, prefix = str(resource), found.prefix
        runs = (run for run in runs if any(fits(each.key, word, prefix) for each in run.resources))
    return tuple(runs)[:limit]


def _moment(since: datetime | timedelta, now: float) -> float:
    return since.timestamp() if isinstance(since, datetime) else now - since.total_seconds()


def fits(key: model.Key, word: str, prefix: str = "") -> bool:
    """Whether a resource is meant by `Kind/name` or `Kind`, as `history_async` takes it.

    The name may be that of a manifest, without `prefix`.
    """
    kind, slash, name = word.partition("/")
    names = (key.name, key.name.removeprefix(prefix))
    fits_name = not slash or any(fnmatchcase(each, name) for each in names)
    return kind.lower() == key.kind.lower() and fits_name


def read_since(word: str) -> datetime | timedelta:
    """`7d`, `36h`, `2026-11-01` or `2026-11-01T12:00`, in UTC where nothing else is said.

    Raises ValueError for anything else.
    """
    found = _DURATION.match(word)
    if found:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    moment = datetime.fromisoformat(word)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def history_writer(platform: Platform, owner: model.Owner) -> HistoryWriter:
    """What adds a run to the history of `owner`."""
    return HistoryWriter(history_client(platform, owner))


def history_client(platform: Platform, owner: model.Owner) -> HistoryClient:
    """What reads and writes the history of `owner`."""
    return HistoryClient(platform.histories, owner, platform.project.clock)
