"""namePrefix and paused from the command line: parts of a project, selections, the Python API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peakctl import Project, UsageError, load, validate
from peakctl.model import Owner

PROJECT = """\
project: shop
defaultEnvironment: dev
environments:
  dev: {emulator: true}
  preview: {emulator: true, namePrefix: "{{ user }}-", paused: true}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec:
  triggers: [{cron: "0 2 * * *"}]
  steps: {a: {type: http, method: get, url: "https://example.com"}}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec: {type: api, artifact: {path: ../data}, buildDetails: {source: upload}}
"""
SERVICE = """\
apiVersion: peakctl/v1
kind: Service
metadata: {name: api}
spec: {serviceType: api, imageDetails: {name: base}}
"""
ANN, BOB = ("-e", "preview", "-p", "user=ann"), ("-e", "preview", "-p", "user=bob")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/Dockerfile").write_text("FROM python\n", "utf-8")
    (tmp_path / "manifests/flow.yaml").write_text(FLOW % "nightly", "utf-8")
    (tmp_path / "manifests/image.yaml").write_text(IMAGE, "utf-8")
    (tmp_path / "manifests/service.yaml").write_text(SERVICE, "utf-8")
    (tmp_path / "peakctl.yaml").write_text(PROJECT, "utf-8")
    return tmp_path


def named(emulator: Any, peakctl: Any, kind: str) -> list[str]:
    rows = json.loads(peakctl("get", kind, "-o", "json", emulator=emulator).out)["resources"]
    return [row["name"] for row in rows]


def test_a_part_of_the_project_refers_to_the_rest_under_the_prefix(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    for who in ((), ANN):
        assert peakctl("apply", "--yes", *who, emulator=emulator).code == 0
    changed = SERVICE.replace("{name: base}}", "{name: base}, minInstances: 2}")
    (shop / "manifests/service.yaml").write_text(changed, "utf-8")
    done = peakctl("plan", "-f", "manifests/service.yaml", *ANN, "-o", "json", emulator=emulator)
    (action,) = json.loads(done.out)["actions"]
    assert (action["key"], [c["path"] for c in action["changes"]]) == (
        "Service/ann-api",
        ["spec.minInstances"],
    )


def test_a_part_is_not_applied_while_the_rest_cannot_be_read(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    (shop / "manifests/image.yaml").write_text("kind: [", "utf-8")
    part = ("plan", "-f", "manifests/service.yaml")
    failed = peakctl(*part, *ANN, emulator=make_emulator())
    assert (failed.code, "manifests/image.yaml:1" in failed.err) == (10, True)


def test_a_part_without_a_project_has_no_prefix(shop: Path, peakctl: Any) -> None:
    (shop / "peakctl.yaml").unlink()
    assert peakctl("validate", "-f", "manifests").code == 0


@pytest.mark.parametrize("word", ["Workflow/nightly", "Workflow/ann-nightly", "Workflow/ann-*"])
def test_both_names_select(shop: Path, peakctl: Any, make_emulator: Any, word: str) -> None:
    done = peakctl("plan", "--select", word, *ANN, "-o", "json", emulator=make_emulator())
    assert [each["key"] for each in json.loads(done.out)["actions"]] == ["Workflow/ann-nightly"]


def test_a_parameter_of_the_prefix_alone_is_known(shop: Path, peakctl: Any) -> None:
    (shop / "mine.yaml").write_text("user: ann\n", "utf-8")
    for words in (ANN, ("-e", "preview", "-v", "mine.yaml")):
        done = peakctl("validate", *words)
        assert (done.code, done.err) == (0, "")
    assert peakctl("render", "-e", "preview").code == 0
    assert peakctl("validate", "-p", "user=ann").code == 10  # the default environment has none


def test_get_names_what_manifests_mean_first(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    for who in ((), ANN, BOB):
        assert peakctl("apply", "--yes", "-q", *who, emulator=emulator).code == 0
    listed = json.loads(peakctl("get", "workflow", *ANN, "-o", "json", emulator=emulator).out)
    assert listed["name_prefix"] == "ann-"
    assert {row["name"]: row["in_manifests"] for row in listed["resources"]} == {
        "ann-nightly": "nightly",
        "bob-nightly": None,
        "nightly": None,
    }
    for name in ("nightly", "ann-nightly"):
        found = peakctl("get", "workflow", name, *ANN, emulator=emulator)
        assert "cron" not in found.out
        (shop / "manifests/flow.yaml").write_text(found.out, "utf-8")
        assert peakctl("plan", *ANN, emulator=emulator).out == "No changes. 3 unchanged.\n"
    theirs = peakctl("get", "workflow", "bob-nightly", *ANN, emulator=emulator)
    assert "name: bob-nightly" in theirs.out
    missing = peakctl("get", "workflow", "hourly", *ANN, emulator=emulator)
    assert missing.code == 1
    assert named(emulator, peakctl, "workflow") == ["ann-nightly", "bob-nightly", "nightly"]


def test_what_two_people_have_is_not_each_others(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", *ANN, emulator=emulator).code == 0
    (shop / "manifests/flow.yaml").write_text(FLOW % "ann-nightly", "utf-8")
    taken = peakctl("plan", emulator=emulator)  # without a prefix it is another owner
    assert (taken.code, "it belongs to shop/preview.ann-" in taken.err) == (12, True)
    assert "--take-over shop/preview.ann-" in taken.err
    done = peakctl("plan", "--take-over", "shop/preview.ann-", emulator=emulator)
    assert (done.code, "taken over from shop/preview.ann-" in done.out) == (0, True)


def test_unpausing_brings_schedules_back(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", *ANN, emulator=emulator).code == 0
    (shop / "peakctl.yaml").write_text(PROJECT.replace(", paused: true", ""), "utf-8")
    document = json.loads(peakctl("plan", *ANN, "-o", "json", emulator=emulator).out)
    (change,) = [change for each in document["actions"] for change in each["changes"]]
    assert change["path"] == "spec.triggers"  # an item that says no more than its key
    assert change["paths"] == ['spec.triggers."0 2 * * *"']
    assert peakctl("apply", "--yes", *ANN, emulator=emulator).code == 0
    (shop / "peakctl.yaml").write_text(PROJECT, "utf-8")
    off = peakctl("apply", "--yes", *ANN, emulator=emulator)
    assert "- spec.triggers: [{cron" in off.out
    assert peakctl("plan", *ANN, emulator=emulator).out == "No changes. 3 unchanged.\n"


def test_what_refuses_to_be_removed_is_told(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    from peakctl.emulator.faults import read_faults

    emulator = make_emulator()
    assert peakctl("apply", "--yes", *ANN, emulator=emulator).code == 0
    rule = {"method": "DELETE", "path": "/service/artifacts/*", "status": 403}
    emulator.faults += read_faults([rule])
    done = peakctl("destroy", "--yes", *ANN, emulator=emulator)
    assert (done.code, "ledger/not-removed" in done.err) == (0, True)


def test_each_prefix_is_an_owner_and_the_environment_is_that_of_the_command_line() -> None:
    owner = Owner("shop", "preview.ann-", "preview")
    assert (owner.named, owner.is_of_prefix) == ("preview", True)
    assert owner == Owner("shop", "preview.ann-")
    plain = Owner("shop", "dev")
    assert (plain.named, plain.is_of_prefix) == ("dev", False)


def test_python_knows_the_prefix(shop: Path) -> None:
    project = Project.open(shop, "preview", parameters={"user": "ann"})
    assert (project.prefix, project.slot) == ("ann-", "preview.ann-")
    assert str(project.owner) == "shop/preview.ann-"
    assert sorted(map(str, load(project).resources)) == [
        "Image/ann-base",
        "Service/ann-api",
        "Workflow/ann-nightly",
    ]
    dev = Project.open(shop, "dev")
    assert (dev.prefix, dev.slot, str(dev.owner)) == ("", "dev", "shop/dev")
    with pytest.raises(UsageError):
        validate(Project.open(shop, "preview"))


def test_the_prefix_of_a_run_does_not_follow_its_files(shop: Path) -> None:
    (shop / "mine.yaml").write_text("user: ann\n", "utf-8")
    project = Project.open(shop, "preview", parameter_files=["mine.yaml"])
    assert project.prefix == "ann-"
    (shop / "mine.yaml").write_text("user: bob\n", "utf-8")
    assert project.prefix == "ann-"
    assert Project.open(shop, "preview", parameter_files=["mine.yaml"]).prefix == "bob-"


def test_what_is_imported_has_the_names_of_manifests(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    for who in ((), ANN):
        assert peakctl("apply", "--yes", "-q", *who, emulator=emulator).code == 0
    for file in (shop / "manifests").iterdir():
        file.unlink()
    into = ("import", "--all", "--into", "manifests", *ANN)
    done = peakctl(*into, "-o", "json", emulator=emulator)
    assert done.code == 0, done.err
    text = (shop / "manifests/workflows/nightly.yaml").read_text("utf-8")
    assert "name: nightly\n" in text
    assert peakctl("plan", *ANN, emulator=emulator).out == "No changes. 3 unchanged.\n"
    again = peakctl(*into, emulator=emulator).out
    assert "Workflow/ann-nightly  declared already in manifests/workflows/nightly.yaml" in again
    assert "its name does not begin with ann-" in again


@pytest.mark.parametrize("word", ["Workflow/nightly", "Workflow/ann-night*"])
def test_the_history_is_asked_by_both_names(
    shop: Path, peakctl: Any, make_emulator: Any, word: str
) -> None:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", "-q", *ANN, emulator=emulator).code == 0
    found = peakctl("ledger", "history", "--resource", word, *ANN, emulator=emulator)
    assert (found.code, "Workflow/ann-nightly" in found.out) == (0, True)
    none = peakctl("ledger", "history", "--resource", "Workflow/bob-*", *ANN, emulator=emulator)
    assert "ann-nightly" not in none.out


def test_nothing_is_removed_while_something_is_left(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", "-q", *ANN, emulator=emulator).code == 0
    part = ("destroy", "--yes", "--select", "Workflow", *ANN)
    assert peakctl(*part, emulator=emulator).code == 0
    shown = peakctl("ledger", "show", *ANN, emulator=emulator).out
    assert "Owned: 2 resources" in shown
    assert peakctl("destroy", "--yes", *ANN, emulator=emulator).code == 0
    assert "has no ledger yet" in peakctl("ledger", "show", *ANN, emulator=emulator).out
    again = peakctl("apply", "--yes", *ANN, emulator=emulator)
    assert (again.code, "Applied: 3 created" in again.out) == (0, True)
