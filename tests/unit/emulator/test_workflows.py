from __future__ import annotations

from typing import Any

import pytest

ROOT = "/service/workflows/api/v1/workflows/"
SQL = {"type": "sql", "sqlQueryPath": "q"}
HTTP = {"type": "http", "method": "get", "url": "u"}


def create(peak: Any, **body: Any) -> Any:
    return peak.ok("POST", ROOT, json={"name": "w", "steps": {"a": SQL}, **body})


def read(peak: Any, made: Any) -> Any:
    return peak.get(f"{ROOT}{made['id']}")


def standard(image: Any, **more: Any) -> Any:
    ids = {"imageId": image["imageId"], "imageVersionId": image["versionId"]}
    return {**ids, "command": "ls", **more}


def test_the_read_shape_is_not_the_write_shape(peak: Any) -> None:
    image = peak.ready_image("img")
    step = standard(
        image,
        parameters={"env": {"A": "1", "B": "2"}, "secrets": ["s"]},
        repository={"url": "u", "branch": "b", "token": "secret"},
    )
    made = create(peak, steps={"a": step}, triggers=[{"cron": "0 2 * * *"}, {"webhook": True}])
    shown = read(peak, made)
    assert shown["triggers"][0] == {"cron": "0 2 * * *", "scheduled": True}
    assert shown["triggers"][1] == {"webhook": made["triggers"][1]["webhook"]}
    found = shown["steps"]["a"]
    assert found["parameters"] == {"env": [{"A": "1"}, {"B": "2"}], "secrets": ["s"]}
    assert found["repository"] == {"url": "u", "branch": "b", "token": ""}
    assert (found["imageName"], found["imageVersion"]) == ("img", "0.0.1")
    assert found["resources"] == {"instanceTypeId": 21, "storage": "10GB"}
    assert found["stepTimeout"] is None
    assert (shown["status"], shown["lastExecution"]) == ("Available", {})


def test_what_the_clients_sample_of_a_patch_leaves_out_is_not_missed(peak: Any) -> None:
    image = peak.ready_image()
    step = standard(image, resources={"instanceTypeId": 24})
    made = create(peak, steps={"a": step}, triggers=[{}])
    shown = read(peak, made)
    assert shown["triggers"] == []
    assert shown["steps"]["a"]["resources"] == {"instanceTypeId": 24, "storage": "10GB"}
    assert not {"repository", "parameters"} & shown["steps"]["a"].keys()


def test_a_put_replaces_the_whole_document(peak: Any) -> None:
    made = create(peak, tags=[{"name": "t"}], retryOptions={"duration": 5}, watchers=[])
    path = f"{ROOT}{made['id']}"
    peak.ok("PUT", path, json={"name": "renamed", "steps": {"b": SQL}})
    shown = read(peak, made)
    assert (shown["name"], list(shown["steps"]), shown["tags"]) == ("renamed", ["b"], [])
    assert shown["retryOptions"] is None


def test_a_webhook_keeps_its_id_only_when_asked_to(peak: Any) -> None:
    made = create(peak, triggers=[{"webhook": True}])
    path = f"{ROOT}{made['id']}"
    body = {"name": "w", "steps": {"a": SQL}}

    def put(**trigger: Any) -> str:
        sent = {**body, "triggers": [{"webhook": True, **trigger}]}
        return str(peak.ok("PUT", path, json=sent)["triggers"][0]["webhook"])

    first = made["triggers"][0]["webhook"]
    assert put(webhookPolicy="preserve") == first
    second = put()
    assert second != first
    assert put(webhookPolicy="generate") != second
    peak.ok("PUT", path, json=body)
    assert put(webhookPolicy="preserve")


