"""Looking a resource up by its id, and telling what the platform made for another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.adapters.block_spec import Adapter as BlockSpecs
from peakctl.adapters.deployment import Adapter as Deployments
from peakctl.adapters.image import Adapter as Images
from peakctl.adapters.workflow import Adapter as Workflows
from peakctl.errors import ApiError, Diagnostic
from peakctl.kinds.schemas import load_kinds
from peakctl.model import Key, Live

KINDS = load_kinds()
BLOCKS = "press/v1/blocks/deployments/"
APPS = "press/v1/apps/deployments/"
SPECS = "press/v1/blocks/specs/"
WORKFLOWS = "service/workflows/api/v1/workflows/"


class FakeApi:
    """Answers by path, 404 where there is none; remembers what was asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def get(self, path: str, query: Any = ()) -> Any:
        self.asked.append(path)
        found = self.answers.get(path, 404)
        if isinstance(found, int):
            raise ApiError(Diagnostic("api/refused", "no"), status=found)
        return found

    async def pages(self, path: str, items: Any, query: Any = ()) -> Any:
        return await self.get(path)


def made(adapter: Any, kind: str, answers: dict[str, Any]) -> tuple[Any, FakeApi]:
    api = FakeApi(answers)
    return adapter(api, KINDS[kind]), api


# --- by id -----


def test_a_resource_is_looked_up_by_its_id_with_one_request() -> None:
    flows, api = made(Workflows, "Workflow", {WORKFLOWS + "7": {"id": 7, "name": "w"}})
    found = asyncio.run(flows.look_up("7", {}))
    assert (found.id, found.name, found.ours) == (7, "w", True)
    assert api.asked == [WORKFLOWS + "7"]


def test_what_is_gone_is_not_found_and_an_error_is_raised() -> None:
    flows, _ = made(Workflows, "Workflow", {WORKFLOWS + "8": 500})
    assert asyncio.run(flows.look_up(7, {})) is None
    with pytest.raises(ApiError):
        asyncio.run(flows.look_up(8, {}))


def test_an_answer_without_a_name_tells_nothing() -> None:
    flows, _ = made(Workflows, "Workflow", {WORKFLOWS + "7": {}})
    with pytest.raises(LookupError):
        asyncio.run(flows.look_up(7, {}))


def test_an_image_of_the_platform_is_not_ours_by_its_id_either() -> None:
    path = "service/image-management/api/v2/images/"
    images, _ = made(Images, "Image", {path + "1": {"id": 1, "name": "i", "scope": "global"}})
    assert not asyncio.run(images.look_up(1, {})).ours


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({}, [APPS, BLOCKS]),
        ({"spec": {"blockSpec": {"id": "s"}}}, [BLOCKS]),
        ({"spec": {"appSpec": {"id": "s"}}}, [APPS, BLOCKS]),
    ],
)
def test_a_deployment_is_looked_up_on_its_own_route_first(values: Any, asked: list[str]) -> None:
    described = {"id": "d", "metadata": {"name": "dep"}}
    deployments, api = made(Deployments, "Deployment", {BLOCKS + "d": described})
    found = asyncio.run(deployments.look_up("d", values))
    assert (found.name, found.item["family"]) == ("dep", "blocks")
    assert api.asked == [route + "d" for route in asked]
    assert asyncio.run(deployments.look_up("e", values)) is None


# --- parts of deployments -----


def flow(name: str, id_: int = 7, **more: Any) -> Live:
    return Live(Key("Workflow", name), id_, {"metadata": {"name": name}}, **more)


def deployments_of(*kinds: str | None) -> dict[str, Any]:
    """Block deployments d0, d1 ..., each with a workflow of its name."""
    listed = [
        {"id": f"i{n}", "kind": kind, "metadata": {"name": f"d{n}"}} for n, kind in enumerate(kinds)
    ]
    answers: dict[str, Any] = {BLOCKS: listed}
    for n, item in enumerate(listed):
        resources = [{"kind": "workflow", "name": f"d{n}"}]
        answers[f"{BLOCKS}i{n}"] = {**item, "latestRevision": {"resources": resources}}
    return answers


def test_a_workflow_of_a_deployment_is_its_part_by_kind_and_name() -> None:
    deployments, api = made(Deployments, "Deployment", deployments_of("workflow", "app", None))
    found = asyncio.run(deployments.makers([flow("d1"), flow("w", 8)], []))
    assert found == {("Workflow", "7"): Key("Deployment", "d1")}
    assert sorted(api.asked) == [BLOCKS, f"{BLOCKS}i0", f"{BLOCKS}i1", f"{BLOCKS}i2"]


