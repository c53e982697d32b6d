from __future__ import annotations

from typing import Any

import pytest

BLOCKS = "/press/v1/blocks/deployments/"
APPS = "/press/v1/apps/deployments/"
SQL = {"type": "sql", "sqlQueryPath": "q"}


def definition(name: str, kind: str = "string", **more: Any) -> Any:
    return {"name": name, "type": kind, "required": False, **more}


PARAMETERS = {
    "build": [definition("query", defaultValue="q"), definition("size", "number")],
    "run": [definition("mode"), definition("token", hideValue=True)],
}
CONFIG = {"steps": {"a": {"type": "sql", "sqlQueryPath": "@param:query"}}}


def block(peak: Any, name: str = "block", **more: Any) -> str:
    return str(peak.block(name, config=CONFIG, parameters=PARAMETERS, **more))


def release(peak: Any, spec: str, version: str = "2.0.0") -> None:
    sent = {"release": {"version": version}, "config": CONFIG}
    files = peak.parts(spec=sent, parameters=PARAMETERS)
    peak.ok("POST", f"/press/v1/blocks/specs/{spec}/releases", files=files)


def status(peak: Any, made: str, root: str = BLOCKS) -> str:
    return str(peak.get(root + made)["metadata"]["status"])


def workflows(peak: Any) -> Any:
    return peak.get("/service/workflows/api/v1/workflows/")["workflows"]


def test_deploying_then_deployed_and_the_workflow_is_there(peak: Any) -> None:
    made = peak.deploy(block(peak), "d", parameters={"build": {"query": "special"}})
    shown = peak.get(BLOCKS + made)
    assert shown["metadata"]["status"] == "deploying"
    assert shown["latestRevision"]["resources"] == []
    assert workflows(peak) == []
    peak.wait()
    shown = peak.get(BLOCKS + made)
    assert (shown["metadata"]["status"], shown["kind"]) == ("deployed", "workflow")
    assert shown["latestRevision"]["status"] == "deployed"
    assert shown["latestRevision"]["resources"] == [{"kind": "workflow", "name": "d"}]
    workflow = peak.get(f"/service/workflows/api/v1/workflows/{workflows(peak)[0]['id']}")
    assert workflow["steps"]["a"]["sqlQueryPath"] == "special"
    owned = f"/service/workflows/api/v1/workflows/{workflow['id']}"
    assert "belongs to deployment" in peak.refused(409, "DELETE", owned)


def test_a_service_block_makes_a_service(peak: Any) -> None:
    image = peak.ready_image()
    details = {"id": image["imageId"]}
    config = {"serviceType": "api", "imageDetails": details, "minInstances": 2}
    spec = peak.block("s", kind="service", config=config)
    made = peak.deploy(spec, "d")
    peak.wait()
    found = peak.get("/service/webapps/api/v1/webapps/", featureType="services")["services"]
    assert [(s["name"], s["serviceType"], s["status"]) for s in found] == [
        ("d", "api", "AVAILABLE")
    ]
    path = f"/service/webapps/api/v1/webapps/{found[0]['id']}"
    assert peak.get(path)["imageDetails"]["versionId"] == image["versionId"]
    assert "belongs to deployment" in peak.refused(409, "DELETE", path)
    peak.ok("POST", f"{BLOCKS}{made}/revisions", json={})
    peak.wait()
    assert (
        len(peak.get("/service/webapps/api/v1/webapps/", featureType="services")["services"]) == 1
    )
    peak.ok("DELETE", BLOCKS + made)
    peak.wait()
    peak.refused(404, "GET", path)


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("fail-deployment", "failed"),
        ("warn-deployment", "warning"),
        ("rollback-deployment", "rollback_complete"),
        ("break-deployment", "platform_resource_error"),
        ("fine", "deployed"),
    ],
)
def test_a_parameter_can_ask_for_an_end(peak: Any, value: str, end: str) -> None:
    made = peak.deploy(block(peak), parameters={"run": {"mode": value}})
    peak.wait()
    assert status(peak, made) == end
    assert bool(workflows(peak)) == (end in ("deployed", "warning"))


