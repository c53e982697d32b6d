"""Bounds on time, size and number for everything that the client does, and what keeps to them.

The bound on the requests in flight follows what the platform can take: it halves when the platform
throttles, and grows by one after so many successes in a row. Waits before another attempt grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime

from peakctl.api.failures import RULES, Failure
from peakctl.model import Clock
from peakctl.model.records import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds, sizes in bytes.

    `throttled_attempts` is for 429 alone: the platform did nothing and only asks to wait.
    A `Retry-After` over `longest_retry_after` is not waited for; the request fails and says so.
    `listing_pauses` are the waits before each further reading of a listing that contradicts itself.
    `slowest_transfer` is the least speed (per second) that an upload or a download may have.
    """

    in_flight: int = 16
    grow_after: int = 16
    connect: float = 10.0
    read: float = 60.0
    slowest_transfer: int = 64 * 1024
    attempts: int = 4
    throttled_attempts: int = 12
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 120.0
    total: float = 300.0
    redirects: int = 5
    answer_size: int = 64 * 1024 * 1024
    page_size: int = 100
    pages: int = 1000
    listing_pauses: tuple[float, ...] = (0.0, 1.0)

    def whole_attempt(self, size: int) -> float:
        """The longest that one attempt may take that moves `size` bytes."""
        return self.connect + 2 * self.read + size / self.slowest_transfer


class ConcurrencyLimit:
    """Up to `most` holders at a time, first come first served; some of them before all others."""

    def __init__(self, most: int, grow_after: int) -> None:
        self.limit = most
        self.held = 0
        self._most = most
        self._grow_after = grow_after
        self._successes = 0
        self._round = 0
        self._first: dict[asyncio.Future[None], None] = {}
        self._others: dict[asyncio.Future[None], None] = {}

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for a place."""
        return bool(self._first or self._others)

    @asynccontextmanager
    async def one(self, *, first: bool = False) -> AsyncIterator[int]:
        """Hold a place, got before others if `first`. Gives the round, for `throttled`."""
        await self._take(first=first)
        try:
            yield self._round
        finally:
            self._give_back()

    def throttled(self, round_: int) -> None:
        """Halve the bound; once for all requests that were in flight together."""
        if round_ != self._round:
            return
        self._round += 1
        self._successes = 0
        self.limit = max(1, self.limit // 2)

    def succeeded(self) -> None:
        """Count a success; grow the bound when there were enough of them."""
        self._successes += 1
        if self._successes >= self._grow_after:
            self._successes = 0
            self.limit = min(self._most, self.limit + 1)
            self._hand_out()

    async def _take(self, *, first: bool) -> None:
        if self.held < self.limit and not self.is_waited_for:
            self.held += 1
            return
        turn = asyncio.get_running_loop().create_future()
        waiting = self._first if first else self._others
        waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            waiting.pop(turn, None)
            if turn.done() and not turn.cancelled():
                self._give_back()  # the place came free in the same moment as the cancellation
            raise

    def _give_back(self) -> None:
        self.held -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self.held < self.limit and (waiting := self._first or self._others):
            turn = next(iter(waiting))
            del waiting[turn]
            if not turn.done():
                self.held += 1
                turn.set_result(None)


def parse_retry_after(text: str, now: float) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; None when it says neither.

    `now` is the sender's own time (its `Date`), so that a wrong clock here does no harm.
    """
    try:
        seconds = float(text)
    except ValueError:
        moment = parse_http_date(text)
        return None if moment is None else max(0.0, moment - now)
    return seconds if 0 <= seconds < float("inf") else None


def parse_http_date(text: str) -> float | None:
    """Seconds since 1970, or None when `text` is no date."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(slots=True)
class Backoff:
    """How often one request has failed, and whether it may try again.

    `chance` gives numbers from 0 to 1. Waits grow and are spread out, so that many who failed
    together do not come back together.
    """

    limits: Limits
    deadline: float
    chance: Callable[[], float]
    failures: int = 0

    def wait(
        self, failure: Failure, *, write: bool, now: float, retry_after: float | None
    ) -> float | None:
        """Seconds to wait before the next attempt, or None to give up."""
        self.failures += 1
        rule = RULES[failure]
        if not (rule.write if write else rule.read) or self.failures >= self._attempts(failure):
            return None
        if retry_after is not None and retry_after > self.limits.longest_retry_after:
            return None
        seconds = self._backoff() if retry_after is None else retry_after + self.chance()
        return seconds if now + seconds <= self.deadline else None

    def _attempts(self, failure: Failure) -> int:
        throttled = failure is Failure.THROTTLED
        return self.limits.throttled_attempts if throttled else self.limits.attempts

    def _backoff(self) -> float:
        full = self.limits.first_wait * 2.0 ** (self.failures - 1)
        return min(full, self.limits.longest_wait) * (0.5 + 0.5 * self.chance())


class Pause:
    """One "not before" for all requests of a client, set by a 429 that names a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    def until(self, moment: float) -> None:
        """Let nothing go out before `moment`, in seconds of the clock."""
        self._until = max(self._until, moment)

    async def over(self) -> None:
        """Return once the pause is over, also when it is extended meanwhile."""
        while (left := self._until - self._clock.now()) > 0:
            await self._clock.sleep(left)
