"""The clock of all tests and of the chaos runs: hours pass at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Any

START = 1_800_000_000.0


class FakeClock:
    """Time that passes only while everything on the event loop waits for it.

    `slept` has the seconds of every sleep, in order.
    """

    def __init__(self, time: float = START) -> None:
        self.time = time
        self.slept: list[float] = []
        self._loop: Any = None
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        """Seconds since 1970."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later, which is at once when nothing else is to be done."""
        self.slept.append(seconds)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._sleepers = loop, []
        woken: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._numbers), woken))
        if len(self._sleepers) == 1:
            loop.call_soon(self._pass)
        await woken

    def _pass(self) -> None:
        if not self._loop._ready:
            at, _, woken = heapq.heappop(self._sleepers)
            if not woken.cancelled():
                self.time = max(self.time, at)
                woken.set_result(None)
        if self._sleepers:
            self._loop.call_soon(self._pass)