def test_a_dockerfile_that_fails_fails_the_deployment(peak: Any) -> None:
    for number, (files, image, end) in enumerate(
        [
            ({"Dockerfile": "RUN false"}, {}, "failed"),
            ({"Dockerfile": "FROM x"}, {"dockerfile": "None"}, "failed"),
            ({"a/D": "FROM x"}, {"dockerfile": "D", "context": "a"}, "deployed"),
        ]
    ):
        config = {
            "images": {"one": image},
            "steps": {"a": {"imageRef": "one", "command": "ls"}},
        }
        spec = peak.block(f"b{number}", peak.zip(files), config=config)
        made = peak.deploy(spec, f"d{number}")
        peak.wait()
        assert status(peak, made) == end
    shown = peak.get(f"/service/workflows/api/v1/workflows/{workflows(peak)[0]['id']}")
    assert shown["steps"]["a"]["imageName"] == "d2-a"


def test_an_image_that_is_not_ready_fails_the_deployment(peak: Any) -> None:
    image = peak.image()
    details = {"id": image["imageId"], "versionId": image["versionId"]}
    config = {"steps": {"a": {"imageDetails": details, "command": "ls"}}}
    spec = peak.block(config=config)
    early = peak.deploy(spec, "early")
    peak.wait()
    late = peak.deploy(spec, "late")
    peak.wait()
    assert (status(peak, early), status(peak, late)) == ("failed", "deployed")
    path = "/service/image-management/api/v2/images/1/versions/1"
    assert peak.get(path)["status"] == "in-use"


def test_revisions_count_up_and_supersede(peak: Any) -> None:
    spec = block(peak)
    made = peak.deploy(spec, revision={"notes": "first"})
    peak.wait()
    release(peak, spec)
    body = {"revision": {"notes": "second"}, "parameters": {"build": {"query": "x"}}}
    answer = peak.ok("POST", f"{BLOCKS}{made}/revisions", json=body)
    assert answer == {"id": made, "revision": 2}
    listed = peak.get(f"{BLOCKS}{made}/revisions")["revisions"]
    assert [(r["revision"], r["status"], r["notes"]) for r in listed] == [
        (2, "deploying", "second"),
        (1, "superseded", "first"),
    ]
    assert peak.get(BLOCKS + made)["spec"]["release"]["version"] == "2.0.0"
    old = peak.get(f"{BLOCKS}{made}/revisions/1")
    assert (old["spec"]["release"]["version"], old["parameters"]["build"]) == ("1.0.0", {})
    assert peak.get(f"{BLOCKS}{made}/revisions", status="superseded")["revisionCount"] == 1
    peak.refused(404, "GET", f"{BLOCKS}{made}/revisions/3")
    peak.wait()
    body = {"release": {"version": "1.0.0"}}
    assert peak.ok("POST", f"{BLOCKS}{made}/revisions", json=body)["revision"] == 3
    assert len(workflows(peak)) == 1


@pytest.mark.parametrize("carries", [True, False])
def test_parameters_are_carried_over_only_by_choice(make_peak: Any, carries: bool) -> None:
    peak = make_peak(carry_parameters=carries)
    made = peak.deploy(block(peak), parameters={"run": {"mode": "a"}})
    peak.wait()
    peak.ok("POST", f"{BLOCKS}{made}/revisions", json={"parameters": {"build": {"size": 1}}})
    shown = peak.get(BLOCKS + made)["parameters"]
    assert shown == {"build": {"size": 1}, "run": {"mode": "a"} if carries else {}}


def test_nothing_but_waiting_while_it_deploys(peak: Any) -> None:
    made = peak.deploy(block(peak))
    for method, path in (("POST", "/revisions"), ("POST", "/redeploy"), ("DELETE", "")):
        assert "deploying" in peak.refused(409, method, BLOCKS + made + path, json={})


