"""What is live: the listings that are needed, then one read for each declared resource.

A resource is read as soon as the listing of its kind is in; nothing waits for the slowest list.
What the platform made for another resource is never adopted: what made it is read only for what is
live, owned by nobody and about to become this project's, and only where some kind shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace

from peakctl.engine.diff.stored_forms import normal_form
from peakctl.engine.graph import targets
from peakctl.engine.observe.identity import candidates, choose, in_scope, siblings
from peakctl.errors import ApiError, NotAuthenticated
from peakctl.kinds.fields import Kind
from peakctl.ledger.ownership import Owners, find_owners
from peakctl.ledger.revisions import LedgerRevision, Others, find_revision, read_others
from peakctl.model import EMPTY, Adapter, Key, Ledger, LedgerStore, Owner, Plan, Tree, Verb
from peakctl.model.records import dataclass
from peakctl.model.resources import Listed, Live, LiveId, Reference, Resource

Pin = tuple[str, str, str | None, str | None]


Listings = dict[str, asyncio.Task[tuple[Listed, ...]]]
"""Listings that are under way, by kind."""
_ByName = tuple[tuple[Listed, ...], dict[str, list[Listed]]]
"""A listing, and its items by their names."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """The tenant as one run saw it.

    `listed` holds the listing of each kind that was looked at; `live` the declared resources that
    exist; `pins` what references to other resources receive, by kind, name, wanted version and
    scope; `definitions` the specs that were read for the parameters they declare. `ledger` is our
    own, None when there is none, and `revision` the version of it that was read; `others` are those
    of other projects where they had to be read; `owners` says who owns each resource. `unlisted`
    are the ids, by kind, that the listing lacks although the ledger has them and they are there;
    `listed` has them all the same. `by_name` is what `matches` finds names by.
    """

    listed: Mapping[str, tuple[Listed, ...]] = field(default_factory=dict)
    live: Mapping[Key, Live] = field(default_factory=dict)
    pins: Mapping[Pin, Tree | None] = field(default_factory=dict)
    definitions: Mapping[Key, Live] = field(default_factory=dict)
    ledger: Ledger | None = None
    others: tuple[Ledger, ...] = ()
    owners: Owners = field(default_factory=Owners)
    unlisted: frozenset[LiveId] = frozenset()
    revision: LedgerRevision | None = None
    by_name: dict[str, _ByName] = field(default_factory=dict, repr=False, compare=False)

    def matches(self, kind: str, name: str) -> tuple[Listed, ...]:
        """Everything of that kind and exact name."""
        listed = self.listed.get(kind, ())
        known = self.by_name.get(kind)
        if known is None or known[0] is not listed:  # it grows while it is observed
            known = self.by_name[kind] = (listed, {})
            for item in listed:
                known[1].setdefault(item.name, []).append(item)
        return tuple(known[1].get(name, ()))


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Where the ledgers are, and which one is ours. `held` is ours when this run has its lease.

    `known` are resources that this run has read already and is not about to change. With
    `others` the ledgers of other projects are read in any case. `begun` are listings that are under
    way already, by kind; each is taken once.
    """

    store: LedgerStore
    owner: Owner
    held: Ledger | None = None
    known: Mapping[Key, Live] = field(default_factory=dict)
    others: bool = False
    begun: Listings = field(default_factory=dict)


def outside_references(resources: Mapping[Key, Resource]) -> list[Reference]:
    """References that the run's own manifests do not answer, or answer with another version."""
    return [
        reference
        for resource in resources.values()
        for reference in resource.references
        if reference.version is not None or not targets(reference, resources)
    ]