SPEC = "press/v1/blocks/specs/s/releases/1.0.0"
RELEASE = {
    "parameters": {
        "build": [{"name": "key", "hideValue": True}, {"name": "word"}],
        "run": [{"name": "word", "hideValue": True}],
    },
    "config": {
        "steps": {"a": {"command": "@param:word", "parameters": {"env": [{"K": "@param:key"}]}}},
        "triggers": [{"cron": "@param:key"}],
    },
}
HIDDEN = {
    ("spec", "steps", "a", "parameters", "env", "K"),
    ("spec", "triggers", 0, "cron"),
}
STEPS = {"a": {"command": "c", "parameters": {"env": {"K": "v", "N": 1}}}}
ALL = {("spec", "steps", "a", "command"), ("spec", "steps", "a", "parameters", "env", "K")}


@pytest.mark.parametrize(
    ("maker", "release", "places"),
    [
        ("d0", RELEASE, HIDDEN),
        ("d0", None, ALL),
        ("d0", {"config": None}, ALL),
        ("e", RELEASE, ALL),
    ],
)
def test_the_hidden_build_parameters_of_a_deployment_are_hidden_in_what_it_made(
    maker: str, release: Any, places: Any
) -> None:
    """Where the release, or the deployment, cannot be had, every text is."""
    answers = deployments_of("workflow")
    answers[f"{BLOCKS}i0"]["spec"] = {"id": "s", "release": {"version": "1.0.0"}}
    if release:
        answers[SPEC] = release
    deployments, _ = made(Deployments, "Deployment", answers)
    live = Live(Key("Workflow", "d0"), 7, {"metadata": {"name": "d0"}, "spec": {"steps": STEPS}})
    assert asyncio.run(deployments.hidden_in(live, Key("Deployment", maker))) == places


def test_most_kinds_hide_nothing_in_what_is_made_for_them() -> None:
    flows, _ = made(Workflows, "Workflow", {})
    assert asyncio.run(flows.hidden_in(flow("d0"), Key("Workflow", "x"))) == frozenset()


def test_only_deployments_that_can_decide_are_read() -> None:
    deployments, api = made(Deployments, "Deployment", deployments_of("service", "workflow"))
    known = Live(Key("Deployment", "d1"), "i1", {}, parts=(Key("Workflow", "d1"),))
    found = asyncio.run(deployments.makers([flow("d1")], [known]))
    assert found == {("Workflow", "7"): Key("Deployment", "d1")}
    assert api.asked == [BLOCKS]


def test_a_deployment_that_went_meanwhile_holds_nothing() -> None:
    answers = deployments_of("workflow")
    del answers[f"{BLOCKS}i0"]
    deployments, _ = made(Deployments, "Deployment", answers)
    assert asyncio.run(deployments.makers([flow("d0")], [])) == {}


def test_what_is_about_to_be_renamed_is_known_by_its_live_name() -> None:
    deployments, _ = made(Deployments, "Deployment", deployments_of("workflow"))
    live = Live(Key("Workflow", "new"), 7, {"metadata": {"name": "d0"}})
    assert asyncio.run(deployments.makers([live], [])) != {}


# --- artifacts of specs -----


def specs_of(**releases: dict[str, str | None]) -> dict[str, Any]:
    """Specs by id, each with its releases and the artifact that each holds."""
    answers: dict[str, Any] = {SPECS: [{"id": s, "metadata": {"name": s}} for s in releases]}
    for spec, held in releases.items():
        answers[f"{SPECS}{spec}/releases"] = [{"id": spec, "version": v} for v in held]
        for version, artifact in held.items():
            release = {"artifact": {"id": artifact, "version": 1}} if artifact else {}
            answers[f"{SPECS}{spec}/releases/{version}"] = release
    return answers


def artifact(id_: str) -> Live:
    return Live(Key("Artifact", "a"), id_, {})


def test_an_artifact_that_any_release_holds_is_a_part_by_its_id() -> None:
    answers = specs_of(s={"1.0.0": "x", "1.1.0": None}, t={"2.0.0": "y"})
    specs, api = made(BlockSpecs, "BlockSpec", answers)
    found = asyncio.run(specs.makers([artifact("x"), artifact("z")], []))
    assert found == {("Artifact", "x"): Key("BlockSpec", "s")}
    assert len(api.asked) == 6


def test_a_release_that_was_read_is_not_read_again() -> None:
    specs, api = made(BlockSpecs, "BlockSpec", specs_of(s={"1.0.0": "x"}))
    known = Live(Key("BlockSpec", "s"), "s", {}, version="1.0.0", private={"artifact": "x"})
    assert asyncio.run(specs.makers([artifact("x")], [known])) != {}
    assert api.asked == [SPECS, f"{SPECS}s/releases"]


def test_a_spec_that_went_meanwhile_holds_nothing_and_an_error_is_raised() -> None:
    answers = specs_of(s={"1.0.0": "x"})
    del answers[f"{SPECS}s/releases"]
    specs, _ = made(BlockSpecs, "BlockSpec", answers)
    assert asyncio.run(specs.makers([artifact("x")], [])) == {}
    specs, _ = made(BlockSpecs, "BlockSpec", answers | {f"{SPECS}s/releases": 500})
    with pytest.raises(ApiError):
        asyncio.run(specs.makers([artifact("x")], []))
