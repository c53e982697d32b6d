from __future__ import annotations

from typing import Any

ROOT = "/service/artifacts/api/v1/artifacts/"


def create(peak: Any, name: str = "a", text: str = "FROM one") -> Any:
    files = peak.parts(peak.zip({"Dockerfile": text}), name=name, description="d")
    return peak.ok("POST", ROOT, files=files)


def test_versions_count_up_and_download_byte_for_byte(peak: Any) -> None:
    first, second = peak.zip({"a": "1"}), peak.zip({"a": "2"})
    made = peak.ok("POST", ROOT, files=peak.parts(first, name="a"))
    assert made["version"] == 1
    path = ROOT + made["id"]
    assert peak.ok("PUT", path, files=peak.parts(second)) == {"version": 2}
    assert peak.send("GET", f"{path}/1/download").content == first
    latest = peak.send("GET", f"{path}/download")
    assert latest.content == second
    assert latest.headers["Content-Type"] == "application/zip"
    described = peak.get(path, pageSize=1)
    assert (described["versionCount"], described["pageCount"]) == (2, 2)
    assert [v["version"] for v in described["versions"]] == [2]


def test_numbers_of_deleted_versions_are_not_given_again(peak: Any) -> None:
    path = ROOT + create(peak)["id"]
    peak.ok("PUT", path, files=peak.parts(peak.zip()))
    peak.ok("DELETE", f"{path}/2")
    assert peak.ok("PUT", path, files=peak.parts(peak.zip())) == {"version": 3}
    peak.refused(404, "GET", f"{path}/2/download")


def test_the_only_version_stays(peak: Any) -> None:
    path = ROOT + create(peak)["id"]
    assert "only one" in peak.refused(422, "DELETE", f"{path}/1")
    peak.ok("DELETE", path)
    peak.refused(404, "GET", path)
    peak.refused(404, "GET", f"{path}/1/download")


def test_metadata_can_be_patched_and_names_may_repeat(peak: Any) -> None:
    one, two = create(peak), create(peak)
    peak.ok("PATCH", ROOT + one["id"], json={"name": "b", "description": None})
    peak.ok("PATCH", ROOT + two["id"], json={})
    shown = [(a["name"], a["description"]) for a in peak.get(ROOT)["artifacts"]]
    assert shown == [("b", None), ("a", "d")]
    assert "name" in peak.refused(422, "PATCH", ROOT + one["id"], json={"name": 5})


def test_the_text_null_is_no_description(peak: Any) -> None:
    made = peak.ok("POST", ROOT, files=peak.parts(peak.zip(), name="a", description="null"))
    assert peak.get(ROOT + made["id"])["description"] is None


def test_required_parts_are_named(peak: Any) -> None:
    assert peak.refused(422, "POST", ROOT, files=peak.parts(name="a")).startswith("artifact:")
    assert peak.refused(422, "POST", ROOT, files=peak.parts(peak.zip())).startswith("name:")
    files = peak.parts(peak.zip(), name="a", scan="yes")
    assert peak.refused(422, "POST", ROOT, files=files).startswith("scan:")
    peak.refused(404, "PUT", ROOT + "none", files=peak.parts(peak.zip()))
    peak.refused(404, "DELETE", ROOT + "none/1")


def test_an_artifact_of_a_release_cannot_be_deleted(peak: Any) -> None:
    upload = peak.zip({"Dockerfile": "FROM x"})
    config = {"steps": {"a": {"image": {}, "command": "ls"}}}
    spec = peak.block("b", upload, config=config)
    artifact = peak.get(ROOT)["artifacts"][0]
    assert artifact["name"] == "b"
    path = ROOT + artifact["id"]
    assert peak.send("GET", f"{path}/1/download").content == upload
    assert "release" in peak.refused(422, "DELETE", path)
    assert "release" in peak.refused(422, "DELETE", f"{path}/1")
    peak.ok("DELETE", f"/press/v1/blocks/specs/{spec}")
    peak.ok("DELETE", path)


def test_files_go_with_the_last_thing_that_holds_them(peak: Any) -> None:
    one, two = create(peak), create(peak)
    peak.ok("DELETE", ROOT + one["id"])
    assert peak.send("GET", ROOT + two["id"] + "/download").content
    peak.ok("DELETE", ROOT + two["id"])
    with peak.emulator.store.transaction("default", 0, write=False) as tx:
        assert tx._db.execute("SELECT COUNT(*) FROM blobs").fetchone() == (0,)


def test_lists_come_in_pages(peak: Any) -> None:
    for number in range(27):
        create(peak, f"a{number:02}")
    first, second = peak.get(ROOT), peak.get(ROOT, pageNumber=2)
    assert (first["pageCount"], first["pageSize"], first["artifactCount"]) == (2, 25, 27)
    assert [a["name"] for a in second["artifacts"]] == ["a25", "a26"]
    assert peak.get(ROOT, pageSize=1000)["pageSize"] == 100
    assert peak.get(ROOT, pageNumber=9)["artifacts"] == []
