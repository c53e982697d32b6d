"""`plan --offline`: no tenant, no credentials, and in every form it says so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from peakctl import PeakctlError, Project, plan_offline
from peakctl.kinds.schemas import output_schemas
from peakctl.operations import platform

PROJECT = "project: p\nenvironments: {prod: {stage: prod%s}}\ndefaultEnvironment: prod\n"
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/%s"}}}
"""
DATA = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: data}
spec: {artifact: {path: ../src}}
"""
SECRET = """\
apiVersion: peakctl/v1
kind: Service
metadata: {name: api}
spec:
  serviceType: api
  imageDetails: {name: elsewhere}
  parameters: {env: {TOKEN: "{{ os_env.TOKEN }}"}}
"""
BASE = ("plan", "--offline", "--base", "main")


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A branch of a repository whose main has two workflows and an artifact."""
    folder = tmp_path / "teams/shop"
    (folder / "manifests").mkdir(parents=True)
    (folder / "src").mkdir()
    (folder / "src/rows.csv").write_text("1\n")
    (folder / "peakctl.yaml").write_text(PROJECT % "")
    (folder / "manifests/data.yaml").write_text(DATA)
    for name in ("one", "two"):
        (folder / f"manifests/{name}.yaml").write_text(FLOW % (name, "a"))
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    git(tmp_path, "checkout", "-qb", "side")
    monkeypatch.chdir(folder)

    def nobody(*_: Any, **__: Any) -> Any:
        raise AssertionError("a tenant was asked")

    monkeypatch.setattr(platform, "connect", nobody)
    return folder


def change(folder: Path) -> None:
    (folder / "manifests/one.yaml").write_text(FLOW % ("one", "b"))
    (folder / "manifests/two.yaml").unlink()
    (folder / "manifests/new.yaml").write_text(FLOW % ("new", "c"))
    (folder / "src/more.csv").write_text("2\n")


def test_it_says_what_the_branch_changes(project: Path, peakctl: Any) -> None:
    assert peakctl(*BASE, "--detailed-exitcode").code == 0
    change(project)
    found = peakctl(*BASE, "--detailed-exitcode")
    assert found.code == 2
    for words in (
        "~ edit    Workflow/one",
        "https://example.com/a -> https://example.com/b",
        "+ create  Workflow/new",
        "* build   Artifact/data",
        "+ more.csv",
        "No longer declared: Workflow/two",
        "Offline plan: 1 to create, 1 to build, 1 to edit.",
    ):
        assert words in found.out, words
    assert "sha256" not in found.out
    assert not (project / ".peakctl").exists()


def test_what_is_committed_counts_as_what_is_not(project: Path, peakctl: Any) -> None:
    change(project)
    before = peakctl(*BASE).out
    commit(project)
    assert peakctl(*BASE).out == before
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True)
    assert status.stdout == b""


def test_what_others_merged_since_is_not_taken_back(project: Path, peakctl: Any) -> None:
    git(project, "checkout", "-q", "main")
    (project / "manifests/one.yaml").write_text(FLOW % ("one", "theirs"))
    commit(project)
    git(project, "checkout", "-q", "side")
    assert "Offline: no changes. 3 unchanged." in peakctl(*BASE).out


@pytest.mark.parametrize(
    ("form", "label"),
    [
        ("text", "OFFLINE: manifests compared with those of main ("),
        ("json", '"command": "plan --offline"'),
        ("yaml", "command: plan --offline"),
        ("jsonl", '"command": "plan --offline"'),
        ("markdown", "**OFFLINE**: manifests compared with those of main ("),
        ("html", "peakctl plan --offline: p"),
        ("github", "title=peakctl plan --offline"),
        ("codequality", "plan/offline"),
        ("sarif", "plan/offline"),
        ("junit", "peakctl plan --offline"),
    ],
)
def test_every_form_says_what_it_is(project: Path, peakctl: Any, form: str, label: str) -> None:
    change(project)
    found = peakctl(*BASE, "-q", "-o", form)
    assert (found.code, label in found.out) == (0, True), found.out
    assert "Workflow/two" in found.out  # what the branch no longer declares


def test_the_counts_of_gitlab_cannot_say_it_so_there_are_none(project: Path, peakctl: Any) -> None:
    change(project)
    assert json.loads(peakctl(*BASE, "-o", "gitlab").out) == {}


def test_json_has_the_base_and_what_is_no_longer_declared(project: Path, peakctl: Any) -> None:
    change(project)
    found = json.loads(peakctl(*BASE, "-o", "json").out)
    assert (found["offline"]["base"], len(found["offline"]["commit"])) == ("main", 40)
    assert found["removed"] == ["Workflow/two"]
    jsonschema.validate(found, json.loads(output_schemas()["plan"].read_text()))
    told = {each["key"]: each for each in found["actions"]}
    assert told["Workflow/one"]["class"] == "edit"
    assert told["Artifact/data"]["files"]["added"] == ["more.csv"]
    assert {each["id"] for each in found["actions"]} == {None}


