"""`ci changed`: which projects of a repository a change touches."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = """\
project: %s
manifests: [manifests, "more/*.yaml"]
environments:
  dev: {emulator: true, params: [params/dev.yaml]}
  prod: {stage: prod, parameters: {folder: other}}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata:
  name: NAME
  descriptionFile: ../texts/TELLS.md
spec:
  type: workflow
  artifact: {path: ../{{ folder }}}
  buildDetails: {source: upload, buildArguments: [{name: A, value: "{% include 'parts/a.txt' %}"}]}
"""

FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {call: {type: http, method: post, url: https://example.com/hook}}}
"""


def git(*words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    return subprocess.run(
        ["git", *identity, *words], capture_output=True, check=True
    ).stdout.decode()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "GITHUB_OUTPUT", "PEAKCTL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        root = tmp_path / "teams" / name
        for folder in "manifests more params texts parts src other notes".split():  # noqa: SIM905
            (root / folder).mkdir(parents=True)
        (root / "peakctl.yaml").write_text(PROJECT % name)
        (root / "manifests" / "image.yaml").write_text(IMAGE.replace("NAME", name))
        (root / "more" / "one.yaml").write_text(FLOW)
        (root / "params" / "dev.yaml").write_text("folder: src\n")
        (root / "texts" / "TELLS.md").write_text("What it does\n")
        (root / "parts" / "a.txt").write_text("{% include 'parts/b.txt' %}")
        (root / "parts" / "b.txt").write_text("1")
        (root / "README.md").write_text("See notes/PLAN.md\n")
        (root / "notes" / "PLAN.md").write_text("later\n")
        for folder in ("src", "other"):
            (root / folder / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "README.md").write_text("all teams\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "one")
    git("checkout", "-qb", "feature")
    return tmp_path


@pytest.fixture
def changed(peakctl: Any) -> Callable[..., list[str]]:
    def run(*words: str) -> list[str]:
        done = peakctl("ci", "changed", "--base", "main", *words)
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    return run


@pytest.mark.parametrize(
    ("file", "touches"),
    [
        ("README.md", False),
        ("teams/a/README.md", False),
        ("teams/a/notes/PLAN.md", False),
        ("teams/a/peakctl.yaml", True),
        ("teams/a/manifests/image.yaml", True),
        ("teams/a/more/new.yaml", True),
        ("teams/a/params/dev.yaml", True),
        ("teams/a/texts/TELLS.md", True),
        ("teams/a/parts/a.txt", True),
        ("teams/a/parts/b.txt", True),
        ("teams/a/src/train.py", True),
        ("teams/a/other/train.py", True),
    ],
)
@pytest.mark.parametrize("how", ["commit", "edit"])
def test_what_belongs_to_a_project_touches_it(
    repository: Path, changed: Any, file: str, touches: bool, how: str
) -> None:
    path = repository / file
    path.write_text((path.read_text() if path.exists() else "") + "\n")
    if how == "commit":
        git("add", ".")
        git("commit", "-qm", "two")
    assert changed() == (["teams/a"] if touches else [])


@pytest.mark.parametrize("file", ["src/Dockerfile", "parts/b.txt", "manifests/image.yaml"])
def test_what_is_removed_or_moved_away_touches_it(
    repository: Path, changed: Any, file: str
) -> None:
    git("mv", f"teams/a/{file}", "teams/a/notes/moved")
    assert changed() == ["teams/a"]


def test_no_artifact_folder_is_read(
    repository: Path, changed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_files(*_: object) -> None:
        raise AssertionError("a folder was read")

    monkeypatch.setattr("peakctl.archives.files.find_files", find_files)
    assert changed() == []
    (repository / "teams/a/src/new.py").write_text("1\n")
    assert changed() == ["teams/a"]


def test_what_cannot_be_read_counts_as_touched(repository: Path, changed: Any) -> None:
    (repository / "teams/a/manifests/image.yaml").write_text("kind: [\n")
    (repository / "teams/b/peakctl.yaml").write_text("nonsense: 1\n")
    git("commit", "-qam", "two")
    git("checkout", "-qb", "third")
    (repository / "teams/a/README.md").write_text("more\n")
    (repository / "teams/b/README.md").write_text("more\n")
    git("branch", "-qf", "main", "third")
    assert changed() == ["teams/a", "teams/b"]


def test_templates_that_compute_names_may_name_anything(repository: Path, changed: Any) -> None:
    text = IMAGE.replace("NAME", "a") + "# {% set x = 'parts/a.txt' %}{% include x %}\n"
    (repository / "teams/a/manifests/image.yaml").write_text(text)
    git("commit", "-qam", "two")
    git("branch", "-qf", "main", "feature")
    (repository / "teams/a/notes/PLAN.md").write_text("sooner\n")
    assert changed() == ["teams/a"]


def test_what_the_base_has_done_meanwhile_is_no_change_of_ours(
    repository: Path, changed: Any
) -> None:
    git("checkout", "-q", "main")
    (repository / "teams/b/src/train.py").write_text("1\n")
    git("add", ".")
    git("commit", "-qm", "theirs")
    git("checkout", "-q", "feature")
    assert changed() == []


def test_json_and_outputs_are_for_a_matrix(
    repository: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "teams/a/src/train.py").write_text("1\n")
    git("rm", "-q", "teams/b/peakctl.yaml")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    monkeypatch.setenv("GITHUB_OUTPUT", str(repository / ".git" / "outputs"))
    git("update-ref", "refs/remotes/origin/main", "main")
    done = peakctl("-C", "teams/a", "ci", "changed", "-o", "json")
    found = json.loads(done.out)
    assert found["projects"] == [
        {
            "project": "a",
            "folder": "teams/a",
            "environments": ["dev", "prod"],
            "files": ["teams/a/src/train.py"],
        }
    ]
    assert found["removed"] == ["teams/b"]
    assert found["base"] == "origin/main"
    rows = (repository / ".git" / "outputs").read_text().splitlines()
    values = dict(row.split("=", 1) for row in rows)
    assert json.loads(values["matrix"]) == {"include": [{"project": "a", "folder": "teams/a"}]}
    assert values["has_changes"] == "true"


@pytest.mark.parametrize("base", ["nowhere", "--output=x", "main:README.md", "HEAD~9"])
def test_a_base_that_git_does_not_know_is_an_error(
    repository: Path, peakctl: Any, base: str
) -> None:
    done = peakctl("ci", "changed", f"--base={base}")
    assert (done.code, "error[ci/base]" in done.err) == (64, True)


def test_outside_of_a_repository_there_is_nothing_to_compare(
    tmp_path: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = peakctl("ci", "changed", "--base", "main")
    assert done.code == 64
    assert "ci/no-repository" in done.err


def test_a_prefix_whose_parameter_is_that_of_a_request_changes_nothing(
    repository: Path, changed: Any
) -> None:
    file = repository / "teams/a/peakctl.yaml"
    text = file.read_text("utf-8")
    preview = '  preview: {parameters: {folder: src}, namePrefix: "pr-{{ number }}-"}\n'
    file.write_text(text + preview, "utf-8")
    git("commit", "-qam", "two")
    git("branch", "-qf", "main", "feature")
    (repository / "teams/a/README.md").write_text("more\n", "utf-8")
    assert changed() == []
    (repository / "teams/a/src/train.py").write_text("a = 1\n", "utf-8")
    assert changed() == ["teams/a"]


def test_every_project_can_be_listed_and_those_with_an_environment(
    repository: Path, peakctl: Any
) -> None:
    found = json.loads(peakctl("ci", "changed", "--all", "-o", "json").out)
    assert [each["project"] for each in found["projects"]] == ["a", "b"]
    assert (found["base"], found["removed"]) == ("", [])
    text = (PROJECT % "b").replace("  prod: {stage: prod, parameters: {folder: other}}\n", "")
    (repository / "teams" / "b" / "peakctl.yaml").write_text(text)
    (repository / "teams" / "broken").mkdir()
    (repository / "teams" / "broken" / "peakctl.yaml").write_text("nonsense: 1\n")
    for words in (("--all",), ("--base", "HEAD")):
        found = json.loads(peakctl("ci", "changed", *words, "-e", "prod", "-o", "json").out)
        folders = [each["folder"] for each in found["projects"]]
        assert folders == (["teams/a"] if words == ("--all",) else []) + ["teams/broken"]
    assert peakctl("ci", "changed", "--all", "--base", "HEAD").code == 64