def test_redeploy_repeats_a_failed_revision(peak: Any) -> None:
    made = peak.deploy(block(peak), parameters={"run": {"mode": "fail-deployment-once"}})
    peak.wait()
    answer = peak.ok("POST", f"{BLOCKS}{made}/redeploy", json={})
    assert (answer["deploymentId"], answer["revision"]) == (made, 1)
    assert status(peak, made) == "redeploying"
    peak.wait()
    assert status(peak, made) == "deployed"
    assert "not failed or warning" in peak.refused(409, "POST", f"{BLOCKS}{made}/redeploy")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"spec": {}}, 422, "spec.id:"),
        ({"spec": {"id": "none"}}, 404, "block spec none"),
        ({"release": "9.0.0"}, 422, "spec.release.version:"),
        ({"parameters": {"run": {"other": 1}}}, 422, "parameters.run.other:"),
        ({"parameters": {"build": {"mode": "x"}}}, 422, "parameters.build.mode:"),
        ({"parameters": {"build": {"size": "1"}}}, 422, "parameters.build.size:"),
        ({"parameters": {"build": {"size": True}}}, 422, "parameters.build.size:"),
        ({"parameters": {"run": []}}, 422, "parameters.run:"),
        ({"metadata": {"name": "d", "descriptionContentType": "x"}}, 422, "metadata.description"),
    ],
)
def test_refusals_name_the_field(peak: Any, body: Any, code: int, field: str) -> None:
    spec = {"id": block(peak)}
    if "release" in body:
        spec["release"] = {"version": body["release"]}  # type: ignore[assignment]
    whole = {"metadata": {"name": "d"}, "spec": spec, **body}
    assert peak.refused(code, "POST", BLOCKS, json=whole).startswith(field)


def test_required_values_and_options_are_checked(peak: Any) -> None:
    options = [{"title": "A", "value": "a"}, {"title": "B", "value": "b"}]
    condition = [{"dependsOn": "mode", "operator": "equals", "value": "a"}]
    parameters = {
        "run": [
            {**definition("mode", options=options), "required": True},
            definition("modes", "string_array", options=options),
            {**definition("sometimes", conditions=condition), "required": True},
            definition("any", "object"),
            definition("many", "number_array"),
        ]
    }
    spec = peak.block(parameters=parameters)
    body = {"metadata": {"name": "d"}, "spec": {"id": spec}}
    for run, field in (
        ({}, "parameters.run.mode: is required"),
        ({"mode": "c"}, "parameters.run.mode: 'c' is not one of the options"),
        ({"mode": "a", "modes": ["c"]}, "parameters.run.modes: 'c'"),
        ({"mode": "a", "any": []}, "parameters.run.any: must be a object"),
        ({"mode": "a", "many": ["1"]}, "parameters.run.many:"),
    ):
        sent = {**body, "parameters": {"run": run}}
        assert peak.refused(422, "POST", BLOCKS, json=sent).startswith(field)
    run = {"mode": "a", "modes": ["a", "b"], "any": {"x": 1}, "many": [1, 2.5]}
    peak.ok("POST", BLOCKS, json={**body, "parameters": {"run": run}})


def test_hidden_values_are_masked_except_where_running_blocks_read_them(peak: Any) -> None:
    made = peak.deploy(block(peak), parameters={"run": {"token": "geheim", "mode": "m"}})
    run = peak.get(f"/press/v1/deployments/{made}/parameters/run")
    assert run == {"token": "geheim", "mode": "m"}
    for path in (made, f"{made}/revisions/1"):
        assert peak.get(BLOCKS + path)["parameters"]["run"] == {"token": "********", "mode": "m"}
        assert "geheim" not in peak.send("GET", BLOCKS + path).text


def test_run_parameters_change_without_a_revision(peak: Any) -> None:
    made = peak.deploy(block(peak), parameters={"run": {"mode": "a"}})
    path = f"/press/v1/deployments/{made}/parameters/run"
    assert peak.ok("PATCH", path, json={"token": "t"}) == {"mode": "a", "token": "t"}
    sent = {"parameters": {"mode": "b"}}
    newer = peak.ok("PATCH", path.replace("v1", "v2"), json=sent)
    assert newer == {"parameters": {"mode": "b", "token": "t"}}
    assert peak.get(f"{BLOCKS}{made}/revisions")["revisionCount"] == 1
    assert peak.get(f"{BLOCKS}{made}/revisions/1")["parameters"]["run"] == {"mode": "a"}
    assert peak.refused(422, "PATCH", path, json={"query": "x"}).startswith("body.query:")
    assert peak.refused(422, "PATCH", path, json={"mode": None}).startswith("body.mode:")
    peak.refused(404, "GET", "/press/v1/deployments/none/parameters/run")


