"""`peakctl destroy`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.load import LoadResult
    from peakctl.operations.platform import Platform
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl destroy -e local
  peakctl destroy -e dev --select Deployment/retail-eu
  peakctl destroy -f old/service.yaml

What is protected (lifecycle.protect) is refused. What this project does not own
by its ledger stays, with a warning: to delete that, adopt it by an apply first.
Without a ledger (no project, or `ledger: false`) nothing is owned, so there is
nothing to destroy.

Exit codes: 0 done, 1 error, 3 nothing selected, 10 manifests invalid, 11 live moved,
12 refused, 13 lease held, 14 in part, 15 not permitted, 130/143 interrupted.
"""


@options.command(epilog=EPILOG)
@options.manifests
@options.selection
@options.policy
@options.outputs
@options.consent
@options.dry_run
@options.waiting
@options.wait_for_lease
@options.connection
@options.display
def destroy(**flags: object) -> int:
    """Delete what the manifests name and the project owns, users before what they use.

    Lists every resource with its id and asks. Names that are not live are passed over.
    """
    return options.run("destroy", flags, _destroy)


async def _destroy(session: Session) -> Report:
    from peakctl.cli.planning import load_typed

    async with session.connected_loading(partial(load_typed, session)) as (platform, loaded):
        if session.flags.wait_for_lease is None:
            return await _destroy_once(session, platform, loaded)
        from peakctl.cli.lease_wait import waiting_for_lease

        return await waiting_for_lease(
            session, platform, lambda: _destroy_once(session, platform, loaded)
        )


async def _destroy_once(session: Session, platform: Platform, loaded: LoadResult) -> Report:
    from peakctl.cli.carry_out import carry_out_typed
    from peakctl.cli.consent import require_consent
    from peakctl.cli.planning import plan_report, plan_result, plan_typed

    planned = await plan_typed(session, platform, loaded)
    if session.flags.dry_run:
        return plan_report(session, planned)
    session.show_plan(planned.plan, plan_result(session, planned))
    if planned.has_changes:
        count = len(planned.plan.pending)
        what = "this resource" if count == 1 else f"these {count} resources"
        require_consent(session, f"Delete {what} for good?")
    return await carry_out_typed(session, platform, planned, planned)
