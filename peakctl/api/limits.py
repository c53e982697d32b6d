"""Bounds on time, size and number for everything that the client does.

The bound on the requests in flight follows what the platform can take: it halves when the platform
throttles, and grows by one after so many successes in a row.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
    """Up to `most` holders at a time, first come first served."""

    def __init__(self, most: int, grow_after: int) -> None:
        self.limit = most
        self.held = 0
        self._most = most
        self._grow_after = grow_after
        self._successes = 0
        self._round = 0
        self._waiting: dict[asyncio.Future[None], None] = {}

    @asynccontextmanager
    async def one(self) -> AsyncIterator[int]:
        """Hold one place. Gives the number of the round, for `throttled`."""
        await self._take()
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

    async def _take(self) -> None:
        if self.held < self.limit and not self._waiting:
            self.held += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if turn.done() and not turn.cancelled():
                self._give_back()  # the place came free in the same moment as the cancellation
            raise

    def _give_back(self) -> None:
        self.held -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self.held < self.limit:
            turn = next(iter(self._waiting))
            del self._waiting[turn]
            if not turn.done():
                self.held += 1
                turn.set_result(None)
