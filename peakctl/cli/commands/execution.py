"""`peakctl execution`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl execution Workflow/nightly              the newest one, step by step
  peakctl execution Workflow/nightly@EXECUTION
  peakctl execution EXECUTION                     of whichever workflow it is

\b
Exit codes: 0 shown, whatever its status; 1 there is none; 15 not permitted;
64 wrong usage.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("what", metavar="WORKFLOW/NAME[@ID]|ID", shell_complete=options.complete_target)
@options.asking
def execution(what: str, **flags: object) -> int:
    """Show one execution with its steps: the newest of a workflow, or the one of an id."""
    from peakctl.cli.session import run_command

    typed = options.Flags.of(flags)
    return run_command("execution", typed, lambda session: _execution(session, what))


async def _execution(session: Session, what: str) -> Report:
    from peakctl.cli.session import connected
    from peakctl.operations.executions import read_execution
    from peakctl.operations.target import parse_target
    from peakctl.present.runs import execution_lines, execution_row

    async with connected(session) as platform:
        if "/" in what:
            target = parse_target(what, list(platform.kinds), versioned=True)
            found = await read_execution(platform, target.key, target.version)
        else:
            found = await read_execution(platform, None, what)
    row = execution_row(found)
    return session.report(
        lines=execution_lines(found),
        text=session.as_yaml(row),
        extra={"execution": row},
    )
