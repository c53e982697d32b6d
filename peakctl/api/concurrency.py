"""A bound on the requests in flight that follows what the platform bears.

It halves when the platform throttles and grows by one after so many successes in a row.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
        """Hold a slot. Gives the number of the round, for `throttled`."""
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
                self._give_back()  # the slot came in the same moment as the cancellation
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
