from __future__ import annotations

import json
from typing import Any

import pytest

BLOCKS = "/press/v1/blocks/specs/"
APPS = "/press/v1/apps/specs/"
SQL = {"type": "sql", "sqlQueryPath": "q"}
CONFIG = {"steps": {"a": SQL}}
NUMBER = {"name": "n", "type": "number", "required": False}


def release(peak: Any, spec: str, version: str, artifact: bytes | None = None, **parts: Any) -> Any:
    config = parts.pop("config", CONFIG)
    sent = {"release": {"version": version, "notes": version}, "config": config}
    files = peak.parts(artifact, spec=sent, **parts)
    return peak.send("POST", f"{BLOCKS}{spec}/releases", files=files)


def test_a_spec_has_metadata_and_a_release(peak: Any) -> None:
    parameters = {"build": [NUMBER], "run": []}
    spec = peak.block("b", parameters=parameters, featured=True, autoRunOnDeploy=True)
    shown = peak.get(BLOCKS + spec)
    assert shown["metadata"] == {"name": "b", "summary": "s", "status": "available", "tags": []}
    assert (shown["kind"], shown["featured"], shown["scope"]) == ("workflow", True, "private")
    assert shown["parameters"] == parameters
    latest = shown["latestRelease"]
    assert (latest["version"], latest["notes"], latest["config"]) == ("1.0.0", "n", CONFIG)
    found = peak.get(f"{BLOCKS}{spec}/releases/1.0.0")
    assert (found["autoRunOnDeploy"], found["artifact"]) == (True, None)
    peak.refused(404, "GET", f"{BLOCKS}{spec}/releases/2.0.0")
    peak.refused(404, "GET", f"{APPS}{spec}")


def test_releases_rise_and_never_change(peak: Any) -> None:
    spec = peak.block()
    assert release(peak, spec, "1.1.0").json() == {"id": spec, "release": {"version": "1.1.0"}}
    for version in ("1.1.0", "1.0.5", "1.1.0-rc", "2"):
        answer = release(peak, spec, version)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("release.version:")
    listed = peak.get(f"{BLOCKS}{spec}/releases")
    assert [r["version"] for r in listed["releases"]] == ["1.1.0", "1.0.0"]
    oldest = peak.get(f"{BLOCKS}{spec}/releases", sort="createdAt:asc")
    assert oldest["releaseCount"] == 2
    assert peak.get(BLOCKS + spec)["latestRelease"]["version"] == "1.1.0"


def test_each_upload_is_one_more_version_of_the_artifact_of_the_spec(peak: Any) -> None:
    config = {"steps": {"a": {"image": {"dockerfile": "D"}, "command": "ls"}}}
    one, two = peak.zip({"D": "FROM 1"}), peak.zip({"D": "FROM 2"})
    spec = peak.block("b", one, config=config)
    assert release(peak, spec, "1.0.1", two, config=config).status_code == 201
    first = peak.get(f"{BLOCKS}{spec}/releases/1.0.0")["artifact"]
    second = peak.get(f"{BLOCKS}{spec}/releases/1.0.1")["artifact"]
    assert (first["id"], first["version"], second["version"]) == (second["id"], 1, 2)
    place = f"/service/artifacts/api/v1/artifacts/{first['id']}"
    assert peak.send("GET", f"{place}/2/download").content == two
    assert release(peak, spec, "1.0.2", config=config).json()["detail"].startswith("artifact:")


def test_a_service_block_may_be_called_by_its_older_name(peak: Any) -> None:
    made = peak.block(kind="webapp", config={"image": {}}, artifact=peak.zip())
    assert peak.get(BLOCKS + made)["kind"] == "service"
    assert peak.get(BLOCKS, kind="service")["specCount"] == 1
    deployed = peak.deploy(made)
    peak.wait()
    (resource,) = peak.get(f"/press/v1/blocks/deployments/{deployed}")["latestRevision"][
        "resources"
    ]
    assert resource["kind"] == "service"


def test_edits_answer_without_parameters(peak: Any) -> None:
    made = peak.block(parameters={"run": [NUMBER]})
    edited = peak.ok("PATCH", BLOCKS + made, json={"featured": True})
    assert "parameters" not in edited
    deployed = peak.deploy(made)
    path = f"/press/v1/blocks/deployments/{deployed}"
    assert "parameters" not in peak.ok("PATCH", path, json={"title": "T"})
    assert peak.get(path)["parameters"] == {"build": {}, "run": {}}


