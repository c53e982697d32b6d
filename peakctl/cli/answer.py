"""Writes a command's report to the two streams and to files, in the forms that were asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.cli.exits import Exit, diagnostics_of, exit_code
from peakctl.cli.option_types import OutputFile
from peakctl.cli.options import REPORT_FORMS
from peakctl.errors import Diagnostic, OutputFailed, PeakctlError, Severity
from peakctl.files import write_private
from peakctl.present.forms import OF_HOSTS, STREAMED, form_text
from peakctl.present.places import in_repository
from peakctl.present.problems import problem_lines
from peakctl.present.report import Report
from peakctl.present.streams import lost_words
from peakctl.present.terminal import Terminal, open_terminal
from peakctl.settings import Settings, read_settings

if TYPE_CHECKING:
    from peakctl.present.events import EventStream


def answer(
    report: Report,
    terminal: Terminal,
    output: str,
    files: Iterable[OutputFile] = (),
    streams: Sequence[EventStream] = (),
    hosts: Report | None = None,
) -> int:
    """Problems to stderr, the result to stdout and to `files`; gives the exit code.

    That is the report's, but where a result could not be written: 14 if something was changed, 1 if
    nothing was. One that is lost does not keep the others from being written. `streams` have got
    the events so far, and take the place of the form `jsonl`. `hosts` is the report for code
    hosts, with places from the repository's root.
    """

    def text(form: str) -> str:
        return form_text((hosts or report) if form in OF_HOSTS else report, form)

    told = [d for d in report.diagnostics if d.severity is Severity.ERROR or not terminal.quiet]
    if told:
        terminal.warn((*problem_lines(told, report.excerpts, terminal.width), ()))
    jobs: list[Callable[[], None]] = [partial(stream.finish, report) for stream in streams]
    if not (streams and output == STREAMED):
        jobs.insert(0, partial(_show, report, terminal, output, text))
    whole = [each for each in files if not (streams and each.form == STREAMED)]
    jobs += [partial(_write, each, text) for each in whole]
    lost = [each for job in jobs if (each := _lost(job))]
    return _answer_lost(OutputFailed(*lost), report, terminal) if lost else report.exit_code


def _lost(job: Callable[[], None]) -> Diagnostic | None:
    try:
        job()
    except OutputFailed as lost:
        return lost.diagnostics[0]
    return None


def _answer_lost(lost: OutputFailed, report: Report, terminal: Terminal) -> int:
    """Tell in one line that the result of a command was lost; gives the exit code."""
    terminal.warn(problem_lines(lost_diagnostics(lost, changed=report.changed)))
    if not report.ok:
        return report.exit_code
    return Exit.PARTLY_APPLIED if report.changed else Exit.ERROR


def lost_diagnostics(lost: OutputFailed, *, changed: bool) -> tuple[Diagnostic, ...]:
    """That results were lost, and what became of the platform."""
    what = "what was applied stays applied" if changed else "nothing was changed"
    return tuple(replace(d, summary=f"{d.summary}; {what}") for d in lost.diagnostics)


def _show(report: Report, terminal: Terminal, output: str, text: Callable[[str], str]) -> None:
    if output != "text":
        terminal.show_text(text(output))
    elif report.text:
        terminal.show_text(report.text)
    else:
        terminal.show(report.lines)


def _write(asked: OutputFile, text: Callable[[str], str]) -> None:
    """Write a file whole, for its owner alone. Raises OutputFailed."""
    data = text(asked.form).encode("utf-8", "backslashreplace")
    try:
        write_private(Path(asked.file), data)
    except OSError as error:
        raise OutputFailed(Diagnostic("system/output", lost_words(error, asked.file))) from error


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
    output, files = outputs_of(args, settings)
    files = tuple(each for each in files if _may_be_file(Path(each.file)))  # others are told of
    hosts = in_repository(report, None, settings.environment)
    return answer(report, terminal, output, files, hosts=hosts)


def _may_be_file(path: Path) -> bool:
    return path.parent.is_dir() and not path.is_dir()


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
    import traceback

    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _frames(earlier)
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    told = str(error) if isinstance(error, PeakctlError) else "(not shown: it may hold a secret)"
    yield f"{type(error).__name__}: {told}\n"
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _frames(inner)


def outputs_of(args: Sequence[str], settings: Settings) -> tuple[str, tuple[OutputFile, ...]]:
    """The forms that argv asks for, found without parsing it: it may be what is wrong.

    The one on standard output, and those for files; what is no form counts as text.
    """
    typed = []
    for word, following in pairwise([*args, ""]):
        if word in ("-o", "--output"):
            typed.append(following)
        elif word.startswith("--output="):
            typed.append(word.removeprefix("--output="))
        elif word.startswith("-o"):
            typed.append(word.removeprefix("-o"))
    typed = typed or settings.environment.get("PEAKCTL_OUTPUT", "").splitlines()
    read = [OutputFile(*word.strip().split("=", 1)) for word in typed]
    known = [each for each in read if each.form in REPORT_FORMS]
    shown = [each.form for each in known if each.file in ("", "-")]
    files = {each.file: each for each in known if each.file not in ("", "-")}
    return (shown[-1] if shown else "text"), tuple(files.values())
