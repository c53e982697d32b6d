"""`peakctl apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl apply -e local
  peakctl apply -e prod --yes
  peakctl apply -e dev --select Service/forecast-api
  peakctl apply -e prod prod.peakplan
  peakctl apply -e prod prod.peakplan --prune      where the plan had --prune

\b
Exit codes: 0 done, 14 applied in part, 1 nothing applied, 10 manifests invalid,
11 not what was approved, 12 a guard or no consent, 13 another run is under way,
15 not permitted, 130 interrupted.
Running it again is always safe.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@click.argument("plan_file", required=False, metavar="[PLAN_FILE]")
@options.manifests
@options.selection
@options.policy
@options.output("text", "json", "markdown")
@options.ownership
@options.pruning
@options.mass_change
@options.consent
@options.shown
@options.retry_failed
@options.waiting
@options.connection
@options.display
def apply(**flags: Any) -> int:
    """Make the tenant look like the manifests.

    Shows the plan, asks, and carries it out: each resource as soon as what it refers to is ready.
    With a PLAN_FILE of `plan --out`, does what was approved there without asking, or less; it stops
    with exit code 11 when anything beyond that would be done. The file holds no flags: repeat those
    of the plan (--prune, --prune-history, --adopt, --take-over, --select, --retry-failed, -p, -v).

    Ctrl-C starts nothing new and finishes what is in flight; a second one cancels.
    """
    from peakctl.cli.loop import run_async
    from peakctl.cli.session import run_command

    typed = options.Flags(**flags)
    return run_command("apply", typed, lambda session: run_async(session, _apply(session)))


async def _apply(session: Session) -> Report:
    from peakctl.cli.approving import agreement, load_approval, tell_less
    from peakctl.cli.carrying import carry_out
    from peakctl.cli.consent import require_consent
    from peakctl.cli.planning import plan_result, prepare, read_wanted, refuse_guarded
    from peakctl.cli.session import connect
    from peakctl.cli.tenant import confirm_tenant

    wanted = read_wanted(session)
    file = session.flags.plan_file
    approval = load_approval(session, file) if file else None
    async with connect(session) as connection:
        prepared = await prepare(session, connection, wanted, approval=approval)
        session.plan = plan = prepared.plan
        if session.flags.output == "text":
            session.terminal.show(plan_result(session, prepared))
        refuse_guarded(prepared)
        agreed = agreement(session, connection, plan, approval)
        if approval is not None:
            agreed(plan)
            if plan.pending:
                await confirm_tenant(session, connection, prepared.world, approval.tenant)
            await tell_less(session, connection, wanted, prepared, approval)
        elif plan.pending:
            require_consent(session, "Apply these changes?")
        return await carry_out(session, connection, wanted, prepared, agreed)
