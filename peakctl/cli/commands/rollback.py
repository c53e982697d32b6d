"""`peakctl rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.rollback import RollbackPlan
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl rollback Image/forecast -e prod          the version before the newest
  peakctl rollback Image/forecast -e prod --to 1.3.0
  peakctl rollback Deployment/retail-eu -e prod --to 3
  peakctl rollback -e prod --to 41                 the manifests of run 41
  peakctl rollback -e prod --to 41 --dry-run

Exit codes: those of apply; 12 also for what cannot be gone back to (a run with
uncommitted changes, a deleted version, a hidden value), 1 for an unknown one.
"""


@options.command(epilog=EPILOG)
@options.target("[KIND/NAME]", "target", required=False)
@click.option(
    "--to",
    type=Word(),
    metavar="VERSION|RUN",
    help="The version, release or revision; without KIND/NAME the run, as history counts them.",
)
@options.environment
@options.parameters
@options.outputs
@options.mass_change
@options.allow
@options.consent
@options.dry_run
@options.shown
@options.webhooks
@options.retry_failed
@options.waiting
@options.connection
@options.display
def rollback(target: str | None, to: str | None, **flags: object) -> int:
    """Go back to an earlier version of KIND/NAME, or with --to RUN to the manifests of a run.

    Of an image or a spec what uses it refers to a version that is there; a deployment gets release
    and parameters of an earlier revision. A run is planned from the manifests of its commit, with
    the secrets of today. Shows the plan, asks, and applies it; nothing is made again that is there.

    Prints the change to the manifests that makes it last. Until that is applied, a plan that would
    undo it is refused, unless --forward is given.
    """
    return options.run("rollback", flags, _rollback, target, to)


async def _rollback(session: Session, target: str | None, to: str | None) -> Report:
    from dataclasses import replace

    from peakctl.cli.carry_out import carry_out_typed
    from peakctl.cli.consent import require_consent
    from peakctl.cli.planning import options_of, plan_report, plan_result
    from peakctl.operations.plan import refuse_guarded
    from peakctl.operations.rollback import planning_rollback
    from peakctl.present.rollback import lasting_lines, rollback_document

    session.tell_place()
    async with (
        session.connected() as platform,
        planning_rollback(platform, target, to, options_of(session)) as found,
    ):
        planned = found.planned
        session.warnings += (*found.diagnostics, *planned.diagnostics)
        session.undeclared = planned.undeclared()
        extra = {"rollback": rollback_document(found)}
        last = lasting_lines(_from_here(session, found))
        if session.flags.dry_run:
            report = plan_report(session, planned)
            lines = (*report.lines[:-1], *last, *report.lines[-1:])
            return replace(report, lines=lines, extra={**report.extra, **extra})
        lines = plan_result(session, planned)
        session.show_plan(planned.plan, (*lines[:-1], *last, *lines[-1:]), **extra)
        refuse_guarded(planned)
        if planned.has_changes:
            require_consent(session, f"Roll back to {found.to}?")
        report = await carry_out_typed(session, platform, planned, planned)
        return replace(report, extra={**report.extra, **extra})


def _from_here(session: Session, found: RollbackPlan) -> RollbackPlan:
    """The rollback with places as the user sees them, who may stand elsewhere."""
    from dataclasses import replace

    places = session.places
    if places is None:
        return found
    lasting = (replace(e, place=places.place(e.place)) if e.place else e for e in found.lasting)
    return replace(found, lasting=tuple(lasting))
