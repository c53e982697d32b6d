"""Looking at a tenant: only what the run needs, and each read as soon as its listing is in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ledgers import US, ledger_of

from peakctl.engine.observe.identity import choose
from peakctl.engine.observe.live_state import LedgerQuery, first_error, mark_parts, observe
from peakctl.engine.plan.planner import make_plan
from peakctl.ledger.codec import write_ledger
from peakctl.ledger.ownership import Owners
from peakctl.model import Key, Ledger, Listed, Owned, Owner, ledger_name

IMAGE = {"type": "api"}
SERVICE = {"imageDetails": {"imageId": 1}}


def service(lab: Any, **image: Any) -> Any:
    return lab.manifest("Service", "s", {"imageDetails": image})


def asked(lab: Any) -> dict[str, list[str]]:
    return {name: shelf.asked for name, shelf in lab.shelves.items() if shelf.asked}


def test_only_listings_that_are_needed_are_asked_for(lab: Any) -> None:
    lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE)))
    assert asked(lab) == {"Image": ["index"]}


def test_what_is_declared_and_listed_is_read(lab: Any) -> None:
    lab.Image.put("a", IMAGE)
    lab.Image.put("b", IMAGE)
    world = lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE)))
    assert asked(lab) == {"Image": ["index", "read a"]}
    assert list(world.live) == [Key("Image", "a")]


def test_a_reference_inside_the_run_asks_for_nothing_more(lab: Any) -> None:
    lab.Service.put("s")
    lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE), service(lab, name="a")))
    assert asked(lab) == {"Image": ["index"], "Service": ["index", "read s"]}


def test_each_reference_outside_the_run_is_looked_up_once(lab: Any) -> None:
    lab.Image.put("a", IMAGE)
    other = lab.manifest("Service", "t", {"imageDetails": {"name": "a"}})
    world = lab.observe(lab.resources(service(lab, name="a"), other))
    assert lab.Image.asked == ["index", "pin a None"]
    assert world.pins == {("Image", "a", None, None): {"id": "Image-a"}}


def test_a_wanted_version_of_the_run_s_own_is_looked_up_too(lab: Any) -> None:
    lab.Image.put("a", IMAGE)
    lab.observe(
        lab.resources(lab.manifest("Image", "a", IMAGE), service(lab, name="a", version="1.0.0"))
    )
    assert sorted(lab.Image.asked) == ["index", "pin a 1.0.0", "read a"]


def test_what_is_ambiguous_is_neither_read_nor_looked_up(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "a"), Listed(2, "a"))
    world = lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE), service(lab, name="a")))
    assert lab.Image.asked == ["index"]
    assert world.live == {}


def test_what_went_between_list_and_read_is_not_there(lab: Any) -> None:
    lab.Image.listed = (Listed(1, "a"),)
    assert lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE))).live == {}


def test_a_previous_name_is_found_where_the_name_is_not(lab: Any) -> None:
    lab.Image.put("old", IMAGE)
    manifest = lab.manifest("Image", "a", IMAGE, {"previousNames": ["older", "old"]})
    world = lab.observe(lab.resources(manifest))
    assert world.live[Key("Image", "a")].id == "Image-old"


def test_reads_of_a_kind_do_not_wait_for_the_listing_of_another(lab: Any) -> None:
    lab.Image.put("a", IMAGE)
    read = asyncio.Event()
    slow_index, image_read = lab.Service.index, lab.Image.read

    async def index(resources: Any) -> Any:
        await asyncio.wait_for(read.wait(), 5)
        return await slow_index(resources)

    async def tell(*args: Any) -> Any:
        read.set()
        return await image_read(*args)

    lab.Service.index, lab.Image.read = index, tell
    lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE), service(lab, imageId=1)))
    assert read.is_set()


def test_specs_outside_the_run_are_read_for_what_they_declare(lab: Any) -> None:
    lab.BlockSpec.put("b")
    manifest = lab.manifest("Deployment", "d", {"blockSpec": {"name": "b"}})
    world = lab.observe(lab.resources(manifest))
    assert sorted(lab.BlockSpec.asked) == ["index", "pin b None", "read b"]
    assert list(world.definitions) == [Key("BlockSpec", "b")]


def test_specs_that_are_ambiguous_declare_nothing(lab: Any) -> None:
    lab.BlockSpec.listed = (Listed(1, "b"), Listed(2, "b"))
    manifest = lab.manifest("Deployment", "d", {"blockSpec": {"name": "b"}})
    assert lab.observe(lab.resources(manifest)).definitions == {}


def test_the_first_error_is_raised_as_it_is(lab: Any) -> None:
    async def index(resources: Any) -> Any:
        raise lab.problem(500, "down")

    lab.Image.index = index
    with pytest.raises(type(lab.problem(500)), match="down"):
        lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE)))


def test_errors_are_found_inside_groups_of_groups() -> None:
    inner = ValueError("x")
    assert first_error(BaseExceptionGroup("a", [BaseExceptionGroup("b", [inner])])) is inner


# --- several of one name ---------------------------------------------------------------------

TWINS = (Listed(1, "a"), Listed(2, "a"))


class Store:
    """Our ledger alone, in the listing of artifacts. `read` is called before it is given."""

    kind = "Artifact"

    def __init__(self, ledger: Ledger, before: Any = None) -> None:
        self.text, self.before = write_ledger(ledger), before

    def pick(self, listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        return listed

    async def numbers(self, id: int) -> tuple[int, ...]:  # noqa: A002
        return (1,)

    async def read(self, id: int, number: int | None = None) -> bytes:  # noqa: A002
        if self.before:
            await self.before()
        return self.text


def look(
    lab: Any, resources: Any, ledger: Ledger, *, held: bool = False, before: Any = None
) -> Any:
    lab.Artifact.listed = (Listed(50, ledger_name(US)),)
    books = LedgerQuery(Store(ledger, before), US, held=ledger if held else None)
    return asyncio.run(observe(resources, lab.kinds, lab.shelves, books))


@pytest.mark.parametrize("held", [True, False])
def test_of_two_of_one_name_the_one_in_the_ledger_is_read(lab: Any, held: bool) -> None:
    lab.Image.put("a", IMAGE, id=2)
    lab.Image.listed = TWINS
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "a"), "2")), held=held)
    assert world.live[Key("Image", "a")].id == 2
    assert make_plan(resources, world, lab.kinds).ok


def test_only_names_that_are_ambiguous_wait_for_the_ledger(lab: Any) -> None:
    read: list[str] = []
    lab.Image.put("a", IMAGE, id=2)
    lab.Image.put("b", IMAGE)
    lab.Image.listed = (*TWINS, Listed("Image-b", "b"))

    other_read, image_read = asyncio.Event(), lab.Image.read

    async def tell(*args: Any) -> Any:
        other_read.set()
        return await image_read(*args)

    async def before() -> None:
        await asyncio.wait_for(other_read.wait(), 5)
        read.extend(lab.Image.asked)

    lab.Image.read = tell

    resources = lab.resources(*(lab.manifest("Image", name, IMAGE) for name in "ab"))
    look(lab, resources, ledger_of(Owned(Key("Image", "a"), 2)), before=before)
    assert read == ["index", "read b"]
    assert lab.Image.asked == ["index", "read b", "read a"]


def test_a_reference_means_the_one_that_the_ledger_has(lab: Any) -> None:
    lab.Image.listed = TWINS
    world = look(lab, lab.resources(service(lab, name="a")), ledger_of(Owned(Key("Image", "a"), 2)))
    assert world.pins == {("Image", "a", None, None): {"id": 2}}


def test_an_artifact_that_is_ambiguous_waits_for_the_ledger_beside_it(lab: Any) -> None:
    lab.Artifact.put("a", id=2)
    resources = lab.resources(lab.manifest("Artifact", "a", {"artifact": {"path": "."}}))
    ledger = ledger_of(Owned(Key("Artifact", "a"), 2))
    books = LedgerQuery(Store(ledger), US)
    lab.Artifact.listed = (Listed(50, ledger_name(US)), *TWINS)
    books.store.pick = lambda listed: listed[:1]
    world = asyncio.run(observe(resources, lab.kinds, lab.shelves, books))
    assert world.live[Key("Artifact", "a")].id == 2


def test_a_ledger_that_cannot_be_read_ends_all_that_wait_for_it(lab: Any) -> None:
    async def before() -> None:
        raise lab.problem(500, "down")

    lab.Image.listed = TWINS
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    with pytest.raises(type(lab.problem(500)), match="down"):
        look(lab, resources, ledger_of(), before=before)


def test_of_two_that_the_ledger_has_the_one_under_that_name_is_meant() -> None:
    first, second = Owned(Key("Image", "a"), 1), Owned(Key("Image", "b"), 2)
    assert choose(TWINS, "Image", ledger_of(first, second)) is TWINS[0]
    assert choose(TWINS, "Image", ledger_of(second)) is TWINS[1]
    assert choose(TWINS, "Image", ledger_of(Owned(Key("Service", "a"), 1))) is None
    elsewhere = Owned(Key("Image", "a"), 9)
    other = Owned(Key("Image", "c"), 1)
    assert choose(TWINS, "Image", ledger_of(elsewhere, second, other)) is None


def test_what_may_not_be_managed_is_not_in_the_way(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=1)
    lab.Image.listed = (Listed(1, "a"), Listed(2, "a", ours=False))
    world = lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE)))
    assert world.live[Key("Image", "a")].id == 1
    assert len(world.matches("Image", "a")) == 2


# --- what the ledger has and the listing lacks -----------------------------------------------


def test_what_the_ledger_has_is_read_by_its_id_where_the_listing_lacks_it(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=2)
    lab.Image.listed = ()
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "a"), "2")))
    assert lab.Image.asked == ["index", "look up 2", "read a"]
    assert world.live[Key("Image", "a")].id == 2
    assert world.unlisted == {("Image", "2")}
    planned = make_plan(resources, world, lab.kinds)
    assert [a.verb for a in planned.plan.actions] == ["build"]
    (told,) = planned.diagnostics
    assert (told.code, told.severity) == ("live/unlisted", "warning")


def test_another_of_the_name_is_not_taken_for_what_the_ledger_has(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=2)
    lab.Image.listed = (Listed(1, "a"),)
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "a"), 2)))
    assert world.live[Key("Image", "a")].id == 2
    assert {d.code for d in make_plan(resources, world, lab.kinds).diagnostics} == {
        "live/unlisted",
        "live/duplicate-name",
    }


def test_what_is_gone_by_its_id_as_well_is_made(lab: Any) -> None:
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "a"), 2)))
    assert lab.Image.asked == ["index", "look up 2"]
    planned = make_plan(resources, world, lab.kinds)
    assert [a.verb for a in planned.plan.actions] == ["create"]
    assert planned.diagnostics == ()


def test_what_is_listed_is_not_looked_up(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=2)
    resources = lab.resources(lab.manifest("Image", "a", IMAGE), lab.manifest("Image", "b", IMAGE))
    look(lab, resources, ledger_of(Owned(Key("Image", "a"), 2)))
    assert lab.Image.asked == ["index", "read a"]


def test_what_has_another_name_by_its_id_is_told_as_renamed(lab: Any) -> None:
    lab.Image.put("other", IMAGE, id=2)
    lab.Image.listed = ()
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "a"), 2)))
    assert [d.code for d in make_plan(resources, world, lab.kinds).diagnostics] == [
        "ledger/renamed"
    ]


def test_what_the_listing_alone_calls_otherwise_is_not_made_again(lab: Any) -> None:
    lab.Image.put("a", IMAGE, id=2)
    lab.Image.listed = (Listed(1, "b"), Listed(2, "12345"))
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "a"), 2)))
    assert lab.Image.asked == ["index", "look up 2", "read a"]
    assert world.live[Key("Image", "a")].id == 2
    assert [d.code for d in make_plan(resources, world, lab.kinds).diagnostics] == ["live/unlisted"]


def test_what_is_renamed_or_gone_by_its_own_answer_too_is_made(lab: Any) -> None:
    lab.Image.put("renamed", IMAGE, id=2)
    resources = lab.resources(lab.manifest("Image", "a", IMAGE))
    ledger = ledger_of(Owned(Key("Image", "a"), 2))
    assert look(lab, resources, ledger).live == {}
    assert lab.Image.asked == ["index", "look up 2"]
    lab.Image.listed = (Listed(2, "renamed"),)
    del lab.Image.things["renamed"]
    assert look(lab, resources, ledger).live == {}


def test_what_a_previous_name_owns_is_looked_up_too(lab: Any) -> None:
    lab.Image.put("old", IMAGE, id=2)
    lab.Image.listed = ()
    manifest = lab.manifest("Image", "a", IMAGE, {"previousNames": ["old"]})
    world = look(lab, lab.resources(manifest), ledger_of(Owned(Key("Image", "old"), 2)))
    assert world.live[Key("Image", "a")].id == 2


def test_what_is_listed_under_another_form_of_its_name_is_not_made_again(lab: Any) -> None:
    lab.Image.put("Report", {**IMAGE}, metadata={"name": "report"}, id=2)
    lab.Image.listed = (Listed(2, "report"), Listed(3, "other"))
    resources = lab.resources(lab.manifest("Image", "Report", IMAGE))
    world = look(lab, resources, ledger_of(Owned(Key("Image", "Report"), 2)))
    assert world.live[Key("Image", "Report")].id == 2
    assert "look up 2" not in lab.Image.asked
    lab.Image.listed = (Listed(2, "renamed"),)
    lab.Image.things["renamed"] = lab.Image.things.pop("Report")
    world = look(lab, resources, ledger_of(Owned(Key("Image", "Report"), 2)))
    assert world.live == {}
    assert "look up 2" in lab.Image.asked


# --- kinds that share their names ------------------------------------------------------------


def test_another_kind_is_listed_when_the_ledger_has_the_name_in_it(lab: Any) -> None:
    resources = lab.resources(*(lab.manifest("Service", n, SERVICE) for n in "st"))
    lab.Webapp.listed = (Listed(1, "s"),)
    ledger = ledger_of(*(Owned(Key("Webapp", n), n) for n in "st"))
    assert look(lab, resources, ledger).listed["Webapp"] == lab.Webapp.listed
    assert sorted(lab.Webapp.asked) == ["index", "look up s", "look up t"]
    assert "Webapp" not in look(lab, resources, ledger, held=True).listed
    assert "Webapp" not in look(lab, resources, ledger_of()).listed
    assert "Webapp" not in lab.observe(resources).listed
    for name in "st":
        lab.Service.put(name)
    assert "Webapp" not in look(lab, resources, ledger).listed


def test_kinds_that_share_names_are_listed_once_each(lab: Any) -> None:
    resources = lab.resources(
        lab.manifest("Service", "s", SERVICE), lab.manifest("Webapp", "w", SERVICE)
    )
    lab.observe(resources)
    assert asked(lab) == {"Service": ["index"], "Webapp": ["index"]}


# --- what the platform makes for another resource --------------------------------------------


def parts_in(lab: Any, owners: Owners) -> Any:
    lab.Workflow.put("w", id=7)
    lab.Deployment.put("d", parts=(Key("Workflow", "w"),))
    things = (lab.Workflow.things["w"], lab.Deployment.things["d"])
    return mark_parts({each.key: each for each in things}, owners)


def test_what_was_made_for_a_deployment_is_not_ours(lab: Any) -> None:
    us, them = Owner("retail", "dev"), Owner("bank", "dev")
    for owners in (Owners(), Owners(us), Owners(us, {("Workflow", "7"): them})):
        found = parts_in(lab, owners)
        assert found[Key("Workflow", "w")].foreign == "the platform made it for Deployment/d"
        assert found[Key("Deployment", "d")].foreign is None


def test_what_our_ledger_has_by_id_is_ours_whatever_has_its_name(lab: Any) -> None:
    us = Owner("retail", "dev")
    found = parts_in(lab, Owners(us, {("Workflow", "7"): us}))
    assert found[Key("Workflow", "w")].foreign is None
