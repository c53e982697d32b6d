from __future__ import annotations

from typing import Any

import pytest

ROOT = "/service/image-management/api/v2/images/"
DOCKERFILE = {"source": "dockerfile", "dockerfile": "FROM x"}


def version(peak: Any, image: Any, **parts: Any) -> Any:
    parts = {"buildDetails": DOCKERFILE, **parts}
    return peak.ok("POST", f"{ROOT}{image['imageId']}/versions", files=peak.parts(**parts))


def read(peak: Any, image: Any, version_id: int | None = None) -> Any:
    return peak.get(f"{ROOT}{image['imageId']}/versions/{version_id or image['versionId']}")


def test_a_version_is_building_then_ready_then_in_use(peak: Any) -> None:
    made = peak.image()
    fresh = read(peak, made)
    assert (fresh["status"], fresh["lastBuildStatus"]) == ("not-ready", "building")
    peak.wait(9.9)
    assert read(peak, made)["status"] == "not-ready"
    peak.wait(0.1)
    built = read(peak, made)
    assert (built["status"], built["lastBuildStatus"]) == ("ready", "success")
    service = peak.service(made)
    assert read(peak, made)["status"] == "in-use"
    peak.wait()
    peak.ok("DELETE", f"/service/webapps/api/v1/webapps/{service}")
    assert read(peak, made)["status"] == "ready"


@pytest.mark.parametrize(
    ("line", "code"), [("RUN false", 1), ("RUN FALSE", 1), ("run exit 1", 1), ("  RUN exit 12", 12)]
)
def test_a_build_fails_and_its_last_line_says_where(peak: Any, line: str, code: int) -> None:
    made = peak.image(dockerfile=f"FROM x\n# a comment\n\nRUN ls\n{line}\nRUN never")
    peak.wait()
    assert read(peak, made)["lastBuildStatus"] == "failed"
    logs = peak.get(f"{ROOT}{made['imageId']}/builds/{made['buildId']}/logs")
    assert logs["buildStatus"] == "failed"
    assert logs["finishTime"] == "2020-09-13T12:26:50.000Z"
    assert logs["logs"][-1]["message"].endswith(f"exit code {code}")
    assert "never" not in str(logs)


def upload(peak: Any, files: dict[str, str], **details: Any) -> str:
    parts = peak.parts(peak.zip(files), name="i", type="api", buildDetails=details)
    made = peak.ok("POST", ROOT, files=parts)
    peak.wait()
    return str(read(peak, made)["lastBuildStatus"])


def test_the_dockerfile_of_an_upload_decides(peak: Any) -> None:
    assert upload(peak, {"Dockerfile": "FROM x"}) == "success"
    assert upload(peak, {"Dockerfile": "RUN false"}) == "failed"
    assert upload(peak, {"a/Dockerfile": "FROM x"}) == "failed"
    assert upload(peak, {"a/Dockerfile": "FROM x"}, context="a") == "success"
    assert upload(peak, {"a/D": "FROM x"}, context=".", dockerfilePath="./a/D") == "success"


def test_logs_grow_while_building_and_come_in_pages(make_peak: Any) -> None:
    peak = make_peak(log_page=3)
    made = peak.image(dockerfile="FROM x\nRUN a\nRUN b")
    path = f"{ROOT}{made['imageId']}/builds/{made['buildId']}/logs"
    assert len(peak.get(path)["logs"]) == 1
    peak.wait()
    first = peak.get(path)
    assert len(first["logs"]) == 3
    second = peak.get(path, nextToken=first["nextToken"])
    third = peak.get(path, nextToken=second["nextToken"])
    assert (len(second["logs"]), len(third["logs"])) == (3, 1)
    end = peak.get(path, nextToken=third["nextToken"])
    assert (end["logs"], end["nextToken"]) == ([], third["nextToken"])
    assert int(first["logs"][0]["timestamp"]) == 1600000000000
    assert third["logs"][0]["message"] == "Successfully built"
    assert "nextToken" in peak.refused(422, "GET", path, params={"nextToken": "x"})
    place = peak.get(f"{path}/download")["downloadUrl"]
    peak.token = ""
    assert peak.send("GET", place).text.endswith("Successfully built\n")


