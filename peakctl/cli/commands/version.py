"""`peakctl version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.present.report import Report


@click.command(context_settings=options.CONTEXT)
@options.output("text", "json")
@options.display
def version(**flags: object) -> int:
    """Print the version of peakctl."""
    from peakctl import __version__
    from peakctl.cli.session import Session, run_command
    from peakctl.present.text import line

    def body(session: Session) -> Report:
        return session.report(lines=(line(f"peakctl {__version__}"),))

    return run_command("version", options.Flags.of(flags), body)
