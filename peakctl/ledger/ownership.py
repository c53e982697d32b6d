"""Who owns a live resource, and how those of a plan become ours: a filter over a finished plan.

Also what to do when two projects are about to make or adopt the same thing, since their leases do
not exclude each other. Each run writes what it sets out to do into its own ledger before it reads
those of the others, so of two that race at least one sees the other. Whoever sees a conflict stops,
but for the owner that comes first by name: it waits until the other has stopped or finished. So one
of them goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from peakctl.errors import Diagnostic
from peakctl.model import Action, Intent, Key, Ledger, Live, LiveId, Owner, Plan, Verb
from peakctl.model.records import dataclass


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to on the command line: to adopt, and from whom to take over.

    An owner is `project`, which means all its environments, or `project/environment`.
    """

    adopt: bool = False
    take_over: tuple[str, ...] = ()

    def allows(self, owner: Owner) -> bool:
        """Whether resources may be taken from `owner`."""
        return str(owner) in self.take_over or owner.project in self.take_over


@dataclass(frozen=True, slots=True)
class Owners:
    """Which live resources belong to whom. `us` is None where no ledger is kept: all is ours.

    `created` are the keys that a run of ours set out to create and never reported on, `intended`
    the ids of what it was to change or delete; `unread` the names of ledgers that could not be
    read: their projects may own what nobody else does. `claimed` are the ids that our ledger has
    only because they were found under the name of a manifest: nobody owns them yet. `unsure` tells
    why it is not known whether the platform made something for another resource.
    """

    us: Owner | None = None
    ids: Mapping[LiveId, Owner] = field(default_factory=dict)
    created: frozenset[Key] = frozenset()
    unread: tuple[str, ...] = ()
    intended: frozenset[LiveId] = frozenset()
    claimed: frozenset[LiveId] = frozenset()
    unsure: Mapping[LiveId, str] = field(default_factory=dict)

    def is_ours(self, live: Live) -> bool:
        """Whether this project made or adopted the resource."""
        if self.us is None:
            return True
        owner = self.owner(live)
        intended = live.key in self.created or live.live_id in self.intended
        return owner == self.us or (owner is None and intended)

    def owner(self, live: Live) -> Owner | None:
        """The project that owns the resource, None when nobody is known to."""
        return self.ids.get(live.live_id)


def find_owners(us: Owner | None, ledger: Ledger | None, others: Iterable[Ledger]) -> Owners:
    """What our ledger and the others say; what ours has is ours whatever others say.

    What ours only claims is nobody's, or another project's that lists it.
    """
    ids: dict[LiveId, Owner] = {}
    for each in (*others, *([ledger] if ledger else [])):
        sure = (o for o in each.owned.values() if each is not ledger or not o.claimed)
        ids |= {o.live_id: each.owner for o in sure}
    if ledger is None:
        return Owners(us, ids)
    return Owners(
        us,
        ids,
        created=frozenset(i.key for i in ledger.intents if i.verb == Verb.CREATE),
        intended=frozenset(id_ for i in ledger.intents if (id_ := i.live_id)),
        claimed=frozenset(each.live_id for each in ledger.owned.values() if each.claimed),
    )


# --- over a plan -----------------------------------------------------------------------------


def assign_owners(
    plan: Plan, owners: Owners, consent: Consent
) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """`plan` with how each resource becomes ours, and a guard for each that may not.

    - What is ours already, or not there yet, needs no consent.
    - What another project owns is taken over, with a consent that names that project.
    - What nobody owns and is as its manifest says is adopted; what differs needs a consent.
    - Where the owner may be in a ledger that cannot be read, or the platform may have made it for
      another resource, nothing is adopted, whatever was agreed to.
    """
    guards = {a.key: told for a in plan.actions if (told := _guard(a, owners, consent))}
    actions = (a if a.key in guards else _becoming_ours(a, owners) for a in plan.actions)
    return replace(plan, actions=tuple(actions)), tuple(guards.values())


