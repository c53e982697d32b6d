"""Two projects about to make or adopt the same thing: their leases do not exclude each other.

Each run writes what it sets out to do into its own ledger before it reads those of the others, so
of two that race at least one sees the other. Whoever sees a conflict stops, but for the owner that
comes first by name: it waits until the other has stopped or finished. So one of them goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from peakctl.errors import Diagnostic
from peakctl.ledger.ownership import Owners
from peakctl.model import Intent, Key, Ledger, Owner, Plan, Verb

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the looks of the one that waits."""


def find_conflicts(
    plan: Plan, owners: Owners, others: Iterable[Ledger], now: float
) -> Mapping[Key, Owner]:
    """What `plan` would make its own and a run of another project, whose lease holds, would too.

    Both would create it, or it is there, nobody's, and both would adopt it.
    """
    creates = {action.key for action in plan.actions if action.verb is Verb.CREATE}
    frees = {a.key: a.live for a in plan.actions if a.live and owners.owner(a.live) is None}
    ids = {live.live_id: key for key, live in frees.items()}

    def concerned(intent: Intent) -> Key | None:
        if live_id := intent.live_id:
            return ids.get(live_id)
        both_make = intent.key in creates and intent.verb == Verb.CREATE
        return intent.key if both_make or intent.key in frees else None

    return {
        key: ledger.owner
        for ledger in others
        for intent in _under_way(ledger, now)
        if (key := concerned(intent))
    }


def _under_way(ledger: Ledger, now: float) -> Iterable[Intent]:
    """What the run that has the lease is about; not what earlier ones left open."""
    lease = ledger.lease
    if lease is None or lease.until <= now:
        return ()
    return (intent for intent in ledger.intents if intent.run in ("", lease.run))


def made_meanwhile(plan: Plan, others: Iterable[Ledger]) -> frozenset[Key]:
    """What `plan` would create and another project has by now.

    Ledgers are read after what is live, so it may just not have been there yet when we looked.
    """
    creates = {action.key for action in plan.actions if action.verb is Verb.CREATE}
    return frozenset(key for ledger in others for key in ledger.owned if key in creates)


def goes_first(us: Owner, conflicts: Mapping[Key, Owner]) -> bool:
    """Whether we are the one that waits instead of giving up."""
    return all(us < other for other in conflicts.values())


def tell_conflicts(conflicts: Mapping[Key, Owner]) -> tuple[Diagnostic, ...]:
    """Why the run stops."""
    return tuple(
        Diagnostic(
            code="lease/conflict",
            summary=f"{owner} is making or changing it right now",
            key=key,
            fix=f"run again when {owner} is done; only one of the two projects can own it",
        )
        for key, owner in sorted(conflicts.items())
    )
