"""--allow and `allow` of peakctl.yaml: what a run may do, whoever approved more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PROJECT = "project: p\nenvironments: {local: {emulator: true%s}}\ndefaultEnvironment: local\n"
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/%s"}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peakctl.yaml").write_text(PROJECT % "")
    (tmp_path / "manifests").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"manifests/{name}.yaml").write_text(FLOW % (name, "a"))
    return tmp_path


@pytest.fixture
def applied(project: Path, peakctl: Any, make_emulator: Any) -> Any:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    (project / "manifests/one.yaml").write_text(FLOW % ("one", "b"))
    (project / "manifests/two.yaml").unlink()
    return emulator


def test_what_is_beyond_is_refused_by_name_and_nothing_is_sent(applied: Any, peakctl: Any) -> None:
    found = peakctl("plan", "--prune", "--allow", "build,edit", "-o", "json", emulator=applied)
    document = json.loads(found.out)
    assert (found.code, document["exit_code"], document["ok"]) == (12, 12, False)
    assert [(e["code"], e["key"]) for e in document["errors"]] == [
        ("guard/not-allowed", "Workflow/two")
    ]
    told = {a["key"]: (a["class"], a["classes"]) for a in document["actions"]}
    assert told == {
        "Workflow/one": ("edit", ["edit"]),
        "Workflow/two": ("delete", ["delete"]),
    }
    before = peakctl("get", "workflows", emulator=applied).out
    for words in (("--prune", "--allow", "build,edit"), ("--allow", "delete")):
        assert peakctl("apply", "--yes", *words, emulator=applied).code == 12
    assert peakctl("get", "workflows", emulator=applied).out == before
    assert peakctl("apply", "--yes", "--allow", "edit", emulator=applied).code == 0


def test_what_was_approved_is_no_exception(applied: Any, peakctl: Any) -> None:
    assert peakctl("plan", "--prune", "--out", "p.peakplan", emulator=applied).code == 0
    words = ("apply", "p.peakplan", "--prune", "--allow", "edit")
    refused = peakctl(*words, emulator=applied)
    assert (refused.code, "guard/not-allowed" in refused.err) == (12, True)
    shown = json.loads(peakctl("show", "p.peakplan", "-o", "json").out)
    assert [a["class"] for a in shown["actions"]] == ["edit", "delete"]


def test_an_environment_may_allow_less_than_the_command_line(
    applied: Any, peakctl: Any, project: Path
) -> None:
    (project / "peakctl.yaml").write_text(PROJECT % ", allow: [edit]")
    both = ("--prune", "--allow", "delete,edit", "-y")
    assert peakctl("apply", *both, emulator=applied).code == 12
    assert peakctl("destroy", "--yes", emulator=applied).code == 12
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    (project / "peakctl.yaml").write_text(PROJECT % ", allow: []")
    assert peakctl("apply", "--yes", emulator=applied).code == 0  # nothing to do
    (project / "manifests/one.yaml").write_text(FLOW % ("one", "c"))
    assert peakctl("apply", "--yes", emulator=applied).code == 12


@pytest.mark.parametrize("value", ["", "edit,", "edits", "Edit"])
def test_a_class_that_there_is_not_is_wrong_usage(project: Path, peakctl: Any, value: str) -> None:
    found = peakctl("plan", "--allow", value)
    assert (found.code, "read, build, create, edit" in found.err) == (64, True)


def test_a_class_that_there_is_not_is_told_in_its_place(project: Path, peakctl: Any) -> None:
    (project / "peakctl.yaml").write_text(PROJECT % ", allow: [edits]")
    found = peakctl("plan")
    assert (found.code, "project/allow" in found.err) == (64, True)
    assert "peakctl.yaml:2:" in found.err
