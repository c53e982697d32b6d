"""A folder that a manifest leaves out, since its changes are ignored: what is live counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PROJECT = "project: p\nenvironments: {local: {emulator: true}}\ndefaultEnvironment: local\n"
HEAD = "apiVersion: peakctl/v1\nkind: {}\nmetadata: {{name: thing{}}}\n"
IGNORED = "lifecycle: {ignoreChanges: [spec.artifact]}\n"
BLOCK = """spec:
  kind: workflow
  config: {{steps: {{a: {{image: {{dockerfile: Dockerfile}}, command: {}}}}}}}
"""
SPECS = {
    "Artifact": ("", "spec: {}\n", ""),
    "Image": ("", "spec: {type: workflow}\n", ""),
    "BlockSpec": (", summary: s", BLOCK.format("run"), BLOCK.format("other")),
}
FOLDER = {
    "Artifact": "spec: {artifact: {path: ../src}}\n",
    "Image": "spec: {type: workflow, artifact: {path: ../src}}\n",
    "BlockSpec": BLOCK.format("run") + "  artifact: {path: ../src}\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Dockerfile").write_text("FROM python\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, kind: str, spec: str, lifecycle: str = IGNORED) -> None:
    text = HEAD.format(kind, SPECS[kind][0]) + spec + lifecycle
    (project / "manifests" / "a.yaml").write_text(text)


@pytest.mark.parametrize("kind", SPECS)
def test_it_is_valid_and_cannot_be_created(
    kind: str, project: Path, peakctl: Any, make_emulator: Any
) -> None:
    write(project, kind, SPECS[kind][1])
    assert peakctl("validate").code == 0
    emulator = make_emulator()
    plan = peakctl("plan", emulator=emulator)
    assert plan.code == 10
    assert "plan/no-artifact" in plan.err
    assert "it is not live" in plan.err
    assert "manifests/a.yaml:" in plan.err


@pytest.mark.parametrize("kind", SPECS)
def test_what_is_live_counts(kind: str, project: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(project, kind, FOLDER[kind], "")
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    write(project, kind, SPECS[kind][1])
    plan = peakctl("plan", emulator=emulator)
    assert plan.out.startswith("No changes."), plan.out + plan.err


def test_a_new_version_needs_the_folder(project: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(project, "BlockSpec", FOLDER["BlockSpec"], "")
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    write(project, "BlockSpec", SPECS["BlockSpec"][2])
    plan = peakctl("plan", emulator=emulator)
    assert (plan.code, "plan/no-artifact" in plan.err) == (10, True)
    assert "it changes" in plan.err


def test_a_build_that_takes_no_folder_needs_none(
    project: Path, peakctl: Any, make_emulator: Any
) -> None:
    source = "buildDetails: {source: dockerfile, dockerfile: FROM python}"
    write(project, "Image", f"spec: {{type: workflow, {source}}}\n")
    plan = peakctl("plan", emulator=make_emulator())
    assert plan.code == 0, plan.err
    assert "create" in plan.out


@pytest.mark.parametrize(
    "lifecycle",
    [
        "",
        "lifecycle: {ignoreChanges: [metadata.description]}\n",
        "lifecycle: {ignoreChanges: 7}\n",
    ],
)
@pytest.mark.parametrize(("kind", "code"), [("Artifact", "missing-field"), ("BlockSpec", "needs")])
def test_without_that_the_folder_is_required(
    kind: str, code: str, lifecycle: str, project: Path, peakctl: Any
) -> None:
    write(project, kind, SPECS[kind][1], lifecycle)
    found = peakctl("validate")
    assert found.code == 10
    assert f"manifest/{'wrong-type' if '7' in lifecycle else code}" in found.err


def test_a_spec_that_is_no_map_is_told(project: Path, peakctl: Any) -> None:
    write(project, "Artifact", "spec: 7\n")
    assert "manifest/wrong-type" in peakctl("validate").err
