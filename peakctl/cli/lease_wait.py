"""`--wait-for-lease`: an apply or destroy that waits until another run of the project has ended."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from peakctl.cli.session import Session
from peakctl.errors import LeaseHeld
from peakctl.model import Lease
from peakctl.operations.ci import CiContext, find_context, has_ended
from peakctl.operations.platform import Platform
from peakctl.present.report import Report
from peakctl.present.text import line

LEASE_PAUSE = 10.0
"""Seconds between two tries to get a lease that another run holds."""


async def waiting_for_lease(
    session: Session,
    platform: Platform,
    attempt: Callable[[], Coroutine[object, object, Report]],
    context: CiContext | None = None,
) -> Report:
    """The report of `attempt`, which is made again while another run holds the lease.

    For as long as was typed: LeaseHeld is raised after that. Every attempt plans again, since the
    other run changes what there is to do. A lease of a job that is over, as its host says, is not
    waited for; `context` is the job that asks, found by its variables where it is not given.
    """
    clock, told = session.project.clock, list(session.warnings)
    ends = clock.now() + (session.flags.wait_for_lease or 0.0)
    while True:
        try:
            return await attempt()
        except LeaseHeld as held:
            lease, left = held.lease, ends - clock.now()
            if (
                lease is not None
                and lease.actor not in platform.ended
                and await _has_ended(session, context, lease)
            ):
                platform.ended.add(lease.actor)
                left = 0.0
            elif left <= 0:
                raise
            if left:
                words = "; ".join(each.summary for each in held.diagnostics)
                session.terminal.tell([line((f"waiting for the lease: {words}", "dim"))])
            await clock.sleep(min(LEASE_PAUSE, left))
            session.warnings[:] = told
            session.plan, session.shown = None, ()


async def _has_ended(session: Session, context: CiContext | None, lease: Lease) -> bool:
    return await has_ended(context or find_context(session.settings), session.settings, lease)
