"""What exists: one sweep of the listings that matter, then one read for each declared resource.

A resource is read as soon as the listing of its kind is in; nothing waits for the slowest list.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from peakctl.engine.diff.stored_forms import normal_form
from peakctl.engine.graph import targets
from peakctl.engine.observe.identity import candidates, choose, in_scope, siblings
from peakctl.ledger.ownership import Owners, find_owners
from peakctl.ledger.revisions import Others, find_revision, read_others
from peakctl.model import EMPTY, Key, Ledger, Listed, Live, LiveId, Owner, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peakctl.kinds.fields import Kind
    from peakctl.model import Adapter, LedgerStore, Reference, Resource

Pin = tuple[str, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class LiveState:
    """The tenant as one run saw it.

    `listed` holds the listing of each kind that was looked at; `live` the declared resources that
    exist; `pins` what references to other resources receive, by kind, name, wanted version and
    scope; `definitions` the specs that were read for the parameters they declare. `ledger` is our
    own, None when there is none, `others` are those of other projects where they had to be read;
    `owners` says who owns each resource. `unlisted` are the ids, by kind, that the listing lacks
    although the ledger has them and they are there; `listed` has them all the same.
    """

    listed: Mapping[str, tuple[Listed, ...]] = field(default_factory=dict)
    live: Mapping[Key, Live] = field(default_factory=dict)
    pins: Mapping[Pin, Tree | None] = field(default_factory=dict)
    definitions: Mapping[Key, Live] = field(default_factory=dict)
    ledger: Ledger | None = None
    others: tuple[Ledger, ...] = ()
    owners: Owners = field(default_factory=Owners)
    unlisted: frozenset[LiveId] = frozenset()

    def matches(self, kind: str, name: str) -> tuple[Listed, ...]:
        """Everything of that kind and exact name."""
        return tuple(item for item in self.listed.get(kind, ()) if item.name == name)


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Where the ledgers are, and which one is ours. `held` is ours when this run has its lease.

    `known` are resources that this run has read already and is not about to change. With
    `others` the ledgers of other projects are read in any case.
    """

    store: LedgerStore
    owner: Owner
    held: Ledger | None = None
    known: Mapping[Key, Live] = field(default_factory=dict)
    others: bool = False


def outside_references(resources: Mapping[Key, Resource]) -> list[Reference]:
    """References that the run's own manifests do not answer, or answer with another version."""
    return [
        reference
        for resource in resources.values()
        for reference in resource.references
        if reference.version is not None or not targets(reference, resources)
    ]


