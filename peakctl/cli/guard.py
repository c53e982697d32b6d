"""The outermost frame: whatever a command raises becomes an answer and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from peakctl.cli.exits import Exit
from peakctl.present.streams import report_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run_guarded(run: Callable[[], Any], args: Sequence[str] | None) -> int:
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
