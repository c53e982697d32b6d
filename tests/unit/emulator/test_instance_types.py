"""Instance types: the built-in lists, and lists that are given instead."""

from __future__ import annotations

from typing import Any

import pytest

from peakctl.emulator import Emulator, Options
from peakctl.emulator.problems import Problem

OPTIONS = "/_emulator/options"
LIST = "/service/quota/api/v1/settings/tenant-instance-options"
RESOURCES = "/service/workflows/api/v1/resources"
WORKFLOWS = "/service/workflows/api/v1/workflows/"
SERVICES = "/service/webapps/api/v1/webapps/"
SQL = {"type": "sql", "sqlQueryPath": "q"}
BIG = {"id": 99, "name": "Big", "cpu": 64000, "memory": 512000}
GIVEN = {"webapp": [BIG, {"id": 98, "name": None, "gpu": None}], "workflow": [7]}


def ids(peak: Any, kind: str) -> list[int]:
    return [each["id"] for each in peak.get(LIST, entityType=kind)["data"]]


def workflow(key: int | None = None) -> dict[str, Any]:
    resources = {} if key is None else {"resources": {"instanceTypeId": key, "storage": "10GB"}}
    return {"name": "w", "steps": {"a": {**SQL, **resources}}}


def test_instance_types_have_fixed_ids(peak: Any) -> None:
    path = "/service/quota/api/v1/settings/tenant-instance-options"
    workflow = {o["id"]: o["name"] for o in peak.get(path, entityType="workflow")["data"]}
    webapp = {o["id"]: o["name"] for o in peak.get(path, entityType="webapp")["data"]}
    assert workflow[20] == "Pico (0.125CPU, 0.125GB RAM)"
    assert workflow[21] == "Nano (0.25CPU, 0.5GB RAM)"
    assert workflow[22] == "Micro (0.5CPU, 1GB RAM)"
    assert webapp[43] == "Pico (0.25CPU, 0.5GB RAM)"
    assert webapp[44] == "Nano (0.25CPU, 1GB RAM)"
    assert webapp[45] == "Micro (0.5CPU, 1GB RAM)"
    api = {o["id"]: o["name"] for o in peak.get(path, entityType="api-deployment")["data"]}
    assert api == webapp
    assert len(set(webapp.values())) == len(webapp)
    assert peak.refused(422, "GET", path).startswith("entityType:")
    root = "/service/workflows/api/v1/resources"
    assert {r["id"] for r in peak.get(root)} == set(workflow)
    assert peak.get(root)[1] == {
        "id": 21,
        "cpu": 0.25,
        "memory": 0.5,
        "gpu": None,
        "gpuMemory": None,
    }
    assert peak.get(f"{root}/defaults") == {"instanceTypeId": 21, "storage": "10GB"}


@pytest.mark.parametrize("key", [1, 20, 21, 22, 23, 43, 44, 45, 51])
@pytest.mark.parametrize("word", ["api", "web-app"])
def test_services_take_the_types_of_the_samples(peak: Any, key: int, word: str) -> None:
    image = peak.ready_image()
    peak.service(image, serviceType=word, resources={"instanceTypeId": key})
    config = {"image": {}, "serviceType": word, "resources": {"instanceTypeId": key}}
    peak.block(kind="service", config=config, artifact=peak.zip())


@pytest.mark.parametrize("key", [20, 21, 22, 23, 30])
def test_workflows_take_the_types_of_the_samples(peak: Any, key: int) -> None:
    peak.ok("POST", WORKFLOWS, json=workflow(key))


def test_lists_are_given_while_it_runs(peak: Any) -> None:
    image = peak.ready_image()
    shown = peak.ok("PATCH", OPTIONS, json={"instanceTypes": GIVEN})["instanceTypes"]
    assert shown == peak.get(OPTIONS)["instanceTypes"]
    assert (ids(peak, "webapp"), ids(peak, "workflow")) == ([99, 98], [7])
    assert 20 in ids(peak, "api-deployment")
    first, second = peak.get(LIST, entityType="webapp")["data"]
    assert first.items() >= BIG.items()
    assert second["name"] == "Type 98 (1CPU, 2GB RAM)"
    assert peak.get(RESOURCES)[0] == {
        "id": 7, "cpu": 1.0, "memory": 2.0, "gpu": None, "gpuMemory": None
    }  # fmt: skip
    assert peak.get(f"{RESOURCES}/defaults") == {"instanceTypeId": 7, "storage": "10GB"}
    peak.service(image, "one", serviceType="web-app", resources={"instanceTypeId": 99})
    two = peak.service(image, "two", serviceType="web-app")
    assert peak.get(SERVICES + two)["resources"] == {"instanceTypeId": 99}
    made = peak.ok("POST", WORKFLOWS, json=workflow())["id"]
    step = peak.get(f"{WORKFLOWS}{made}")["steps"]["a"]
    assert step["resources"] == {"instanceTypeId": 7, "storage": "10GB"}
    peak.wait()
    gone = {"resources": {"instanceTypeId": 43}}
    why = "resources.instanceTypeId: instance type 43 does not exist"
    assert peak.refused(422, "PATCH", SERVICES + two, json=gone) == why
    assert "steps.a.resources" in peak.refused(422, "POST", WORKFLOWS, json=workflow(21))
    peak.ok("PATCH", OPTIONS, json={"instanceTypes": {}})
    assert 43 in ids(peak, "webapp")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "instanceTypes:"),
        ({"none": [1]}, "instanceTypes.none:"),
        ({"webapp": []}, "instanceTypes.webapp:"),
        ({"webapp": 1}, "instanceTypes.webapp:"),
        ({"webapp": ["x"]}, "instanceTypes.webapp[0].id:"),
        ({"webapp": [{"name": "x"}]}, "instanceTypes.webapp[0].id:"),
        ({"webapp": [{"id": 1, "cpu": "x"}]}, "instanceTypes.webapp[0].cpu:"),
        ({"webapp": [1, {"id": 1}]}, "instanceTypes.webapp[1].id:"),
    ],
)
def test_lists_that_cannot_be_are_refused(peak: Any, given: Any, field: str) -> None:
    detail = peak.refused(422, "PATCH", OPTIONS, json={"instanceTypes": given})
    assert detail.startswith(field)
    with pytest.raises(Problem):
        Emulator(options=Options(instance_types=given or {"webapp": []}))


def test_lists_stay_with_the_data(make_peak: Any, tmp_path: Any) -> None:
    file = tmp_path / "state"
    first = make_peak(file, instance_types=GIVEN)
    snapshot = first.send("GET", "/_emulator/snapshot").content
    first.ok("POST", "/_emulator/reset")
    assert ids(first, "workflow") == [7]
    first.emulator.close()
    again = make_peak(file)
    assert ids(again, "workflow") == [7]
    other = make_peak(instance_types={"webapp": [5]})
    assert ids(other, "webapp") == [5]
    other.ok("PUT", "/_emulator/snapshot", content=snapshot)
    assert ids(other, "webapp") == [99, 98]
    assert other.get(OPTIONS)["instanceTypes"].keys() == GIVEN.keys()
