"""Which of several live resources of one name is meant, and what is wrong with names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, Severity, diagnose
from peakctl.kinds.fields import Kind
from peakctl.model import Key, Ledger, Listed, LiveId, Reference, Resource
from peakctl.model.text import normal_form

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import LiveState


def in_scope(matches: Iterable[Listed], reference: Reference) -> list[Listed]:
    """The listed things that the reference may mean (only instances of its entity type, say)."""
    return [m for m in matches if reference.scope is None or m.item.get("scope") == reference.scope]


def candidates(observed: LiveState, resource: Resource) -> tuple[Listed, ...]:
    """What may be managed and has the name, or else the first previous name that is in use."""
    for name in (resource.key.name, *resource.previous_names):
        found = tuple(item for item in observed.matches(resource.key.kind, name) if item.ours)
        if found:
            return found
    return ()


def choose(found: Sequence[Listed], kind: str, ledger: Ledger | None) -> Listed | None:
    """The one that is meant, of several of one name; None when that is not certain.

    Of several it is the one that our ledger has, under that name rather than under another.
    """
    if len(found) > 1:
        found = owned_among(found, kind, ledger)
        entry = ledger.owned.get(Key(kind, found[0].name)) if ledger and found else None
        exact = [i for i in found if entry and LiveId.of(kind, i.id) == entry.live_id]
        found = exact or found
    return found[0] if len(found) == 1 else None


def owned_among(found: Iterable[Listed], kind: str, ledger: Ledger | None) -> tuple[Listed, ...]:
    """Those whose id our ledger has."""
    owned = ledger.owned.values() if ledger else ()
    ids = {each.live_id for each in owned}
    return tuple(item for item in found if LiveId.of(kind, item.id) in ids)


NAME = ("metadata", "name")


def shared_id(kinds: Mapping[str, Kind], kind: str, id_: str | int) -> LiveId:
    """The same for all kinds that share one set of names and ids: the group stands for the kind."""
    return LiveId.of(name_group(kinds, kind), id_)


def name_group(kinds: Mapping[str, Kind], kind: str) -> str:
    """The group of kinds that share their names with `kind`; itself where there is none."""
    known = kinds.get(kind)
    return (known.name_group if known else "") or kind


def same_resources(
    resources: Mapping[Key, Resource], observed: LiveState, kinds: Mapping[str, Kind]
) -> list[Diagnostic]:
    """An error for each of several manifests that mean one live resource."""
    by_id: dict[LiveId, list[Key]] = {}
    for key, live in sorted(observed.live.items()):
        by_id.setdefault(shared_id(kinds, key.kind, live.id), []).append(key)
    return [
        _is_same(resources[key], observed.live[key].id, [other for other in keys if other != key])
        for keys in by_id.values()
        if len(keys) > 1
        for key in keys
        if key in resources
    ]


def _is_same(resource: Resource, id_: str | int, others: Iterable[Key]) -> Diagnostic:
    return diagnose(
        resource,
        NAME,
        "live/same-resource",
        f"it is the same live resource as {', '.join(map(str, others))}: id {id_}",
        detail="the platform takes both names for one",
        fix="keep one of the manifests, or choose names that differ in more than their form",
    )


def ambiguity(resource: Resource, observed: LiveState) -> Diagnostic | None:
    """An error when several live resources have the name and the ledger owns none, or several."""
    kind, found = resource.key.kind, candidates(observed, resource)
    if len(found) < 2 or choose(found, kind, observed.ledger) is not None:
        return None
    owned = owned_among(found, kind, observed.ledger)
    return diagnose(
        resource,
        NAME,
        "live/ambiguous",
        f'{len(found)} live resources are named "{found[0].name}"',
        detail=f"their ids: {_ids(found)}{_of_ledger(owned, observed.ledger)}",
        fix="delete or rename all but one of them; peakctl will not guess",
    )


def listing_warnings(resource: Resource, observed: LiveState) -> Iterator[Diagnostic]:
    """Warnings that the listing lacks the resource, and that others have its name, or nearly."""
    live, kind = observed.live.get(resource.key), resource.key.kind
    if live is None:
        yield from _other_forms(resource, observed.listed.get(kind, ()))
        return
    if live.live_id in observed.unlisted:
        yield _warned(
            resource,
            "live/unlisted",
            f"id {live.id} is there, but the platform's listing lacks it, or its name",
            "the ledger has this id, so it was read by itself",
            "nothing is made in its place; report it to the platform's support if it stays so",
        )
    found = candidates(observed, resource)
    others = [item for item in found if LiveId.of(kind, item.id) != live.live_id]
    if others:
        owners = "; ".join(_owner_of(item, kind, observed) for item in others)
        yield _warned(
            resource,
            "live/duplicate-name",
            f'{len(others) + 1} live resources are named "{others[0].name}"',
            f"this project owns id {live.id}; {owners}",
            "if a run made it twice, delete the other one in the platform",
        )


def _other_forms(resource: Resource, listed: Iterable[Listed]) -> Iterator[Diagnostic]:
    """Live resources whose names look like that of one that is to be made."""
    name = resource.key.name
    for item in listed:
        if item.name.isascii() and name.isascii():
            continue
        if item.name != name and normal_form(item.name) == normal_form(name):
            yield _warned(
                resource,
                "live/name-form",
                f"id {item.id} is live under a name that looks the same",
                "the two differ in their Unicode normal form: é is one character, or two",
                "write the name as the platform has it, if that resource is meant",
            )


def _owner_of(item: Listed, kind: str, observed: LiveState) -> str:
    live_id = LiveId.of(kind, item.id)
    owner = observed.owners.ids.get(live_id)
    owned = observed.ledger.owned if observed.ledger else {}
    for key, each in owned.items():
        if each.live_id == live_id:
            return f"id {item.id} is {key} of this project"
    return f"id {item.id} belongs to {owner}" if owner else f"id {item.id} is another"


def _warned(resource: Resource, code: str, summary: str, detail: str, fix: str) -> Diagnostic:
    return diagnose(
        resource, NAME, code, summary, detail=detail, fix=fix, severity=Severity.WARNING
    )


def _of_ledger(owned: Iterable[Listed], ledger: Ledger | None) -> str:
    return f"; the ledger owns {_ids(owned) or 'none of them'}" if ledger else ""


def _ids(found: Iterable[Listed]) -> str:
    return ", ".join(str(item.id) for item in found)


def taken_name(
    resource: Resource, observed: LiveState, kinds: Mapping[str, Kind]
) -> Iterator[Diagnostic]:
    """An error when a live resource of another kind has the name of what is to be made."""
    kind = resource.key.kind
    for other in siblings(kind, kinds):
        for item in observed.matches(other, resource.key.name):
            ours = observed.ledger is None or owned_among([item], other, observed.ledger)
            yield diagnose(
                resource,
                NAME,
                "live/name-taken",
                f"{other}/{item.name} has its name on the platform: id {item.id}",
                detail=f"{other} and {kind} share one set of names",
                fix=delete_first(f"{other}/{item.name}") if ours else CHOOSE,
            )


CHOOSE = "choose another name, or delete that one in the platform"


def delete_first(other: str) -> str:
    """What to do where `other` stands in the way, and has no manifest any more."""
    return (
        "delete it first, in the platform, or with its old manifest in place of the new one:\n"
        f"peakctl destroy --select {other}"
    )


def siblings(kind: str, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """The other kinds that share their names with `kind`."""
    group = kinds[kind].name_group
    return tuple(
        name for name, each in kinds.items() if group and name != kind and each.name_group == group
    )


def lost_item(resource: Resource, observed: LiveState) -> Listed | None:
    """What the ledger has under this name and has another name now; no manifest names it."""
    key = resource.key
    owned = observed.ledger.owned.get(key) if observed.ledger else None
    if owned is None or _is_live(owned.live_id, key, observed):
        return None
    items = observed.listed.get(key.kind, ())
    return next((i for i in items if LiveId.of(key.kind, i.id) == owned.live_id), None)


def _is_live(id_: LiveId, key: Key, observed: LiveState) -> bool:
    """Whether a declared resource has the id: `key` itself, nearly always."""
    there = observed.live.get(key)
    if there is not None and there.live_id == id_:
        return True
    return any(live.live_id == id_ for live in observed.live.values())


def lost_name(resource: Resource, observed: LiveState) -> Diagnostic | None:
    """A warning that what the ledger has under this name has another name now, and is disowned."""
    item = lost_item(resource, observed)
    if item is None:
        return None
    return diagnose(
        resource,
        NAME,
        "ledger/renamed",
        f'id {item.id} was ours under this name, and is called "{item.name}" now',
        fix=f"rename it back; an apply as planned disowns id {item.id}",
        severity=Severity.WARNING,
    )
