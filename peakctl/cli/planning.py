"""What plan, apply and destroy have in common: from flags to operations, from results to lines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from peakctl.cli.consent import was_asked
from peakctl.cli.exits import Exit
from peakctl.cli.loop import RunView
from peakctl.cli.session import Session, tell_where
from peakctl.errors import counted
from peakctl.model import JsonDict, Outcome, Plan, Status, reveal
from peakctl.operations.apply import ApplyOptions, carry_out
from peakctl.operations.load import LoadResult
from peakctl.operations.plan import PlanOptions, PlanResult, load_for_plan, make_plan
from peakctl.operations.platform import Platform
from peakctl.operations.recorder import not_recorded
from peakctl.operations.saved_plan import SavedPlan
from peakctl.operations.stages import build_stages, explain
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.plan_text import plan_lines, plan_summary, undeclared_lines
from peakctl.present.policy_text import policy_lines
from peakctl.present.progress import moves
from peakctl.present.report import Report
from peakctl.present.saved_plan import saved_lines
from peakctl.present.text import Line, line


def options_of(session: Session) -> PlanOptions:
    """What was typed of a plan; `destroy` is a plan that deletes."""
    flags = session.flags
    return PlanOptions(
        select=flags.select,
        exclude=flags.exclude,
        prune=flags.prune,
        prune_history=flags.prune_history,
        adopt=flags.adopt,
        take_over=flags.take_over,
        retry_failed=flags.retry_failed,
        allow_mass_change=flags.allow_mass_change,
        agreed=session.agreed,
        allow=flags.allowed,
        destroy=session.command == "destroy",
        parallelism=flags.parallelism,
    )


def load_typed(session: Session) -> LoadResult:
    """Read the manifests and the selection, before anything is asked of the platform."""
    loaded = load_for_plan(session.project, options_of(session))
    session.warnings += loaded.diagnostics
    tell_where(session, len(loaded.chosen))
    return loaded


async def plan_typed(
    session: Session, platform: Platform, loaded: LoadResult, saved: SavedPlan | None = None
) -> PlanResult:
    """The plan of what was typed."""
    tenant = saved.tenant if saved else None
    planned = await make_plan(platform, loaded, options_of(session), tenant=tenant)
    session.warnings += planned.diagnostics
    session.undeclared = () if session.flags.filename else planned.undeclared()
    return planned


def plan_report(session: Session, planned: PlanResult) -> Report:
    """The result of `plan`, and of a dry run."""
    pending = planned.has_changes and session.flags.detailed_exitcode
    code = Exit.CHANGES_PENDING if pending else Exit.DONE
    return session.report(
        plan=planned.plan,
        exit_code=Exit.REFUSED if planned.guards else code,
        diagnostics=planned.guards,
        lines=plan_result(session, planned),
        extra=plan_document(session, planned),
    )


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
    report = _ended(
        session,
        result.plan,
        result.outcomes,
        took=result.took,
        stopped=str(result.stopped) if result.stopped and result.interrupted else "",
        diagnostics=result.diagnostics,
        exit_code=session.interrupted or code_of(result.outcomes, recorded=result.recorded),
    )
    did = any(action.steps for action in (*planned.plan.actions, *result.plan.actions))
    return report if did else replace(report, lines=())  # the plan's last line says it already


def _ended(
    session: Session, plan: Plan, outcomes: tuple[Outcome, ...], took: float, **more: Any
) -> Report:
    if session.flags.show_webhooks and session.flags.output != "markdown":  # that is for everyone
        outcomes = tuple(replace(each, outputs=reveal(each.outputs)) for each in outcomes)
    lines = outcome_lines(plan, outcomes, took, session.again(), stopped=more["stopped"])
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


def plan_result(session: Session, planned: PlanResult) -> tuple[Line, ...]:
    """The plan as lines, the summary last."""
    flags, plan = session.flags, planned.plan
    if session.places is not None:
        plan = session.places.plan(plan)
    asides = tuple(_asides(session, planned))
    lines = plan_lines(
        plan, show_all=flags.show_all, show_ignored=flags.show_ignored, verbose=flags.verbose
    )
    if planned.guards and not plan.pending and not flags.show_all:
        lines = (line("Nothing is planned: the errors stand in the way."), ())
    return (
        *policy_lines(session.project.policy),
        *lines,
        *((*asides, ()) if asides else ()),
        *_stage_lines(session, planned),
        *_saved_lines(session),
        line((plan_summary(plan), "bold")),
    )


def _asides(session: Session, planned: PlanResult) -> Iterator[Line]:
    """What is worth a line below the plan, and changes nothing."""
    flags, taken = session.flags, planned.newly_owned()
    if taken and not (planned.options.destroy or flags.show_all or flags.verbose or flags.quiet):
        words = "was nobody's and becomes" if taken == 1 else "were nobody's and become"
        told = f"{counted(taken, 'unchanged resource')} {words} this project's; --all shows which"
        yield line((told, "dim"))
    yield from undeclared_lines(session.undeclared)


def _explained(session: Session, planned: PlanResult) -> tuple[tuple[str, str], ...]:
    """The stages of an apply of the plan, where they were asked for and there would be any."""
    if not session.flags.explain or planned.guards:
        return ()
    return explain(build_stages(planned, session.project.owner, asked=True))


def _stage_lines(session: Session, planned: PlanResult) -> tuple[Line, ...]:
    stages = _explained(session, planned)
    if not stages:
        return ()
    rows = (
        line(f"  {n}. ", (f"{name:<13}", "bold"), f"  {what}")
        for n, (name, what) in enumerate(stages, 1)
    )
    return (line(("An apply has these stages:", "bold")), *rows, ())


def _saved_lines(session: Session) -> tuple[Line, ...]:
    """Where the plan was saved, and what to type next; on stderr where stdout is for a program."""
    if session.saved is None or session.flags.quiet:
        return ()
    lines = saved_lines(session.saved, session.again("apply", session.saved))
    if session.flags.output == "text":
        return lines
    session.terminal.tell(lines)
    return ()


def plan_document(session: Session, planned: PlanResult) -> JsonDict:
    """The JSON of --explain and of --out."""
    found: JsonDict = {}
    if session.flags.explain:
        stages = _explained(session, planned)
        found["stages"] = [{"stage": name, "does": what} for name, what in stages]
    if session.saved is not None:
        apply = session.again("apply", session.saved)
        found["saved"] = {"file": session.saved, "apply": apply}
    return found