def test_defaults_are_read_only_by_choice(make_peak: Any) -> None:
    peak = make_peak(default_parameters=True)
    made = peak.deploy(block(peak), parameters={"build": {"size": 1}})
    assert peak.get(BLOCKS + made)["parameters"]["build"] == {"query": "q", "size": 1}


def test_metadata_is_edited_at_the_top_of_the_body(peak: Any) -> None:
    spec = block(peak)
    made, other = peak.deploy(spec, "one"), peak.deploy(spec, "two")
    shown = peak.ok("PATCH", BLOCKS + made, json={"title": "T", "tags": [{"name": "t"}]})
    assert shown["metadata"]["title"] == "T"
    assert "already exists" in peak.refused(409, "PATCH", BLOCKS + other, json={"name": "one"})
    peak.ok("PATCH", BLOCKS + other, json={"name": "three"})
    body = {"metadata": {"name": "one"}, "spec": {"id": spec}}
    assert "already exists" in peak.refused(409, "POST", BLOCKS, json=body)
    names = [d["metadata"]["name"] for d in peak.get(BLOCKS, sort="name:desc")["deployments"]]
    assert names == ["three", "one"]
    assert peak.get(BLOCKS, title="t", status="deploying")["deploymentCount"] == 1
    peak.ok("PATCH", BLOCKS + made, json={"title": None})
    assert "title" not in peak.get(BLOCKS + made)["metadata"]


def app(peak: Any) -> tuple[str, str, str]:
    one, two = block(peak, "one"), block(peak, "two")
    return str(peak.app(one, two)), one, two


def test_an_app_deploys_its_blocks(peak: Any) -> None:
    spec, one, _ = app(peak)
    made = peak.deploy(spec, "app", "apps", parameters={"one": {"run": {"mode": "a"}}})
    peak.wait()
    shown = peak.get(APPS + made)
    assert shown["metadata"]["status"] == "deployed"
    assert shown["latestRevision"]["resources"] == [
        {"kind": "workflow", "name": "app-one"},
        {"kind": "workflow", "name": "app-two"},
    ]
    first = shown["latestRevision"]["blocks"][0]
    assert (first["name"], first["kind"], first["status"]) == ("one", "workflow", "deployed")
    child = peak.get(BLOCKS + first["deploymentId"])
    assert child["parent"] == {"id": made}
    assert (child["spec"]["id"], child["parameters"]["run"]) == (one, {"mode": "a"})
    assert "belongs to app" in peak.refused(422, "DELETE", BLOCKS + first["deploymentId"])
    found = peak.get("/press/v1/deployments/")
    assert (found["deploymentCount"], found["deploymentsCount"]) == (3, 3)
    assert peak.get("/press/v1/deployments/", kind="app", term="AP")["deploymentCount"] == 1
    peak.ok("DELETE", APPS + made)
    assert status(peak, first["deploymentId"]) == "deleting"
    peak.refused(409, "DELETE", APPS + made)
    peak.wait()
    assert peak.get("/press/v1/deployments/")["deploymentCount"] == 0
    assert workflows(peak) == []
    peak.refused(404, "GET", APPS + made)


