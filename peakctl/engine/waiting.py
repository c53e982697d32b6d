"""Waiting for what was started: how long, how often, and what ends it early."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import field
from types import MappingProxyType

from peakctl.errors import PeakctlError
from peakctl.model import State
from peakctl.model.platform import Adapter, CallResult, Clock, Readiness
from peakctl.model.records import dataclass
from peakctl.model.values import Key

DEFAULT_LIMITS: Mapping[str, float] = MappingProxyType(
    {"build": 1800.0, "deploy": 3600.0, "service": 1800.0, "delete": 900.0}
)

NOUNS: Mapping[str, str] = MappingProxyType(
    {"build": "the build", "deploy": "the deployment", "service": "the service"}
)


def noun(what: str) -> str:
    """What is waited for, in the words of a message."""
    return NOUNS.get(what, "it")


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """Time limits by what is waited for, and how often to look; all in seconds.

    The platform states no durations (docs/platform.md, 5): looks are `first` apart at first, then a
    tenth of the time that has passed, so that an end is noticed soon for how long it took. Where it
    is known how long it took before, they come closer together towards that time.
    """

    seconds: Mapping[str, float] = field(default_factory=lambda: DEFAULT_LIMITS)
    first: float = 1.0
    share: float = 0.1
    longest: float = 30.0

    def pause(self, waited: float, usual: float | None = None) -> float:
        """Seconds until the next look, after `waited` seconds of a wait that takes `usual` ones."""
        off = math.inf if usual is None else abs(usual - waited) / 2
        return max(self.first, min(self.share * waited, self.longest, off))

    def limit(self, what: str) -> float:
        return self.seconds.get(what, DEFAULT_LIMITS.get(what, 1800.0))


class StopReason(enum.StrEnum):
    """Why a run was asked to stop."""

    INTERRUPTED = "interrupted"
    TIME_LIMIT = "time limit"
    LEASE_LOST = "lease lost"


class Stop:
    """A request to stop a run: start nothing new, wait for nothing more. For any thread.

    `reason` is why, once it is requested: that of the first request.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._wake: Callable[[], object] | None = None

    @property
    def requested(self) -> bool:
        return self.reason is not None

    def request(self, reason: StopReason = StopReason.INTERRUPTED) -> None:
        """Ask for it; pauses end at once."""
        self.reason = self.reason or reason
        if self._wake is not None:
            self._wake()

    @contextlib.contextmanager
    def waking(self, stopped: asyncio.Event) -> Iterator[None]:
        """While it lasts, a request sets `stopped` in the loop that runs."""
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(stopped.set)
        if self.requested:
            stopped.set()
        try:
            yield
        finally:
            self._wake = None


@dataclass(frozen=True, slots=True)
class StoppableClock:
    """A clock whose pauses end at once when the run is asked to stop."""

    clock: Clock
    stopped: asyncio.Event

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock.now()

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` of the clock later, or when the run is asked to stop."""
        ends = {
            asyncio.create_task(self.clock.sleep(seconds)),
            asyncio.create_task(self.stopped.wait()),
        }
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()


FEWEST = 3
"""Waits for one kind that share a look."""


@dataclass(slots=True)
class SharedLooks:
    """The waits for one kind: a look at its listing stands in for a read of each.

    That is so while there are several, and more of them than the listing takes requests. Only what
    the listing says is pending counts: no end is taken from it. What it does not show as pending
    leaves, and is read by itself from then on. A listing that cannot be read is not asked again.
    `usual` are the seconds that the waits took before, where that is known.
    """

    adapter: Adapter
    clock: Clock
    limits: WaitLimits
    usual: Mapping[Key, int] = field(default_factory=dict)
    waits: dict[Key, tuple[CallResult, float]] = field(default_factory=dict)
    seen: dict[Key, Readiness] = field(default_factory=dict)
    due: float = 0.0
    requests: float = 1
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @contextlib.contextmanager
    def joined(self, result: CallResult) -> Iterator[None]:
        """One more wait. It looks for itself first, and with the others soon after that."""
        now = self.clock.now()
        self.waits[result.key] = result, now
        soon = now + self.limits.first
        self.due = min(self.due, soon) if self.due > now else soon
        try:
            yield
        finally:
            self._leave(result.key)

    def _leave(self, key: Key) -> None:
        self.waits.pop(key, None)
        self.seen.pop(key, None)

    def _shares(self, key: Key) -> bool:
        count = len(self.waits)
        return key in self.waits and count >= FEWEST and count > self.requests

    def pause(self, key: Key, waited: float) -> float:
        """Seconds until the next look of a wait: with others, the fewest that any of them needs."""
        if not self._shares(key):
            return self.limits.pause(waited, self.usual.get(key))
        return max(0.0, self.due - self.clock.now())

    async def look(self, key: Key) -> Readiness | None:
        """What the listing says of a wait, PENDING; None where it is to be read by itself."""
        async with self.lock:  # who comes second finds what the first one has got
            if self._shares(key) and self.clock.now() >= self.due:
                await self._list()
        return self.seen.get(key) if self._shares(key) else None

    async def _list(self) -> None:
        asked, self.seen = dict(self.waits), {}
        try:
            results = [result for result, _ in asked.values()]
            found = await self.adapter.pending_in_listing(results, len(asked) - 1)
        except PeakctlError:
            self.requests = math.inf
            return
        self.requests = found.requests or math.inf
        if len(asked) > self.requests:  # else it was not read to its end
            self._take(asked, found.readings)
        now = self.clock.now()
        pauses = (
            self.limits.pause(now - began, self.usual.get(key))
            for key, (_, began) in self.waits.items()
        )
        self.due = now + min(pauses, default=self.limits.first)

    def _take(
        self, asked: Mapping[Key, tuple[CallResult, float]], readings: Mapping[Key, Readiness]
    ) -> None:
        for key, wait in asked.items():
            if self.waits.get(key) is not wait:  # it has ended, and a next one may have begun
                continue
            if key in readings:
                self.seen[key] = readings[key]
            else:
                self._leave(key)


async def wait_until_settled(
    adapter: Adapter,
    result: CallResult,
    *,
    clock: Clock,
    limits: WaitLimits,
    what: str,
    stop: Stop,
    report: Callable[[Readiness], None],
    look: Callable[[Readiness], Awaitable[None]] | None = None,
    shared: SharedLooks | None = None,
) -> Readiness:
    """Poll until the started thing itself has ended; PENDING when time or the user ended the wait.

    `report` is called once for each status on the way, not for the last one; `look` at each poll.
    `shared` are the looks of the kind's other waits. What this ends with is always its own reading.
    """
    shared = shared or SharedLooks(adapter, clock, limits)
    began, last, own = clock.now(), "", True
    deadline = began + limits.limit(what)
    with shared.joined(result):
        while True:
            listed = None if own else await shared.look(result.key)
            reading = listed or await adapter.poll(result)
            if reading.state is not State.PENDING:
                return reading
            if reading.status != last:
                last = reading.status
                report(reading)
            if look is not None:
                await look(reading)
            pause = shared.pause(result.key, clock.now() - began)
            if stop.requested or clock.now() + pause > deadline:
                return await adapter.poll(result) if listed else reading
            await clock.sleep(pause)
            own = stop.requested
