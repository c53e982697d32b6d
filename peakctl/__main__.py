"""`peakctl` and `python -m peakctl`: from argv to an exit code."""

from __future__ import annotations

import gc
import sys

from peakctl import __version__
from peakctl.present.streams import prepare_streams, print_alone

OBJECTS = 20_000
"""New objects after which Python looks for garbage: nearly all that a run makes stays."""


def main() -> None:
    """Run the command line. Asking for the version alone needs nothing but its literal."""
    gc.set_threshold(OBJECTS)
    prepare_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        raise SystemExit(print_alone(f"peakctl {__version__}\n"))
    from peakctl.cli import cli

    cli(prog_name="peakctl")


if __name__ == "__main__":
    main()