def test_using_a_version_marks_it(peak: Any) -> None:
    image = peak.ready_image()
    path = "/service/image-management/api/v2/images/1/versions/1"
    made = create(peak, steps={"a": {"imageId": image["imageId"], "command": "ls"}})
    assert peak.get(path)["status"] == "in-use"
    assert read(peak, made)["steps"]["a"]["imageVersion"] is None
    peak.ok("PUT", f"{ROOT}{made['id']}", json={"name": "w", "steps": {"a": SQL}})
    assert peak.get(path)["status"] == "ready"
    made = create(peak, steps={"a": standard(image)})
    peak.ok("DELETE", f"{ROOT}{made['id']}")
    assert peak.get(path)["status"] == "ready"
    peak.refused(404, "GET", f"{ROOT}{made['id']}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name:"),
        ({"steps": None}, "steps:"),
        ({"steps": {}}, "steps:"),
        ({"steps": {"a": {"command": "ls"}}}, "steps.a.imageId:"),
        ({"steps": {"a": {"imageId": 1}}}, "steps.a.command:"),
        ({"steps": {"a": {"imageId": 77, "command": "c"}}}, "steps.a.imageId:"),
        (
            {"steps": {"a": {"imageId": 1, "imageVersionId": 77, "command": "c"}}},
            "steps.a.imageVersionId:",
        ),
        ({"steps": {"a": {**SQL, "parents": ["b"]}}}, "steps.a.parents:"),
        ({"steps": {"a": {**SQL, "parents": ["a"]}}}, "steps.a.parents:"),
        ({"steps": {"a": {"type": "sql"}}}, "steps.a.sqlQueryPath:"),
        (
            {"steps": {"a": {"type": "sql", "repository": {"branch": "b", "url": "u"}}}},
            "steps.a.repository.filePath:",
        ),
        ({"steps": {"a": {"type": "http", "method": "get"}}}, "steps.a.url:"),
        ({"steps": {"a": {"type": "http", "url": "u"}}}, "steps.a.method:"),
        ({"steps": {"a": {**HTTP, "auth": {"type": "basic"}}}}, "steps.a.auth.username:"),
        (
            {"steps": {"a": {**HTTP, "outputParameters": {"x": "y"}}}},
            "steps.a.outputParameters.x:",
        ),
        ({"steps": {"a": {"type": "export", "schema": "s"}}}, "steps.a.table:"),
        ({"steps": {"a": {"type": "dance"}}}, "steps.a.type:"),
        (
            {"steps": {"a": {**SQL, "resources": {"instanceTypeId": 43, "storage": "1GB"}}}},
            "steps.a.resources.instanceTypeId:",
        ),
        (
            {"steps": {"a": {**SQL, "resources": {"instanceTypeId": 21, "storage": "1TB"}}}},
            "steps.a.resources.storage:",
        ),
        ({"triggers": [{"webhook": False}]}, "triggers[0]:"),
        ({"triggers": [{"cron": "0 2 * * *", "webhook": True}]}, "triggers[0]:"),
        ({"triggers": [{"cron": "often"}]}, "triggers[0].cron:"),
        ({"triggers": [{"webhook": "an-id"}]}, "triggers[0].webhook:"),
        ({"triggers": [{"webhook": True, "webhookPolicy": "x"}]}, "triggers[0].webhookPolicy:"),
        ({"watchers": [{"user": "u"}]}, "watchers[0].events:"),
        ({"watchers": [{"events": {}}]}, "watchers[0]:"),
        ({"retryOptions": {"numberOfRetries": 6}}, "retryOptions.numberOfRetries:"),
        ({"retryOptions": {"duration": 121}}, "retryOptions.duration:"),
        ({"tags": [{}]}, "tags[0].name:"),
    ],
)
def test_refusals_name_the_field(peak: Any, body: Any, field: str) -> None:
    peak.ready_image()
    whole = {"name": "w", "steps": {"a": SQL}}
    assert peak.refused(422, "POST", ROOT, json={**whole, **body}).startswith(field)