def adopted(actions: Iterable[Action], owners: Owners) -> tuple[Action, ...]:
    """What becomes ours without being changed: it was nobody's, and is as its manifest says."""
    return tuple(
        action
        for action in actions
        if action.verb is Verb.KEEP
        and not owners.unread
        and action.live is not None
        and action.live.live_id not in owners.unsure
        and not owners.is_ours(action.live)
        and owners.owner(action.live) is None
    )


def changing_owner(plan: Plan) -> dict[Owner, dict[LiveId, Key]]:
    """What `plan` takes over, by the project that owns it now."""
    found: dict[Owner, dict[LiveId, Key]] = {}
    for action in plan.actions:
        if action.taken_from is not None and action.live is not None:
            found.setdefault(action.taken_from, {})[action.live.live_id] = action.key
    return found


def undeclared(plan: Plan, ledger: Ledger) -> tuple[Key, ...]:
    """What the ledger owns and `plan`, of a whole project, does not name."""
    declared = {action.key for action in plan.actions}
    ids = {action.live.live_id for action in plan.actions if action.live is not None}
    return tuple(
        key
        for key, owned in sorted(ledger.owned.items())
        if key not in declared and owned.live_id not in ids
    )


def _becoming_ours(action: Action, owners: Owners) -> Action:
    """The action with a note of how its resource becomes ours, if it is not already."""
    live = action.live
    if live is None or owners.is_ours(live):
        return action
    owner = owners.owner(live)
    told = "adopted: it is live, and no project owns it"
    if owner is not None:
        told = f"taken over from {owner}"
    elif live.live_id in owners.claimed:
        told = "confirmed as this project's: `ledger rebuild` had added it by its name"
    if adopted((action,), owners):
        return replace(action, asides=(*action.asides, told))
    return replace(action, notes=(*action.notes, told), taken_from=owner)


def _guard(action: Action, owners: Owners, consent: Consent) -> Diagnostic | None:
    """Why the action must not be carried out without a further consent, if so."""
    live = action.live
    if live is not None and live.live_id in owners.unsure:
        return _unsure(action, owners.unsure[live.live_id])
    if live is None or owners.is_ours(live):
        return None
    owner = owners.owner(live)
    if owner is not None:
        return None if consent.allows(owner) else _foreign(action, owner)
    if owners.unread:
        return _unknown(action, owners.unread)
    if action.verb is Verb.KEEP or consent.adopt:
        return None
    return _unowned(action, claimed=live.live_id in owners.claimed)


def _foreign(action: Action, owner: Owner) -> Diagnostic:
    return _told(
        action,
        "guard/foreign-owner",
        f"it belongs to {owner}",
        detail="two projects that both apply it would undo each other's work",
        fix=f"choose another name, or move it here for good: --take-over {owner}",
    )


def _unknown(action: Action, unread: tuple[str, ...]) -> Diagnostic:
    return _told(
        action,
        "guard/owner-unknown",
        "it is live already, and its owner is not known",
        detail=f"it may be in a ledger that cannot be read: {', '.join(unread)}",
        fix="choose another name, or see to that ledger first",
    )


def _unsure(action: Action, why: str) -> Diagnostic:
    return _told(
        action,
        "guard/part-unknown",
        "it is live, and whether the platform made it for another resource is not known",
        detail=f"the read that shows it failed: {why}",
        fix="nothing is adopted without it: run the same command again, or choose another name",
    )


def _unowned(action: Action, *, claimed: bool) -> Diagnostic:
    detail = "someone made it by hand, or with another tool"
    if claimed:
        detail = "`ledger rebuild` added it by its name, so it may be what someone made by hand"
    return _told(
        action,
        "guard/adopt",
        "it is live already, no project owns it, and it differs from the manifest",
        detail=detail,
        fix="read the difference in the plan, then add --adopt to change it as shown there",
    )


def _told(action: Action, code: str, summary: str, *, detail: str, fix: str) -> Diagnostic:
    """A diagnostic at the name of the action's resource."""
    path, resource = ("metadata", "name"), action.resource
    places = (resource.document.locate(path),) if resource else ()
    return Diagnostic(
        code, summary, key=action.key, path=path, locations=places, detail=detail, fix=fix
    )


# --- conflicts -----------------------------------------------------------------------------------

CONFLICT_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
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
