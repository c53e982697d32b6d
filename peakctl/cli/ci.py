"""A plan or an apply as one line of a CI job: what is done around it, and what is told where."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import fields, replace
from pathlib import Path

from peakctl.cli.answer import debug
from peakctl.cli.exits import Interrupted
from peakctl.cli.offline import COMMAND as OFFLINE
from peakctl.cli.options import Flags
from peakctl.cli.session import Session, run_command
from peakctl.errors import Diagnostic, Severity, UsageError
from peakctl.hosts.consents import Consent
from peakctl.hosts.pages import address_of
from peakctl.model import JsonDict
from peakctl.model.records import dataclass
from peakctl.operations.actor import APPROVER, CONSENTS, PULL_REQUEST, actor_of
from peakctl.operations.ancestry import applied_warnings, base_warnings
from peakctl.operations.ci import (
    CiContext,
    Posted,
    append_outputs,
    append_summary,
    find_context,
    find_request,
    marker_of,
    own_rules,
    post,
    write_result,
)
from peakctl.operations.ci_approval import REQUIRED, artifact_name
from peakctl.operations.ci_consent import consent_line, look_for_consent
from peakctl.operations.plan import PlanResult
from peakctl.operations.project import Project, is_emulated
from peakctl.operations.saved_plan import NOT_SAVED
from peakctl.present.ci_report import JobFacts, ci_markdown, ci_outputs
from peakctl.present.forms import form_text
from peakctl.present.problems import problem_lines
from peakctl.present.report import Report
from peakctl.present.result_file import result_text
from peakctl.present.text import line
from peakctl.settings import TOKENS

WATCH_SECONDS = 0.5
"""How often a job looks whether the shell that started it is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CiFlags:
    """What was typed of a `ci` command alone. `ci` is the host, None to find out which."""

    ci: str | None = None
    comment: bool = True
    summary_file: str | None = None
    outputs_file: str | None = None
    result_file: str | None = None
    plan_from: str | None = None

    @classmethod
    def taken_from(cls, typed: JsonDict) -> CiFlags:
        """The flags of a `ci` command, which are taken out of all that was typed."""
        names = [each.name for each in fields(cls) if each.name in typed]
        return cls(**{name: typed.pop(name) for name in names})


Body = Callable[[Session, CiContext], Coroutine[object, object, Report]]


def run_ci(command: str, typed: JsonDict, body: Body) -> int:
    """Run `body` as `plan` or `apply`, then tell of it where the CI shows things.

    The exit code is that of the plan or the apply, whatever becomes of the telling.
    """
    chosen = CiFlags.taken_from(typed)
    found: list[CiContext] = []

    async def work(session: Session) -> Report:
        context = find_context(session.settings, chosen.ci, chosen.plan_from)
        found.append(context)
        session.warnings += context.job.problems
        if command == "plan":
            choose_offline(session, context)
        session.warnings += base_warnings(context.checkout, context.job)
        if session.command == "plan":
            with_base_rules(session, context)
        async with _watching_parent():
            if command == "apply":
                context = await _with_request(session, context)
                found[:] = [context]
            return await body(session, context)

    def then(session: Session, report: Report) -> None:
        try:
            for context in found:
                _tell(session, context, chosen, report)
        except Exception as error:  # noqa: BLE001 - the result has been told already
            debug(error, session.settings, session.terminal)
            session.terminal.warn(problem_lines([_failed(error)]))

    return run_command(command, Flags.of(typed), work, then)


def choose_offline(session: Session, context: CiContext) -> None:
    """Plan without a tenant where that was typed, and in a job of a request that has no token.

    Then variables that templates read are unknown. An emulator needs no token. A job that is not of
    a fork is told that its token is missing. Raises UsageError.
    """
    job = context.job
    base = f"origin/{job.base_branch}" if job.base_branch else job.base
    if not session.flags.offline:
        if not (job.request and base) or session.settings.token is not None:
            return
        flags, opened = session.flags, session.opened
        session.flags = replace(flags, unset_env="unknown")
        if is_emulated(session.project):
            if not job.foreign:
                session.flags, session.opened = flags, opened
            return
        if not job.foreign:
            session.warnings.append(_without_token())
    session.flags = replace(session.flags, offline=True, base=session.flags.base or base or None)
    session.command = OFFLINE


def _without_token() -> Diagnostic:
    return Diagnostic(
        code="ci/no-token",
        summary="there is no token of the platform, so no tenant was asked",
        detail=f"{' and '.join(TOKENS)} are unset or empty",
        fix="give the job a token that may read; jobs of forks and of Dependabot have none",
        severity=Severity.WARNING,
    )


NO_RULES = ("policy/no-file", "policy/no-environment")
"""What a branch says that has no rules yet."""