@dataclass(slots=True)
class _Observer:
    """One observation of a tenant."""

    resources: Mapping[Key, Resource]
    kinds: Mapping[str, Kind]
    adapters: Mapping[str, Adapter]
    query: LedgerQuery | None
    outside: Sequence[Reference]
    ledger: Ledger | None = None
    revision: LedgerRevision | None = None
    ledger_known: asyncio.Event = field(default_factory=asyncio.Event)
    listed: dict[str, tuple[Listed, ...]] = field(default_factory=dict)
    live: dict[Key, Live] = field(default_factory=dict)
    pins: dict[Pin, Tree | None] = field(default_factory=dict)
    definitions: dict[Key, Live] = field(default_factory=dict)
    unlisted: set[LiveId] = field(default_factory=set)
    seen: LiveState = field(init=False)
    needed: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = self.query.held if self.query else None
        if self.query is None or self.query.held is not None:
            self.ledger_known.set()
        self.seen = LiveState(self.listed)
        self.needed = self._needed_kinds()

    async def observe(self) -> LiveState:
        async with asyncio.TaskGroup() as group:
            for kind in sorted(self.needed):
                group.create_task(self._observe_kind(kind))
        rest = await self._read_others()
        us = self.query.owner if self.query else None
        owners = replace(find_owners(us, self.ledger, rest.ledgers), unread=rest.unread)
        return LiveState(
            self.listed,
            mark_parts(self.live, owners),
            self.pins,
            self.definitions,
            self.ledger,
            rest.ledgers,
            owners,
            frozenset(self.unlisted),
            self.revision,
        )

    async def _read_others(self) -> Others:
        """Other projects' ledgers, where something that is live or to be made may be theirs."""
        if self.query is None:
            return Others()
        store, us = self.query.store, self.query.owner
        owners = find_owners(us, self.ledger, ())
        # What a run only set out to create may be another project's: it may have died before.
        ours = all(owners.owner(live) == us for live in self.live.values())
        if ours and not self.query.others:
            return Others()
        listed = self.listed.get(store.kind)
        ledgers = store.pick(listed) if listed is not None else await store.list()
        return await read_others(store, ledgers, us)

    async def _read_ledger(self, query: LedgerQuery) -> None:
        ledgers = query.store.pick(self.listed[query.store.kind])
        self.revision = await find_revision(query.store, ledgers, query.owner)
        self.ledger = self.revision.ledger if self.revision else None
        self.ledger_known.set()

    def _needed_kinds(self) -> set[str]:
        declared = {key.kind for key in self.resources}
        wanted = {k for r in self.outside for k in r.kinds if k in self.adapters}
        return declared | wanted | self._kind_of_ledgers()

    def begin(self) -> Listings:
        """Ask for the listings, and for nothing else."""
        return {
            kind: asyncio.ensure_future(self.adapters[kind].index(self._concerned(kind)))
            for kind in sorted(self.needed)
        }

    def _kind_of_ledgers(self) -> set[str]:
        """The kind in whose listing the ledgers are, if they are to be read."""
        query = self.query
        return {query.store.kind} if query and (query.held is None or query.others) else set()

    def _concerned(self, kind: str) -> list[Resource]:
        """The resources of the kind, and those that refer to it."""
        return [
            resource
            for key, resource in self.resources.items()
            if key.kind == kind or any(kind in r.kinds for r in resource.references)
        ]

    async def _observe_kind(self, kind: str) -> None:
        adapter = self.adapters[kind]
        begun = self.query.begun.pop(kind, None) if self.query else None
        self.listed[kind] = await (begun or adapter.index(self._concerned(kind)))
        async with asyncio.TaskGroup() as group:
            if self.query and kind == self.query.store.kind and self.ledger is None:
                group.create_task(self._read_ledger(self.query))
            for resource in (r for key, r in self.resources.items() if key.kind == kind):
                group.create_task(self._observe_one(adapter, resource))
            for reference in self.outside:
                if kind in reference.kinds:
                    self._pin_one(group, adapter, kind, reference)
            for name in sorted(self._defining_names(kind)):
                matches = self.seen.matches(kind, name)
                group.create_task(self._define(adapter, matches, Key(kind, name)))

    async def _observe_one(self, adapter: Adapter, resource: Resource) -> None:
        """Read what has the name; what the ledger has under it is looked for by its id, too."""
        found = candidates(self.seen, resource)
        if found:
            await self._read(adapter, found, resource)
        await self.ledger_known.wait()
        names = (resource.key.name, *resource.previous_names)
        keys = [Key(resource.key.kind, name) for name in names]
        looked_up = [await self._look_up(key, resource.values) for key in keys]
        if any(looked_up) or (not found and await self._is_listed_otherwise(resource)):
            found = candidates(self.seen, resource)
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
        owned = self.ledger.owned.get(key) if self.ledger else None
        for item in self.listed[key.kind]:
            if owned and LiveId.of(key.kind, item.id) == owned.live_id:
                found: Listed | None = replace(item, name=key.name)
                if normal_form(item.name) != normal_form(key.name):
                    found = await self._read_misnamed(item, resource)
                self.listed[key.kind] += (found,) if found else ()
                return found is not None
        return False

    async def _read_misnamed(self, item: Listed, resource: Resource) -> Listed | None:
        """What the listing calls otherwise, if its own answer has the name of the resource."""
        kind, name = resource.key.kind, resource.key.name
        found = await self.adapters[kind].look_up(item.id, resource.values)
        if found is None or found.name != name:
            return None
        self.unlisted.add(LiveId.of(kind, item.id))
        return found

    async def _look_up(self, key: Key, values: Tree) -> bool:
        """Whether what the ledger has under `key` is there although no listing shows it.

        One request, and only where the listing lacks the id: a create in its place would make the
        thing a second time.
        """
        owned = self.ledger.owned.get(key) if self.ledger else None
        if owned is None or self._is_listed(owned.live_id, key):
            return False
        found = await self.adapters[key.kind].look_up(owned.id, values)
        if found is None:
            return False
        self.unlisted.add(LiveId.of(key.kind, found.id))
        self.listed[key.kind] += (found,)
        return True

    def _is_listed(self, id_: LiveId, key: Key) -> bool:
        """Whether the listing has the id: under the name of `key`, nearly always."""
        same = self.seen.matches(key.kind, key.name)
        return any(
            LiveId.of(key.kind, item.id) == id_
            for items in (same, self.listed[key.kind])
            for item in items
        )

    async def _choose(self, found: Sequence[Listed], kind: str) -> Listed | None:
        """The one of the name that is meant; where there are several, the ledger is waited for."""
        if len(found) > 1:
            await self.ledger_known.wait()
        return choose(found, kind, self.ledger)

    async def _list_siblings(self, key: Key) -> None:
        """List the kinds in which the ledger has the name of what is to be made, once each.

        A second look has no need to: the first would have ended the run.
        """
        await self.ledger_known.wait()
        first = self.query is None or self.query.held is None
        owned = self.ledger.owned if self.ledger and first else {}
        for other in siblings(key.kind, self.kinds):
            listed = other in self.needed | self.listed.keys()
            if Key(other, key.name) in owned and other in self.adapters and not listed:
                self.listed[other] = ()
                self.listed[other] = await self.adapters[other].index(())
                for each in [each for each in self.resources if each.kind == key.kind]:
                    await self._look_up(Key(other, each.name), EMPTY)

    def _defining_names(self, kind: str) -> set[str]:
        """Names of specs outside the run for whose parameters the run gives values."""
        if not self.kinds[kind].defines:
            return set()
        return {
            reference.name
            for key, resource in self.resources.items()
            if self.kinds[key.kind].defined_by
            for reference in resource.references
            if kind in reference.kinds and Key(kind, reference.name) not in self.resources
        }

    async def _read(self, adapter: Adapter, matches: Sequence[Listed], resource: Resource) -> None:
        found = await self._choose(matches, resource.key.kind)
        if found is None:
            return
        known = self.query.known.get(resource.key) if self.query else None
        same = known is not None and known.id == found.id
        live = known if same else await adapter.read(found, resource)
        if live is not None:
            self.live[resource.key] = live

    def _pin_one(
        self, group: asyncio.TaskGroup, adapter: Adapter, kind: str, reference: Reference
    ) -> None:
        """Start looking up what a reference receives; each distinct one once."""
        pin = (kind, reference.name, reference.version, reference.scope)
        matches = in_scope(self.seen.matches(kind, reference.name), reference)
        if pin not in self.pins and matches:
            self.pins[pin] = None
            group.create_task(self._pin(adapter, matches, pin))

    async def _pin(self, adapter: Adapter, matches: Sequence[Listed], pin: Pin) -> None:
        found = await self._choose(matches, pin[0])
        self.pins[pin] = await adapter.pin(found, pin[2]) if found else None

    async def _define(self, adapter: Adapter, matches: Sequence[Listed], key: Key) -> None:
        found = await self._choose(matches, key.kind)
        live = await adapter.read(found, None) if found else None
        if live is not None:
            self.definitions[key] = live


