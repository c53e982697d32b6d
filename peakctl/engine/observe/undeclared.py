"""What the ledger owns and no manifest names, as the platform has it now."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace

from peakctl.engine.observe.live_state import LiveState, first_error
from peakctl.model import EMPTY, Adapter, Key, Ledger, Listed, Live, LiveId, Owned, Resource
from peakctl.model.records import dataclass
from peakctl.model.values import mapping_at


@dataclass(frozen=True, slots=True)
class Undeclared:
    """One owned thing without a manifest.

    `listed` is what has its id now (None: its kind is not known), `live` the same as it was read
    (None: nothing that is kept anyway is read). `dependents` are what uses it, as `Kind/name`;
    `same_name` the ids of others of its name.
    """

    owned: Owned
    listed: Listed | None = None
    live: Live | None = None
    dependents: tuple[str, ...] = ()
    same_name: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PruneCandidates:
    """All of them, by key. `gone` are those whose id is on the platform no more.

    `declared` are the live resources that manifests name, whatever the ledger calls them.
    """

    found: tuple[Undeclared, ...] = ()
    gone: frozenset[Key] = frozenset()
    declared: Mapping[Key, Live] = field(default_factory=dict)


async def observe_undeclared(
    observed: LiveState,
    ledger: Ledger,
    resources: Mapping[Key, Resource],
    adapters: Mapping[str, Adapter],
    *,
    unread: Collection[str] = (),
) -> PruneCandidates:
    """Look at what may be pruned: one listing a kind at most, one read each of what may go.

    A listing of `observed` serves when every id is in it; it may have been narrowed to what
    manifests need, so a missing id is looked for in a whole one, and then asked for by itself.
    Kinds of `unread` are listed but not read. Raises the first ApiError or NotAuthenticated of any
    request.
    """
    by_kind: dict[str, list[Owned]] = {}
    for key, owned in sorted(ledger.owned.items()):
        if key not in resources:
            by_kind.setdefault(key.kind, []).append(owned)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_of_kind(kind, each, observed, adapters, unread))
                for kind, each in by_kind.items()
            ]
    except BaseExceptionGroup as failed:
        raise first_error(failed) from None
    looked = [pair for task in tasks for pair in task.result()]
    found = tuple(candidate for _, candidate in looked if candidate is not None)
    gone = frozenset(key for key, candidate in looked if candidate is None)
    return PruneCandidates(found, gone, observed.live)


async def _of_kind(
    kind: str,
    owned: list[Owned],
    observed: LiveState,
    adapters: Mapping[str, Adapter],
    unread: Collection[str],
) -> list[tuple[Key, Undeclared | None]]:
    """Each with its key; None where it is gone."""
    adapter = adapters.get(kind)
    if adapter is None:
        return [(each.key, Undeclared(each)) for each in owned]
    by_id = _by_id(kind, observed.listed.get(kind, ()))
    if not all(each.live_id in by_id for each in owned):
        by_id = _by_id(kind, await adapter.index(()))
    missing = [each for each in owned if each.live_id not in by_id]
    found = await asyncio.gather(*(adapter.look_up(each.id, EMPTY) for each in missing))
    by_id |= {each.live_id: item for each, item in zip(missing, found, strict=True) if item}
    reader = None if kind in unread else adapter
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_look(reader, each, by_id.get(each.live_id))) for each in owned]
    looked = [(each.key, task.result()) for each, task in zip(owned, tasks, strict=True)]
    return [(key, candidate and _among(candidate, by_id.values())) for key, candidate in looked]


def _by_id(kind: str, listed: Iterable[Listed]) -> dict[LiveId, Listed]:
    return {LiveId.of(kind, item.id): item for item in listed}


def _among(candidate: Undeclared, listed: Iterable[Listed]) -> Undeclared:
    """The candidate with the ids of others of its name."""
    key, own = candidate.owned.key, candidate.owned.live_id
    same = [item for item in listed if item.ours and item.name == key.name]
    ids = {LiveId.of(key.kind, item.id) for item in same} - {own}
    return replace(candidate, same_name=tuple(sorted(each.id for each in ids)))


async def _look(adapter: Adapter | None, owned: Owned, listed: Listed | None) -> Undeclared | None:
    if listed is None:
        return None
    if adapter is None or not listed.ours or listed.name != owned.key.name:
        return Undeclared(owned, listed)
    live = await adapter.read(listed, None)
    if live is None:
        return None
    name = str(mapping_at(live.values, ("metadata",)).get("name", listed.name))
    if name != listed.name:  # renamed since it was listed
        return Undeclared(owned, replace(listed, name=name))
    return Undeclared(owned, listed, live, await adapter.dependents(live))
