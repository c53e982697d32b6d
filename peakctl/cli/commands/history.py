"""`peakctl history`; `peakctl diff Kind/name A B` is the same with --diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from peakctl.cli.session import Session
    from peakctl.model import JsonDict
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl history -e prod                          what each run of the project did
  peakctl history -e prod --since 7d
  peakctl history Image/forecast -e prod           its versions and their runs
  peakctl history Deployment/retail-eu --diff 3 4
  peakctl diff Image/forecast 0.0.1 0.0.2          the same as --diff 0.0.1 0.0.2

Exit codes: 0 done (also where there is no history yet), 1 there is no such
resource or version, 15 not permitted, 64 wrong usage.
"""


@options.command(epilog=EPILOG)
@options.target("[KIND/NAME]", "target", required=False)
@options.environment
@options.parameters
@click.option(
    "--diff",
    nargs=2,
    type=Word(),
    metavar="A B",
    help="What differs between two versions, releases or revisions of KIND/NAME.",
)
@options.history
@options.output("text", "yaml", "json")
@options.connection
@options.display
def history(
    target: str | None,
    diff: tuple[str, str] | None,
    since: datetime | timedelta | None,
    resource: str | None,
    limit: int | None,
    **flags: object,
) -> int:
    """Show what each run of the project did; of KIND/NAME its versions and the runs that made them.

    Versions of images and artifacts, releases of specs, revisions of deployments: when, by whom,
    from which commit, as far as the platform and the history of the project tell. Reads only.
    """
    from peakctl.cli.past import diff_of_versions, history_of_project

    asked: JsonDict = {"since": since, "resource": resource, "limit": limit}
    if diff is not None and target is None:
        raise click.UsageError("--diff compares versions of one resource: name it, Kind/name")
    if target is not None and (since or resource):
        word = "--since" if since else "--resource"
        raise click.UsageError(f"{word} is for the runs of the project: leave out {target}")
    if target is None:
        return options.run("history", flags, history_of_project, asked)
    if diff is not None:
        return options.run("history", flags, diff_of_versions, target, *diff)
    return options.run("history", flags, _of_resource, target, limit)


async def _of_resource(session: Session, word: str, limit: int | None) -> Report:
    from peakctl.cli.past import told
    from peakctl.operations.versions import read_past
    from peakctl.present.versions import FIRST, past_document, past_lines

    async with session.connected_to(word) as (platform, target):
        found = await read_past(platform, target.key)
    session.warnings += found.diagnostics
    most = limit or (FIRST if session.flags.output == "text" else None)
    return told(session, "history", past_document(found, most), past_lines(found, most))