def test_secrets_need_no_values(
    project: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "manifests/api.yaml").write_text(SECRET)
    assert peakctl(*BASE).code == 10
    found = peakctl(*BASE, "--unset-env", "unknown")
    assert (found.code, "(unknown: TOKEN is not set)" in found.out) == (0, True)
    monkeypatch.setenv("TOKEN", "canary-of-the-token")
    for form in ("text", "json", "markdown", "jsonl"):
        told = peakctl(*BASE, "-o", form, "--verbose", "--all")
        assert "canary-of-the-token" not in told.out + told.err


@pytest.mark.parametrize(
    "words",
    [
        ("--out", "x.peakplan"),
        ("--prune",),
        ("--adopt",),
        ("--take-over", "other"),
        ("--retry-failed",),
        ("--explain",),
        ("--allow-mass-change", "3"),
    ],
)
def test_nothing_of_it_is_saved_or_agreed_to(
    project: Path, peakctl: Any, words: tuple[str, ...]
) -> None:
    found = peakctl(*BASE, *words)
    assert (found.code, words[0] in found.err) == (64, True)
    assert not (project / "x.peakplan").exists()


@pytest.mark.parametrize("words", [("--offline",), ("--base", "main")])
def test_both_flags_go_together(project: Path, peakctl: Any, words: tuple[str, ...]) -> None:
    found = peakctl("plan", *words)
    assert (found.code, "go together" in found.err) == (64, True)


def test_what_is_not_allowed_is_refused_here_too(project: Path, peakctl: Any) -> None:
    change(project)
    assert peakctl(*BASE, "--allow", "edit,build,create").code == 0
    found = peakctl(*BASE, "--allow", "edit,build")
    assert (found.code, "guard/not-allowed" in found.err) == (12, True)
    assert "Workflow/new" in found.err


def test_a_selection_is_of_the_branch(project: Path, peakctl: Any) -> None:
    change(project)
    found = peakctl(*BASE, "--select", "Workflow/one")
    assert "Offline plan: 1 to edit." in found.out
    assert "No longer declared" not in found.out
    assert peakctl(*BASE, "--select", "Workflow/nope").code == 3
    assert peakctl(*BASE, "-f", "-").code == 64


def test_a_base_without_the_project_or_the_environment_has_nothing(
    project: Path, peakctl: Any
) -> None:
    (project / "peakctl.yaml").write_text(
        (PROJECT % "").replace("prod: {stage: prod}", "new: {stage: dev}, prod: {stage: prod}")
    )
    found = peakctl(*BASE, "-e", "new")
    assert "offline/no-base" in found.err
    assert "Offline plan: 3 to create." in found.out
    (project / "peakctl.yaml").rename(project.parent / "peakctl.yaml")
    (project.parent / "peakctl.yaml").write_text((PROJECT % "") + "manifests: [shop/manifests]\n")
    found = peakctl(*BASE)
    assert ("offline/no-base" in found.err, found.code) == (True, 0)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_a_base_without_a_manifest_has_nothing(project: Path, peakctl: Any, text: str) -> None:
    git(project, "checkout", "-q", "main")
    for file in (project / "manifests").iterdir():
        file.unlink()
    if text:
        (project / "manifests/one.yaml").write_text(text)
    commit(project)
    git(project, "checkout", "-qb", "first")
    (project / "manifests").mkdir(exist_ok=True)
    (project / "manifests/one.yaml").write_text(FLOW % ("one", "a"))
    found = peakctl(*BASE)
    assert ("Offline plan: 1 to create." in found.out, found.code) == (True, 0), found.err
    assert "offline/no-base" in found.err


def test_a_base_that_is_not_valid_is_named(project: Path, peakctl: Any) -> None:
    git(project, "checkout", "-q", "main")
    (project / "manifests/one.yaml").write_text("kind: [")
    commit(project)
    git(project, "checkout", "-qb", "fix")
    (project / "manifests/one.yaml").write_text(FLOW % ("one", "a"))
    found = peakctl(*BASE)
    assert (found.code, "offline/base-invalid" in found.err) == (1, True)
    assert "manifests/one.yaml:1" in found.err


def test_where_there_is_no_repository_or_project_it_says_so(
    project: Path, peakctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "policy/no-revision" in peakctl(*BASE[:-1], "nowhere").err
    monkeypatch.chdir(tmp_path)
    assert peakctl(*BASE, "-f", "teams/shop/manifests/one.yaml").code == 64


def test_python_has_it_too(project: Path) -> None:
    change(project)
    found = plan_offline(Project.open(project, "prod"), "main")
    assert found.has_changes
    assert [str(key) for key in found.removed] == ["Workflow/two"]
    (project / "manifests/one.yaml").write_text("kind: [")
    with pytest.raises(PeakctlError):
        plan_offline(Project.open(project, "prod"), "main")