def test_validate_stores_nothing(peak: Any) -> None:
    spec = {
        "version": "1",
        "kind": "workflow",
        "metadata": {"name": "b", "summary": "s"},
        "release": {"version": "1.0.0"},
        "config": CONFIG,
    }
    files = peak.parts(spec=spec, featured=None)
    answer = peak.ok("POST", BLOCKS, files=files, params={"validate": "true"})
    assert answer["success"] is True
    assert peak.get(BLOCKS)["specCount"] == 0
    made = peak.block()
    files = peak.parts(spec={"release": {"version": "2.0.0"}, "config": CONFIG})
    path = f"{BLOCKS}{made}/releases"
    assert peak.ok("POST", path, files=files, params={"validate": "true"})["success"] is True
    assert peak.get(path)["releaseCount"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "app"}, "kind:"),
        ({"version": "one"}, "release.version:"),
        ({"scope": "everybody"}, "scope:"),
        ({"scope": "shared"}, "tenants:"),
        ({"tenants": ["t"]}, "tenants:"),
        ({"featured": "yes"}, "featured:"),
        ({"autoRunOnDeploy": 3}, "autoRunOnDeploy:"),
        ({"config": None}, "config:"),
        ({"config": {"steps": {"a": {"command": "c"}}}}, "config.steps.a.image:"),
        (
            {"config": {"steps": {"a": {"command": "c", "imageRef": "x"}}}},
            "config.steps.a.imageRef",
        ),
        (
            {"config": {"steps": {"a": {"command": "c", "imageDetails": {"id": 7}}}}},
            "config.steps.a.imageDetails.id:",
        ),
        (
            {"config": {"steps": {"a": {"command": "c", "image": {}, "imageRef": "x"}}}},
            "config.steps.a.image:",
        ),
        ({"config": {"steps": {"a": {"command": "@param:x", "image": {}}}}}, "artifact:"),
        (
            {"config": {"steps": {"a": SQL, "b": {"type": "sql", "sqlQueryPath": "@param:x"}}}},
            "config:",
        ),
        ({"kind": "service", "config": {}}, "config.image:"),
        (
            {"kind": "service", "config": {"image": {}, "serviceType": "api", "scaleToZero": True}},
            "config.scaleToZero:",
        ),
        ({"kind": "service", "config": {"image": {}, "minInstances": 9}}, "config.minInstances:"),
        ({"parameters": {"build": [{"name": "a"}]}}, "parameters.build[0].type:"),
        ({"parameters": {"build": [NUMBER, NUMBER]}}, "parameters.build[1].name:"),
        ({"parameters": {"run": [{**NUMBER, "hideValue": True}]}}, "parameters.run[0].hideValue:"),
        ({"parameters": {"run": [{**NUMBER, "options": []}]}}, "parameters.run[0].options:"),
        (
            {"parameters": {"run": [{**NUMBER, "defaultValue": "x"}]}},
            "parameters.run[0].defaultValue:",
        ),
    ],
)
def test_refusals_name_the_field(peak: Any, change: Any, field: str) -> None:
    spec = {
        "version": 1,
        "kind": change.pop("kind", "workflow"),
        "metadata": {"name": "b", "summary": "s"},
        "release": {"version": change.pop("version", "1.0.0")},
        "config": change.pop("config", CONFIG),
    }
    answer = peak.send("POST", BLOCKS, files=peak.parts(spec=spec, **change))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(field)


def test_existing_images_need_a_private_spec(peak: Any) -> None:
    image = peak.ready_image()
    details = {"id": image["imageId"], "versionId": image["versionId"]}
    config = {"steps": {"a": {"command": "c", "imageDetails": details}}}
    spec = peak.block(config=config)
    for change in ({"scope": "public"}, {"scope": "shared", "tenants": ["t"]}):
        assert "private" in peak.refused(422, "PATCH", BLOCKS + spec, json=change)
    wrong = {"steps": {"a": {"command": "c", "imageDetails": {**details, "versionId": 77}}}}
    detail = release(peak, spec, "2.0.0", config=wrong).json()["detail"]
    assert detail.startswith("config.steps.a.imageDetails.versionId:")


def test_an_edit_changes_metadata_and_visibility_alone(peak: Any) -> None:
    spec = peak.block()
    edit = {
        "metadata": {"title": "T", "name": "renamed", "status": "archived"},
        "featured": True,
        "scope": "shared",
        "tenants": ["one"],
    }
    shown = peak.ok("PATCH", BLOCKS + spec, json=edit)
    assert shown["metadata"]["title"] == "T"
    assert (shown["metadata"]["status"], shown["scope"]) == ("archived", "shared")
    assert peak.get(f"{BLOCKS}{spec}/releases")["releaseCount"] == 1
    assert peak.get(BLOCKS, name="ren", status="archived", scope="shared,private")["specCount"] == 1
    peak.ok("PATCH", BLOCKS + spec, json={"scope": "private"})
    assert peak.get(BLOCKS + spec)["tenants"] == []
    peak.ok("PATCH", BLOCKS + spec, json={"metadata": {"title": None}})
    assert "title" not in peak.get(BLOCKS + spec)["metadata"]


def test_an_edit_without_a_change_is_refused(peak: Any) -> None:
    spec = peak.block()
    for body in ({}, {"metadata": {"name": "block", "summary": "s"}, "featured": False}):
        assert "No changes detected" in peak.refused(422, "PATCH", BLOCKS + spec, json=body)
    assert "status" in peak.refused(
        422, "PATCH", BLOCKS + spec, json={"metadata": {"status": "lost"}}
    )


