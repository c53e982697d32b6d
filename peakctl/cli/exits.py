"""Maps every error to what the user is told, and every result to an exit code."""

from __future__ import annotations

import enum
import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from peakctl import errors
from peakctl.present.streams import report_lost

OTHER_WORDS = {
    **dict.fromkeys(("describe", "inspect"), "get KIND NAME"),
    **dict.fromkeys(("list", "ls"), "get [KIND]"),
    **dict.fromkeys(("up", "deploy", "sync"), "apply"),
    **dict.fromkeys(("delete", "down", "remove", "rm"), "destroy --select KIND/NAME"),
    **dict.fromkeys(("preview",), "plan"),
    **dict.fromkeys(("check", "lint"), "validate"),
    **dict.fromkeys(("format",), "fmt"),
    **dict.fromkeys(("new",), "init"),
    **dict.fromkeys(("execute", "trigger", "start"), "run WORKFLOW/NAME"),
    **dict.fromkeys(("execute-resources",), "run DEPLOYMENT/NAME"),
    **dict.fromkeys(("log", "tail"), "logs KIND/NAME"),
    **dict.fromkeys(("template",), "render"),
    **dict.fromkeys(("unlock",), "ledger unlock"),
}
"""Commands of other tools, with the one that does this here."""
CONSEQUENTIAL = frozenset(
    (
        *("destroy", "apply", "gc", "disown", "unprotect"),
        *("--prune", "--prune-history", "--take-over", "--adopt", "--yes"),
    )
)
MISSPELT = 0.8
"""How much alike a word and a command must be to be taken for a misspelling; 1 is equal."""
_PACKAGE = Path(__file__).resolve().parent.parent


class Exit(enum.IntEnum):
    """Exit codes, the same in every output mode."""

    DONE = 0
    ERROR = 1
    CHANGES_PENDING = 2
    NOTHING_SELECTED = 3
    MANIFESTS_INVALID = 10
    STALE = 11
    REFUSED = 12
    LEASE_HELD = 13
    PARTLY_APPLIED = 14
    NOT_PERMITTED = 15
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class Interrupted(Exception):
    """A signal ended the run before it could tell how each action ended."""

    def __init__(self, code: Exit = Exit.INTERRUPTED) -> None:
        super().__init__("interrupted")
        self.code = code


CODES: dict[type[BaseException], Exit] = {
    errors.UsageError: Exit.USAGE,
    click.UsageError: Exit.USAGE,
    errors.ManifestsInvalid: Exit.MANIFESTS_INVALID,
    errors.SelectorEmpty: Exit.NOTHING_SELECTED,
    errors.PlanStale: Exit.STALE,
    errors.GuardRefused: Exit.REFUSED,
    errors.LeaseHeld: Exit.LEASE_HELD,
    errors.NotAuthenticated: Exit.NOT_PERMITTED,
    click.Abort: Exit.INTERRUPTED,
    KeyboardInterrupt: Exit.INTERRUPTED,
}


def exit_code(error: BaseException) -> Exit:
    """The code of an error: that of its class or nearest parent class, else 1."""
    if isinstance(error, Interrupted):
        return error.code
    return next((CODES[c] for c in type(error).__mro__ if c in CODES), Exit.ERROR)


def diagnostics_of(error: BaseException) -> tuple[errors.Diagnostic, ...]:
    """What to tell about any error; words of unexpected ones are left out: they may be secret."""
    match error:
        case errors.PeakctlError():
            return error.diagnostics
        case click.ClickException():
            return (_usage(error),)
        case Interrupted() | click.Abort() | KeyboardInterrupt():
            return (
                errors.Diagnostic(
                    "run/interrupted", "interrupted", fix="run the same command again"
                ),
            )
        case OSError() if error.filename:
            place = f"{error.filename}: {error.strerror or type(error).__name__}"
            return (errors.Diagnostic("system/file", place, fix=_fix_of(error)),)
        case FileNotFoundError() if error.strerror == os.strerror(errno.ENOENT):
            gone = "the working folder is not there any more"
            return (errors.Diagnostic("system/file", gone, fix="go to a folder that exists"),)
        case OSError() if error.errno:
            place = f"the system refuses: {error.strerror or type(error).__name__}"
            return (errors.Diagnostic("system/file", place, fix=_fix_of(error)),)
        case _:
            return (_internal(error),)


