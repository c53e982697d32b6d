"""Who owns a live resource: this project, another one, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic
from peakctl.model import Action, Key, LiveId, Owner, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from peakctl.model import Ledger, Live, Location, Plan

Id = LiveId


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

    `promised` are the keys that a run of ours set out to make and never reported on, `meant` the
    ids of what it was to change or delete; `unread` the names of ledgers that could not be read:
    their projects may own what nobody else does. `claimed` are the ids that our ledger has only
    because they were found under the name of a manifest: nobody owns them yet. `unsure` tells why
    it is not known whether the platform made something for another resource.
    """

    us: Owner | None = None
    ids: Mapping[Id, Owner] = field(default_factory=dict)
    promised: frozenset[Key] = frozenset()
    unread: tuple[str, ...] = ()
    meant: frozenset[Id] = frozenset()
    claimed: frozenset[Id] = frozenset()
    unsure: Mapping[Id, str] = field(default_factory=dict)

    def is_ours(self, live: Live) -> bool:
        """Whether this project made or adopted the resource."""
        if self.us is None:
            return True
        owner = self.owner(live)
        meant = live.key in self.promised or id_of(live) in self.meant
        return owner == self.us or (owner is None and meant)

    def owner(self, live: Live) -> Owner | None:
        """The project that owns the resource, None when nobody is known to."""
        return self.ids.get(id_of(live))


def id_of(live: Live) -> Id:
    """What tells one live resource from another: names are not unique everywhere."""
    return live.live_id


def find_owners(us: Owner | None, ledger: Ledger | None, others: Iterable[Ledger]) -> Owners:
    """What our ledger and the others say; what ours has is ours whatever others say.

    What ours only claims is nobody's, or another project's that lists it.
    """
    ids: dict[Id, Owner] = {}
    for each in (*others, *([ledger] if ledger else [])):
        sure = (o for o in each.owned.values() if each is not ledger or not o.claimed)
        ids |= {o.live_id: each.owner for o in sure}
    return Owners(
        us,
        ids,
        promised_keys(ledger),
        meant=meant_ids(ledger),
        claimed=claimed_ids(ledger),
    )


def claimed_ids(ledger: Ledger | None) -> frozenset[Id]:
    """What `ledger` has by its name alone, until an apply confirms it."""
    owned = ledger.owned.values() if ledger else ()
    return frozenset(each.live_id for each in owned if each.claimed)


def promised_keys(ledger: Ledger | None) -> frozenset[Key]:
    """What a run of ours may have made: it set out to, and there is no id to know it by."""
    intents = ledger.intents if ledger else ()
    return frozenset(intent.key for intent in intents if intent.verb == Verb.CREATE)


def meant_ids(ledger: Ledger | None) -> frozenset[Id]:
    """What a run of ours had the consent to change or delete, whoever made it."""
    intents = ledger.intents if ledger else ()
    return frozenset(id_ for i in intents if (id_ := i.live_id))


def objection(action: Action, owners: Owners, consent: Consent) -> Diagnostic | None:
    """Why the action must not be carried out without a further consent, if so."""
    live = action.live
    if live is not None and id_of(live) in owners.unsure:
        return _unsure(action, owners.unsure[id_of(live)])
    if live is None or owners.is_ours(live):
        return None
    owner = owners.owner(live)
    if owner is not None:
        return None if consent.allows(owner) else _foreign(action, owner)
    if owners.unread:
        return _unknown(action, owners.unread)
    if action.verb is Verb.KEEP or consent.adopt:
        return None
    return _unowned(action, claimed=id_of(live) in owners.claimed)


def taken_from(action: Action, owners: Owners) -> Owner | None:
    """The other project that owns what the action is about."""
    live = action.live
    return None if live is None or owners.is_ours(live) else owners.owner(live)


def ownership_note(action: Action, owners: Owners) -> str:
    """How the resource becomes ours by this action; "" when it is already."""
    live = action.live
    if live is None or owners.is_ours(live):
        return ""
    if owner := owners.owner(live):
        return f"taken over from {owner}"
    if id_of(live) in owners.claimed:
        return "confirmed as this project's: `ledger rebuild` had added it by its name"
    return "adopted: it is live, and no project owns it"


def adopted(actions: Iterable[Action], owners: Owners) -> tuple[Action, ...]:
    """What becomes ours without being changed: it was nobody's, and is as its manifest says."""
    return tuple(
        action
        for action in actions
        if action.verb is Verb.KEEP
        and not owners.unread
        and action.live is not None
        and id_of(action.live) not in owners.unsure
        and not owners.is_ours(action.live)
        and owners.owner(action.live) is None
    )


def undeclared(plan: Plan, ledger: Ledger) -> tuple[Key, ...]:
    """What the ledger owns and `plan`, of a whole project, does not name."""
    declared = {action.key for action in plan.actions}
    ids = {id_of(action.live) for action in plan.actions if action.live is not None}
    return tuple(
        key
        for key, owned in sorted(ledger.owned.items())
        if key not in declared and owned.live_id not in ids
    )


def _foreign(action: Action, owner: Owner) -> Diagnostic:
    return Diagnostic(
        code="guard/foreign-owner",
        summary=f"it belongs to {owner}",
        key=action.key,
        path=("metadata", "name"),
        locations=_places(action),
        detail="two projects that both apply it would undo each other's work",
        fix=f"choose another name, or move it here for good: --take-over {owner}",
    )


def _unknown(action: Action, unread: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        code="guard/owner-unknown",
        summary="it is live already, and whose it is cannot be told",
        key=action.key,
        path=("metadata", "name"),
        locations=_places(action),
        detail=f"it may be in a ledger that cannot be read: {', '.join(unread)}",
        fix="choose another name, or see to that ledger first",
    )


def _unsure(action: Action, why: str) -> Diagnostic:
    return Diagnostic(
        code="guard/part-unknown",
        summary="it is live, and whether the platform made it for another resource is not known",
        key=action.key,
        path=("metadata", "name"),
        locations=_places(action),
        detail=f"the read that tells it failed: {why}",
        fix="nothing is adopted without it: run the same command again, or choose another name",
    )


def _unowned(action: Action, *, claimed: bool) -> Diagnostic:
    detail = "someone made it by hand, or with another tool"
    if claimed:
        detail = "`ledger rebuild` added it by its name, so it may be what someone made by hand"
    return Diagnostic(
        code="guard/adopt",
        summary="it is live already, no project owns it, and it differs from the manifest",
        key=action.key,
        path=("metadata", "name"),
        locations=_places(action),
        detail=detail,
        fix="read the difference in the plan, then add --adopt to change it as shown there",
    )


def _places(action: Action) -> tuple[Location, ...]:
    resource = action.resource
    return (resource.document.locate(("metadata", "name")),) if resource else ()
