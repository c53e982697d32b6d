"""What plan, apply and destroy have in common: from flags to a plan, and from that to lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.cli.exits import Exit
from peakctl.cli.session import Session
from peakctl.errors import Severity, counted
from peakctl.model import JsonDict
from peakctl.operations.load import LoadResult
from peakctl.operations.plan import PlanOptions, PlanResult, load_for_plan, make_plan
from peakctl.operations.platform import Platform
from peakctl.present.plan_text import plan_lines, plan_summary, undeclared_lines
from peakctl.present.policy_text import policy_lines
from peakctl.present.report import Report
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.operations.ahead import TellKinds
    from peakctl.operations.saved_plan import SavedPlan


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
        forward=flags.forward,
        parallelism=flags.parallelism,
    )


def load_typed(session: Session, tell_kinds: TellKinds | None = None) -> LoadResult:
    """Read the manifests and the selection, and say which project meets which tenant."""
    loaded = load_for_plan(session.project, options_of(session), tell_kinds)
    session.warnings += loaded.diagnostics
    session.tell_where(len(loaded.chosen))
    return loaded


async def plan_typed(
    session: Session, platform: Platform, loaded: LoadResult, saved: SavedPlan | None = None
) -> PlanResult:
    """The plan of what was typed."""
    tenant = saved.tenant if saved else None
    planned = await make_plan(platform, loaded, options_of(session), tenant=tenant, preflight=True)
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


async def validated_report(
    session: Session, platform: Platform, planned: PlanResult, report: Report
) -> Report:
    """The result of a plan with what the platform says of it; of a refused one nothing is asked."""
    from peakctl.operations.server_validate import server_validate

    if planned.guards:
        return report
    found = await server_validate(
        platform, planned, session.again(), lambda words: session.terminal.tell([line(words)])
    )
    refused = any(each.severity is Severity.ERROR for each in found.diagnostics)
    code = Exit.PARTLY_APPLIED if found.made else Exit.ERROR if refused else report.exit_code
    counts = {"would be taken": len(found.passed), "made": len(found.made)}
    words = [f"{count} {word}" for word, count in counts.items() if count]
    words += ["some refused"] if refused else []
    words += [f"{len(found.left_out)} cannot be asked about"] if found.left_out else []
    told = f"Asked the platform: {', '.join(words) or 'nothing to ask about'}."
    return replace(
        report,
        exit_code=code,
        diagnostics=(*report.diagnostics, *found.diagnostics),
        lines=(*report.lines, line(told)),
        wrote=bool(found.made),
        extra={
            **report.extra,
            "server_validation": {
                "passed": [str(key) for key in found.passed],
                "made": [str(key) for key in found.made],
                "left_out": [str(key) for key in found.left_out],
            },
        },
    )


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
    from peakctl.operations.stages import build_stages, explain

    project = session.project
    checks = len(project.health_checks)
    return explain(build_stages(planned, project.owner, asked=True, checks=checks))


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
    from peakctl.present.saved_plan import saved_lines

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
