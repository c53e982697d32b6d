"""What a listing tells of what is waited for, and what it cannot tell."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakctl.kinds.schemas import load_kinds
from peakctl.model import CallResult, Key, PendingInListing, State

Tree = dict[str, Any]
MODULES = {"Image": "image", "Service": "service", "Webapp": "webapp", "Deployment": "deployment"}
KINDS = load_kinds()
WORDS = sorted({word for kind in MODULES for word in KINDS[kind].lifecycle.words})


class Listings:
    """An API that has listings by their paths: the items, and how many pages they take."""

    def __init__(self, listings: dict[str, tuple[list[Tree], int]]) -> None:
        self.listings = listings
        self.asked: list[tuple[str, tuple[tuple[str, str], ...], int]] = []

    async def pages_within(self, path: str, items: Any, query: Any, most: int) -> Any:
        self.asked.append((path, tuple(query), most))
        return self.listings[path]


def adapter_of(kind: str, module: str, api: Any) -> Any:
    return importlib.import_module(f"peakctl.adapters.{module}").Adapter(api, KINDS[kind])


def tell(
    kind: str, watches: dict[str, Tree], listings: dict[str, tuple[list[Tree], int]]
) -> tuple[dict[str, str], int, Listings]:
    """The words of what is pending, by id; the requests; and what was asked."""
    api = Listings(listings)
    results = [CallResult(Key(kind, id_), id_, watch=watch) for id_, watch in watches.items()]
    found = asyncio.run(adapter_of(kind, MODULES[kind], api).pending_in_listing(results, 5))
    return {k.name: r.status for k, r in found.readings.items()}, found.requests, api


IMAGES = "service/image-management/api/v2/images/"
SERVICES = "service/webapps/api/v1/webapps/"
APPS, BLOCKS = "press/v1/apps/deployments/", "press/v1/blocks/deployments/"


def version(id_: int, status: str, build: str = "") -> Tree:
    return {"latestVersion": {"id": id_, "status": status, "lastBuildStatus": build}}


def test_an_image_tells_of_its_latest_version_only() -> None:
    items = [
        {"id": 1, **version(11, "not-ready", "building")},
        {"id": 2, **version(21, "ready", "success")},
        {"id": 3, **version(32, "not-ready", "building")},
        {"id": 4, **version(41, "deleting", "success")},
        {"id": 5, "latestVersion": {}},
        {"id": 6, **version(61, "not-ready", "failed")},
        {"id": 7, **version(71, "odd-word")},
    ]
    watches = {str(n): {"path": f"{IMAGES}{n}", "versionId": n * 10 + 1} for n in range(1, 9)}
    watches["4"] = {"path": f"{IMAGES}4", "gone": True}
    found, requests, api = tell("Image", watches, {IMAGES: (items, 2)})
    assert found == {"1": "building", "4": "deleting"}
    assert requests == 2
    assert api.asked == [(IMAGES, (), 5)]


@pytest.mark.parametrize(("kind", "query"), [("Service", "services"), ("Webapp", "")])
def test_services_and_webapps_tell_by_their_status(kind: str, query: str) -> None:
    words = ("CREATING", "AVAILABLE", "DEPLOYING", "CREATE_FAILED", "DELETING", "NEW", "DELETING")
    items = [{"id": f"s{n}", "name": "s", "status": word} for n, word in enumerate(words)]
    watches: dict[str, Tree] = {f"s{n}": {"path": SERVICES} for n in range(8)}
    watches["s6"] = {"path": SERVICES, "gone": True}
    found, requests, api = tell(kind, watches, {SERVICES: (items, 1)})
    assert found == {"s0": "CREATING", "s2": "DEPLOYING", "s4": "DELETING", "s6": "DELETING"}
    assert (requests, len(api.asked)) == (1, 1)
    assert api.asked[0][1] == ((("featureType", query),) if query else ())


def item(id_: str, status: str, revision: int) -> Tree:
    state = {"revision": revision, "status": status}
    return {"id": id_, "metadata": {"name": id_, "status": status}, "latestRevision": state}


def test_deployments_tell_of_the_very_revision_on_the_routes_that_are_waited_for() -> None:
    blocks = [item("a", "deploying", 2), item("b", "deployed", 1), item("c", "deploying", 4)]
    watches: dict[str, Tree] = {
        "a": {"path": BLOCKS + "a", "revision": 2},
        "b": {
            "path": BLOCKS + "b",
            "revision": 2,
        },  # not there yet: "deployed" is of the one before
        "c": {"path": BLOCKS + "c", "revision": 3},  # replaced
    }
    found, requests, api = tell("Deployment", watches, {BLOCKS: (blocks, 1)})
    assert (found, requests, [path for path, *_ in api.asked]) == ({"a": "deploying"}, 1, [BLOCKS])
    watches["d"] = {"path": APPS + "d", "gone": True}
    both = {BLOCKS: (blocks, 1), APPS: ([item("d", "deleting", 1)], 2)}
    found, requests, api = tell("Deployment", watches, both)
    assert found == {"a": "deploying", "d": "deleting"}
    assert (requests, [path for path, *_ in api.asked]) == (3, [APPS, BLOCKS])


@pytest.mark.parametrize(
    ("kind", "module"),
    [("Artifact", "artifact"), ("Workflow", "workflow"), ("BlockSpec", "block_spec")],
)
def test_other_kinds_tell_nothing_and_are_not_asked(kind: str, module: str) -> None:
    api = Listings({})
    result = CallResult(Key(kind, "a"), "a", watch={"path": "a", "gone": True})
    found = asyncio.run(adapter_of(kind, module, api).pending_in_listing([result], 5))
    assert (found, api.asked) == (PendingInListing(), [])


@given(
    st.sampled_from(sorted(MODULES)),
    st.sampled_from([*WORDS, "", "odd"]),
    st.sampled_from([*WORDS, "", "odd"]),
    st.booleans(),
    st.integers(1, 3),
)
def test_what_a_listing_calls_pending_its_own_read_calls_pending_too(
    kind: str, word: str, other: str, gone: bool, number: int
) -> None:
    """An answer of a read has what the item of the listing has."""
    shown: Tree = {
        "Image": version(number, other, word),
        "Deployment": item("x", word, number) | {"metadata": {"name": "x", "status": other}},
    }.get(kind, {"status": word})
    described = shown["latestVersion"] if kind == "Image" and not gone else shown
    watch = {"path": "x", "versionId": 2, "revision": 2, **({"gone": True} if gone else {})}

    class One:
        async def get(self, path: str, query: Any = ()) -> Any:
            return {"builds": []} if path.endswith("builds") else described

    adapter = adapter_of(kind, MODULES[kind], One())
    listed = adapter.pending({"id": "x", **shown}, watch)
    if listed is not None:
        read = asyncio.run(adapter.poll(CallResult(Key(kind, "x"), "x", watch=watch)))
        assert (listed.state, read.state) == (State.PENDING, State.PENDING)
        assert listed.status == read.status
