"""Looking at a tenant: only what the run needs, and each read as soon as its listing is in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.engine.ledger.owners import Owners
from peakctl.engine.observe import World, first_error, own_match, without_parts
from peakctl.model import Key, Listed, Owner

IMAGE = {"type": "api"}


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
    lab.observe(lab.resources(lab.manifest("Image", "a", IMAGE), service(lab, name="a")))
    assert asked(lab) == {"Image": ["index"], "Service": ["index"]}


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


def test_the_one_that_may_be_managed() -> None:
    ours, theirs = Listed(1, "a"), Listed(2, "a", ours=False)
    assert own_match([ours, theirs]) is ours
    assert own_match([theirs]) is None
    assert own_match([ours, ours]) is None
    assert World({"Image": (ours, theirs)}).matches("Image", "a") == (ours, theirs)


# --- what the platform makes for another resource --------------------------------------------


def parts_in(lab: Any, owners: Owners) -> Any:
    lab.Workflow.put("w", id=7)
    lab.Deployment.put("d", parts=(Key("Workflow", "w"),))
    things = (lab.Workflow.things["w"], lab.Deployment.things["d"])
    return without_parts({each.key: each for each in things}, owners)


def test_what_was_made_for_a_deployment_is_not_ours(lab: Any) -> None:
    us, them = Owner("retail", "dev"), Owner("bank", "dev")
    for owners in (Owners(), Owners(us), Owners(us, {("Workflow", "7"): them})):
        found = parts_in(lab, owners)
        assert found[Key("Workflow", "w")].foreign == "the platform made it for Deployment/d"
        assert found[Key("Deployment", "d")].foreign is None


def test_what_our_ledger_has_by_id_is_ours_whatever_bears_its_name(lab: Any) -> None:
    us = Owner("retail", "dev")
    found = parts_in(lab, Owners(us, {("Workflow", "7"): us}))
    assert found[Key("Workflow", "w")].foreign is None
