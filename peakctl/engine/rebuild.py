"""A ledger rebuilt from manifests and live state."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.record import known_uses
from peakctl.errors import Diagnostic, Severity
from peakctl.ledger.ownership import Owners, find_owners
from peakctl.ledger.revisions import Others
from peakctl.model import EMPTY, Adapter, Key, Ledger, Listed, Live, LiveId, Owned, Owner, Resource
from peakctl.model.records import dataclass

READ_THAT = "see to that ledger first, or choose another name"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuilt ledger lists, and how that differs from the one before.

    `dropped` are the entries whose id is gone or whose name is another resource's now, `changed`
    those whose id stays and which say something else; `undecided` are warnings about what was left
    out; `protecting` says that entries are protected because nobody knows which of them were.
    """

    owned: Mapping[Key, Owned]
    added: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    dropped: tuple[Owned, ...] = ()
    undecided: tuple[Diagnostic, ...] = ()
    protecting: bool = False

    @property
    def differs(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.added or self.changed or self.dropped)


async def find_there(
    owned: Collection[Owned], observed: LiveState, adapters: Mapping[str, Adapter]
) -> frozenset[LiveId]:
    """Which of the owned ids exist. Kinds are listed again where the run did not look for them.

    An id that no listing shows is asked for by itself, one request each. What is of a kind that is
    not known counts as there. Raises ApiError or NotAuthenticated.
    """
    wanted = {each.live_id for each in owned}
    unknown = {each for each in wanted if each[0] not in adapters}
    there = _ids(observed.listed) | unknown
    missing = sorted({kind for kind, _ in wanted - there})
    found = await asyncio.gather(*(adapters[kind].index() for kind in missing))
    there |= _ids(dict(zip(missing, found, strict=True)))
    unlisted = [each for each in owned if each.live_id not in there]
    asked = await asyncio.gather(*(adapters[e.key.kind].look_up(e.id, EMPTY) for e in unlisted))
    there |= {each.live_id for each, item in zip(unlisted, asked, strict=True) if item}
    return frozenset(wanted & there)


def rebuild(
    us: Owner,
    resources: Mapping[Key, Resource],
    observed: LiveState,
    *,
    uses: Mapping[Key, tuple[Key, ...]],
    before: Ledger | None,
    there: frozenset[LiveId],
    others: Others,
    damaged: bool = False,
) -> Rebuilt:
    """What is live and declared, or was owned before and is `there` still.

    What another project owns or may own, or is not to be managed at all, is left out and told of.
    Digests are those of before: they cannot be had from live state. What was protected stays so
    until an apply says otherwise. Where `before` is not the newest version, for that is `damaged`,
    nobody knows what the newest protected: all that is kept from `before` is protected.
    """
    said = {each.live_id: each for each in before.owned.values()} if before else {}
    old = {i: replace(each, protect=each.protect or damaged) for i, each in said.items()}
    owners = find_owners(us, before, others.ledgers)
    owners = replace(owners, unread=others.unread, unsure=observed.owners.unsure)
    kept = {e.key for i, e in old.items() if i in there}
    unsure = [key for key in resources if key in observed.live or key not in kept]
    undecided = [d for key in unsure if (d := _undecided(key, observed, owners, us))]
    left_out = {d.key for d in undecided}
    named = known_uses(uses, before)
    declared = {
        key: _entry(resource, observed.live[key], named[key], old)
        for key, resource in resources.items()
        if key in observed.live and key not in left_out
    }
    known = {each.live_id for each in declared.values()}
    rest = {e.key: e for i, e in old.items() if i in there and i not in known}
    owned = dict(sorted((rest | declared).items()))
    listed = {each.live_id for each in owned.values()}
    return Rebuilt(
        owned,
        added=tuple(key for key, each in owned.items() if each.live_id not in old),
        changed=tuple(key for key, e in owned.items() if said.get(e.live_id, e) != e),
        dropped=tuple(each for i, each in sorted(old.items()) if i not in listed),
        undecided=tuple(undecided),
        protecting=damaged and bool(old),
    )


def _entry(
    resource: Resource, live: Live, uses: tuple[Key, ...], old: Mapping[LiveId, Owned]
) -> Owned:
    """What is recorded of a declared resource.

    What was known of an id stays known, whatever its name was; one that was not known is claimed by
    its name alone.
    """
    before = old.get(live.live_id)
    if before is None:
        return Owned(resource.key, live.id, protect=resource.protect, uses=uses, claimed=True)
    protect = before.protect or resource.protect
    return replace(before, key=resource.key, protect=protect, uses=uses)


def _undecided(key: Key, observed: LiveState, owners: Owners, us: Owner) -> Diagnostic | None:
    """Why a declared resource cannot be listed, if it is live at all."""
    live = observed.live.get(key)
    if live is None:
        ours = [item for item in observed.matches(key.kind, key.name) if item.ours]
        if len(ours) < 2:
            return None
        which = ", ".join(str(item.id) for item in ours)
        return _left_out(
            key, f"{len(ours)} live resources have its name: {which}", "rename or delete one"
        )
    if live.foreign:
        return _left_out(key, f"it is not ours to change: {live.foreign}", "take it out")
    if live.live_id in owners.unsure:
        why = f"what made it could not be read: {owners.unsure[live.live_id]}"
        return _left_out(key, why, "run the same command again")
    owner = owners.owner(live)
    if owner is None and owners.unread:
        which = ", ".join(owners.unread)
        return _left_out(key, f"it may be in a ledger that cannot be read: {which}", READ_THAT)
    if owner in (None, us):
        return None
    fix = f"if it has moved here for good: peakctl apply --take-over {owner}"
    return _left_out(key, f"it belongs to {owner}", fix)


def _left_out(key: Key, why: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="ledger/left-out",
        summary=f"it is not listed: {why}",
        key=key,
        fix=fix,
        severity=Severity.WARNING,
    )


def _ids(listed: Mapping[str, tuple[Listed, ...]]) -> set[LiveId]:
    return {LiveId.of(kind, item.id) for kind, items in listed.items() for item in items}
