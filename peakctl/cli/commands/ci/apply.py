"""`peakctl ci apply`."""

from __future__ import annotations

from dataclasses import replace
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

\b
Exit codes are those of apply. What cannot be told is a warning, and changes none of them.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("plan_file", required=False, type=click.Path(), metavar="[PLAN_FILE]")
@options.manifests
@options.selection
@options.policy
@options.ci_job
@options.outputs
@options.ownership
@options.pruning
@options.mass_change
@options.allow
@options.shown
@options.webhooks
@options.retry_failed
@options.waiting
@options.wait_for_lease
@options.connection
@options.display
def apply(
    ci: str | None,
    comment: bool,  # noqa: FBT001 - click passes flags by name
    summary_file: str | None,
    outputs_file: str | None,
    **flags: object,
) -> int:
    """Apply without asking, and tell of it on the request that was merged.

    With a PLAN_FILE of `ci plan`, does what was approved there, or less, and stops with exit code
    11 otherwise. A runner that cancels the job ends the apply in order, also where it signals only
    the shell: the lease is free afterwards.
    """
    from peakctl.cli.ci import CiFlags, run_ci

    chosen = CiFlags(ci=ci, comment=comment, summary_file=summary_file, outputs_file=outputs_file)
    typed = replace(options.Flags.of(flags), yes=True)
    return run_ci("apply", typed, chosen, _apply)


async def _apply(session: Session, context: CiContext) -> Report:
    from peakctl.cli.ci import apply_once, consented
    from peakctl.cli.lease_wait import waiting_for_lease
    from peakctl.cli.planning import load_typed
    from peakctl.cli.session import connected
    from peakctl.errors import GuardRefused, Severity
    from peakctl.operations.saved_plan import read_saved_plan

    loaded = load_typed(session)
    file = session.flags.plan_file
    saved = read_saved_plan(session.project, file) if file else None

    async def attempt() -> Report:
        async with connected(session) as platform:
            return await waiting_for_lease(
                session,
                platform,
                lambda: apply_once(session, context, platform, loaded, saved),
                context,
            )

    before = len(session.warnings)
    try:
        return await attempt()
    except GuardRefused as refused:
        first = len(session.warnings)
        guards = [d for d in refused.diagnostics if d.severity is Severity.ERROR]
        if session.plan is None or not await consented(session, context, session.plan, guards):
            raise
        del session.warnings[before:first]  # the second attempt tells them again
        return await attempt()
