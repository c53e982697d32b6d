"""Which of several live things that bear one name is meant: the one that the ledger has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.model import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from peakctl.engine.observe import LiveState
    from peakctl.model import Ledger, Listed, Reference, Resource


def in_scope(matches: Iterable[Listed], reference: Reference) -> list[Listed]:
    """The listed things that the reference may mean (only instances of its entity type, say)."""
    return [m for m in matches if reference.scope is None or m.item.get("scope") == reference.scope]


def candidates(world: LiveState, resource: Resource) -> tuple[Listed, ...]:
    """What may be managed and bears the name, or else a previous one: the first that is borne."""
    for name in (resource.key.name, *resource.previous_names):
        found = tuple(item for item in world.matches(resource.key.kind, name) if item.ours)
        if found:
            return found
    return ()


def choose(found: Sequence[Listed], kind: str, ledger: Ledger | None) -> Listed | None:
    """The one that is meant, of things of one name; None when that cannot be told.

    Of several it is the one that our ledger has, under that name rather than under another.
    """
    if len(found) > 1:
        found = owned_among(found, kind, ledger)
        entry = ledger.owned.get(Key(kind, found[0].name)) if ledger and found else None
        exact = [item for item in found if entry and str(item.id) == str(entry.id)]
        found = exact or found
    return found[0] if len(found) == 1 else None


def owned_among(found: Iterable[Listed], kind: str, ledger: Ledger | None) -> tuple[Listed, ...]:
    """Those whose id our ledger has."""
    owned = ledger.owned.values() if ledger else ()
    ids = {str(each.id) for each in owned if each.key.kind == kind}
    return tuple(item for item in found if str(item.id) in ids)
