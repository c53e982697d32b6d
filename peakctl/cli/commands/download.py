"""`peakctl download`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl download Artifact/prices                newest version, as prices-7.zip
  peakctl download Artifact/prices@3 --to old.zip
  peakctl download BlockSpec/forecast@1.2.0 -e prod --to archives/

Exit codes: 0 done, 1 no such version, or it could not be written, 15 not permitted,
64 wrong usage, or the file exists.
"""


@options.command(epilog=EPILOG)
@options.target("KIND/NAME[@VERSION]")
@click.option(
    "--to",
    type=Word(),
    metavar="PATH",
    help="File to write, or a folder for one named after it. Default: the working folder.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@options.asking
def download(what: str, to: str | None, force: bool, **flags: object) -> int:  # noqa: FBT001
    """Download the archive of a version: of an Artifact, or of a BlockSpec's release.

    The platform gives no other archives back. Nothing is overwritten without --force.
    """
    return options.run("download", flags, _download, what, to, force=force)


async def _download(session: Session, what: str, to: str | None, *, force: bool) -> Report:
    from peakctl.operations.download import download_archive
    from peakctl.present.upkeep import download_lines, download_row

    async with session.connected_to(what, versioned=True) as (platform, target):
        found = await download_archive(platform, target.key, target.version, to=to, force=force)
    return session.result(
        "download", download_row(found), download_lines(found), diagnostics=found.diagnostics
    )