def test_a_build_that_queues_writes_nothing_until_it_begins(make_peak: Any) -> None:
    peak = make_peak(queue_seconds=30, log_seconds=60)
    made = peak.image(dockerfile="FROM x\nRUN seq 2")
    path = f"{ROOT}{made['imageId']}/builds/{made['buildId']}/logs"
    peak.wait(29)
    found = peak.get(path)
    assert (found["buildStatus"], found["logs"]) == ("building", [])
    peak.wait(4)
    assert [line["message"] for line in peak.get(path)["logs"]][2:] == ["Step 1/2 : FROM x"]
    peak.wait(7)
    found = peak.get(path)
    words = [line["message"] for line in found["logs"]]
    assert (found["buildStatus"], words[4:6]) == ("success", ["1", "2"])
    peak.wait(61)
    assert "kept" in peak.refused(404, "GET", path)


def test_numbers_come_by_themselves_or_in_any_order(peak: Any) -> None:
    made = peak.image(version="0.0.1-python3.9")
    second = version(peak, made)
    assert read(peak, made, second["versionId"])["version"] == "0.0.2"
    third = version(peak, made, version="0.0.1-python3.8")
    assert peak.get(f"{ROOT}{made['imageId']}")["latestVersion"]["id"] == third["versionId"]
    path = f"{ROOT}{made['imageId']}/versions"
    for wrong, why in {"0.0.2": "already exists", "1.0": "not a semantic version"}.items():
        files = peak.parts(version=wrong, buildDetails=DOCKERFILE)
        assert why in peak.refused(422, "POST", path, files=files)


def test_numbers_rise_by_choice(make_peak: Any) -> None:
    peak = make_peak(rising_versions=True)
    made = peak.image(version="0.0.1-python3.9")
    third = version(peak, made, version="1.0.0-b")
    path = f"{ROOT}{made['imageId']}/versions"
    for wrong, why in {
        "0.9.0": "greater than 1.0.0-b",
        "1.0.0-a": "greater than",
        "1.0.0-b": "already exists",
        "1.0": "not a semantic version",
    }.items():
        files = peak.parts(version=wrong, buildDetails=DOCKERFILE)
        assert why in peak.refused(422, "POST", path, files=files)
    assert peak.get(f"{ROOT}{made['imageId']}")["latestVersion"]["id"] == third["versionId"]


def test_only_a_version_that_is_not_ready_can_be_updated(peak: Any) -> None:
    made = peak.image(dockerfile="RUN false")
    path = f"{ROOT}{made['imageId']}/versions/{made['versionId']}"
    peak.wait()
    again = peak.ok("PATCH", path, files=peak.parts(buildDetails=DOCKERFILE, version="0.0.1"))
    assert again["buildId"] != made["buildId"]
    assert again["versionId"] == made["versionId"]
    assert "version" in peak.refused(422, "PATCH", path, files=peak.parts(version="0.0.2"))
    peak.wait()
    assert read(peak, made)["status"] == "ready"
    assert "ready" in peak.refused(422, "PATCH", path, files=peak.parts(description="x"))


def test_an_update_keeps_what_it_leaves_out_and_stops_the_running_build(peak: Any) -> None:
    made = peak.image(description="old")
    path = f"{ROOT}{made['imageId']}/versions/{made['versionId']}"
    peak.wait(5)
    peak.ok("PATCH", path, files=peak.parts(description="new"))
    builds = peak.get(f"{ROOT}{made['imageId']}/builds", count=-1)["builds"]
    assert [b["status"] for b in builds] == ["building", "stopped"]
    peak.wait(5)
    assert read(peak, made)["status"] == "not-ready"
    peak.wait(5)
    shown = read(peak, made)
    assert (shown["status"], shown["description"]) == ("ready", "new")
    assert shown["buildDetails"]["dockerfile"] == "FROM scratch"


def test_a_kept_upload_is_built_again(peak: Any) -> None:
    parts = peak.parts(peak.zip({"Dockerfile": "RUN false"}), name="i", type="api")
    made = peak.ok("POST", ROOT, files=parts)
    path = f"{ROOT}{made['imageId']}/versions/{made['versionId']}"
    peak.wait()
    peak.ok("PATCH", path, files=peak.parts(description="again"))
    peak.wait()
    assert read(peak, made)["lastBuildStatus"] == "failed"
    peak.ok("PATCH", path, files=peak.parts(peak.zip()))
    peak.wait()
    assert read(peak, made)["lastBuildStatus"] == "success"