def _fix_of(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free space on the disk, or raise the limit, then run the same command again"
    return "check the path and its permissions"


def unknown_command(word: str, known: Iterable[str], ctx: click.Context) -> click.UsageError:
    """The error for a command that is not there, with the nearest ones."""
    import difflib

    near = _harmless(word, difflib.get_close_matches(word, list(known), n=2, cutoff=0.5))
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    if word in OTHER_WORDS:
        meant = f"; use peakctl {OTHER_WORDS[word]}"
    return click.UsageError(f'there is no command "{word}"{meant}', ctx)


def _harmless(word: str, near: Iterable[str]) -> list[str]:
    """The suggestions without what deletes or agrees to something, but for a plain misspelling."""
    import difflib

    return [
        each
        for each in near
        if each not in CONSEQUENTIAL
        or difflib.SequenceMatcher(None, word, each).ratio() >= MISSPELT
    ]


def _usage(error: click.ClickException) -> errors.Diagnostic:
    if isinstance(error, click.NoSuchOption):
        if error.option_name == "--dry-run":
            return errors.Diagnostic(
                "usage/command-line",
                'there is no option "--dry-run" here',
                fix="see what apply would do: peakctl plan, or peakctl apply --dry-run",
            )
        near = _harmless(error.option_name, error.possibilities or ())
        error = click.NoSuchOption(error.option_name, possibilities=near, ctx=error.ctx)
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and context is not None:
        group = context.command
        names = ", ".join(group.list_commands(context)) if isinstance(group, click.Group) else ""
        summary = f"{context.command_path} takes a command: {names}"
        return errors.Diagnostic(
            "usage/command-line", summary, fix=f"see {context.command_path} --help"
        )
    message = error.format_message().strip().rstrip(".")
    path = getattr(getattr(error, "ctx", None), "command_path", "") or "peakctl"
    return errors.Diagnostic(
        code="usage/command-line",
        summary=message[:1].lower() + message[1:],
        fix=f"see {path} --help",
    )


def _internal(error: BaseException) -> errors.Diagnostic:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    place = "in an unknown place"
    for frame in (ours or frames)[-1:]:
        parts = Path(frame.filename).parts[-2 if ours else -1 :]
        place = f"in {'/'.join(parts)}, line {frame.lineno}"
    return errors.Diagnostic(
        code=f"internal/{type(error).__name__}",
        summary="peakctl itself failed; this is a bug, not your manifests",
        detail=f"{type(error).__name__} {place}",
        fix="set PEAKCTL_DEBUG=1, run it again and report the traceback after reading it through",
    )


def run_guarded(run: Callable[[], object], args: Sequence[str] | None) -> int:
    """The exit code of `run`, which may return one; whatever it raises is told, never shown raw."""
    out = sys.stdout
    try:
        result = run()
    except click.exceptions.Exit as done:
        return done.exit_code
    except SystemExit:
        if sys.stdout is out:  # the end of shell completion
            raise
        sys.stdout = out  # click wraps the streams when the reader went away
        return report_lost(BrokenPipeError())
    except OSError as error:
        if error.filename is None:  # help, a version, a script: click prints them by itself
            return report_lost(error)
        return _answered(error, args)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        return _answered(error, args)
    return result if isinstance(result, int) else Exit.DONE


def _answered(error: BaseException, args: Sequence[str] | None) -> int:
    from peakctl.cli.answer import answer_error

    return answer_error(error, sys.argv[1:] if args is None else args)
