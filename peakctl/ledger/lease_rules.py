"""Rules of the lease: whether another run has it, and what is told when it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, LeaseHeld
from peakctl.model import PastRun
from peakctl.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.model import Actor, CiJob, Lease, Ledger, Owner

DIED = "died"


def is_held(
    lease: Lease | None, actor: Actor, now: float, alive: Callable[[Actor], bool | None]
) -> bool:
    """Whether `lease` keeps `actor` from applying at `now` (the platform's time).

    It does not when it is over, when its run is certainly dead, or when it is that of an earlier
    attempt of the same CI job.
    """
    if lease is None or lease.until <= now:
        return False
    return not _is_earlier(lease.actor.ci, actor.ci) and alive(lease.actor) is not False


def is_same(lease: Lease | None, ours: Lease) -> bool:
    """Whether it is one and the same lease, renewed or not."""
    return lease is not None and replace(lease, until=ours.until) == ours


def record_dead_run(ledger: Ledger, now: float) -> tuple[PastRun, ...]:
    """The past runs, with the one whose lease is still there as one that died."""
    lease = ledger.lease
    if lease is None:
        return ledger.runs
    dead = PastRun(lease.run, lease.actor, "", lease.since, min(now, lease.until), DIED)
    return (*ledger.runs, dead)


def held(owner: Owner, lease: Lease, now: float, *, elsewhere: bool = False) -> LeaseHeld:
    """What to raise while another run has the lease; `elsewhere`: that of another project."""
    actor = lease.actor
    facts = (actor.who, actor.commit and f"commit {actor.commit}", actor.ci.url if actor.ci else "")
    told = ", ".join(safe_line(fact) for fact in facts if fact)
    until = f"its lease is renewed while it runs, and holds until {_time(lease.until, now)}"
    dead = f"if it is dead, in the project {owner.project}" if elsewhere else "if it is dead"
    return LeaseHeld(
        Diagnostic(
            code="lease/held",
            summary=f"{_name(actor)} is applying {owner} since {_time(lease.since, now)}",
            detail="\n".join(row for row in (told, until) if row),
            fix=f"wait for it, or {dead}: peakctl ledger unlock -e {owner.environment}",
        )
    )


def taken_over(lease: Lease, actor: Actor, now: float) -> str:
    """What is told when `actor` has taken a lease that was still there: whose, and why."""
    why = "its process is gone"
    if lease.until <= now:
        why = f"it ran out at {_time(lease.until, now)}"
    elif _is_earlier(lease.actor.ci, actor.ci):
        why = "that was an earlier attempt of this job"
    return f"took over the lease of {_name(lease.actor)}: {why}"


def overtaken(owner: Owner) -> LeaseHeld:
    """What to raise when two runs made the first ledger at the same time."""
    return LeaseHeld(
        Diagnostic(
            code="lease/overtaken",
            summary=f"another run has just made the ledger of {owner}",
            detail="nothing was changed; if that run says the same, neither of the two counted",
            fix="run the same command again",
        )
    )


def _is_earlier(theirs: CiJob | None, ours: CiJob | None) -> bool:
    if theirs is None or ours is None:
        return False
    return (theirs.run, theirs.job) == (ours.run, ours.job) and theirs.attempt < ours.attempt


def _name(actor: Actor) -> str:
    if actor.ci:
        return safe_line(f"ci run {actor.ci.run} (job {actor.ci.job})")
    who = actor.who or "someone"
    return safe_line(f"{who} on {actor.host}" if actor.host else who)


def _time(moment: float, now: float) -> str:
    """`12:04:05 UTC`, with the date where it is not today's."""
    at, today = datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(now, UTC).date()
    return f"{at:%H:%M:%S}" + ("" if at.date() == today else f" on {at:%Y-%m-%d}") + " UTC"
