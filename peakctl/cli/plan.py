"""`peakctl plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl plan -e dev
  peakctl plan -e dev --select Workflow,team=retail
  peakctl plan -e prod --detailed-exitcode -o markdown > comment.md
  peakctl plan -e prod --out prod.peakplan

\b
Exit codes: 0 done (with --detailed-exitcode: nothing to do), 2 changes pending,
1 error, 3 a selector matched nothing, 10 manifests invalid, 12 a guard refuses,
15 not permitted.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@options.manifests
@options.selection
@options.policy
@options.output("text", "json", "markdown")
@options.shown
@click.option(
    "--detailed-exitcode", "--exit-code", is_flag=True, help="Exit with 2 when changes are pending."
)
@click.option(
    "--out", metavar="FILE", help="Save the plan, for `peakctl apply FILE` with the same flags."
)
@options.retry_failed
@options.ownership
@options.pruning
@options.mass_change
@options.connection
@options.display
def plan(**flags: Any) -> int:
    """Show what apply would change, and change nothing.

    Reads the live state of everything that the manifests name. Running it is always safe.
    """
    from peakctl.cli.loop import run_async
    from peakctl.cli.session import run_command

    typed = options.Flags(**flags)
    return run_command("plan", typed, lambda session: run_async(session, _plan(session)))


async def _plan(session: Session) -> Report:
    from peakctl.cli.approving import save_plan
    from peakctl.cli.exits import Exit
    from peakctl.cli.planning import plan_result, prepare, read_wanted
    from peakctl.cli.session import connect
    from peakctl.cli.tenant import tenant_of

    wanted = read_wanted(session)
    async with connect(session) as connection:
        prepared = await prepare(session, connection, wanted)
        if session.flags.out is not None:
            tenant = await tenant_of(session, connection, prepared.world)
            save_plan(session, connection, prepared, session.flags.out, tenant)
    plan = prepared.plan
    pending = bool(plan.pending) and session.flags.detailed_exitcode
    code = Exit.CHANGES_PENDING if pending else Exit.DONE
    return session.report(
        plan=plan,
        exit_code=Exit.REFUSED if prepared.guards else code,
        diagnostics=prepared.guards,
        lines=plan_result(session, prepared),
    )
