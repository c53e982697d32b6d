"""The outermost frame: whatever a command raises becomes an answer and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from peakctl.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run_guarded(run: Callable[[], Any], args: Sequence[str] | None) -> int:
    """The exit code of `run`, which may return one; whatever it raises is told, never shown raw."""
    try:
        result = run()
    except click.exceptions.Exit as done:
        return done.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        from peakctl.cli.answer import answer_error

        return answer_error(error, sys.argv[1:] if args is None else args)
    return result if isinstance(result, int) else Exit.DONE
