"""Whatever ledger, manifests and platform: nothing goes that must stay, and users go first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.observe.undeclared import observe_undeclared
from peakctl.engine.prune import plan_prune
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Document, Key, Ledger, Listed, Live, Location, Owned, Owner, Resource

KINDS = load_kinds()
USED = ("Image", "Workflow", "Service", "Webapp", "Deployment")
NAMES, IDS = st.sampled_from("abcd"), st.integers(1, 6)
KEYS = st.builds(Key, st.sampled_from(USED), NAMES)
GROUP = {kind: KINDS[kind].name_group or kind for kind in USED}


@dataclass
class Thing:
    """One thing on the platform."""

    id: int
    name: str
    ours: bool
    foreign: str | None
    listed: bool = True


@dataclass
class Shelf:
    """An adapter over what is there."""

    kind: str
    things: list[Thing]

    async def index(self, resources: Any = ()) -> tuple[Listed, ...]:
        return tuple(Listed(t.id, t.name, ours=t.ours) for t in self.things if t.listed)

    async def look_up(self, id: Any, values: Any) -> Listed | None:  # noqa: A002
        found = (Listed(t.id, t.name, ours=t.ours) for t in self.things if str(t.id) == str(id))
        return next(found, None)

    async def read(self, listed: Listed, resource: Any) -> Live:
        (thing,) = [t for t in self.things if t.id == listed.id]
        return Live(Key(self.kind, thing.name), thing.id, {}, foreign=thing.foreign)

    async def dependents(self, live: Live) -> tuple[str, ...]:
        return ()


@dataclass
class Case:
    """A tenant, what the ledger says of it, and the manifests of the run."""

    shelves: dict[str, Shelf]
    ledger: Ledger
    resources: dict[Key, Resource]
    live: dict[Key, Live]


def resource_of(key: Key, image_id: int | None) -> Resource:
    document = Document({}, "m.yaml", "/", lambda path: Location("m.yaml", 1, 1))
    spec = {"imageDetails": {"imageId": image_id}} if image_id else {}
    return Resource(key, {"metadata": {"name": key.name}, "spec": spec}, document)


def rarely(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 9)) == 7


@st.composite
def cases(draw: st.DrawFn) -> Case:
    def things() -> list[Thing]:
        ids = draw(st.lists(IDS, max_size=4, unique=True))
        part = "part of another"
        return [
            Thing(
                id_,
                draw(NAMES),
                not rarely(draw),
                part if rarely(draw) else None,
                listed=not rarely(draw),
            )
            for id_ in ids
        ]

    shelves = {kind: Shelf(kind, things()) for kind in USED}
    there = [(Key(kind, t.name), t.id) for kind in USED for t in shelves[kind].things]
    keys = st.sampled_from([key for key, _ in there]) if there else KEYS
    owned: dict[Key, Owned] = {}
    for key, id_ in there:
        if not rarely(draw):
            key = draw(KEYS) if rarely(draw) else key
            id_ = draw(IDS) if rarely(draw) else id_
            uses = tuple(draw(st.lists(keys, max_size=2)))
            owned[key] = Owned(key, draw(st.sampled_from([id_, str(id_)])), rarely(draw), uses)
    resources, live = {}, {}
    for key in draw(st.lists(KEYS, max_size=2, unique=True)):
        resources[key] = resource_of(key, draw(st.none() | IDS))
        named = [t for t in shelves[key.kind].things if t.name == key.name]
        if named:
            live[key] = Live(key, named[0].id, {})
    return Case(shelves, Ledger(Owner("p", "e"), "s", owned=owned), resources, live)


@given(cases(), st.booleans())
def test_only_what_may_go_goes_and_users_go_first(case: Case, history: bool) -> None:
    world = LiveState({}, case.live)
    found = asyncio.run(observe_undeclared(world, case.ledger, case.resources, case.shelves))
    deletes, told, gone = plan_prune(found, case.ledger, KINDS, case.resources, history=history)
    owned = case.ledger.owned
    declared = {(GROUP[key.kind], each.id) for key, each in case.live.items()}
    protected = {(GROUP[k.kind], str(o.id)) for k, o in owned.items() if o.protect}
    said = {d.key for d in told}
    for action in deletes:
        key, live = action.key, action.live
        assert live is not None
        (thing,) = [t for t in case.shelves[key.kind].things if t.id == live.id]
        assert str(owned[key].id) == str(live.id)
        assert (thing.name, thing.ours, thing.foreign) == (key.name, True, None)
        assert key not in case.resources
        assert (GROUP[key.kind], live.id) not in declared
        assert (GROUP[key.kind], str(live.id)) not in protected
        assert history or not KINDS[key.kind].history
        assert key not in said
        assert not is_mentioned(case, key.kind, live.id)
    went = [(GROUP[a.key.kind], str(owned[a.key].id)) for a in deletes]
    assert len(set(went)) == len(went)
    check_order(deletes, owned)
    same = {k: (GROUP[k.kind], str(o.id)) for k, o in owned.items()}
    shown = {same[k] for k in said & owned.keys()} | {(g, str(i)) for g, i in declared} | {*went}
    for key in owned.keys() - case.resources.keys() - gone:
        refused = is_mentioned(case, key.kind, int(owned[key].id))
        assert refused or same[key] in shown  # nothing is dropped without a word
    for key in gone:
        ids = {str(t.id) for t in case.shelves[key.kind].things}
        assert str(owned[key].id) not in ids


def is_mentioned(case: Case, kind: str, id_: Any) -> bool:
    return kind == "Image" and any(
        r.values["spec"].get("imageDetails", {}).get("imageId") == id_
        for k, r in case.resources.items()
        if k.kind in ("Service", "Webapp")
    )


def check_order(deletes: Any, owned: Any) -> None:
    """Every recorded edge between deletes holds, but those of loops; none waits for a later one.

    Two keys of one id are one thing.
    """
    same = {key: (GROUP[key.kind], str(each.id)) for key, each in owned.items()}
    places = {same[action.key]: number for number, action in enumerate(deletes)}
    edges: dict[Any, set[Any]] = {thing: set() for thing in places}
    for key, each in owned.items():
        used = {same[u] for u in each.uses if same.get(u) in places} - {same[key]}
        edges.setdefault(same[key], set()).update(used)
    for action in deletes:
        here = same[action.key]
        assert all(places[same[user]] < places[here] for user in action.after)
        for used in edges[here]:
            if not reaches(edges, used, here):
                assert places[here] < places[used]
                assert action.key in deletes[places[used]].after


def reaches(edges: dict[Any, set[Any]], start: Any, goal: Any) -> bool:
    seen, open_ = set(), [start]
    while open_:
        thing = open_.pop()
        if thing == goal:
            return True
        if thing not in seen:
            seen.add(thing)
            open_ += edges[thing]
    return False


@given(cases())
def test_the_order_of_the_ledger_changes_nothing(case: Case) -> None:
    def plan(ledger: Ledger, resources: dict[Key, Resource]) -> Any:
        world = LiveState({}, case.live)
        found = asyncio.run(observe_undeclared(world, ledger, resources, case.shelves))
        return plan_prune(found, ledger, KINDS, resources, history=True)

    turned = Ledger(Owner("p", "e"), "s", owned=dict(reversed(case.ledger.owned.items())))
    again = dict(reversed(case.resources.items()))
    assert plan(case.ledger, case.resources) == plan(turned, again)
