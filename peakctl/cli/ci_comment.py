"""`ci comment`: the result of an untrusted job, told by a trusted one."""

from __future__ import annotations

from dataclasses import replace

from peakctl.cli.exits import Exit
from peakctl.cli.session import Session
from peakctl.errors import Diagnostic
from peakctl.hosts.untrusted import EndedRun
from peakctl.operations.ci import CiContext, append_summary, find_context, marker_of
from peakctl.operations.ci_result import UnusableResult, ended_run, read_result, tell_result
from peakctl.present.ci_report import JobFacts
from peakctl.present.report import Report
from peakctl.present.result_file import result_markdown
from peakctl.present.text import line


async def comment_on_result(session: Session, file: str, ci: str | None = None) -> Report:
    """Write the comment, and report where it is. Raises PeakctlError where it cannot be written."""
    opened = session.project
    context = find_context(session.settings, ci)
    session.warnings += context.job.problems
    run = ended_run(session.settings)
    wrong: tuple[Diagnostic, ...] = ()
    try:
        result = read_result(file)
    except UnusableResult as error:
        result, wrong = None, error.diagnostics
    facts = _facts(context, run, opened.clock.now())
    where = session.report()
    text = result_markdown(result, where, facts, context.job.host)
    if summary := context.job.summary_file:
        session.warnings += append_summary(summary, text)
    marker = marker_of(context, "plan", opened, session.flags.env)
    told = await tell_result(context, session.settings, marker, text, run)
    words = ("told on the request: ", told.url or f"request {told.request}")
    return session.report(
        exit_code=Exit.ERROR if wrong else Exit.DONE,
        diagnostics=(*told.diagnostics, *wrong),
        lines=(line("".join(words)),) if told.request else (),
        extra={"request": told.request, "comment": told.url},
        wrote=bool(told.request),
    )


def _facts(context: CiContext, run: EndedRun | None, now: float) -> JobFacts:
    """What the comment says of the job that left the file: that of the event, not of the file."""
    facts = JobFacts(context.head, "", now)
    if run is None:
        return facts
    return replace(facts, commit=run.head, url=f"{context.job.jobs_at}{run.id}")
