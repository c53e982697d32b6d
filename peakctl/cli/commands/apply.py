"""`peakctl apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ahead import TellKinds
    from peakctl.operations.load import LoadResult
    from peakctl.operations.platform import Platform
    from peakctl.operations.saved_plan import SavedPlan
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl apply -e local
  peakctl apply -e prod --yes
  peakctl apply -e prod --yes --wait-for-lease 20m
  peakctl apply -e prod --dry-run                  the same as plan
  peakctl apply -e dev --select Service/forecast-api
  peakctl apply -e prod prod.peakplan
  peakctl apply -e prod prod.peakplan --prune      where the plan had --prune

Exit codes: 0 done, 14 applied in part, 1 nothing applied, 10 manifests invalid,
11 not what was approved, 12 a guard or no consent, 13 another run is under way,
15 not permitted, 130 interrupted.
Running it again is always safe.
"""


@options.command(epilog=EPILOG)
@click.argument("plan_file", required=False, type=click.Path(), metavar="[PLAN_FILE]")
@options.manifests
@options.selection
@options.policy
@options.outputs
@options.ownership
@options.pruning
@options.mass_change
@options.forward
@options.allow
@options.consent
@options.dry_run
@options.shown
@options.webhooks
@options.retry_failed
@options.waiting
@options.wait_for_lease
@options.connection
@options.display
def apply(**flags: object) -> int:
    """Make the tenant look like the manifests.

    Shows the plan, asks, and carries it out: each resource as soon as what it refers to is ready.
    With a PLAN_FILE of `plan --out`, does what was approved there without asking, or less; it stops
    with exit code 11 when anything beyond that would be done. The file holds no flags: repeat those
    of the plan (--prune, --prune-history, --adopt, --take-over, --select, --retry-failed, -p, -v).

    Ctrl-C starts nothing new and finishes what is in flight; a second one ends the run at once.
    """
    return options.run("plan" if flags["dry_run"] else "apply", flags, _apply)


async def _apply(session: Session) -> Report:
    from peakctl.cli.planning import load_typed
    from peakctl.operations.saved_plan import read_saved_plan

    def load(tell_kinds: TellKinds | None) -> tuple[LoadResult, SavedPlan | None]:
        loaded, file = load_typed(session, tell_kinds), session.flags.plan_file
        return loaded, read_saved_plan(session.project, file) if file else None

    async with session.connected_loading(load) as (platform, (loaded, saved)):
        if session.flags.wait_for_lease is None:
            return await _apply_once(session, platform, loaded, saved)
        from peakctl.cli.lease_wait import waiting_for_lease

        return await waiting_for_lease(
            session, platform, lambda: _apply_once(session, platform, loaded, saved)
        )


async def _apply_once(
    session: Session, platform: Platform, loaded: LoadResult, saved: SavedPlan | None
) -> Report:
    from peakctl.cli.carry_out import carry_out_typed
    from peakctl.cli.consent import require_consent, require_tenant
    from peakctl.cli.planning import plan_report, plan_result, plan_typed
    from peakctl.operations.apply import check_saved
    from peakctl.operations.plan import refuse_guarded
    from peakctl.operations.saved_plan import check_approved

    planned = await plan_typed(session, platform, loaded, saved)
    if session.flags.dry_run:
        if saved is not None:
            check_approved(platform, saved, planned.plan, session.again())
        return plan_report(session, planned)
    session.show_plan(planned.plan, plan_result(session, planned))
    refuse_guarded(planned)
    if saved is not None:
        session.warnings += await check_saved(
            platform, planned, saved, confirm=lambda *_: require_tenant(session)
        )
    elif planned.has_changes:
        require_consent(session, "Apply these changes?")
    return await carry_out_typed(session, platform, planned, saved or planned)
