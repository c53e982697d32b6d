"""`peakctl ci plan`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ci import CiContext
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl ci plan -e prod
  peakctl ci plan -e prod --policy-from origin/main
  peakctl ci plan -e prod --result-file peakctl-result.json
  peakctl ci plan -e prod --summary-file plan.md --outputs-file plan.env

Exit codes are those of plan. What cannot be told (a token that may not comment, a host that does
not answer) is a warning, and changes none of them.
"""


@options.command(epilog=EPILOG)
@options.manifests
@options.selection
@options.unset_env
@options.policy
@options.ci_job
@options.plan_from
@options.outputs
@options.shown
@click.option(
    "--detailed-exitcode", "--exit-code", is_flag=True, help="Exit with 2 when changes are pending."
)
@click.option(
    "--out", metavar="FILE", help="Save the plan there. Default: peakctl-ENV.peakplan, here."
)
@click.option(
    "--offline",
    is_flag=True,
    help="Ask no tenant: compare with the manifests of --base. Default in a fork without a token.",
)
@click.option(
    "--base",
    type=Word(),
    metavar="REV",
    help="With --offline: where the branch left REV. Default: the request's base branch.",
)
@click.option(
    "--result-file",
    type=Word(),
    metavar="FILE",
    help="Write the result for `ci comment` of another job, which may comment.",
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
    """Plan, save the plan, and tell of it on the pull or merge request.

    One comment for each project, environment and tenant, updated in place by every run, on
    failures and refusals too. Says when the branch lacks commits of its base, or when what was
    applied last is a commit that it does not hold.

    A job of a fork has no token: it plans offline, saves nothing that can be applied, and leaves
    its --result-file for a job that may comment.
    """
    from peakctl.cli.ci import run_ci

    return run_ci("plan", flags, _plan)


async def _plan(session: Session, context: CiContext) -> Report:
    from peakctl.cli.ci import (
        begin_file,
        consented,
        plan_file_of,
        save_if_possible,
        warn_of_applied,
    )
    from peakctl.cli.offline import plan_without_tenant
    from peakctl.cli.planning import load_typed, plan_report, plan_typed
    from peakctl.operations.saved_plan import save_plan

    if session.flags.offline:
        return plan_without_tenant(session)
    file = plan_file_of(session)
    begin_file(session, file)
    async with session.connected_loading(partial(load_typed, session)) as (platform, loaded):
        planned = await plan_typed(session, platform, loaded)
        if planned.guards and await consented(session, context, planned, planned.guards):
            planned = await plan_typed(session, platform, loaded)
            session.warnings = list(dict.fromkeys(session.warnings))
        warn_of_applied(session, context, planned)
        if await save_if_possible(
            session, partial(save_plan, platform, planned, file, context.head)
        ):
            session.saved = file
    return plan_report(session, planned)