def test_a_run_is_running_then_over(peak: Any) -> None:
    made = create(peak)
    path = f"{ROOT}{made['id']}"
    run = peak.ok("POST", f"{path}/execute", json={})["executionId"]
    shown = read(peak, made)
    assert (shown["status"], shown["lastExecution"]["status"]) == ("Running", "Running")
    for method, body in (("PUT", {"name": "w", "steps": {"a": SQL}}), ("DELETE", {})):
        assert "running" in peak.refused(409, method, path, json=body)
    assert "running" in peak.refused(409, "POST", f"{path}/execute", json={})
    peak.wait()
    assert read(peak, made)["lastExecution"]["status"] == "Success"
    listed = peak.get(f"{ROOT}executions/{made['id']}", count=5)
    assert listed["workflowId"] == made["id"]
    assert listed["executions"][0]["duration"] == "10s"
    details = peak.get(f"{path}/executions/{run}")
    assert (details["status"], details["steps"][0]["status"]) == ("Success", "Success")
    logs = peak.get(f"{path}/executions/{run}/logs", stepName="a")
    assert logs["stepRunStatus"] == "Success"
    end = peak.get(f"{path}/executions/{run}/logs", stepName="a", nextToken=logs["nextToken"])
    assert (end["logs"], end["nextToken"]) == ([], logs["nextToken"])
    place = peak.get(f"{path}/executions/{run}/logs/download", stepName="a")["downloadUrl"]
    assert "Done" in peak.send("GET", place).text
    assert "stepName" in peak.refused(422, "GET", f"{path}/executions/{run}/logs")
    peak.refused(404, "GET", f"{path}/executions/none")


def test_a_failing_command_fails_the_run(peak: Any) -> None:
    image = peak.ready_image()
    steps = {
        "a": standard(image),
        "b": standard(image, command="exit 3", parents=["a"]),
        "c": standard(image, parents=["b"]),
    }
    made = create(peak, steps=steps)
    path = f"{ROOT}{made['id']}"
    run = peak.ok("POST", f"{path}/execute", json={})["executionId"]
    peak.wait()
    shown = peak.get(f"{path}/executions/{run}")
    assert [s["status"] for s in shown["steps"]] == ["Success", "Failed", "Skipped"]
    assert "exit code" in str(peak.get(f"{path}/executions/{run}/logs", stepName="b")["logs"])
    assert peak.get(ROOT, lastExecutionStatus="Failed")["workflowsCount"] == 1
    body = {"stepsToRun": [{"stepName": "a", "runDAG": False}]}
    run = peak.ok("POST", f"{path}/execute", json=body)["executionId"]
    peak.wait()
    assert peak.get(f"{path}/executions/{run}")["status"] == "Success"
    body = {"stepsToRun": [{"stepName": "none"}]}
    assert "stepsToRun" in peak.refused(422, "POST", f"{path}/execute", json=body)
    peak.ok("DELETE", path)


def test_steps_begin_when_their_parents_have_ended(peak: Any) -> None:
    image = peak.ready_image()
    steps = {
        "b": standard(image, command="echo one && sleep 5; seq 3", parents=["a"]),
        "a": standard(image),
        "c": standard(image),
    }
    made = create(peak, steps=steps)
    path = f"{ROOT}{made['id']}"
    run = peak.ok("POST", f"{path}/execute", json={})["executionId"]

    def states() -> dict[str, str]:
        return {s["name"]: s["status"] for s in peak.get(f"{path}/executions/{run}")["steps"]}

    def log() -> list[str]:
        found = peak.get(f"{path}/executions/{run}/logs", stepName="b")
        return [line["message"] for line in found["logs"]]

    assert states() == {"b": "Pending", "a": "Running", "c": "Running"}
    shown = peak.get(f"{path}/executions/{run}")["steps"][0]
    assert (shown["startedAt"], shown["finishedAt"], log()) == (None, None, [])
    peak.wait(6)
    assert states() == {"b": "Running", "a": "Success", "c": "Success"}
    peak.wait(3)
    assert log() == ["Preparing the step", "Running b", "one"]
    peak.wait(5)
    assert log()[3:] == ["1", "2", "3"]
    assert peak.get(f"{path}/executions/{run}")["status"] == "Running"
    peak.wait(1)
    assert (states()["b"], log()[-1]) == ("Success", "Done")
    assert peak.get(f"{path}/executions/{run}")["status"] == "Success"


def test_what_does_not_depend_on_a_failing_step_goes_on(peak: Any) -> None:
    image = peak.ready_image()
    steps = {
        "a": standard(image, command="exit 3"),
        "b": standard(image, parents=["a"]),
        "c": standard(image),
        "d": standard(image, parents=["c"]),
    }
    made = create(peak, steps=steps)
    path = f"{ROOT}{made['id']}"
    run = peak.ok("POST", f"{path}/execute", json={})["executionId"]
    peak.wait(6)
    shown = peak.get(f"{path}/executions/{run}")
    words = [step["status"] for step in shown["steps"]]
    assert (shown["status"], words) == ("Running", ["Failed", "Skipped", "Success", "Running"])
    assert shown["steps"][1]["startedAt"] is None
    peak.wait(4)
    assert peak.get(f"{path}/executions/{run}")["status"] == "Failed"


