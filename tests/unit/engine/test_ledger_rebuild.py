"""What a rebuilt ledger lists: live and declared, or owned before and still there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ledgers import THEM, US, ledger_of

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.rebuild import Rebuilt, find_there, rebuild
from peakctl.ledger.ownership import Owners
from peakctl.ledger.revisions import Others
from peakctl.model import Key, Ledger, Listed, Live, Owned, Resource

IMAGE, FLOW, GONE = Key("Image", "a"), Key("Workflow", "b"), Key("Service", "c")
NOBODY: Any = None


def resource(key: Key, *, protect: bool = False) -> Resource:
    return Resource(key, {}, NOBODY, protect=protect)


def live(key: Key, id_: str | int, foreign: str | None = None) -> Live:
    return Live(key, id_, {}, foreign=foreign)


def made(
    resources: list[Resource],
    found: list[Live],
    before: Ledger | None = None,
    *,
    there: frozenset[tuple[str, str]] = frozenset(),
    others: tuple[Ledger, ...] = (),
    unread: tuple[str, ...] = (),
    uses: Mapping[Key, tuple[Key, ...]] | None = None,
    listed: Mapping[str, tuple[Listed, ...]] | None = None,
    damaged: bool = False,
    unsure: Mapping[tuple[str, str], str] | None = None,
) -> Rebuilt:
    declared = {each.key: each for each in resources}
    owners = Owners(unsure=unsure or {})
    world = LiveState(listed or {}, {each.key: each for each in found}, owners=owners)
    return rebuild(
        US,
        declared,
        world,
        uses=dict.fromkeys(declared, ()) | dict(uses or {}),
        before=before,
        there=there,
        others=Others(others, unread),
        damaged=damaged,
    )


def test_what_is_declared_and_live_is_added_with_its_protection_and_what_it_uses() -> None:
    found = made(
        [resource(FLOW, protect=True), resource(IMAGE), resource(GONE)],
        [live(FLOW, "w1"), live(IMAGE, 7)],
        uses={FLOW: (IMAGE,)},
    )
    assert list(found.owned) == [IMAGE, FLOW]
    assert found.owned[FLOW] == Owned(FLOW, "w1", protect=True, uses=(IMAGE,), claimed=True)
    assert found.added == (IMAGE, FLOW)
    assert (found.changed, found.dropped, found.undecided) == ((), (), ())
    assert found.differs


def test_entries_keep_their_digests_and_follow_the_manifest_in_the_rest() -> None:
    before = ledger_of(
        Owned(IMAGE, 7, digests={"spec.x": "d"}), Owned(FLOW, "w1", protect=True), owner=US
    )
    found = made(
        [resource(IMAGE, protect=True), resource(FLOW, protect=True)],
        [live(IMAGE, 7), live(FLOW, "w1")],
        before,
    )
    assert found.owned[IMAGE] == Owned(IMAGE, 7, protect=True, digests={"spec.x": "d"})
    assert (found.added, found.changed) == ((), (IMAGE,))


@pytest.mark.parametrize("claimed", [True, False])
def test_what_is_known_of_an_id_stays_known(claimed: bool) -> None:
    old = Owned(IMAGE, 7, secret=("spec/x",), claimed=claimed, created=True)
    found = made([resource(IMAGE, protect=True)], [live(IMAGE, 7)], ledger_of(old))
    assert found.owned == {IMAGE: replace(old, protect=True)}


def test_a_rebuild_never_lifts_a_protection() -> None:
    before = ledger_of(Owned(IMAGE, 7, protect=True), Owned(FLOW, "w1"))
    found = made([resource(IMAGE), resource(FLOW)], [live(IMAGE, 7), live(FLOW, "w1")], before)
    assert not found.differs
    assert (found.owned, found.protecting) == (before.owned, False)


def test_what_a_damaged_version_protected_is_unknown_so_all_that_was_owned_is_protected() -> None:
    before = ledger_of(Owned(IMAGE, 7), Owned(FLOW, "w1"))
    there = frozenset({("Image", "7"), ("Workflow", "w1")})
    found = made([resource(IMAGE)], [live(IMAGE, 7)], before, there=there, damaged=True)
    assert all(each.protect for each in found.owned.values())
    assert (found.changed, found.protecting) == ((IMAGE, FLOW), True)
    assert not made([], [], damaged=True).protecting


def test_nothing_differs_when_the_ledger_is_right() -> None:
    before = ledger_of(Owned(IMAGE, 7))
    found = made([resource(IMAGE)], [live(IMAGE, 7)], before, there=frozenset({("Image", "7")}))
    assert not found.differs
    assert found.owned == before.owned


def test_what_no_manifest_names_stays_as_long_as_its_id_is_there() -> None:
    before = ledger_of(Owned(FLOW, "w1"), Owned(GONE, "s1"))
    found = made([], [], before, there=frozenset({("Workflow", "w1")}))
    assert list(found.owned) == [FLOW]
    assert found.dropped == (Owned(GONE, "s1"),)


def test_a_new_name_for_the_same_id_replaces_the_old_one() -> None:
    new = Key("Image", "renamed")
    before = ledger_of(Owned(IMAGE, 7, digests={"spec.x": "d"}))
    found = made([resource(new)], [live(new, 7)], before, there=frozenset({("Image", "7")}))
    assert found.owned == {new: Owned(new, 7, digests={"spec.x": "d"})}
    assert (found.added, found.changed, found.dropped) == ((), (new,), ())


def test_the_same_name_with_another_id_is_another_resource() -> None:
    before = ledger_of(Owned(IMAGE, 7, digests={"spec.x": "d"}))
    found = made([resource(IMAGE)], [live(IMAGE, 8)], before)
    assert found.owned == {IMAGE: Owned(IMAGE, 8, claimed=True)}
    assert found.added == (IMAGE,)
    assert found.dropped == (Owned(IMAGE, 7, digests={"spec.x": "d"}),)


def test_a_resource_that_lost_its_name_to_another_is_dropped() -> None:
    before = ledger_of(Owned(FLOW, "w1"))
    there = frozenset({("Workflow", "w1")})
    found = made([resource(FLOW)], [live(FLOW, "w2")], before, there=there)
    assert found.owned == {FLOW: Owned(FLOW, "w2", claimed=True)}
    assert (found.added, found.dropped) == ((FLOW,), (Owned(FLOW, "w1"),))


def test_what_others_own_and_what_is_not_ours_is_left_out_and_told() -> None:
    found = made(
        [resource(IMAGE), resource(FLOW)],
        [live(IMAGE, 7), live(FLOW, "w1", foreign="part of the deployment x")],
        others=(ledger_of(Owned(IMAGE, "7"), owner=THEM),),
    )
    assert found.owned == {}
    assert not found.differs
    assert [(d.key, d.summary) for d in found.undecided] == [
        (IMAGE, "it is not listed: it belongs to bank/prod"),
        (FLOW, "it is not listed: it is not ours to change: part of the deployment x"),
    ]
    assert "--take-over bank/prod" in found.undecided[0].fix


def test_what_may_be_a_part_of_something_else_is_left_out() -> None:
    found = made([resource(FLOW)], [live(FLOW, 7)], unsure={("Workflow", "7"): "down"})
    assert found.owned == {}
    assert found.undecided[0].summary.endswith("what made it could not be read: down")


def test_what_we_own_is_ours_whatever_others_say() -> None:
    before = ledger_of(Owned(IMAGE, 7))
    there = frozenset({("Image", "7")})
    theirs = (ledger_of(Owned(IMAGE, 7), owner=THEM),)
    found = made([resource(IMAGE)], [live(IMAGE, 7)], before, there=there, others=theirs)
    assert not found.differs
    assert found.undecided == ()


def test_a_name_that_several_have_is_left_out_unless_the_ledger_knows_which_is_ours() -> None:
    before = ledger_of(Owned(FLOW, "w1"))
    listed = {"Workflow": (Listed("w1", "b"), Listed("w2", "b"), Listed("w3", "b", ours=False))}
    found = made([resource(FLOW)], [], before, there=frozenset({("Workflow", "w1")}), listed=listed)
    assert found.owned == before.owned
    assert found.undecided == ()
    found = made([resource(FLOW)], [], listed=listed)
    assert found.owned == {}
    assert found.undecided[0].summary == "it is not listed: 2 live resources have its name: w1, w2"


class Adapter:
    def __init__(self, *ids: str | int, unlisted: tuple[str, ...] = ()) -> None:
        self.ids = ids
        self.unlisted = unlisted
        self.asked = 0
        self.looked_up: list[str | int] = []

    async def index(self, resources: Any = ()) -> tuple[Listed, ...]:
        self.asked += 1
        return tuple(Listed(each, "x") for each in self.ids)

    async def look_up(self, id: str | int, values: Any) -> Listed | None:  # noqa: A002
        self.looked_up.append(id)
        return Listed(id, "x") if id in self.unlisted else None


def test_only_kinds_with_an_id_that_was_not_seen_are_listed_again() -> None:
    adapters: dict[str, Any] = {
        "Image": Adapter(7),
        "Workflow": Adapter("w1"),
        "Service": Adapter(),
    }
    owned = [
        Owned(IMAGE, 7),
        Owned(FLOW, "w1"),
        Owned(GONE, "s1"),
        Owned(Key("Novelty", "n"), 1),
    ]
    world = LiveState({"Image": (Listed(7, "a"),), "Workflow": ()})
    there = asyncio.run(find_there(owned, world, adapters))
    assert there == {("Image", "7"), ("Workflow", "w1"), ("Novelty", "1")}
    assert [adapter.asked for adapter in adapters.values()] == [0, 1, 1]


def test_what_may_be_in_a_ledger_that_cannot_be_read_is_left_out_unless_it_was_ours() -> None:
    found = made(
        [resource(IMAGE), resource(FLOW), resource(GONE)],
        [live(IMAGE, 7), live(FLOW, "w1")],
        ledger_of(Owned(IMAGE, 7)),
        there=frozenset({("Image", "7")}),
        unread=("peakctl-ledger-ads-prod",),
    )
    assert list(found.owned) == [IMAGE]
    (told,) = found.undecided
    assert told.key == FLOW
    assert "peakctl-ledger-ads-prod" in told.summary


def test_an_id_that_no_listing_shows_is_asked_for_by_itself() -> None:
    adapters: dict[str, Any] = {"Workflow": Adapter(unlisted=("w1",))}
    owned = [Owned(FLOW, "w1"), Owned(Key("Workflow", "c"), "w2")]
    there = asyncio.run(find_there(owned, LiveState({"Workflow": ()}), adapters))
    assert there == {("Workflow", "w1")}
    assert adapters["Workflow"].looked_up == ["w1", "w2"]
