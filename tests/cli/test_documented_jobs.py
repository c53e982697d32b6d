"""The jobs that docs/ci.md shows and `ci init` writes, played step by step as GitHub runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions import Done, Runner, serving
from ci_play import REPOSITORY, Repository
from hosts import FakeGithub, FakeGitlab, pull_of

ROOT = Path(__file__).resolve().parents[2]
PROJECT = """\
project: shop
manifests: [manifests]
environments:
  local: {emulator: true}
  prod: {stage: prod}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {call: {type: http, method: post, url: https://example.com/hook}}}
"""


@pytest.fixture
def emulator() -> Iterator[str]:
    words = [sys.executable, "-m", "peakctl", "emulator", "serve", "--port", "0"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().removeprefix("Emulator listening on ").strip()
        finally:
            server.terminate()


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    with serving(FakeGithub()) as host:
        yield host
    assert host.broken == []


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path, {"peakctl.yaml": PROJECT, "manifests/flow.yaml": FLOW})


class Player:
    """Events of one repository, and the jobs that they start."""

    def __init__(self, repository: Repository, host: FakeGithub, address: str) -> None:
        self.repository, self.host = repository, host
        self.variables = {
            "PEAKCTL_ENDPOINT": address,
            "GITHUB_API_URL": host.base,
            "GITHUB_GRAPHQL_URL": f"{host.base}/graphql",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "1",
            "GITHUB_RUN_ATTEMPT": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self.secrets = {"PEAK_READ_TOKEN": "read-token", "PEAK_WRITE_TOKEN": "write-token"}
        self.artifacts: dict[str, Any] = {}
        self.runs = 0

    def run(self, workflow: str, commit: str, event: dict[str, Any]) -> dict[str, Done]:
        self.runs += 1
        temp = self.repository.folder / f"runner-{self.runs}"
        secrets = self.secrets if event.pop("trusted", True) else {}
        variables = {**self.variables, "GITHUB_RUN_ID": str(self.runs)}
        checkout = self.repository.checkout(commit)
        runner = Runner(checkout, temp, variables, secrets, self.artifacts)
        runner.install()
        return runner.play(workflow, {"repository": REPOSITORY, "sha": commit, **event})

    def pull_request(self, workflow: str, head: str, fork: bool = False) -> dict[str, Done]:
        name = "mallory/shop" if fork else REPOSITORY
        pull = {
            "number": 7,
            "head": {"sha": head, "repo": {"full_name": name}},
            "base": {"sha": self.repository.git(self.repository.origin, "rev-parse", "main")},
        }
        event = {
            "event_name": "pull_request",
            "ref": "refs/pull/7/merge",
            "base_ref": "main",
            "event": {"pull_request": pull},
            "trusted": not fork,
        }
        return self.run(workflow, head, event)

    def workflow_run(self, workflow: str, commit: str, head: str, **more: Any) -> dict[str, Done]:
        """What GitHub starts when a run of a fork has ended: on the default branch."""
        run = {
            "id": self.runs,
            "event": "pull_request",
            "conclusion": "success",
            "head_sha": head,
            "head_branch": "feature",
            "head_repository": {"full_name": "mallory/shop"},
            "pull_requests": [],
            **more,
        }
        event = {
            "event_name": "workflow_run",
            "ref": "refs/heads/main",
            "event": {"workflow_run": run},
        }
        return self.run(workflow, commit, event)

    def push(self, workflow: str, commit: str) -> dict[str, Done]:
        self.host.merged = [
            {"number": 7, "merge_commit_sha": commit, "merged_at": "2026-11-28T10:00:00Z"}
        ]
        event = {"event_name": "push", "ref": "refs/heads/main", "event": {"ref": "main"}}
        return self.run(workflow, commit, event)


@pytest.fixture
def player(repository: Repository, github: FakeGithub, emulator: str) -> Player:
    return Player(repository, github, emulator)


def documented() -> str:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    found = re.search(r"## GitHub Actions\n.*?```yaml\n(.*?)```", page, re.S)
    assert found
    return found[1]


def written(repository: Repository) -> str:
    words = [sys.executable, "-m", "peakctl", "ci", "init", "github"]
    subprocess.run(words, cwd=repository.clone, check=True, capture_output=True)
    name = ".github/workflows/peakctl-shop-prod.yml"
    return (repository.clone / name).read_text("utf-8")


@pytest.mark.parametrize("source", ["documented", "written"])
def test_a_request_is_planned_fails_is_corrected_and_applied_when_merged(
    player: Player, repository: Repository, github: FakeGithub, source: str
) -> None:
    if source == "written":
        workflow = written(repository)
        repository.commit("the files of the CI", "main")
    else:
        workflow = documented()
    repository.git(repository.clone, "checkout", "-qb", "feature")
    github.add(7, "github-actions[bot]", "coverage: 91 %")
    good = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    done = player.pull_request(workflow, good)
    assert list(done) == ["plan"]
    assert (done["plan"].code, "Plan: 2 to create" in done["plan"].log) == (0, True), done
    assert "Plan: 2 to create" in done["plan"].summary
    coverage, plan = github.bodies(7)
    assert coverage == "coverage: 91 %"
    assert f"commit `{good[:12]}`" in plan

    bad = repository.commit_of("more", FLOW.replace("spec", "specs"))
    done = player.pull_request(workflow, bad)
    assert done["plan"].code == 10
    assert "::error file=manifests/more.yaml,line=" in done["plan"].log
    assert "**Failed**" in done["plan"].summary
    coverage, plan = github.bodies(7)
    assert "**Failed**" in plan
    assert f"commit `{bad[:12]}`" in plan

    repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    repository.git(repository.clone, "checkout", "-q", "main")
    repository.git(repository.clone, "merge", "-q", "--no-ff", "-m", "merge", "feature")
    merged = repository.git(repository.clone, "rev-parse", "HEAD")
    repository.git(repository.clone, "push", "-q", "origin", "main")
    done = player.push(workflow, merged)
    assert list(done) == ["apply"]
    assert (done["apply"].code, "Applied: 2 created" in done["apply"].log) == (0, True), done
    assert "Applied: 2 created" in github.bodies(7)[2]
    assert "Applied: 2 created" in done["apply"].summary
    done = player.push(workflow, merged)
    assert done["apply"].code == 0
    assert len(github.bodies(7)) == 3


def of_forks(repository: Repository, source: str) -> tuple[str, str]:
    """The workflow of the request, and that of its end."""
    if source == "written":
        first = written(repository)
        name = ".github/workflows/peakctl-shop-prod-forks.yml"
        return first, (repository.clone / name).read_text("utf-8")
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    found = re.search(r"## Forks\n.*?```yaml\n(.*?)```.*?```yaml\n(.*?)```", page, re.S)
    assert found
    return found[1], found[2]


@pytest.mark.parametrize("source", ["documented", "written"])
def test_a_fork_is_planned_without_a_secret_and_told_by_a_job_of_the_branch(
    player: Player, repository: Repository, github: FakeGithub, source: str
) -> None:
    workflow, of_end = of_forks(repository, source)
    assert "secrets." not in of_end
    base = repository.commit("the files of the CI", "main") if source == "written" else "main"
    flow = FLOW.replace("hook", "{{ os_env.HOOK_KEY }}").replace("nightly", "b")
    commit = repository.commit_of("more", flow)
    done = player.pull_request(workflow, commit, fork=True)
    assert list(done) == ["fork"]
    assert (done["fork"].code, "+ create  Workflow/b" in done["fork"].log) == (0, True), done
    assert "Plan: 1 to create" in done["fork"].summary
    assert github.asked == []
    github.pulls = [pull_of(7, commit, "mallory/shop", "feature")]
    run = player.runs
    done = player.workflow_run(of_end, base, commit)
    assert (list(done), done["comment"].code) == (["comment"], 0), done
    (body,) = github.bodies(7)
    assert body.startswith("<!-- peakctl:ci plan project=shop environment=prod ")
    assert f"actions/runs/{run})" in body
    assert "+ create Workflow/b" in body
    done = player.workflow_run(of_end, base, commit, id=999)  # its artifact has expired
    assert done["comment"].code == 1
    assert "no result that can be shown" in github.bodies(7)[0]
    assert player.workflow_run(of_end, base, commit, conclusion="cancelled") == {}


def test_the_jobs_of_gitlab_keep_one_note_and_write_its_reports(
    repository: Repository, emulator: str, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    found = re.search(r"## GitLab\n.*?```yaml\n(.*?)```", page, re.S)
    assert found
    jobs = yaml.safe_load(found[1])
    tools = Runner(tmp_path, tmp_path / "gitlab", {}, {})
    tools.install()

    def play(job: str, commit: str, folder: Path, **variables: str) -> Any:
        lines = [*jobs[".peak"]["before_script"], *jobs[job]["script"]]
        env = {
            "PATH": f"{tools.temp / 'tools'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "HOME": str(tmp_path),
            "PEAKCTL_ENDPOINT": emulator,
            "PEAK_AUTH_TOKEN": "token",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": host.base,
            "CI_PROJECT_ID": "41",
            "CI_COMMIT_SHA": commit,
            "CI_PIPELINE_ID": "5",
            "CI_JOB_NAME": job,
            "CI_JOB_ID": "6",
            "GITLAB_TOKEN": "glpat-0123456789",
            **variables,
        }
        script = "\n".join(["set -eo pipefail", *lines])
        return subprocess.run(
            ["bash"], input=script, cwd=folder, env=env, capture_output=True, text=True, check=False
        )

    with serving(FakeGitlab(), "/api/v4") as host:
        repository.git(repository.clone, "checkout", "-qb", "feature")
        request = {
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_PROJECT_ID": "41",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        }
        bad = repository.commit_of("more", FLOW.replace("spec", "specs"))
        folder = repository.checkout(bad)
        done = play("plan", bad, folder, **request)
        assert done.returncode == 10, done.stderr
        assert "**Failed**" in host.bodies(7)[0]
        assert json.loads((folder / "quality.json").read_text())[0]["location"]["path"]
        good = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
        folder = repository.checkout(good)
        done = play("plan", good, folder, **request)
        assert done.returncode == 0, done.stderr
        assert len(host.bodies(7)) == 1
        assert "Plan: 2 to create" in host.bodies(7)[0]
        assert json.loads((folder / "plan.json").read_text()) == {
            "create": 2,
            "update": 0,
            "delete": 0,
        }
        assert "has_changes=true\n" in (folder / "peakctl.env").read_text()
        host.merged = [
            {"iid": 7, "state": "merged", "merge_commit_sha": good, "squash_commit_sha": None}
        ]
        done = play("apply", good, repository.checkout(good))
        assert done.returncode == 0, done.stderr
        assert "Applied: 2 created" in host.bodies(7)[1]
        assert host.broken == []