def with_base_rules(session: Session, context: CiContext) -> None:
    """Let the plan of a request be judged by the rules of the branch that it goes to.

    A branch that the checkout does not have, or that has no rules yet, is told. Raises UsageError.
    """
    job, name = context.job, context.job.base_branch or "the base branch"
    if session.flags.policy_from is not None or not (job.base_branch or job.base):
        return  # what a merge queue has made is no request any more, and has a base
    tip = f"refs/remotes/origin/{job.base_branch}"
    known = (tip if job.base_branch else "", job.base)
    revision = next((each for each in known if each and context.checkout.resolve(each)), None)
    if revision is None:
        session.warnings.append(own_rules(f'the checkout does not have "{name}"', lacks=True))
        return
    typed = session.flags
    session.flags = replace(typed, policy_from=revision.removeprefix("refs/remotes/"))
    session.opened = None
    try:
        session.opened = session.project
    except UsageError as error:
        if any(each.code not in NO_RULES for each in error.diagnostics):
            raise
        session.flags, session.opened = typed, None
        session.warnings.append(own_rules(error.diagnostics[0].summary, lacks=False))


async def consented(
    session: Session, context: CiContext, planned: PlanResult, guards: Sequence[Diagnostic]
) -> bool:
    """Whether somebody has consented on the request to what the guards refuse.

    Then the same command may be run once more: with what was consented to, and the names for the
    history. A number that was typed is not asked about.
    """
    if session.flags.allow_mass_change is not None:
        return False
    found = await look_for_consent(
        context, session.settings, planned, guards, short=session.command == "plan"
    )
    session.consent_lines = found.lines
    session.warnings += found.diagnostics
    if not found.is_whole:
        return False
    name_consents(session, found.given)
    for each in found.given:
        flags, value = session.flags, each.to.value
        match each.to.guard:
            case "mass-change":
                session.flags = replace(flags, allow_mass_change=int(value))
            case "adopt":
                session.flags = replace(flags, adopt=True)
            case "forward":
                session.flags = replace(flags, forward=True)
            case _:
                session.flags = replace(flags, take_over=(*flags.take_over, value))
    return True


def name_consents(session: Session, given: Sequence[Consent], request: str = "") -> None:
    """Let the history name who consented to what."""
    for each in given:
        _set_variable(session, APPROVER, each.by)
        _set_variable(session, CONSENTS, consent_line(each, request), between="\n")


async def _with_request(session: Session, context: CiContext) -> CiContext:
    """The context with the request that was merged, which the history is to name with approvers."""
    found = await find_request(context, session.settings)
    if not found.request:
        return context
    _set_variable(session, PULL_REQUEST, found.request)
    name_approvers(session, found.approvers)
    return replace(context, job=context.job.merged(found.request))


def name_approvers(session: Session, names: Sequence[str]) -> None:
    """Let the history name who approved."""
    for name in names:
        _set_variable(session, APPROVER, name)


def _set_variable(session: Session, name: str, value: str, between: str = ", ") -> None:
    """Tell the history something; names add up, and what the job itself was given wins."""
    if session.settings.environment.get(name):
        return
    opened = session.project
    known = opened.settings.environment.get(name, "")
    words = dict.fromkeys([*filter(None, known.split(between)), value])
    variables = {**opened.settings.environment, name: between.join(words)}
    session.opened = replace(opened, settings=replace(opened.settings, environment=variables))


def warn_of_applied(session: Session, context: CiContext, planned: PlanResult) -> None:
    """Say when the last apply was of a commit that this checkout does not hold."""
    ledger = planned.live.ledger
    session.warnings += applied_warnings(context.checkout, ledger.runs if ledger else ())


# --- telling ------------------------------------------------------------------------------------


