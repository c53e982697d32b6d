"""What goes on beside a run: its progress with a heartbeat, its time limits, a clock to stop."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.cli.session import is_emulated
from peakctl.engine.runner import DEFAULT_LIMITS, WaitLimits
from peakctl.present.progress import HEARTBEAT, open_progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from peakctl.cli.session import Session
    from peakctl.model import Clock
    from peakctl.present.progress import Progress


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


@contextlib.asynccontextmanager
async def watched(session: Session, started: float) -> AsyncIterator[Progress]:
    """A progress display with its heartbeat, closed whatever happens."""
    progress = open_progress(session.terminal, started)
    beating = asyncio.create_task(_beat(session, progress))
    try:
        yield progress
    finally:
        beating.cancel()
        progress.close()


async def _beat(session: Session, progress: Progress) -> None:
    while True:
        await session.clock.sleep(HEARTBEAT / 10)
        progress.beat(session.clock.now())


def limits_of(session: Session) -> WaitLimits:
    """The limits that were typed, else the engine's; the emulator is looked at more often."""
    flags = session.flags
    typed = {
        "build": flags.build_timeout,
        "deploy": flags.deploy_timeout,
        "service": flags.service_timeout,
    }
    seconds = {**DEFAULT_LIMITS, **{k: v for k, v in typed.items() if v is not None}}
    return WaitLimits(seconds, first=0.1) if is_emulated(session) else WaitLimits(seconds)
