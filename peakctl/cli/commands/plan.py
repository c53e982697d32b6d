"""`peakctl plan`."""

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
  peakctl plan -e dev
  peakctl plan -e dev --select Workflow,team=retail
  peakctl plan -e prod --detailed-exitcode -o markdown > comment.md
  peakctl plan -e prod --out prod.peakplan
  peakctl plan -e prod --offline --base origin/main --unset-env unknown

\b
Exit codes: 0 done (with --detailed-exitcode: nothing to do), 2 changes pending,
1 error, 3 a selector matched nothing, 10 manifests invalid, 12 a guard refuses,
15 not permitted.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@options.manifests
@options.selection
@options.unset_env
@options.policy
@options.outputs
@options.shown
@click.option(
    "--detailed-exitcode", "--exit-code", is_flag=True, help="Exit with 2 when changes are pending."
)
@click.option(
    "--out", metavar="FILE", help="Save the plan, for `peakctl apply FILE` with the same flags."
)
@click.option(
    "--offline",
    is_flag=True,
    help="Ask no tenant: compare with the manifests of the commit --base. Never applied.",
)
@click.option(
    "--base", type=Word(), metavar="REV", help="With --offline: where the branch left REV."
)
@click.option("--explain", is_flag=True, help="Also show the stages of an apply of the plan.")
@click.option(
    "--server-validate",
    is_flag=True,
    help="Also let the platform check new specs and releases: takes the lease as an apply does.",
)
@options.retry_failed
@options.ownership
@options.pruning
@options.mass_change
@options.forward
@options.allow
@options.connection
@options.display
def plan(**flags: object) -> int:
    """Show what apply would change, and change nothing.

    Reads the live state of everything that the manifests name. Running it is always safe.
    """
    from peakctl.cli.session import run_command

    typed = options.Flags.of(flags)
    if typed.offline or typed.base:
        from peakctl.cli.offline import COMMAND, plan_without_tenant

        return run_command(COMMAND, typed, plan_without_tenant)
    return run_command("plan", typed, _plan)


async def _plan(session: Session) -> Report:
    from peakctl.cli.planning import load_typed, plan_report, plan_typed
    from peakctl.cli.session import connected

    flags = session.flags
    loaded = load_typed(session)
    async with connected(session) as platform:
        planned = await plan_typed(session, platform, loaded)
        if flags.out is not None:
            from peakctl.operations.saved_plan import NOT_SAVED, save_plan

            told = await save_plan(platform, planned, flags.out)
            session.warnings += told
            session.saved = None if any(d.code == NOT_SAVED for d in told) else flags.out
        report = plan_report(session, planned)
        if not flags.server_validate:
            return report
        from peakctl.cli.planning import validated_report

        return await validated_report(session, platform, planned, report)