def mark_parts(live: Mapping[Key, Live], owners: Owners) -> dict[Key, Live]:
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
        outside = outside_references(resources)
        return await _Observer(resources, kinds, adapters, query, outside).observe()
    except BaseExceptionGroup as group:
        raise first_error(group) from None


def begin_listings(
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    adapters: Mapping[str, Adapter],
    query: LedgerQuery,
) -> Listings:
    """The listings that `observe` of the same begins with, asked for: `LedgerQuery.begun`."""
    return _Observer(resources, kinds, adapters, query, outside_references(resources)).begin()


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first real error of a group of tasks: the rest were cancelled because of it."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error


@dataclass(frozen=True, slots=True)
class Makers:
    """What the platform made each resource for that was asked about (None: for nothing else).

    `unsure` are those for which a read failed, with the reason.
    """

    found: Mapping[LiveId, Key | None] = field(default_factory=dict)
    unsure: Mapping[LiveId, str] = field(default_factory=dict)

    def __or__(self, other: Makers) -> Makers:
        return Makers({**self.found, **other.found}, {**self.unsure, **other.unsure})


def adoptable(plan: Plan, observed: LiveState, adapters: Mapping[str, Adapter]) -> tuple[Live, ...]:
    """What the plan would adopt and may have been made for another resource.

    Without a ledger nothing is adopted: what the plan would change counts.
    """
    kinds = {kind for adapter in adapters.values() for kind in adapter.makes}
    return tuple(
        action.live
        for action in plan.actions
        if action.live is not None
        and action.live.key.kind in kinds
        and action.live.foreign is None
        and observed.owners.owner(action.live) is None
        and not observed.owners.unread
        and (action.verb is not Verb.KEEP or observed.owners.us is not None)
    )