def test_name_and_type_cannot_change(peak: Any) -> None:
    made = peak.image("one")
    path = f"{ROOT}{made['imageId']}/versions"
    files = peak.parts(name="two", buildDetails=DOCKERFILE)
    assert peak.refused(422, "POST", path, files=files).startswith("name:")
    files = peak.parts(type="api", buildDetails=DOCKERFILE)
    assert peak.refused(422, "POST", path, files=files).startswith("type:")
    version(peak, made, name="one", type="workflow")


def test_the_token_of_a_repository_is_not_returned(peak: Any) -> None:
    details = {"source": "github", "repository": "r", "branch": "b", "token": "secret"}
    made = peak.ok("POST", ROOT, files=peak.parts(name="i", type="api", buildDetails=details))
    assert "token" not in read(peak, made)["buildDetails"]
    assert "secret" not in str(peak.emulator.requests)
    peak.wait()
    assert read(peak, made)["status"] == "ready"


def test_what_a_source_needs_is_required(peak: Any) -> None:
    for details, field in (
        ({"source": "github", "branch": "b"}, "buildDetails.repository:"),
        ({"source": "dockerfile"}, "buildDetails.dockerfile:"),
        ({"source": "upload"}, "artifact:"),
        ({"source": "svn"}, "buildDetails.source:"),
        ({"useCache": "yes"}, "buildDetails.useCache:"),
        ({"buildArguments": {"A": "1"}}, "buildDetails.buildArguments:"),
    ):
        files = peak.parts(name="i", type="api", buildDetails=details)
        assert peak.refused(422, "POST", ROOT, files=files).startswith(field)
    assert peak.refused(422, "POST", ROOT, files=peak.parts(name="i", type="x")).startswith("type:")


def test_autodeploy_moves_workflows_and_services_when_the_build_is_done(peak: Any) -> None:
    made = peak.ready_image()
    service = peak.service(made)
    image = {"imageId": made["imageId"], "imageVersionId": made["versionId"], "command": "ls"}
    body = {"name": "w", "steps": {"a": image, "b": {"type": "sql", "sqlQueryPath": "q"}}}
    workflow = peak.ok("POST", "/service/workflows/api/v1/workflows/", json=body)["id"]
    peak.wait()
    resources = [
        {"entityId": service, "entityType": "api"},
        {"entityId": str(workflow), "entityType": "workflow"},
        {"entityId": "elsewhere", "entityType": "workspace"},
    ]
    second = version(peak, made, autodeployResources=resources)
    assert second["autodeploymentId"]
    peak.wait(9)
    path = f"/service/webapps/api/v1/webapps/{service}"
    assert peak.get(path)["imageDetails"]["versionId"] == made["versionId"]
    peak.wait(2)
    assert peak.get(path)["imageDetails"]["versionId"] == second["versionId"]
    assert peak.get(path)["status"] == "DEPLOYING"
    steps = peak.get(f"/service/workflows/api/v1/workflows/{workflow}")["steps"]
    assert steps["a"]["imageVersionId"] == second["versionId"]
    assert read(peak, made)["status"] in ("ready", "in-use")
    assert read(peak, made, second["versionId"])["status"] == "in-use"
    peak.wait()
    assert peak.get(path)["status"] == "AVAILABLE"


def test_autodeploy_of_what_does_not_exist_is_refused(peak: Any) -> None:
    made = peak.image()
    files = peak.parts(
        buildDetails=DOCKERFILE,
        autodeployResources=[{"entityId": "none", "entityType": "webapp"}],
    )
    detail = peak.refused(422, "POST", f"{ROOT}{made['imageId']}/versions", files=files)
    assert detail.startswith("autodeployResources[0].entityId:")


def test_versions_in_use_stay_and_others_pass_through_deleting(peak: Any) -> None:
    made = peak.ready_image()
    second = version(peak, made)
    peak.wait()
    peak.service(made, imageDetails={k: made[k] for k in ("imageId", "versionId")})
    path = f"{ROOT}{made['imageId']}"
    assert "in use" in peak.refused(422, "DELETE", f"{path}/versions/{made['versionId']}")
    assert "in use" in peak.refused(422, "DELETE", path)
    ids = {"versionIds": [made["versionId"], second["versionId"]]}
    assert "in use" in peak.refused(422, "DELETE", f"{path}/versions", params=ids)
    peak.ok("DELETE", f"{path}/versions", params={"versionIds": second["versionId"]})
    assert read(peak, made, second["versionId"])["status"] == "deleting"
    peak.wait()
    peak.refused(404, "GET", f"{path}/versions/{second['versionId']}")
    assert peak.get(path)["latestVersion"]["id"] == made["versionId"]


