"""`peakctl executions`, `execution`, `pause` and `resume`: what a workflow does, and whether."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EXECUTIONS_EPILOG = """\b
Examples:
  peakctl executions Workflow/nightly
  peakctl executions Workflow/nightly --status failed --limit 5
  peakctl executions Workflow/nightly -e prod -o json
"""
EXECUTION_EPILOG = """\b
Examples:
  peakctl execution Workflow/nightly              the newest one, step by step
  peakctl execution Workflow/nightly@EXECUTION
  peakctl execution EXECUTION                     of whichever workflow it is

Exit codes: 0 shown, whatever its status; 1 there is none; 15 not permitted;
64 wrong usage.
"""
PAUSE_EPILOG = """\b
Examples:
  peakctl pause Workflow/nightly
  peakctl pause Workflow/nightly -e prod -o json
"""
RESUME_EPILOG = """\b
Examples:
  peakctl resume Workflow/nightly
  peakctl resume Workflow/nightly -e prod -o json
"""
WORDS = ("success", "running", "stopped", "stopping", "failed")


@options.command(epilog=EXECUTIONS_EPILOG)
@options.target("WORKFLOW/NAME")
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
    words = tuple(word.title() for word in status)
    return options.run("executions", flags, _executions, what, words, limit)


async def _executions(session: Session, what: str, statuses: tuple[str, ...], limit: int) -> Report:
    from peakctl.operations.executions import list_executions
    from peakctl.present.runs import executions_lines, listed_row

    async with session.connected_to(what) as (platform, target):
        found = await list_executions(platform, target.key, limit=limit, statuses=statuses)
    return session.result(
        "executions", [listed_row(each) for each in found], executions_lines(target.key, found)
    )


@options.command(epilog=EXECUTION_EPILOG)
@options.target("WORKFLOW/NAME[@ID]|ID")
@options.asking
def execution(what: str, **flags: object) -> int:
    """Show one execution with its steps: the newest of a workflow, or the one of an id."""
    return options.run("execution", flags, _execution, what)


async def _execution(session: Session, what: str) -> Report:
    from peakctl.operations.executions import read_execution
    from peakctl.operations.target import parse_target
    from peakctl.present.runs import execution_lines, execution_row

    async with session.connected() as platform:
        if "/" in what:
            target = parse_target(what, list(platform.kinds), versioned=True)
            found = await read_execution(platform, target.key, target.version)
        else:
            found = await read_execution(platform, None, what)
    return session.result("execution", execution_row(found), execution_lines(found))


@options.command(epilog=PAUSE_EPILOG)
@options.target("WORKFLOW/NAME")
@options.asking
def pause(what: str, **flags: object) -> int:
    """Pause a workflow: it starts nothing any more, whatever its triggers say.

    What runs already goes on, and a paused workflow is no drift. `paused: true` of an environment
    is another thing: it leaves schedules out of what is applied.
    """
    return options.run("pause", flags, _switch, what)


@options.command(epilog=RESUME_EPILOG)
@options.target("WORKFLOW/NAME")
@options.asking
def resume(what: str, **flags: object) -> int:
    """Let a paused workflow run again."""
    return options.run("resume", flags, _switch, what)


async def _switch(session: Session, what: str) -> Report:
    """Pause or resume, as the command says."""
    from peakctl.operations.executions import switch
    from peakctl.present.runs import switch_lines, switch_row

    word = session.command
    async with session.connected_to(what) as (platform, target):
        found = await switch(platform, target.key, word)
    return session.result(
        word,
        switch_row(found),
        switch_lines(found, word),
        diagnostics=found.diagnostics,
        wrote=found.changed,
    )
