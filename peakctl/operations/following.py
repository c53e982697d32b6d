"""Following what runs: its state, and each line of its logs once, whatever the connection does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import field
from functools import partial
from typing import Protocol

from peakctl.adapters.answers import items
from peakctl.adapters.executions import Executions, LogLine, LogPart, moment_of, state_of
from peakctl.engine.waiting import Stop
from peakctl.errors import ApiError
from peakctl.model import Clock, JsonObject, State
from peakctl.model.records import dataclass

MOST_EMPTY = 3
"""Empty parts in a row after which a log is read, though its token goes on changing."""
MOST_FAILURES = 12
"""Rounds in a row that may fail; each request has been repeated before."""
LONGEST_PAUSE = 5.0
PASSING = (408, 429, 500, 502, 503, 504)
GONE = 404


@dataclass(slots=True)
class Pace:
    """How often to look: `first` seconds after something new, then ever less often."""

    clock: Clock
    first: float = 1.0
    stop: Stop = field(default_factory=Stop)
    _pause: float = 0.0
    _failures: int = 0

    async def wait(self, *, is_new: bool) -> None:
        """Pause before the next round, which follows one that did not fail."""
        self._failures = 0
        self._pause = self.first if is_new else min(self._pause * 1.5 or self.first, LONGEST_PAUSE)
        await self.clock.sleep(self._pause)

    async def recover(self, error: ApiError) -> None:
        """Pause after a round that failed in passing. Raises `error` when it did not, or too often.

        A run that was asked to stop does not wait for better times.
        """
        self._failures += 1
        passes = error.status is None or error.status in PASSING
        if not passes or self._failures > MOST_FAILURES or self.stop.requested:
            raise error
        await self.clock.sleep(min(self.first * 2**self._failures, 2 * LONGEST_PAUSE))


@dataclass(slots=True)
class LogReader:
    """One log, read from where the last reading ended.

    `read` gives the part that a token stands for. Of the part at `token`, `seen` lines were given:
    a part is read again where there is no token behind it yet, and may have grown. `is_lost` where
    the platform has no such log; `is_done` once it was read to its end after its end.
    """

    read: Callable[[str | None], Awaitable[LogPart]]
    status: str = ""
    token: str | None = None
    seen: int = 0
    is_lost: bool = False
    is_done: bool = False
    had_ended: bool = False
    _passed: set[str | None] = field(default_factory=lambda: {None})

    async def new_lines(self) -> AsyncIterator[LogLine]:
        """What was written since the last time, up to now. Raises ApiError.

        What was given before an error is not given again.
        """
        empty = 0
        while empty < MOST_EMPTY:
            part = await self.read(self.token)
            self.status = part.status or self.status
            fresh = part.lines[self.seen :]
            if part.token in self._passed:  # there is none yet, or it leads back
                self.seen = max(self.seen, len(part.lines))
                empty = MOST_EMPTY
            else:  # a part that is shorter than it was: what it lacks comes with the next ones
                self.token, self.seen = part.token, max(self.seen - len(part.lines), 0)
                self._passed.add(part.token)
                empty = 0 if fresh else empty + 1
            for line in fresh:
                yield line


class Subject(Protocol):
    """What has logs: a build, or the steps of an execution."""

    @property
    def name(self) -> str:
        """What it is called: `build 7`, `execution ID`."""

    @property
    def readers(self) -> Mapping[str, LogReader]:
        """Its logs so far, by the name of the step."""

    @property
    def status(self) -> str:
        """The platform's word."""

    @property
    def state(self) -> State:
        """What that word means; PENDING until it has ended."""

    async def look(self) -> None:
        """See how far it is. Raises ApiError."""

    def has_ended(self, step: str) -> bool:
        """Whether nothing more is written to this log."""


