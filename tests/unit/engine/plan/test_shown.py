"""What a plan changes, in the manifest's language: names and versions, never ids."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.model import MISSING, Key, Listed, VersionNames

SMALL, MEDIUM = "Small (1CPU, 2GB RAM)", "Medium (2CPU, 8GB RAM)"
TYPES = (
    Listed(46, SMALL, {"scope": "api-deployment"}, ours=False),
    Listed(47, MEDIUM, {"scope": "api-deployment"}, ours=False),
    Listed(47, "Other", {"scope": "workflow"}, ours=False),
    Listed(21, "Pico", {"scope": "workflow"}, ours=False),
)


def sides(lab: Any, kind: str, name: str, spec: Any, *others: Any) -> dict[str, tuple[Any, Any]]:
    """Path -> before and after of what the plan shows of one resource."""
    told = {"summary": "About it"} if kind.endswith("Spec") else {}
    action = lab.shown(lab.manifest(kind, name, spec, told), *others)[Key(kind, name)]
    return {each.path: (each.before, each.after) for each in action.shown}


def image(lab: Any, name: str = "forecast", *, version: str = "0.0.1", id_: int = 7) -> None:
    """A live image with one version, which the listing shows."""
    spec = {"type": "workflow", "version": version, "buildDetails": BUILD}
    found = {"id": id_, "version": id_ * 10}
    lab.Image.put(name, spec, id=id_, version=version, latest=version, attributes=found)
    lab.Image.pins[name, None] = {**found, "number": version}
    lab.Image.pins[name, version] = {**found, "number": version}


BUILD = {"source": "dockerfile", "dockerfile": "FROM a"}


def new_image(lab: Any, name: str = "forecast") -> Any:
    build = {"source": "dockerfile", "dockerfile": "FROM b"}
    return lab.manifest("Image", name, {"type": "workflow", "buildDetails": build})


def test_the_version_that_a_run_makes_is_shown_by_its_number(lab: Any) -> None:
    image(lab)
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 7, "versionId": 70}})
    spec = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    found = sides(lab, "Service", "api", spec, new_image(lab))
    assert found == {
        "spec.imageDetails": (
            {"name": "forecast", "version": "0.0.1"},
            {"name": "forecast", "version": "0.0.2"},
        )
    }


def test_equal_changes_of_steps_share_a_line(lab: Any) -> None:
    image(lab)
    live = {"imageId": 7, "imageVersionId": 70, "command": "run"}
    lab.Workflow.put("w", {"steps": {"alert": live, "train": live, "other": live}})
    step = {"imageDetails": {"name": "forecast"}, "command": "run"}
    spec = {"steps": {"alert": step, "train": step, "other": {**step, "command": "go"}}}
    action = lab.shown(lab.manifest("Workflow", "w", spec), new_image(lab))[Key("Workflow", "w")]
    assert [each.path for each in action.shown] == [
        "spec.steps.{alert,other,train}.imageDetails",
        "spec.steps.other.command",
    ]
    assert action.shown[0].paths == (
        "spec.steps.alert.imageDetails",
        "spec.steps.other.imageDetails",
        "spec.steps.train.imageDetails",
    )
    assert [change.path[-1] for change in action.shown[0].wire] == ["imageVersionId"] * 3


def test_an_instance_type_goes_by_its_name_in_its_scope(lab: Any) -> None:
    lab.InstanceType.listed = TYPES
    image(lab)
    named = {"imageDetails": {"imageId": 7, "versionId": 70}, "serviceType": "api"}
    lab.Service.put("api", {**named, "resources": {"instanceTypeId": 46}})
    spec = {**named, "resources": {"instanceType": MEDIUM}}
    assert sides(lab, "Service", "api", spec) == {"spec.resources.instanceType": (SMALL, MEDIUM)}


def test_an_older_live_version_costs_one_request_for_its_image(lab: Any) -> None:
    image(lab, version="0.0.9")
    lab.Image.named["7"] = VersionNames("forecast", {"60": "0.0.5", "61": "0.0.6"})
    step = {"command": "run", "imageId": 7}
    lab.Workflow.put(
        "w",
        {"steps": {"a": {**step, "imageVersionId": 60}, "b": {**step, "imageVersionId": 61}}},
    )
    wanted = {"imageDetails": {"name": "forecast"}, "command": "run"}
    found = sides(lab, "Workflow", "w", {"steps": {"a": wanted, "b": wanted}})
    after = {"name": "forecast", "version": "0.0.9"}
    assert found == {
        "spec.steps.a.imageDetails": ({"name": "forecast", "version": "0.0.5"}, after),
        "spec.steps.b.imageDetails": ({"name": "forecast", "version": "0.0.6"}, after),
    }
    assert [each for each in lab.Image.asked if each.startswith("name")] == ["name 7 60,61"]


@pytest.mark.parametrize("fault", [False, True])
def test_what_nothing_names_says_so(lab: Any, fault: bool) -> None:
    image(lab)
    if fault:
        lab.Image.faults.append(lab.fault(None, lab.problem(500)))
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 3, "versionId": 4}})
    spec = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    assert sides(lab, "Service", "api", spec)["spec.imageDetails"][0] == {
        "name": "id 3 (name not known)",
        "version": "id 4 (number not known)",
    }


def test_a_plan_without_changes_asks_for_no_name(lab: Any) -> None:
    image(lab)
    lab.Service.put("api", {"serviceType": "api", "imageDetails": {"imageId": 7, "versionId": 70}})
    spec = {"serviceType": "api", "imageDetails": {"name": "forecast"}}
    assert sides(lab, "Service", "api", spec) == {}
    assert not [each for each in lab.Image.asked if each.startswith("name")]


def test_an_added_step_has_names_and_lists(lab: Any) -> None:
    lab.InstanceType.listed = TYPES
    image(lab)
    step = {"command": "run", "imageId": 7, "imageVersionId": 70}
    lab.Workflow.put("w", {"steps": {"a": step}})
    size = {"instanceType": "Pico", "storage": "10GB"}
    named = {"imageDetails": {"name": "forecast"}, "command": "run"}
    spec = {"steps": {"a": named, "b": {**named, "parents": ["a"], "resources": size}}}
    assert sides(lab, "Workflow", "w", spec) == {
        "spec.steps.b": (
            MISSING,
            {
                "command": "run",
                "imageDetails": {"name": "forecast", "version": "0.0.1"},
                "parents": ["a"],
                "resources": {"storage": "10GB", "instanceType": "Pico"},
            },
        )
    }


def test_items_of_a_set_are_one_change_of_the_list(lab: Any) -> None:
    step = {"command": "run", "imageId": 7, "imageVersionId": 70}
    first = {"a": step, "b": step}
    lab.Workflow.put("w", {"steps": {**first, "c": {**step, "parents": ["a", "d"]}, "d": step}})
    spec = {"steps": {**first, "c": {**step, "parents": ["b", "a"]}, "d": step}}
    assert sides(lab, "Workflow", "w", spec) == {
        "spec.steps.c.parents": (["a", "d"], ["b", "a"]),
    }


def test_blocks_of_an_app_go_by_their_names(lab: Any) -> None:
    lab.BlockSpec.listed = (Listed("b1", "loader"), Listed("b2", "model"))
    lab.BlockSpec.pins["loader", "1.0.2"] = {"id": "b1", "version": "1.0.2"}
    live = {"id": "b1", "release": {"version": "1.0.1"}, "autoRunOnDeploy": True}
    old = {"id": "b2", "release": {"version": "3.0.0"}, "autoRunOnDeploy": True}
    spec = {"scope": "private", "config": [live, old]}
    lab.AppSpec.put("app", spec, {"summary": "About it"}, version="1.0.0")
    wanted = {"name": "loader", "release": "1.0.2", "autoRunOnDeploy": True}
    found = sides(lab, "AppSpec", "app", {"scope": "private", "config": [wanted]})
    assert found["spec.config.loader"] == (
        {"name": "loader", "release": "1.0.1"},
        {"name": "loader", "release": "1.0.2"},
    )
    assert found["spec.config.model"] == (
        {"name": "model", "release": "3.0.0", "autoRunOnDeploy": True},
        MISSING,
    )