def test_app_parameters_are_inherited_and_block_values_win(peak: Any) -> None:
    spec, _, _ = app(peak)
    made = peak.deploy(
        spec,
        "app",
        "apps",
        appParameters={"run": {"mode": "shared", "token": "geheim"}},
        parameters={"two": {"run": {"mode": "own"}}},
    )
    blocks = peak.get(APPS + made)["latestRevision"]["blocks"]
    modes = [peak.get(f"/press/v1/deployments/{b['deploymentId']}/parameters/run") for b in blocks]
    assert modes == [{"mode": "shared", "token": "geheim"}, {"mode": "own", "token": "geheim"}]
    shown = peak.get(APPS + made)
    assert shown["appParameters"]["run"] == {"mode": "shared", "token": "********"}
    assert shown["parameters"] == {"two": {"build": {}, "run": {"mode": "own"}}}
    body = {"metadata": {"name": "x"}, "spec": {"id": spec}}
    for wrong, field in (
        ({"appParameters": {"run": {"none": 1}}}, "appParameters.run.none:"),
        ({"parameters": {"three": {}}}, "parameters.three:"),
        ({"parameters": {"one": {"run": {"none": 1}}}}, "parameters.one.run.none:"),
    ):
        assert peak.refused(422, "POST", APPS, json={**body, **wrong}).startswith(field)


def test_run_parameters_of_an_app_reach_its_blocks(peak: Any) -> None:
    spec, _, _ = app(peak)
    made = peak.deploy(spec, "app", "apps")
    child = peak.get(APPS + made)["latestRevision"]["blocks"][0]["deploymentId"]
    path = f"/press/v2/deployments/{made}/parameters/run"
    sent = {"appParameters": {"mode": "all"}, "parameters": {"one": {"token": "t"}}}
    answer = peak.ok("PATCH", path, json=sent)
    assert answer == {
        "appParameters": {"mode": "all"},
        "parameters": {"one": {"token": "t"}, "two": {}},
    }
    run = f"/press/v1/deployments/{child}/parameters/run"
    assert peak.get(run) == {"mode": "all", "token": "t"}
    assert peak.get(f"/press/v1/deployments/{made}/parameters/run") == answer
    assert "use v2" in peak.refused(
        422, "PATCH", f"/press/v1/deployments/{made}/parameters/run", json={"mode": "x"}
    )
    wrong = {"parameters": {"none": {}}}
    assert peak.refused(422, "PATCH", path, json=wrong).startswith("parameters.none:")


def test_blocks_come_and_go_with_revisions(peak: Any) -> None:
    spec, one, two = app(peak)
    three = block(peak, "three")
    chosen = {"includes": [{"id": three, "releaseVersion": "1.0.0"}], "excludes": [{"id": one}]}
    body = {"metadata": {"name": "app"}, "spec": {"id": spec, **chosen}}
    made = peak.ok("POST", APPS, json=body)["id"]

    def blocks() -> list[str]:
        return [b["name"] for b in peak.get(APPS + made)["latestRevision"]["blocks"]]

    assert blocks() == ["two", "three"]
    peak.wait()
    config = {"excludes": [{"id": two}]}
    peak.ok("POST", f"{APPS}{made}/revisions", json={"blocksConfig": config})
    assert blocks() == ["one"]
    peak.wait()
    assert [w["name"] for w in workflows(peak)] == ["app-one"]
    for wrong, field in (
        ({"excludes": [{"id": three}]}, "excludes[0].id:"),
        ({"includes": [{"id": two, "releaseVersion": "7.0.0"}]}, "includes[0].releaseVersion:"),
    ):
        sent = {"blocksConfig": wrong}
        assert peak.refused(422, "POST", f"{APPS}{made}/revisions", json=sent).startswith(field)
    sent = {"spec": {"id": one}}
    assert peak.refused(422, "POST", f"{APPS}{made}/revisions", json=sent).startswith("spec.id:")


def test_one_failed_block_fails_the_app_and_is_the_one_deployed_again(peak: Any) -> None:
    spec, _, _ = app(peak)
    mode = {"one": {"run": {"mode": "fail-deployment-once"}}}
    made = peak.deploy(spec, "app", "apps", parameters=mode)
    peak.wait()
    assert status(peak, made, APPS) == "failed"
    blocks = peak.get(APPS + made)["latestRevision"]["blocks"]
    assert [b["status"] for b in blocks] == ["failed", "deployed"]
    peak.ok("POST", f"{APPS}{made}/redeploy", json={})
    blocks = peak.get(APPS + made)["latestRevision"]["blocks"]
    assert [b["status"] for b in blocks] == ["redeploying", "deployed"]
    peak.wait()
    assert status(peak, made, APPS) == "deployed"


