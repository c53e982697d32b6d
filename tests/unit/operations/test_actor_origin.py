"""The origin of a run: what a CI tells of it, and whether git sees edits in what is applied."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from peakctl import Project, validate
from peakctl.model import Origin
from peakctl.operations import actor as origins
from peakctl.operations.actor import APPROVER, PULL_REQUEST, origin_of

PROJECT = """\
project: shop
manifests: [manifests]
environments: {local: {emulator: true}}
"""
ARTIFACT = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: data}
spec: {artifact: {path: ../data}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project in a folder of a repository, all of it committed."""
    root = tmp_path / "repository/shop"
    for name, text in {
        "peakctl.yaml": PROJECT,
        "manifests/data.yaml": ARTIFACT,
        "data/a.txt": "a",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root.parent, "init", "--quiet", "--initial-branch", "main")
    commit(root)
    return root


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")


def found(folder: Path, *, outputs: tuple[str, ...] = (), **variables: str) -> Origin:
    project = Project.open(folder, "local", variables=variables)
    resources = validate(project).resources.values()
    if outputs:
        project = replace(project, options=replace(project.options, outputs=outputs))
    return origin_of(project, resources)


def test_a_clean_tree_is_clean(folder: Path) -> None:
    assert found(folder) == Origin("main", dirty=False)


@pytest.mark.parametrize("name", ["manifests/data.yaml", "data/a.txt", "peakctl.yaml"])
def test_an_edit_of_a_tracked_file_is_dirty(folder: Path, name: str) -> None:
    path = folder / name
    path.write_text(path.read_text() + "\n# more\n")
    assert found(folder).dirty
    git(folder, "add", "--all")
    assert found(folder).dirty


def test_a_file_that_was_moved_is_dirty(folder: Path) -> None:
    git(folder, "mv", "data/a.txt", "data/? b.txt")
    assert found(folder).dirty


@pytest.mark.parametrize("name", ["manifests/new.yaml", "data/new.txt", "data/new/x.txt"])
def test_a_new_file_that_is_applied_is_dirty(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(
        "" if name.endswith("txt") else ARTIFACT.replace("{name: data", "{name: new")
    )
    assert found(folder).dirty


def test_a_folder_that_git_does_not_know_at_all_is_dirty(folder: Path) -> None:
    (folder / "manifests").rename(folder / "moved")
    git(folder, "rm", "-r", "--quiet", "--cached", "manifests")
    git(folder, "commit", "--quiet", "--message", "gone")
    (folder / "moved").rename(folder / "manifests")
    assert found(folder).dirty


def test_other_new_files_are_not_applied(folder: Path) -> None:
    (folder / "plan.json").write_text("{}")
    (folder / ".peakctl").mkdir()
    (folder / ".peakctl/emulator.sqlite").write_text("")
    (folder.parent / "elsewhere.txt").write_text("")
    assert found(folder).dirty is False


def test_files_of_the_run_itself_are_not_applied(folder: Path) -> None:
    (folder / "manifests/saved.plan").write_text("")
    assert found(folder).dirty
    assert found(folder, outputs=(str(folder / "manifests/saved.plan"),)).dirty is False


def test_outside_of_a_repository_nothing_is_known(tmp_path: Path, folder: Path) -> None:
    outside = tmp_path / "shop"
    folder.rename(outside)
    assert found(outside) == Origin()


@pytest.mark.parametrize("fault", ["absent", "fails"])
def test_where_git_cannot_tell_nothing_is_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    word = "no-such-git" if fault == "absent" else "false"
    monkeypatch.setattr(origins, "_COMMAND", [word])
    assert found(folder) == Origin()


def test_a_detached_commit_has_no_branch(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "--detach")
    assert found(folder).branch == ""


def test_the_repository_does_not_get_to_run_a_program(folder: Path, tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(folder, "config", "core.fsmonitor", str(hook))
    assert found(folder).dirty is False
    assert not (tmp_path / "ran").exists()


CASES: dict[str, tuple[dict[str, str], tuple[str, str, str]]] = {
    "github pull request": (
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_HEAD_REF": "feature/x",
            "GITHUB_REF_NAME": "12/merge",
            "GITHUB_REF": "refs/pull/12/merge",
        },
        ("feature/x", "12", ""),
    ),
    "github push": (
        {"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main"},
        ("main", "", ""),
    ),
    "gitlab": (
        {"GITLAB_CI": "true", "CI_COMMIT_REF_NAME": "x", "CI_MERGE_REQUEST_IID": "7"},
        ("x", "7", ""),
    ),
    "azure": (
        {
            "TF_BUILD": "True",
            "BUILD_SOURCEBRANCH": "refs/heads/a/b",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "8",
        },
        ("a/b", "8", ""),
    ),
    "jenkins": (
        {"JENKINS_URL": "https://j", "GIT_BRANCH": "origin/main", "CHANGE_ID": "9"},
        ("main", "9", ""),
    ),
    "circleci": (
        {
            "CIRCLECI": "true",
            "CIRCLE_BRANCH": "x",
            "CIRCLE_PULL_REQUEST": "https://github.com/a/b/pull/3",
        },
        ("x", "https://github.com/a/b/pull/3", ""),
    ),
    "buildkite": (
        {
            "BUILDKITE": "true",
            "BUILDKITE_BRANCH": "x",
            "BUILDKITE_PULL_REQUEST": "false",
            "BUILDKITE_UNBLOCKER": "Bob",
        },
        ("x", "", "Bob"),
    ),
    "bitbucket": (
        {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_BRANCH": "x", "BITBUCKET_PR_ID": "4"},
        ("x", "4", ""),
    ),
    "said by the pipeline": (
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REF": "refs/pull/12/merge",
            APPROVER: "carol",
            PULL_REQUEST: "99",
        },
        ("main", "99", "carol"),
    ),
    "an address with a password": (
        {PULL_REQUEST: "https://bob:secret@example.com/1"},
        ("main", "", ""),
    ),
    "a secret": (
        {"DEPLOY_TOKEN": "canary-canary", APPROVER: "canary-canary", PULL_REQUEST: "x"},
        ("main", "", ""),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_ci_tells(folder: Path, case: str) -> None:
    variables, wanted = CASES[case]
    origin = found(folder, **variables)
    assert (origin.branch, origin.pull_request, origin.approver) == wanted
