"""`peakctl` and `python -m peakctl`: from argv to an exit code."""

from __future__ import annotations

import sys

from peakctl import __version__


def main() -> None:
    """Run the command line. Asking for the version alone needs nothing but its literal."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"peakctl {__version__}\n")
        return
    from peakctl.cli import cli

    cli(prog_name="peakctl")


if __name__ == "__main__":
    main()