def test_a_chosen_step_takes_those_that_depend_on_it_along(peak: Any) -> None:
    steps = {"a": SQL, "b": {**SQL, "parents": ["a"]}, "c": {**SQL, "parents": ["b"]}, "d": SQL}
    made = create(peak, steps=steps, metadata={"allowConcurrentExecution": True})
    path = f"{ROOT}{made['id']}"

    def run(**step: Any) -> list[str]:
        body = {"stepsToRun": [step]}
        key = peak.ok("POST", f"{path}/execute", json=body)["executionId"]
        return [step["name"] for step in peak.get(f"{path}/executions/{key}")["steps"]]

    assert run(stepName="b", runDAG=True) == ["b", "c"]
    assert run(stepName="a") == ["a"]


def test_a_log_is_kept_for_a_while(make_peak: Any) -> None:
    peak = make_peak(log_seconds=60)
    made = create(peak)
    path = f"{ROOT}{made['id']}"
    run = peak.ok("POST", f"{path}/execute", json={})["executionId"]
    peak.wait(65)
    assert peak.get(f"{path}/executions/{run}/logs", stepName="a")["logs"]
    peak.wait(10)
    assert "kept" in peak.refused(
        404, "GET", f"{path}/executions/{run}/logs", params={"stepName": "a"}
    )


def test_a_full_queue_says_so(peak: Any) -> None:
    made = create(peak, metadata={"allowConcurrentExecution": True})
    path = f"{ROOT}{made['id']}/execute"
    for _ in range(10):
        peak.ok("POST", path, json={})
    assert "queue" in peak.refused(429, "POST", path, json={})
    peak.wait()
    assert read(peak, made)["status"] == "Available"


def test_a_paused_workflow_does_not_run(peak: Any) -> None:
    made = create(peak)
    path = f"{ROOT}{made['id']}"
    peak.ok("POST", f"{path}/pause", json={})
    assert read(peak, made)["status"] == "Paused"
    peak.refused(409, "POST", f"{path}/pause", json={})
    peak.refused(409, "POST", f"{path}/execute", json={})
    peak.ok("POST", f"{path}/resume", json={})
    assert peak.get(ROOT, workflowStatus="Available")["workflowsCount"] == 1


def test_lists_are_filtered(peak: Any) -> None:
    create(peak, name="one")
    create(peak, name="two")
    assert [w["name"] for w in peak.get(ROOT, searchTerm="ONE")["workflows"]] == ["one"]
    assert peak.get(ROOT, lastModifiedBy="someone@peak.ai")["workflowsCount"] == 2
    assert peak.get(ROOT, lastModifiedBy="nobody@peak.ai")["workflowsCount"] == 0
    peak.refused(422, "GET", ROOT, params={"workflowStatus": "Odd"})


def test_older_platforms_lack_newer_calls(make_peak: Any) -> None:
    peak = make_peak(newer_calls=False, full_reads=False)
    made = create(peak)
    assert "no such call" in peak.refused(404, "POST", f"{ROOT}{made['id']}/pause", json={})
    assert {"retryOptions", "metadata"}.isdisjoint(read(peak, made))


def test_a_spoke_keeps_the_logs_of_steps(make_peak: Any) -> None:
    peak = make_peak(spoke_domain="spoke1.peak.ai")
    metadata = "/service/tenant-management/api/v1/external/tenants/tenant-metadata"
    assert peak.get(metadata)["spokeDetails"] == {"domain": "spoke1.peak.ai"}
    made = create(peak)
    run = peak.ok("POST", f"{ROOT}{made['id']}/execute", json={})["executionId"]
    step = peak.get(f"{ROOT}{made['id']}/executions/{run}")["steps"][0]
    query = {"logSource": step["nodeId"], "startTime": step["startedAt"]}
    peak.wait(4)
    found = peak.get("/service/spoke/api/v1/logs/workflow", **query)
    assert found["stepRunStatus"] == "Running"
    assert found["logs"][1]["message"] == "Running a"
