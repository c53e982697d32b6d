"""The history of a project: an artifact whose newest version has all runs that are kept.

An apply adds its run when its work is done and its ledger written. It reads the newest version and
writes the next one: two requests. A run whose record is missing is taken from the ledger, which
knows the newest ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from peakctl.api.lost_answers import find_lost_write
from peakctl.errors import (
    ApiError,
    Diagnostic,
    LedgerUnusable,
    NotAuthenticated,
    PeakctlError,
    Severity,
)
from peakctl.ledger import codec
from peakctl.ledger.revisions import all_of
from peakctl.model import Clock, Flaw, Intent, LedgerStore, Listed, Owner, PastRun, Status
from peakctl.model.ledger import History, HistoryResource, HistoryRun, Origin, history_name
from peakctl.model.records import dataclass

KIND = "peakctl-history"
FORMAT = 2
"""That of a history with consents; one without is written as format 1, for older versions."""
FEWEST_RUNS = 200
"""How many runs are kept however old they are."""
MOST_RUNS = 1000
DAYS = 90
"""How long more than those are kept."""
MOST_RESOURCES = 1000
"""How many resources of one run are kept; the others are counted."""
LARGEST = 2**20
"""Bytes of a text. The resources of the oldest runs go first, then the oldest runs."""
TRIES = 8
"""How often a run is added again because another run wrote at the same moment."""
KEPT_VERSIONS = 10
"""How many versions stay beside the newest, for a newest one that is damaged."""
DROPS = 20


# --- the text --------------------------------------------------------------------------------

_ORIGIN: dict[str, Any] = {
    "branch": codec.TEXT,
    "dirty": codec.optional(codec.FLAG),
    "pull_request": codec.TEXT,
    "approver": codec.TEXT,
}
_PLAIN = codec.record_of(Origin, **_ORIGIN)
_CONSENTED = codec.record_of(Origin, **_ORIGIN, consents=codec.list_of(codec.TEXT))
ORIGIN = codec.Codec(
    lambda value: (_CONSENTED if "consents" in codec.as_mapping(value) else _PLAIN).read(value),
    lambda origin: (_CONSENTED if origin.consents else _PLAIN).write(origin),
)
RESOURCE = codec.record_of(
    HistoryResource,
    {"key": codec.KEY},
    verb=codec.WORD,
    status=codec.WORD,
    before=codec.optional(codec.TEXT),
    after=codec.optional(codec.TEXT),
)
RUN = codec.record_of(
    HistoryRun,
    number=codec.COUNT,
    id=codec.NAME,
    actor=codec.ACTOR,
    command=codec.TEXT,
    started=codec.MOMENT,
    ended=codec.MOMENT,
    outcome=codec.TEXT,
    counts=codec.mapping_to(codec.COUNT),
    origin=ORIGIN,
    plan=codec.TEXT,
    peakctl=codec.TEXT,
    resources=codec.list_of(RESOURCE),
    left_out=codec.COUNT,
    recovered=codec.FLAG,
)
HISTORY = codec.record_of(
    History, {"owner": codec.OWNER}, version=codec.COUNT, runs=codec.list_of(RUN)
)


def write_history(history: History) -> bytes:
    """The text of a history, but for what is too much. Raises PeakctlError for no valid runs."""
    runs = history.runs
    try:
        while len(text := _text(replace(history, runs=runs))) > LARGEST:
            runs = _shorter(runs)
    except codec.BROKEN as error:
        raise PeakctlError(_unfit(history.owner, str(error))) from error
    return text


def _text(history: History) -> bytes:
    fields = HISTORY.write(history)
    HISTORY.read(fields)
    has_consents = any(run.origin.consents for run in history.runs)
    return codec.seal_record(KIND, FORMAT if has_consents else 1, fields)


def _shorter(runs: tuple[HistoryRun, ...]) -> tuple[HistoryRun, ...]:
    """The same in fewer bytes: half of the resources that are kept go, from the oldest on."""
    full = [i for i, run in enumerate(runs) if run.resources]
    if not full:
        return runs[(len(runs) + 1) // 2 :]
    old = {*full[: (len(full) + 1) // 2]}
    return tuple(_counted(run) if i in old else run for i, run in enumerate(runs))


def _counted(run: HistoryRun) -> HistoryRun:
    return replace(run, resources=(), left_out=run.left_out + len(run.resources))


def read_history(text: bytes, owner: Owner) -> History:
    """The history in `text`. Raises LedgerUnusable for anything that is not that of `owner`."""
    try:
        _, body = codec.open_record(text, KIND, range(1, FORMAT + 1))
        history = HISTORY.read(body)
    except codec.Unreadable as error:
        raise _unusable(owner, error.flaw) from error
    except codec.BROKEN as error:
        raise _unusable(owner, Flaw.CORRUPT) from error
    if history.owner != owner:
        raise _unusable(owner, Flaw.FOREIGN)
    return history


# --- the runs --------------------------------------------------------------------------------


def merge_runs(known: Iterable[HistoryRun], more: Iterable[HistoryRun]) -> tuple[HistoryRun, ...]:
    """All of them by number: those in `more` that are not known get the next ones.

    The record that a run wrote itself takes the place of what the ledger knew of it.
    """
    found = {run.id: run for run in known}
    number = max((run.number for run in found.values()), default=0)
    for run in sorted(more, key=lambda run: run.ended):
        old = found.get(run.id)
        if old is None:
            number += 1
            found[run.id] = replace(run, number=number)
        elif old.recovered and not run.recovered:
            found[run.id] = replace(run, number=old.number)
    return tuple(sorted(found.values(), key=lambda run: run.number))


def recovered_run(past: PastRun, intents: Iterable[Intent] = ()) -> HistoryRun:
    """What the ledger knows of a run: `intents` are those that it left behind, if it died."""
    meant = tuple(
        HistoryResource(each.key, each.verb, Status.UNKNOWN, after=each.version)
        for each in intents
        if each.run == past.run
    )
    return HistoryRun(
        0,
        past.run,
        past.actor,
        past.command,
        past.started,
        past.ended,
        past.outcome,
        past.counts,
        resources=meant,
        recovered=True,
    )


def runs_to_keep(runs: Sequence[HistoryRun], now: float) -> tuple[HistoryRun, ...]:
    """The newest, and of those before what is not too old; of each no more than is kept."""
    last = runs[-1].ended if runs else now
    oldest = max(now, last) - DAYS * 86_400
    newest = runs[-MOST_RUNS:]
    first = max(0, len(newest) - FEWEST_RUNS)
    kept = [run for i, run in enumerate(newest) if i >= first or run.ended >= oldest]
    return tuple(_bounded(run) for run in kept)


def _bounded(run: HistoryRun) -> HistoryRun:
    more = len(run.resources) - MOST_RESOURCES
    if more <= 0:
        return run
    return replace(run, resources=run.resources[:MOST_RESOURCES], left_out=run.left_out + more)


# --- on the platform -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundHistory:
    """A history as far as it can be read, in the artifact `id`.

    `damage` says so when the newest version cannot be read: then it is that of an older one.
    """

    id: str | int
    history: History
    damage: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class HistoryClient:
    """Reads and writes the history of `owner`; `store` has the histories of all projects.

    Methods raise ApiError, NotAuthenticated, and LedgerUnusable for a history that is not ours, or
    of a newer format.
    """

    store: LedgerStore
    owner: Owner
    clock: Clock

    async def find(self, listed: tuple[Listed, ...] | None = None) -> FoundHistory | None:
        """The history; None when there is none. `listed` are those of all projects, if known.

        One request, and the listing; more only when the newest version is damaged. Of two artifacts
        of the name the oldest counts.
        """
        histories = await self.store.list() if listed is None else listed
        for each in histories:
            if each.name == history_name(self.owner) and (found := await self._find(each.id)):
                return found
        return None

    async def _find(self, id_: str | int) -> FoundHistory | None:
        text = await self.store.read(id_)
        if text is None:
            return None
        try:
            return FoundHistory(id_, read_history(text, self.owner))
        except LedgerUnusable as error:
            if error.flaw is not Flaw.CORRUPT:
                raise
            return await self._older(id_, error.diagnostics[0])

    async def _older(self, id_: str | int, damage: Diagnostic) -> FoundHistory:
        """The newest version that can be read; an empty history when none can."""
        numbers = await self.store.numbers(id_)
        for number in reversed(numbers[:-1]):
            if (found := await self._read(id_, number)) is not None:
                return FoundHistory(id_, replace(found, version=numbers[-1]), damage)
        return FoundHistory(id_, History(self.owner, numbers[-1] if numbers else 0), damage)

    async def _read(self, id_: str | int, number: int) -> History | None:
        """One version; None when it is gone or cannot be read."""
        text = await self.store.read(id_, number)
        try:
            return None if text is None else read_history(text, self.owner)
        except LedgerUnusable:
            return None

    async def add(self, runs: Sequence[HistoryRun], found: FoundHistory | None) -> None:
        """Add the runs that the history does not have yet; creates it where there is none.

        `found` is what `find` gave, if only a while ago. Raises PeakctlError for runs that cannot
        be written down, too.
        """
        if found is None:
            await self._create(self._next(History(self.owner), runs))
            return
        number = await self._add(found.id, found.history, runs)
        await self._trim(found.id, number)

    async def _add(
        self, id_: str | int, base: History, runs: Sequence[HistoryRun], tries: int = TRIES
    ) -> int:
        """The number of the new version. When another run wrote in between, both are in it."""
        written = self._next(base, runs)
        number = await self._append(id_, written)
        if number == written.version or tries == 1:
            return number
        between = await self._read(id_, number - 1)
        both = merge_runs(between.runs if between else (), written.runs)
        return await self._add(id_, History(self.owner, number, both), runs, tries - 1)

    def _next(self, base: History, runs: Sequence[HistoryRun]) -> History:
        kept = runs_to_keep(merge_runs(base.runs, runs), self.store.now())
        return History(self.owner, base.version + 1, kept)

    async def _append(self, id_: str | int, history: History) -> int:
        """The number of the new version. After doubt it is sent again: both say the same."""
        text = write_history(history)
        try:
            return await self.store.append(id_, text)
        except ApiError as error:
            if not error.doubtful:
                raise
            return await self.store.append(id_, text)

    async def _create(self, history: History) -> None:
        """Make the artifact. What is in doubt is looked for, and never sent twice."""
        text = write_history(history)
        try:
            await self.store.create(history_name(self.owner), text)
        except ApiError as error:
            if not error.doubtful or not await find_lost_write(self._look, self.clock):
                raise

    async def _look(self) -> bool | None:
        return await self.find() is not None or None

    async def _trim(self, id_: str | int, number: int) -> None:
        """Delete old versions, some at a time. What the platform does not let go of stays."""
        if number % KEPT_VERSIONS:
            return
        with contextlib.suppress(ApiError, NotAuthenticated):
            numbers = await self.store.numbers(id_)
            old = [n for n in numbers if n < number][:-KEPT_VERSIONS]
            await all_of(self.store.drop(id_, n) for n in old[-DROPS:])


# --- what is wrong ---------------------------------------------------------------------------


def _unusable(owner: Owner, flaw: Flaw) -> LedgerUnusable:
    return LedgerUnusable(_UNUSABLE[flaw](owner), flaw)


def _newer(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="ledger/newer",
        summary=f"the history of {owner} was written by a newer peakctl",
        detail=f"this one knows formats up to {FORMAT}",
        fix="upgrade peakctl",
    )


def _foreign(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="history/foreign",
        summary=f'the artifact "{history_name(owner)}" is not the history of {owner}',
        detail="no peakctl wrote it, or it did for a project whose name is spelled the same",
        fix="rename that artifact, or give the project in peakctl.yaml another name",
    )


def _damaged(owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="history/damaged",
        summary=f"the newest version of the history of {owner} is damaged",
        detail="what is told of the runs comes from an older version and from the ledger",
        fix="nothing to do: the next apply that changes something writes a new version",
        severity=Severity.WARNING,
    )


_UNUSABLE = {Flaw.CORRUPT: _damaged, Flaw.FOREIGN: _foreign, Flaw.NEWER: _newer}


def _unfit(owner: Owner, why: str) -> Diagnostic:
    return Diagnostic(
        code="history/unfit",
        summary=f"the history of {owner} cannot hold this run",
        detail=why,
        fix="shorten the longest names",
    )
