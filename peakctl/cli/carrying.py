"""A plan that was agreed to, carried out while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.cli.exits import Exit
from peakctl.cli.loop import graceful
from peakctl.cli.session import is_emulated
from peakctl.engine.apply import apply
from peakctl.engine.wait import DEFAULT_LIMITS, Stop, WaitLimits
from peakctl.model import Status, Verb
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.progress import HEARTBEAT, open_progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from peakctl.cli.session import Connection, Session
    from peakctl.model import Clock, Outcome, Plan
    from peakctl.present.progress import Progress
    from peakctl.present.report import Report

GOOD = (Status.DONE, Status.ALREADY_RIGHT)


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


async def carry_out(session: Session, connection: Connection, plan: Plan) -> Report:
    """Apply the plan and report how each action ended."""
    session.terminal.tell([()])
    started = session.clock.now()
    stop = Stop()
    clock = StoppableClock(session.clock, asyncio.Event())

    def stop_now() -> None:
        stop.request()
        clock.stopped.set()

    if session.flags.timeout is not None:
        asyncio.get_running_loop().call_later(session.flags.timeout, stop_now)
    async with _watched(session, started) as progress:
        with graceful(session, stop_now, progress.say):
            outcomes = await apply(
                plan,
                connection.kinds,
                connection.adapters,
                clock=clock,
                emit=progress.emit,
                limits=_limits(session),
                stop=stop,
            )
    took = session.clock.now() - started
    session.terminal.tell([()])
    return session.report(
        plan=plan,
        outcomes=outcomes,
        took=took,
        exit_code=session.interrupted or code_of(outcomes),
        lines=outcome_lines(plan, outcomes, took, session.again()),
    )


def code_of(outcomes: Sequence[Outcome]) -> Exit:
    """Done, applied in part (something changed or goes on, and not all got there), or error."""
    if all(outcome.status in GOOD for outcome in outcomes):
        return Exit.DONE
    changed = any(
        outcome.status is Status.IN_PROGRESS
        or (outcome.status is Status.DONE and outcome.verb is not Verb.KEEP)
        for outcome in outcomes
    )
    return Exit.PARTLY_APPLIED if changed else Exit.ERROR


@contextlib.asynccontextmanager
async def _watched(session: Session, started: float) -> AsyncIterator[Progress]:
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


def _limits(session: Session) -> WaitLimits:
    """The limits that were typed, else the engine's; the emulator is looked at more often."""
    flags = session.flags
    typed = {
        "build": flags.build_timeout,
        "deploy": flags.deploy_timeout,
        "service": flags.service_timeout,
    }
    seconds = {**DEFAULT_LIMITS, **{k: v for k, v in typed.items() if v is not None}}
    return WaitLimits(seconds, first=0.1) if is_emulated(session) else WaitLimits(seconds)
