"""`peakctl` and `python -m peakctl`: from argv to an exit code."""

from __future__ import annotations

import sys

from peakctl import __version__
from peakctl.present.streams import prepare_streams, print_alone


def main() -> None:
    """Run the command line. Asking for the version alone needs nothing but its literal."""
    prepare_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        raise SystemExit(print_alone(f"peakctl {__version__}\n"))
    from peakctl.cli import cli

    cli(prog_name="peakctl")


if __name__ == "__main__":
    main()