def test_names_are_unique_per_kind_of_spec(peak: Any, make_peak: Any) -> None:
    block = peak.block("x")
    other = peak.block("y")
    peak.app(block, name="x")
    files = peak.parts(
        spec={
            "version": 1,
            "kind": "workflow",
            "metadata": {"name": "x", "summary": "s"},
            "release": {"version": "1.0.0"},
            "config": CONFIG,
        }
    )
    assert "already exists" in peak.refused(409, "POST", BLOCKS, files=files)
    peak.refused(409, "PATCH", BLOCKS + other, json={"metadata": {"name": "x"}})
    loose = make_peak(strict_names=False)
    loose.block("x")
    loose.block("x")


def test_an_app_names_blocks_that_exist(peak: Any) -> None:
    block = peak.block()
    app = peak.app(block)
    shown = peak.get(APPS + app)
    assert shown["kind"] == "app"
    assert shown["latestRelease"]["config"] == [
        {"autoRunOnDeploy": False, "id": block, "release": {"version": "1.0.0"}}
    ]
    for config, field in (
        ([], "config:"),
        ([{"id": "none", "release": {"version": "1.0.0"}}], "config[0].id:"),
        ([{"id": block, "release": {"version": "9.0.0"}}], "config[0].release.version:"),
        ([{"id": block}], "config[0].release:"),
    ):
        body = {"release": {"version": "2.0.0"}, "config": config, "parameters": None}
        detail = peak.refused(422, "POST", f"{APPS}{app}/releases", json=body)
        assert detail.startswith(field)


def test_a_shared_app_needs_blocks_shared_as_far(peak: Any) -> None:
    near = peak.block("near", scope="shared", tenants=["one"])
    with pytest.raises(AssertionError, match=r"config\[0\]\.id: near is not shared with two"):
        peak.app(near, scope="shared", tenants=["one", "two"])
    peak.app(near, scope="shared", tenants=["one"])
    open_to_all = peak.block("open", scope="public")
    peak.app(open_to_all, name="wide", scope="shared", tenants=["two"])


def test_app_texts_are_json_texts(peak: Any) -> None:
    body = {"spec": {"version": 1}, "featured": None}
    assert "JSON text" in peak.refused(422, "POST", APPS, json=body)
    wrong = {"spec": json.dumps({"version": 2, "kind": "app"}), "featured": "null"}
    assert peak.refused(422, "POST", APPS, json=wrong).startswith("metadata:")


def test_what_is_used_cannot_be_deleted(peak: Any) -> None:
    block = peak.block()
    app = peak.app(block)
    deployed = peak.deploy(app, root="apps")
    assert "used by" in peak.refused(422, "DELETE", BLOCKS + block)
    assert "used by app-deployment" in peak.refused(422, "DELETE", APPS + app)
    peak.wait()
    peak.ok("DELETE", f"/press/v1/apps/deployments/{deployed}")
    peak.wait()
    peak.refused(422, "DELETE", BLOCKS + block)
    peak.ok("DELETE", APPS + app)
    peak.ok("DELETE", BLOCKS + block)
    peak.refused(404, "GET", BLOCKS + block)
    peak.refused(404, "GET", f"{BLOCKS}{block}/releases")


def test_both_kinds_are_listed_together(peak: Any) -> None:
    block = peak.block("b", featured=True)
    peak.app(block, name="a")
    found = peak.get("/press/v1/specs/")
    assert (found["specCount"], found["specsCount"]) == (2, 2)
    assert peak.get("/press/v1/specs/", kind="app")["specs"][0]["metadata"]["name"] == "a"
    assert peak.get("/press/v1/specs/", featured="True")["specCount"] == 1
    by_name = peak.get("/press/v1/specs/", sort="name:asc,createdAt")["specs"]
    assert [s["metadata"]["name"] for s in by_name] == ["a", "b"]
    by_name = peak.get("/press/v1/specs/", sort="name:desc")["specs"]
    assert [s["metadata"]["name"] for s in by_name] == ["b", "a"]
    peak.refused(422, "GET", "/press/v1/specs/", params={"sort": "colour"})
    assert peak.get("/press/v1/specs/", term="S")["specCount"] == 2


def test_deployments_of_a_spec_are_found(peak: Any) -> None:
    block = peak.block()
    peak.deploy(block, "one")
    path = f"/press/v1/specs/{block}/releases/deployments"
    assert peak.get(path)["deployments"][0]["metadata"]["name"] == "one"
    assert peak.get(path, version="2.0.0")["deploymentCount"] == 0
    assert peak.get(path, status="deploying", name="o")["deploymentCount"] == 1
    peak.refused(404, "GET", "/press/v1/specs/none/releases/deployments")


def test_short_reads_show_what_the_reference_shows(make_peak: Any) -> None:
    peak = make_peak(full_reads=False)
    app = peak.app(peak.block())
    assert {"tenants", "parameters"}.isdisjoint(peak.get(APPS + app))
