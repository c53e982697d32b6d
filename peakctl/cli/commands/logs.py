"""`peakctl logs`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Since, Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.model import JsonDict
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl logs Image/forecast --follow            the newest build, to its end
  peakctl logs Image/forecast@0.0.3 --tail 50
  peakctl logs Workflow/nightly                   all steps of the newest execution
  peakctl logs Workflow/nightly --step train --since 10m
  peakctl logs Workflow/nightly@EXECUTION -o json
  peakctl logs Deployment/forecast                what failed, else what ran last

Exit codes: 0 read, and it has not failed; 1 what the log is of failed, nothing
has run, or the log is no longer kept; 15 not permitted; 64 wrong usage.
"""


@options.command(epilog=EPILOG)
@options.target("KIND/NAME[@VERSION|@EXECUTION]")
@click.option("--follow", is_flag=True, help="Go on until the build or the execution has ended.")
@click.option("--step", type=Word(), metavar="NAME", help="One step of the execution.")
@click.option("--execution", type=Word(), metavar="ID", help="Of this execution. Default: newest.")
@click.option(
    "--since", type=Since(), metavar="TIME", help="Lines since then: 10m, 7d, 2026-11-01 (UTC)."
)
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of what is there at first, the last N lines of each step.",
)
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@options.asking
def logs(
    what: str,
    step: str | None,
    execution: str | None,
    since: datetime | timedelta | None,
    tail: int | None,
    follow: bool,  # noqa: FBT001
    timestamps: bool,  # noqa: FBT001
    **flags: object,
) -> int:
    """Print the log of a build, of an execution's steps, or of what a deployment has made.

    Secrets are masked. Lines of several steps begin with the name of the step.
    """
    asked = {"step": step, "execution": execution, "tail": tail, "follow": follow}
    return options.run("logs", flags, _logs, what, since, asked, times=timestamps)


async def _logs(
    session: Session,
    what: str,
    since: datetime | timedelta | None,
    asked: JsonDict,
    *,
    times: bool,
) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.operations.logs import LoggedLine, LogOptions, read_logs
    from peakctl.present.runs import log_end, log_line, log_row

    def show(line: LoggedLine) -> None:
        session.terminal.show([log_line(line, times=times)])
        if session.terminal.is_lost:
            raise BrokenPipeError

    form = session.flags.output
    async with session.connected_to(what, versioned=True) as (platform, target):
        if target.key.kind == "Image":
            asked["version"] = target.version
        else:
            asked["execution"] = asked["execution"] or target.version
        if isinstance(since, timedelta):
            asked["since"] = session.project.clock.now() - since.total_seconds()
        elif since is not None:
            asked["since"] = since.timestamp()
        emit = show if form == "text" else None
        try:
            found = await read_logs(platform, target.key, LogOptions(**asked), emit)
        except BrokenPipeError:  # nobody reads on: `| head`
            return session.report()
    row = log_row(found)
    if form == "text":
        session.terminal.tell([log_end(found)])
    return session.report(
        exit_code=Exit.DONE if found.ok else Exit.ERROR,
        diagnostics=found.diagnostics,
        text=session.as_yaml(row),
        extra={"log": row},
    )