@dataclass(slots=True)
class BuildLog:
    """The log of one build, which tells the status of the build; `ask` does where it is lost."""

    name: str
    reader: LogReader
    ask: Callable[[], Awaitable[str]]

    @property
    def readers(self) -> Mapping[str, LogReader]:
        return {"": self.reader}

    @property
    def status(self) -> str:
        return self.reader.status

    @property
    def state(self) -> State:
        return state_of(self.status)

    async def look(self) -> None:
        if self.reader.is_lost:
            self.reader.status = await self.ask()

    def has_ended(self, step: str) -> bool:
        return self.state is not State.PENDING


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of an execution as it was seen last. Times are seconds since 1970."""

    name: str
    status: str
    started: float | None = None
    finished: float | None = None
    type: str = ""

    @property
    def state(self) -> State:
        return state_of(self.status)

    @property
    def has_begun(self) -> bool:
        """Whether it may have written something."""
        return self.status.lower() not in ("pending", "skipped")

    @property
    def failed(self) -> bool:
        """Whether it ended badly by itself; one that was skipped did not."""
        return self.has_begun and self.state is State.FAILED


def steps_of(described: JsonObject) -> tuple[StepState, ...]:
    """The steps of an execution, in the order of the answer."""
    return tuple(
        StepState(
            str(each.get("name") or ""),
            str(each.get("status") or ""),
            moment_of(each.get("startedAt")),
            moment_of(each.get("finishedAt")),
            str(each.get("stepType") or ""),
        )
        for each in items(described.get("steps"))
    )


@dataclass(slots=True)
class ExecutionLogs:
    """The logs of an execution's steps; of `only` one of them where that is named.

    `described` is what was seen last.
    """

    executions: Executions
    workflow: str | int
    id: str
    described: JsonObject
    only: str | None = None
    readers: dict[str, LogReader] = field(default_factory=dict)

    @property
    def name(self) -> str:
        step = f"step {self.only} of " if self.only is not None else ""
        return f"{step}execution {self.id}"

    @property
    def steps(self) -> tuple[StepState, ...]:
        return steps_of(self.described)

    @property
    def status(self) -> str:
        if self.only is None:
            return str(self.described.get("status") or "")
        return next((each.status for each in self.steps if each.name == self.only), "")

    @property
    def state(self) -> State:
        return state_of(self.status)

    async def look(self) -> None:
        self.described = await self.executions.describe(self.workflow, self.id) or self.described
        for step in self.steps:
            if step.has_begun and self.only in (None, step.name):
                self.readers.setdefault(step.name, LogReader(partial(self._read, step.name)))

    async def _read(self, name: str, token: str | None) -> LogPart:
        """A part of the log of the step, which is looked up as it was seen last."""
        shown = items(self.described.get("steps"))
        step = next((each for each in shown if each.get("name") == name), {"name": name})
        return await self.executions.log(self.workflow, self.id, step, token)

    def has_ended(self, step: str) -> bool:
        states = (each.state for each in self.steps if each.name == step)
        return next(states, State.PENDING) is not State.PENDING


class Listener(Protocol):
    """Hears the lines of logs."""

    def hear(self, step: str, line: LogLine) -> None:
        """One line of one log."""

    def rest(self) -> None:
        """All that was there was heard."""


async def follow(subject: Subject, listener: Listener, pace: Pace, *, to_end: bool) -> State:
    """Read all logs; with `to_end` until what writes them has ended. Gives its state.

    What is written late is waited for once. A round that fails in passing is begun again where it
    broke off. Raises ApiError.
    """
    had_ended = False
    while True:
        try:
            await subject.look()
            is_new = await _hear(subject, listener)
        except ApiError as error:
            if not to_end:
                raise
            await pace.recover(error)
            continue
        listener.rest()
        has_ended = subject.state is not State.PENDING
        if not to_end or (had_ended and has_ended) or pace.stop.requested:
            return subject.state
        had_ended = has_ended
        await pace.wait(is_new=is_new)


async def _hear(subject: Subject, listener: Listener) -> bool:
    """Read on in every log that is not done. Gives whether there was anything new."""
    is_new = False
    for step, reader in _open(subject.readers):
        ended = subject.has_ended(step)
        try:
            async for line in reader.new_lines():
                listener.hear(step, line)
                is_new = True
            reader.is_lost = False
        except ApiError as error:
            if error.status != GONE:
                raise
            reader.is_lost = reader.token is None and reader.seen == 0
        reader.is_done, reader.had_ended = reader.had_ended and ended, ended
    return is_new


def _open(readers: Mapping[str, LogReader]) -> Iterator[tuple[str, LogReader]]:
    return ((step, reader) for step, reader in list(readers.items()) if not reader.is_done)