def test_an_app_carries_parameters_by_choice(make_peak: Any) -> None:
    peak = make_peak(carry_parameters=True)
    spec, _, _ = app(peak)
    first = {"parameters": {"one": {"run": {"mode": "a"}}}, "appParameters": {"run": {"mode": "b"}}}
    made = peak.deploy(spec, "app", "apps", **first)
    peak.wait()
    peak.ok("POST", f"{APPS}{made}/revisions", json={"parameters": {"two": {}}})
    shown = peak.get(APPS + made)
    assert shown["parameters"]["one"]["run"] == {"mode": "a"}
    assert shown["appParameters"]["run"] == {"mode": "b"}


def test_older_platforms_know_no_app_parameters(make_peak: Any) -> None:
    peak = make_peak(newer_calls=False)
    spec, _, _ = app(peak)
    made = peak.deploy(spec, "app", "apps", appParameters={"run": {"unknown": 1}})
    shown = peak.get(APPS + made)
    assert "appParameters" not in shown
    assert "excludes" not in shown["spec"]
    peak.refused(404, "PATCH", f"/press/v2/deployments/{made}/parameters/run", json={})


def test_resources_set_to_run_are_executed(peak: Any) -> None:
    one = block(peak, "one", autoRunOnDeploy=True)
    spec = peak.app(one, block(peak, "two"))
    made = peak.deploy(spec, "app", "apps")
    assert peak.ok("POST", f"/press/v1/deployments/{made}/execute", json={}) == {
        "executeResponse": []
    }
    peak.wait()
    assert [w["status"] for w in workflows(peak)] == ["Running", "Available"]
    answer = peak.ok("POST", f"/press/v1/deployments/{made}/execute", json={})
    (ran,) = answer["executeResponse"]
    assert (ran["blockSpecId"], ran["version"], ran["status"]) == (one, "1.0.0", "executed")
    peak.refused(404, "POST", "/press/v1/deployments/none/execute", json={})


def test_a_deployment_without_a_name_is_named_after_its_spec(peak: Any) -> None:
    made = peak.ok("POST", BLOCKS, json={"spec": {"id": block(peak)}})["id"]
    assert peak.get(BLOCKS + made)["metadata"]["name"] == "block-deployment"


def test_names_that_are_taken_do_not_stop_what_a_deployment_makes(peak: Any) -> None:
    spec, one, _ = app(peak)
    peak.deploy(one, "app-one")
    image = peak.ready_image()
    peak.service(image, "svc")
    service = peak.block("s", kind="service", config={"imageDetails": {"id": image["imageId"]}})
    peak.deploy(service, "svc")
    made = peak.deploy(spec, "app", "apps")
    peak.wait()
    assert status(peak, made, APPS) == "deployed"
    services = peak.get("/service/webapps/api/v1/webapps/", featureType="services")["services"]
    assert len({s["name"] for s in services}) == 2


def test_parameters_may_put_anything_into_a_config(peak: Any) -> None:
    types = {"env": "object", "repo": "string", "cmd": "number", "cron": "string"}
    config = {
        "steps": {
            "a": {
                "type": "sql",
                "sqlQueryPath": "q",
                "parameters": {"env": "@param:env"},
                "command": "@param:cmd",
            },
            "b": {
                "type": "http",
                "method": "get",
                "url": "u",
                "parameters": "@param:repo",
                "auth": "@param:repo",
            },
        },
        "triggers": [{"cron": "@param:cron"}],
    }
    build = [definition(name, kind) for name, kind in types.items()]
    spec = peak.block(config=config, parameters={"build": build}, autoRunOnDeploy=True)
    for number, values in enumerate(({}, {"env": {"A": "1"}, "repo": "r", "cmd": 1, "cron": "x"})):
        made = peak.deploy(spec, f"d{number}", parameters={"build": values})
        peak.wait()
        assert status(peak, made) == "deployed"
    for workflow in workflows(peak):
        peak.get(f"/service/workflows/api/v1/workflows/{workflow['id']}")