class Observer:
    """One observation of a tenant."""

    def __init__(
        self,
        resources: Mapping[Key, Resource],
        kinds: Mapping[str, Kind],
        adapters: Mapping[str, Adapter],
        query: LedgerQuery | None,
    ) -> None:
        self._resources = resources
        self._kinds = kinds
        self._adapters = adapters
        self._query = query
        self._ledger = query.held if query else None
        self._ledger_known = asyncio.Event()
        if query is None or query.held is not None:
            self._ledger_known.set()
        self._outside = outside_references(resources)
        self._listed: dict[str, tuple[Listed, ...]] = {}
        self._live: dict[Key, Live] = {}
        self._pins: dict[Pin, Tree | None] = {}
        self._definitions: dict[Key, Live] = {}
        self._unlisted: set[LiveId] = set()
        self._needed = self._needed_kinds()

    async def observe(self) -> LiveState:
        async with asyncio.TaskGroup() as group:
            for kind in sorted(self._needed):
                group.create_task(self._observe_kind(kind))
        rest = await self._read_others()
        us = self._query.owner if self._query else None
        owners = replace(find_owners(us, self._ledger, rest.ledgers), unread=rest.unread)
        return LiveState(
            self._listed,
            without_parts(self._live, owners),
            self._pins,
            self._definitions,
            self._ledger,
            rest.ledgers,
            owners,
            frozenset(self._unlisted),
        )

    async def _read_others(self) -> Others:
        """Other projects' ledgers, where something that is live or to be made may be theirs."""
        if self._query is None:
            return Others()
        store, us = self._query.store, self._query.owner
        owners = find_owners(us, self._ledger, ())
        # What a run only set out to create may be another project's: it may have died before.
        ours = all(owners.owner(live) == us for live in self._live.values())
        if ours and not self._query.others:
            return Others()
        listed = self._listed.get(store.kind)
        ledgers = store.pick(listed) if listed is not None else await store.list()
        return await read_others(store, ledgers, us)

    async def _read_ledger(self, query: LedgerQuery) -> None:
        ledgers = query.store.pick(self._listed[query.store.kind])
        revision = await find_revision(query.store, ledgers, query.owner)
        self._ledger = revision.ledger if revision else None
        self._ledger_known.set()

    def _needed_kinds(self) -> set[str]:
        declared = {key.kind for key in self._resources}
        wanted = {k for r in self._outside for k in r.kinds if k in self._adapters}
        return declared | wanted | self._kind_of_ledgers()

    def _kind_of_ledgers(self) -> set[str]:
        """The kind in whose listing the ledgers are, if they are to be read."""
        query = self._query
        return {query.store.kind} if query and (query.held is None or query.others) else set()

    def _concerned(self, kind: str) -> list[Resource]:
        """The resources of the kind, and those that refer to it."""
        return [
            resource
            for key, resource in self._resources.items()
            if key.kind == kind or any(kind in r.kinds for r in resource.references)
        ]

    async def _observe_kind(self, kind: str) -> None:
        adapter = self._adapters[kind]
        self._listed[kind] = await adapter.index(self._concerned(kind))
        observed = LiveState(self._listed)
        async with asyncio.TaskGroup() as group:
            if self._query and kind == self._query.store.kind and self._ledger is None:
                group.create_task(self._read_ledger(self._query))
            for resource in (r for key, r in self._resources.items() if key.kind == kind):
                group.create_task(self._observe_one(adapter, resource))
            for reference in self._outside:
                if kind in reference.kinds:
                    self._pin_one(group, adapter, kind, reference)
            for name in sorted(self._defining_names(kind)):
                matches = observed.matches(kind, name)
                group.create_task(self._define(adapter, matches, Key(kind, name)))

    async def _observe_one(self, adapter: Adapter, resource: Resource) -> None:
        """Read what has the name; what the ledger has under it is looked for by its id, too."""
        found = candidates(LiveState(self._listed), resource)
        if found:
            await self._read(adapter, found, resource)
        await self._ledger_known.wait()
        names = (resource.key.name, *resource.previous_names)
        keys = [Key(resource.key.kind, name) for name in names]
        looked_up = [await self._look_up(key, resource.values) for key in keys]
        if any(looked_up) or (not found and await self._is_listed_otherwise(resource)):
            found = candidates(LiveState(self._listed), resource)
            await self._read(adapter, found, resource)
        if not found:
            await self._list_siblings(resource.key)

    async def _is_listed_otherwise(self, resource: Resource) -> bool:
        """Whether what the ledger has under the name is listed under another one all the same.

        A platform that folds letter case or trims names lists its form of the name: the listing has
        it under both from then on. For any other name the id is read, since a create in its place
        would make the thing a second time: its own answer counts for more than the listing.
        """
        key = resource.key
        owned = self._ledger.owned.get(key) if self._ledger else None
        for item in self._listed[key.kind]:
            if owned and LiveId.of(key.kind, item.id) == owned.live_id:
                found: Listed | None = replace(item, name=key.name)
                if normal_form(item.name) != normal_form(key.name):
                    found = await self._read_misnamed(item, resource)
                self._listed[key.kind] += (found,) if found else ()
                return found is not None
        return False

    async def _read_misnamed(self, item: Listed, resource: Resource) -> Listed | None:
        """What the listing calls otherwise, if its own answer has the name of the resource."""
        kind, name = resource.key.kind, resource.key.name
        found = await self._adapters[kind].look_up(item.id, resource.values)
        if found is None or found.name != name:
            return None
        self._unlisted.add(LiveId.of(kind, item.id))
        return found

    async def _look_up(self, key: Key, values: Tree) -> bool:
        """Whether what the ledger has under `key` is there although no listing shows it.

        One request, and only where the listing lacks the id: a create in its place would make the
        thing a second time.
        """
        owned = self._ledger.owned.get(key) if self._ledger else None
        listed = {LiveId.of(key.kind, item.id) for item in self._listed[key.kind]}
        if owned is None or owned.live_id in listed:
            return False
        found = await self._adapters[key.kind].look_up(owned.id, values)
        if found is None:
            return False
        self._unlisted.add(LiveId.of(key.kind, found.id))
        self._listed[key.kind] += (found,)
        return True

    async def _choose(self, found: Sequence[Listed], kind: str) -> Listed | None:
        """The one of the name that is meant; where there are several, the ledger is waited for."""
        if len(found) > 1:
            await self._ledger_known.wait()
        return choose(found, kind, self._ledger)

    async def _list_siblings(self, key: Key) -> None:
        """List the kinds in which the ledger has the name of what is to be made, once each.

        A second look has no need to: the first would have ended the run.
        """
        await self._ledger_known.wait()
        first = self._query is None or self._query.held is None
        owned = self._ledger.owned if self._ledger and first else {}
        for other in siblings(key.kind, self._kinds):
            listed = other in self._needed | self._listed.keys()
            if Key(other, key.name) in owned and other in self._adapters and not listed:
                self._listed[other] = ()
                self._listed[other] = await self._adapters[other].index(())
                for each in [each for each in self._resources if each.kind == key.kind]:
                    await self._look_up(Key(other, each.name), EMPTY)

    def _defining_names(self, kind: str) -> set[str]:
        """Names of specs outside the run for whose parameters the run gives values."""
        if not self._kinds[kind].defines:
            return set()
        return {
            reference.name
            for key, resource in self._resources.items()
            if self._kinds[key.kind].defined_by
            for reference in resource.references
            if kind in reference.kinds and Key(kind, reference.name) not in self._resources
        }

    async def _read(self, adapter: Adapter, matches: Sequence[Listed], resource: Resource) -> None:
        found = await self._choose(matches, resource.key.kind)
        if found is None:
            return
        known = self._query.known.get(resource.key) if self._query else None
        same = known is not None and known.id == found.id
        live = known if same else await adapter.read(found, resource)
        if live is not None:
            self._live[resource.key] = live

    def _pin_one(
        self, group: asyncio.TaskGroup, adapter: Adapter, kind: str, reference: Reference
    ) -> None:
        """Start looking up what a reference receives; each distinct one once."""
        pin = (kind, reference.name, reference.version, reference.scope)
        matches = in_scope(LiveState(self._listed).matches(kind, reference.name), reference)
        if pin not in self._pins and matches:
            self._pins[pin] = None
            group.create_task(self._pin(adapter, matches, pin))

    async def _pin(self, adapter: Adapter, matches: Sequence[Listed], pin: Pin) -> None:
        found = await self._choose(matches, pin[0])
        self._pins[pin] = await adapter.pin(found, pin[2]) if found else None

    async def _define(self, adapter: Adapter, matches: Sequence[Listed], key: Key) -> None:
        found = await self._choose(matches, key.kind)
        live = await adapter.read(found, None) if found else None
        if live is not None:
            self._definitions[key] = live


def without_parts(live: Mapping[Key, Live], owners: Owners) -> dict[Key, Live]:
    """`live`, with what the platform made for another resource in it marked as not ours.

    Parts are known by name alone, so what our ledger has by id is ours all the same.
    """
    makers = {part: each.key for each in live.values() for part in each.parts}
    return {
        key: replace(each, foreign=f"the platform made it for {makers[key]}")
        if key in makers and not (owners.us and owners.owner(each) == owners.us)
        else each
        for key, each in live.items()
    }


async def observe(
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    adapters: Mapping[str, Adapter],
    query: LedgerQuery | None = None,
) -> LiveState:
    """Look at the tenant: P list pages and one read for each declared resource that exists.

    One request more for each that the ledger has and no listing shows.

    The ledger of `query` costs two requests more, side by side, and the listing it is in where no
    resource needs that; those of other projects one each, where they are read. Raises the first
    ApiError, NotAuthenticated or LedgerUnusable of any request.
    """
    try:
        return await Observer(resources, kinds, adapters, query).observe()
    except BaseExceptionGroup as group:
        raise first_error(group) from None


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first real error of a group of tasks: the rest were cancelled because of it."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
