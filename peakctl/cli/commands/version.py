"""`peakctl version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report


@options.command()
@options.output("text", "json")
@options.display
def version(**flags: object) -> int:
    """Print the version of peakctl."""
    return options.run("version", flags, _version)


def _version(session: Session) -> Report:
    from peakctl import __version__
    from peakctl.present.text import line

    return session.report(lines=(line(f"peakctl {__version__}"),))
