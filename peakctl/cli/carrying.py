"""A plan that was agreed to, carried out while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from peakctl.cli.consent import was_asked
from peakctl.cli.exits import Exit
from peakctl.cli.keeping import open_recorder
from peakctl.cli.loop import graceful
from peakctl.cli.planning import Again, prepare, refuse_guarded
from peakctl.cli.watching import StoppableClock, limits_of, watched
from peakctl.engine.apply import apply
from peakctl.engine.observe.parts import Decided
from peakctl.engine.runner import Stop
from peakctl.model import Verb
from peakctl.present.plan_text import outcome_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from peakctl.cli.keeping import RunRecorder
    from peakctl.cli.planning import Prepared, Wanted
    from peakctl.cli.session import Connection, Session
    from peakctl.errors import Diagnostic
    from peakctl.model import Outcome, Plan
    from peakctl.present.report import Report


async def carry_out(
    session: Session,
    connection: Connection,
    wanted: Wanted,
    prepared: Prepared,
    agreed: Callable[[Plan], None],
    *,
    destroy: bool = False,
) -> Report:
    """Apply the plan under the lease of its project, and report how each action ended.

    What is applied is planned once more when the lease is held: `agreed` raises PlanStale when that
    goes beyond what was consented to.
    """
    plan = prepared.plan
    recorder = open_recorder(session, connection, wanted)
    look = partial(prepare, session, connection, wanted, destroy=destroy)
    known = {a.key: a.live for a in plan.actions if a.live and a.verb is Verb.KEEP}
    again = Again(known=known, rivals=_may_have_rivals(prepared), decided=prepared.decided)
    if recorder is None:
        if plan.pending and was_asked(session):  # time has passed since it was shown
            prepared = await look(again=again)
            agreed(prepared.plan)
        return await _carry_out(session, connection, prepared)
    async with recorder:
        if plan.pending or _changes_hands(prepared):
            prepared = await _under_lease(recorder, prepared, again, look, agreed)
        return await _carry_out(session, connection, prepared, recorder)


async def _under_lease(
    recorder: RunRecorder,
    prepared: Prepared,
    again: Again,
    look: Callable[..., Awaitable[Prepared]],
    agreed: Callable[[Plan], None],
) -> Prepared:
    """The plan once more, with the lease held."""
    again = replace(again, held=await recorder.acquire(prepared))
    if recorder.was_disturbed(prepared):
        again = replace(again, known={}, decided=Decided())
    now = await recorder.without_conflicts(lambda: look(again=again))
    refuse_guarded(now)
    agreed(now.plan)
    await recorder.take_over(now.plan)
    return now


def _changes_hands(prepared: Prepared) -> bool:
    """Whether something that is there becomes ours."""
    from peakctl.ledger.ownership import adopted

    actions = prepared.plan.actions
    return any(a.taken_from for a in actions) or bool(adopted(actions, prepared.world.owners))


def _may_have_rivals(prepared: Prepared) -> bool:
    """Whether other projects may have a say in what the plan touches: it is not all ours yet."""
    lives = [action.live for action in prepared.plan.actions]
    return not all(live and prepared.world.owners.is_ours(live) for live in lives)


async def _carry_out(
    session: Session,
    connection: Connection,
    prepared: Prepared,
    recorder: RunRecorder | None = None,
) -> Report:
    plan = prepared.plan
    session.terminal.tell([()])
    started = session.clock.now()
    stop = Stop()
    clock = StoppableClock(session.clock, asyncio.Event())

    def stop_now() -> None:
        stop.request()
        clock.stopped.set()

    if session.flags.timeout is not None:
        asyncio.get_running_loop().call_later(session.flags.timeout, stop_now)
    problems: tuple[Diagnostic, ...] = ()
    async with watched(session, started) as progress:
        with graceful(session, stop_now, progress.say):
            lease = recorder.lease if recorder else None
            async with lease.renewing(stop_now) if lease else contextlib.nullcontext():
                outcomes = await apply(
                    plan,
                    connection.kinds,
                    connection.adapters,
                    clock=clock,
                    emit=progress.emit,
                    limits=limits_of(session),
                    stop=stop,
                    redact=session.redact,
                )
            if recorder:
                problems = await recorder.close(prepared, connection.kinds, outcomes)
    took = session.clock.now() - started
    session.terminal.tell([()])
    return session.report(
        plan=plan,
        outcomes=outcomes,
        took=took,
        diagnostics=problems,
        exit_code=session.interrupted or code_of(outcomes, problems),
        lines=outcome_lines(plan, outcomes, took, session.again()),
    )


def code_of(outcomes: Sequence[Outcome], problems: Sequence[Diagnostic] = ()) -> Exit:
    """Done, applied in part (something changed or goes on, and not all got there), or error."""
    if all(outcome.status.good for outcome in outcomes):
        return Exit.PARTLY_APPLIED if problems else Exit.DONE
    changed = any(outcome.changed for outcome in outcomes)
    return Exit.PARTLY_APPLIED if changed else Exit.ERROR