def test_an_image_goes_with_its_versions(peak: Any) -> None:
    made = peak.ready_image()
    path = f"{ROOT}{made['imageId']}"
    peak.ok("DELETE", path)
    assert peak.get(path)["latestVersion"]["status"] == "deleting"
    peak.wait()
    peak.refused(404, "GET", path)
    peak.refused(404, "GET", f"{path}/versions")


def test_deleting_a_version_that_builds_ends_it(peak: Any) -> None:
    made = peak.image()
    peak.ok("DELETE", f"{ROOT}{made['imageId']}/versions/{made['versionId']}")
    peak.wait(30)
    assert peak.get(f"{ROOT}{made['imageId']}/versions")["versions"] == []
    assert peak.refused(422, "DELETE", f"{ROOT}{made['imageId']}/versions")
    missing = {"versionIds": "77"}
    peak.refused(404, "DELETE", f"{ROOT}{made['imageId']}/versions", params=missing)


def test_a_search_ignores_the_case_of_all_letters(peak: Any) -> None:
    for name in ("Übung", "ΣΟΦΟΣ", "Straße"):
        peak.image(name)

    def names(term: str) -> list[str]:
        return [i["name"] for i in peak.get(ROOT, searchTerm=term)["images"]]

    assert names("ÜBUNG") == names("übu") == ["Übung"]
    assert names("σοφος") == ["ΣΟΦΟΣ"]
    assert names("STRASSE") == ["Straße"]
    peak.block("Ünique")
    specs = "/press/v1/blocks/specs/"
    assert peak.get(specs, name="ünI")["specCount"] == 1
    assert peak.get(specs, name="nique")["specCount"] == 0
    assert peak.get(specs, term="NIQUE")["specCount"] == 1


def test_listings_are_filtered(peak: Any) -> None:
    peak.ready_image("Alpha")
    peak.image("beta", dockerfile="RUN false")
    peak.wait()
    peak.image("100%_sure")

    def names(**query: Any) -> list[str]:
        return [i["name"] for i in peak.get(ROOT, **query)["images"]]

    assert names(searchTerm="ALPH") == ["Alpha"]
    assert names(searchTerm="%_") == ["100%_sure"]
    assert names(searchTerm="\\") == []
    assert names(searchTerm="0.0.1") == ["Alpha", "beta", "100%_sure"]
    assert names(status="ready") == ["Alpha"]
    assert names(lastBuildStatus=["failed", "building"]) == ["beta", "100%_sure"]
    assert names(lastBuildStatus="failed,building") == ["beta", "100%_sure"]
    assert names(scope="global") == []
    assert names(tags="t") == []
    peak.refused(422, "GET", ROOT, params={"status": "nice"})


def test_builds_are_listed_newest_first(peak: Any) -> None:
    made = peak.ready_image()
    second = version(peak, made)
    path = f"{ROOT}{made['imageId']}/builds"

    def found(**query: Any) -> list[int]:
        return [b["versionId"] for b in peak.get(path, **query)["builds"]]

    both = [second["versionId"], made["versionId"]]
    assert found(count=-1) == both
    assert found(count=1) == both[:1]
    assert found(versions=made["versionId"]) == both[1:]
    assert found(buildStatus="building") == both[:1]
    assert found(dateFrom="2020-09-13T12:26:45.000Z") == both[:1]
    assert found(dateTo="2020-09-13T12:26:45") == both[1:]
    assert "dateFrom" in peak.refused(422, "GET", path, params={"dateFrom": "soon"})


def test_ids_of_another_image_are_not_found(peak: Any) -> None:
    one, two = peak.image("one"), peak.image("two")
    peak.refused(404, "GET", f"{ROOT}{one['imageId']}/versions/{two['versionId']}")
    peak.refused(404, "GET", f"{ROOT}{one['imageId']}/builds/{two['buildId']}/logs")
    peak.refused(404, "GET", f"{ROOT}77")


def test_every_tenant_has_the_platforms_images_when_asked_for(make_peak: Any) -> None:
    peak = make_peak(provided_images=True)
    found = peak.get(ROOT, scope="global")["images"]
    assert {i["latestVersion"]["status"] for i in found} == {"ready"}
    peak.token = "tenant:other:token"
    assert [i["id"] for i in peak.get(ROOT)["images"]] == [i["id"] for i in found]
    peak.emulator.reset()
    assert len(peak.get(ROOT)["images"]) == len(found)
