"""`peakctl executions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl executions Workflow/nightly
  peakctl executions Workflow/nightly --status failed --limit 5
  peakctl executions Workflow/nightly -e prod -o json
"""
WORDS = ("success", "running", "stopped", "stopping", "failed")


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("what", metavar="WORKFLOW/NAME", shell_complete=options.complete_target)
@click.option(
    "--status",
    type=click.Choice(WORDS, case_sensitive=False),
    multiple=True,
    help="Only those of this status. Repeatable.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="The newest N.",
)
@options.asking
def executions(what: str, status: tuple[str, ...], limit: int, **flags: object) -> int:
    """List the executions of a workflow, the newest first."""
    from peakctl.cli.session import run_command

    typed = options.Flags.of(flags)
    words = tuple(word.title() for word in status)
    return run_command(
        "executions", typed, lambda session: _executions(session, what, words, limit)
    )


async def _executions(session: Session, what: str, statuses: tuple[str, ...], limit: int) -> Report:
    from peakctl.cli.session import connected_to
    from peakctl.operations.executions import list_executions
    from peakctl.present.runs import executions_lines, listed_row

    async with connected_to(session, what) as (platform, target):
        found = await list_executions(platform, target.key, limit=limit, statuses=statuses)
    rows = [listed_row(each) for each in found]
    return session.report(
        lines=executions_lines(target.key, found),
        text=session.as_yaml(*rows),
        extra={"executions": rows},
    )