async def find_makers(
    lives: Collection[Live], read: Iterable[Live], adapters: Mapping[str, Adapter]
) -> Makers:
    """What made each of `lives`. `read` is what the run has read already: it is not read again.

    A failed read leaves those unsure that it was about. Raises nothing of its own.
    """
    asked = {
        name: mine
        for name, adapter in adapters.items()
        if (mine := [live for live in lives if live.key.kind in adapter.makes])
    }
    known = list(read)
    found = await asyncio.gather(
        *(
            adapters[name].makers(mine, [live for live in known if live.key.kind == name])
            for name, mine in asked.items()
        ),
        return_exceptions=True,
    )
    decided = Makers()
    for mine, answer in zip(asked.values(), found, strict=True):
        ids = [live.live_id for live in mine]
        if isinstance(answer, (ApiError, NotAuthenticated)):
            decided |= Makers(unsure=dict.fromkeys(ids, str(answer)))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            decided |= Makers({each: answer.get(each) for each in ids})
    return decided


def mark_made(observed: LiveState, makers: Makers) -> LiveState:
    """`observed` with what was made for another resource marked as not ours, and what is unsure."""
    live = {
        key: replace(each, foreign=f"the platform made it for {maker}")
        if (maker := makers.found.get(each.live_id))
        else each
        for key, each in observed.live.items()
    }
    return replace(observed, live=live, owners=replace(observed.owners, unsure=makers.unsure))
