"""How a run is asked to stop, from any thread: what waits is woken, and nothing new is started."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from peakctl.engine.waiting import Stop as EngineStop
from peakctl.engine.waiting import StopReason
from peakctl.model import Clock
from peakctl.model.records import dataclass


class Stop(EngineStop):
    """A request to stop a run: start nothing new, wait for nothing more. For any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._wake: Callable[[], object] | None = None

    def request(self, reason: StopReason = StopReason.INTERRUPTED) -> None:
        """Ask for it; pauses end at once."""
        super().request(reason)
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
