"""A plan that was agreed to is carried out, while somebody watches and may stop it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.cli.consent import was_asked
from peakctl.cli.exits import Exit
from peakctl.cli.loop import graceful
from peakctl.engine.waiting import Stop
from peakctl.model import Clock, Event, Key, Outcome, Plan, Status, reveal
from peakctl.operations.apply import ApplyOptions, RunEvent, RunNotice, StageStarted, carry_out
from peakctl.operations.plan import PlanResult
from peakctl.operations.platform import Platform
from peakctl.operations.recorder import not_recorded
from peakctl.operations.stages import CarryOut
from peakctl.present.health import check_lines, check_row
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.progress import HEARTBEAT, Progress, moves, open_progress
from peakctl.present.report import Report
from peakctl.present.text import line

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.saved_plan import SavedPlan


async def carry_out_typed(
    session: Session, platform: Platform, planned: PlanResult, consent: PlanResult | SavedPlan
) -> Report:
    """Carry out what was agreed to while somebody watches, and report how each action ended."""
    flags = session.flags
    options = ApplyOptions(
        timeout=flags.timeout,
        build_timeout=flags.build_timeout,
        deploy_timeout=flags.deploy_timeout,
        service_timeout=flags.service_timeout,
        look_again=was_asked(session),
        again=session.again(),
        tails=moves(session.terminal),
    )
    with RunView(session, platform.project.clock) as view:
        try:
            result = await carry_out(platform, planned, consent, options, view.emit, view.stop)
        except asyncio.CancelledError:
            if session.interrupted is None or view.began is None:
                raise  # nothing was begun
            return _abandoned(session, planned.plan, view, platform.project.clock.now())
    session.terminal.tell([()])
    code = code_of(result.outcomes, recorded=result.recorded)
    if code is Exit.DONE and not all(check.ok for check in result.checks):
        code = Exit.PARTLY_APPLIED
    report = _ended(
        session,
        result.plan,
        result.outcomes,
        took=result.took,
        stopped=str(result.stopped) if result.stopped and result.interrupted else "",
        diagnostics=result.diagnostics,
        exit_code=session.interrupted or code,
        extra={"health_checks": [check_row(each) for each in result.checks]},
    )
    if result.checks:
        report = replace(report, lines=(*report.lines, (), *check_lines(result.checks)))
    did = any(action.steps for action in (*planned.plan.actions, *result.plan.actions))
    return report if did else replace(report, lines=())  # the plan's last line says it already


def _ended(
    session: Session,
    plan: Plan,
    outcomes: tuple[Outcome, ...],
    took: float,
    stopped: str,
    **more: object,
) -> Report:
    if session.flags.show_webhooks and session.flags.output != "markdown":  # that is for everyone
        outcomes = tuple(replace(each, outputs=reveal(each.outputs)) for each in outcomes)
    lines = outcome_lines(plan, outcomes, took, session.again(), stopped=stopped)
    return session.report(plan=plan, outcomes=outcomes, took=took, lines=lines, **more)


def _abandoned(session: Session, plan: Plan, view: RunView, now: float) -> Report:
    """The report of a run that a second signal ended: how each action was left."""
    kept = (Outcome(a.key, a.verb, Status.ALREADY_RIGHT) for a in plan.actions)
    outcomes = tuple(view.outcomes.get(each.key, each) for each in kept)
    told = () if session.project.owner is None else (not_recorded(session.again()),)
    return _ended(
        session,
        plan,
        outcomes,
        took=now - (view.began or now),
        stopped="interrupted",
        diagnostics=told,
        exit_code=session.interrupted or Exit.INTERRUPTED,
    )


def code_of(outcomes: Sequence[Outcome], *, recorded: bool = True) -> Exit:
    """Done, applied in part (something changed or goes on, and not all got there), or error."""
    if all(outcome.status.good for outcome in outcomes):
        return Exit.DONE if recorded else Exit.PARTLY_APPLIED
    changed = any(outcome.changed for outcome in outcomes)
    return Exit.PARTLY_APPLIED if changed else Exit.ERROR


class RunView:
    """Shows a run on the terminal, and lets signals stop it, from its first call to its end.

    `began` is when the first call was due, `outcomes` how actions have ended so far.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self.stop = Stop()
        self._session, self._clock = session, clock
        self._stack = contextlib.ExitStack()
        self._progress: Progress | None = None
        self.began: float | None = None
        self.outcomes: dict[Key, Outcome] = {}

    def __enter__(self) -> RunView:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def emit(self, event: RunEvent) -> None:
        """Show one event."""
        match event:
            case Event() if self._progress is not None:
                if event.outcome is not None:
                    self.outcomes[event.key] = event.outcome
                self._progress.emit(event)
                for stream in self._session.streams:
                    stream.progress(event, self.began or event.at)
            case RunNotice():
                self._session.terminal.tell([line((event.message, "dim"))])
            case StageStarted(CarryOut(actions)):
                self._begin(actions)
            case _:
                pass

    def _begin(self, actions: int) -> None:
        terminal, now = self._session.terminal, self._clock.now
        terminal.tell([()])
        self.began = now()
        self._progress = progress = open_progress(terminal, self.began, now, actions)
        self._stack.callback(progress.close)
        beating = asyncio.create_task(self._beat(progress))
        self._stack.callback(beating.cancel)
        self._stack.enter_context(graceful(self._session, self.stop.request, progress.say))

    async def _beat(self, progress: Progress) -> None:
        while True:
            await self._clock.sleep(HEARTBEAT / 10)
            progress.beat(self._clock.now())
