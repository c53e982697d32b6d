"""`peakctl` and `python -m peakctl`: from argv to an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from peakctl import __version__
from peakctl.present.streams import prepare_streams, print_alone

OBJECTS = 200_000
"""New objects after which Python looks for garbage: nearly all that a run makes stays."""

INTERRUPTED = 130
"""The exit code, as `cli.exits` has it."""
SWITCH = 0.0005
"""Seconds after which a thread lets another go on: an answer waits while manifests are checked."""


def main() -> None:
    """Run the command line. Asking for the version alone needs nothing but its literal."""
    gc.set_threshold(OBJECTS)
    sys.setswitchinterval(SWITCH)
    prepare_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        raise SystemExit(print_alone(f"peakctl {__version__}\n"))
    from peakctl.cli import cli

    cli(prog_name="peakctl")


def run() -> None:
    """`main` as a process of its own, which ends as soon as its work is done."""
    try:
        main()
    except KeyboardInterrupt:  # before there is a command line that answers it
        sys.stderr.write("error: interrupted\n")
        raise SystemExit(INTERRUPTED) from None
    except SystemExit as ending:
        if not _is_watched():
            _end(ending.code)
        raise


def _end(code: str | int | None) -> None:
    """End the process, unless something that was printed cannot be written.

    Python would first free every object one by one: up to a tenth of the time of a short run.
    """
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    if isinstance(code, int):
        os._exit(code)


def _is_watched() -> bool:
    """Whether a profiler, a debugger or a coverage tool has to say something at the end."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring else []
    return bool(sys.gettrace() or sys.getprofile() or any(tools))


if __name__ == "__main__":
    run()
