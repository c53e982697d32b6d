"""Writes a command's report to the two streams, in the output form that was asked for."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from peakctl.cli.exits import Exit, diagnostics_of, exit_code
from peakctl.errors import OutputFailed, PeakctlError, Severity
from peakctl.present.problems import problem_lines
from peakctl.present.report import Report
from peakctl.present.terminal import Terminal, open_terminal
from peakctl.settings import Settings, read_settings

FORMS = ("json", "markdown")


def answer(report: Report, terminal: Terminal, output: str) -> int:
    """Problems to stderr, the result to stdout; gives the exit code.

    That is the report's, but where the result could not be written: 14 if something was changed, 1
    if nothing was.
    """
    told = [d for d in report.diagnostics if d.severity is Severity.ERROR or not terminal.quiet]
    if told:
        terminal.warn((*problem_lines(told, report.excerpts, terminal.width), ()))
    try:
        _show(report, terminal, output)
    except OutputFailed as lost:
        return answer_lost(lost, report, terminal)
    return report.exit_code


def answer_lost(lost: OutputFailed, report: Report, terminal: Terminal) -> int:
    """Tell in one line that the result of a command was lost; gives the exit code."""
    what = "what was applied stays applied" if report.changed else "nothing was changed"
    told = [replace(d, summary=f"{d.summary}; {what}") for d in lost.diagnostics]
    terminal.warn(problem_lines(told))
    if not report.ok:
        return report.exit_code
    return Exit.PARTLY_APPLIED if report.changed else Exit.ERROR


def _show(report: Report, terminal: Terminal, output: str) -> None:
    if output == "json":
        from peakctl.present.plan_json import json_text

        terminal.show_text(json_text(report))
    elif output == "markdown":
        from peakctl.present.plan_markdown import markdown_text

        terminal.show_text(markdown_text(report))
    elif report.text:
        terminal.show_text(report.text)
    else:
        terminal.show(report.lines)


def answer_error(error: BaseException, args: Sequence[str]) -> int:
    """Tell of an error that happened before a command knew its options (usage, settings)."""
    try:
        settings = read_settings()
    except PeakctlError:
        settings = Settings()
    terminal = open_terminal(settings, sys.stdout, sys.stderr, sys.stdin)
    debug(error, settings, terminal)
    report = Report(
        command=_command_in(args),
        exit_code=exit_code(error),
        diagnostics=diagnostics_of(error),
    )
    return answer(report, terminal, output_of(args, settings))


def _command_in(args: Sequence[str]) -> str:
    """The command in argv: the first word that is no option and no value of -C."""
    words = [word for before, word in pairwise(["", *args]) if before != "-C"]
    return next((word for word in words if not word.startswith("-")), "")


def debug(error: BaseException, settings: Settings, terminal: Terminal) -> None:
    """The traceback, for those who set PEAKCTL_DEBUG."""
    if settings.environment.get("PEAKCTL_DEBUG"):
        rows = "".join(_frames(error)).splitlines()
        terminal.warn([((row, "dim"),) for row in rows])


def _frames(error: BaseException) -> Iterator[str]:
    """Where an error came from, the earliest first. Words of unexpected ones may be secret."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _frames(earlier)
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    told = str(error) if isinstance(error, PeakctlError) else "(not shown: it may hold a secret)"
    yield f"{type(error).__name__}: {told}\n"
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _frames(inner)


def output_of(args: Sequence[str], settings: Settings) -> str:
    """The form that argv asks for, found without parsing it: it may be what is wrong."""
    found = settings.environment.get("PEAKCTL_OUTPUT", "text")
    for word, following in pairwise([*args, ""]):
        if word in ("-o", "--output"):
            found = following
        elif word.startswith("--output="):
            found = word.removeprefix("--output=")
        elif word.startswith("-o"):
            found = word.removeprefix("-o")
    return found if found in FORMS else "text"
