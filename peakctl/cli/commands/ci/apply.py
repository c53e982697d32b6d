"""`peakctl ci apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ci import CiContext
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl ci apply -e prod
  peakctl ci apply -e prod --wait-for-lease 20m
  peakctl ci apply -e prod peakctl-prod.peakplan

Exit codes are those of apply. What cannot be told is a warning, and changes none of them.
"""


@options.command(epilog=EPILOG)
@click.argument("plan_file", required=False, type=click.Path(), metavar="[PLAN_FILE]")
@options.manifests
@options.selection
@options.policy
@options.ci_job
@options.plan_from
@options.outputs
@options.ownership
@options.pruning
@options.mass_change
@options.forward
@options.allow
@options.shown
@options.webhooks
@options.retry_failed
@options.waiting
@options.wait_for_lease
@options.connection
@options.display
def apply(**flags: object) -> int:
    """Apply without asking, and tell of it on the request that was merged.

    Does what the plans of the merged requests approve, or less, and stops with exit code 11
    otherwise: `approval` in peakctl.yaml says what must be there. With a PLAN_FILE of `ci plan` it
    is that plan. A runner that cancels the job ends the apply in order, also where it signals only
    the shell: the lease is free afterwards.
    """
    from peakctl.cli.ci import run_ci

    return run_ci("apply", {**flags, "yes": True}, _apply)


async def _apply(session: Session, context: CiContext) -> Report:
    from peakctl.cli.ci_apply import CiApply
    from peakctl.cli.planning import load_typed
    from peakctl.operations.saved_plan import read_saved_plan

    loaded = load_typed(session)
    file = session.flags.plan_file
    saved = read_saved_plan(session.project, file) if file else None
    return await CiApply(session, context, loaded, saved).run()