def _tell(session: Session, context: CiContext, chosen: CiFlags, report: Report) -> None:
    """Summary, outputs and comment; each failure is a warning of its own."""
    opened, terminal = session.opened, session.terminal
    root = opened.root if opened else Path.cwd()
    actor = actor_of(session.settings, root)
    now = opened.clock.now() if opened else _now()
    known = opened.settings.environment if opened else {}
    redact = opened.redact if opened else str
    url = actor.ci.url if actor.ci else ""
    facts = JobFacts(
        context.head,
        url,
        now,
        redact(known.get(APPROVER, "")),
        _page(session, context, url),
        tuple(map(redact, known.get(CONSENTS, "").splitlines())),
        is_to_be_approved=_is_to_be_approved(context, report, opened),
    )
    text = ci_markdown(report, facts, session.consent_lines, context.job.host)
    told: list[Diagnostic] = []
    if context.job.host == "github" and not session.flags.wants("github"):
        terminal.warn(line(row) for row in form_text(report, "github").splitlines())
    if summary := chosen.summary_file or context.job.summary_file:
        told += append_summary(
            summary, ci_markdown(report, facts, session.consent_lines, "github-summary")
        )
    if file := chosen.result_file:
        told += write_result(file, result_text(report))
    comments = chosen.comment and not (context.job.foreign and session.command == OFFLINE)
    posted = _posted(session, context, report, text) if comments else Posted()
    told += posted.diagnostics
    if outputs := chosen.outputs_file or context.job.outputs_file:
        saved = str(Path(session.saved).absolute()) if session.saved else None
        artifact = artifact_name(context, opened) if opened else ""
        values = ci_outputs(report, saved) | {"comment": posted.url, "artifact": artifact}
        told += append_outputs(outputs, values)
    if posted.url:
        terminal.tell([line(("told on the request: ", "dim"), posted.url)])
    if told:
        terminal.warn(problem_lines(told, {}, terminal.width))


def _page(session: Session, context: CiContext, url: str) -> str:
    """Where the page can be opened that this run writes, if it writes one."""
    files = (each.file for each in session.flags.output_files or () if each.form == "html")
    file = next(files, None)
    return address_of(context.job, url, file, session.settings.environment) if file else ""


def _is_to_be_approved(context: CiContext, report: Report, opened: Project | None) -> bool:
    """Whether this is the plan of a request that changes something only once it is approved."""
    environment = opened.environment if opened else None
    is_plan = report.command == "plan" and bool(report.plan and report.plan.pending)
    is_required = environment is not None and environment.approval == REQUIRED
    return is_plan and is_required and bool(context.job.request)


def _posted(session: Session, context: CiContext, report: Report, text: str) -> Posted:
    from peakctl.cli.loop import run_async

    environment = session.flags.env
    marker = marker_of(context, report.command.split()[0], session.opened, environment)
    hurried = session.interrupted is not None
    work = post(context, session.settings, marker, text, hurried=hurried)
    try:
        return run_async(session, work)
    except (Interrupted, KeyboardInterrupt):
        return Posted()


def _failed(error: Exception) -> Diagnostic:
    return Diagnostic(
        code="ci/failed",
        summary=f"the result could not be told: {type(error).__name__}; this is a bug of peakctl",
        fix="the result above stands; set PEAKCTL_DEBUG=1, and report what it shows",
        severity=Severity.WARNING,
    )


def _now() -> float:
    from peakctl.operations.project import SystemClock

    return SystemClock().now()


# --- a shell that dies --------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _watching_parent() -> AsyncIterator[None]:
    """Treat the end of the process that started this one as SIGTERM.

    A runner that cancels a job signals its shell alone, and the shell hands nothing on: without
    this a cancelled job would go on unseen, and be killed with its lease held.
    """
    task = asyncio.create_task(_watch(os.getppid()))
    try:
        yield
    finally:
        task.cancel()


async def _watch(parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


# --- the plan file ------------------------------------------------------------------------------


def plan_file_of(session: Session) -> str:
    """Where `ci plan` saves its plan, unless told: in the working folder, by the environment."""
    return session.flags.out or f"peakctl-{session.project.environment_name or 'plan'}.peakplan"


def begin_file(session: Session, file: str) -> None:
    """Make a file that the run is to write no content of an archive that it lies in.

    One of an earlier run goes: should this plan fail, nobody must take that for its result. Raises
    UsageError for what cannot be removed, such as a folder of the request.
    """
    path, is_usual = Path(file), session.flags.out is None
    is_link = is_usual and path.is_symlink()
    if (path.is_file() or is_link) and not path.is_relative_to("/dev"):
        with contextlib.suppress(OSError):
            path.unlink()
    if is_usual and os.path.lexists(path):  # another one that was typed is told when it is written
        summary = f'"{file}" is in the way of the plan that is to be saved there'
        fix = "take it out of the repository, or name another file with --out"
        raise UsageError(Diagnostic("ci/plan-file", summary, fix=fix))
    opened = session.project
    options = replace(opened.options, outputs=(*opened.options.outputs, file))
    session.opened = replace(opened, options=options)


async def save_if_possible(
    session: Session, save: Callable[[], Coroutine[object, object, tuple[Diagnostic, ...]]]
) -> bool:
    """Whether the plan was saved. A file that nobody asked for may be unwritable: a warning."""
    try:
        told = await save()
    except UsageError as error:
        if session.flags.out is not None:
            raise
        session.warnings += [replace(d, severity=Severity.WARNING) for d in error.diagnostics]
        return False
    session.warnings += told
    return all(each.code != NOT_SAVED for each in told)
