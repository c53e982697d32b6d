"""The jobs for GitLab, Azure Pipelines and Jenkins, as documented and as written, played."""

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
from actions import Runner, serving
from ci_play import Repository
from documented import FLOW, PROJECT, ROOT, WORKFLOWS, emulator, repository, section, send
from hosts import FakeAzure, FakeGitlab
from other_ci import Played, gitlab_jobs, jenkins_steps, play_azure, play_gitlab, play_jenkins

__all__ = ["emulator", "repository"]
TOKENS = {"PEAK_READ_TOKEN": "read-token", "PEAK_WRITE_TOKEN": "write-token"}


@pytest.fixture
def env(tmp_path: Path, emulator: str) -> dict[str, str]:
    """What every job of a runner has."""
    tools = Runner(tmp_path, tmp_path / "runner", {}, {})
    tools.install()
    return {
        "PATH": f"{tools.temp / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(tmp_path),
        "PEAKCTL_ENDPOINT": emulator,
    }


def init(repository: Repository, ci: str) -> None:
    words = [sys.executable, "-m", "peakctl", "ci", "init", ci]
    subprocess.run(words, cwd=repository.clone, check=True, capture_output=True)
    repository.commit("the files of the CI", "main")


class GitlabPlayer:
    """Events of a project, and the jobs that they start."""

    def __init__(self, repository: Repository, host: FakeGitlab, env: dict[str, str]) -> None:
        self.repository, self.host, self.env = repository, host, env
        self.secrets = {**TOKENS, "GITLAB_TOKEN": "glpat-0123456789"}
        self.jobs: dict[str, Any] = {}
        self.number = 0

    def play(self, commit: str, *, protected: bool = False, **variables: str) -> dict[str, Played]:
        self.number += 1
        secrets = {k: v for k, v in self.secrets.items() if protected or "WRITE" not in k}
        given = {
            **self.env,
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": self.host.base,
            "CI_PROJECT_ID": "41",
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": commit,
            "CI_PIPELINE_ID": str(self.number),
            "CI_JOB_ID": str(100 + self.number),
            "CI_JOB_URL": f"https://gitlab.example.com/acme/shop/-/jobs/{100 + self.number}",
            **variables,
        }
        return play_gitlab(self.jobs, lambda: self.repository.checkout(commit), given, secrets)

    def request(self, commit: str, **variables: str) -> dict[str, Played]:
        more = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_PROJECT_ID": "41",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "41",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        }
        return self.play(commit, **{**more, **variables})

    def push(self, commit: str) -> dict[str, Played]:
        more = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
        return self.play(commit, protected=True, **more)


@pytest.fixture
def gitlab(repository: Repository, env: dict[str, str]) -> Iterator[GitlabPlayer]:
    with serving(FakeGitlab(), "/api/v4") as host:
        yield GitlabPlayer(repository, host, env)
    assert host.broken == []


def load(player: GitlabPlayer, source: str) -> str:
    """The jobs, and how their names begin."""
    if source == "component":
        file = player.repository.folder / "component.yml"
        file.write_text(component({"project": "shop", "environment": "prod"}))
        player.jobs = gitlab_jobs(file)
        return "peakctl-shop-prod-"
    if source == "written":
        init(player.repository, "gitlab")
        player.jobs = gitlab_jobs(player.repository.clone / ".gitlab-ci.yml")
        return "peakctl-shop-prod-"
    file = player.repository.folder / "documented.yml"
    file.write_text(section("GitLab"))
    player.jobs = gitlab_jobs(file)
    player.env["PEAK_AUTH_TOKEN"] = "a-token"
    return ""


def component(given: dict[str, str]) -> str:
    """The jobs of templates/peakctl.yml with inputs, as GitLab puts them in."""
    head, jobs = (ROOT / "templates" / "peakctl.yml").read_text("utf-8").split("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    assert set(given) <= set(inputs)
    values = {name: given.get(name, each.get("default")) for name, each in inputs.items()}
    assert None not in values.values()
    used = re.compile(r"\$\[\[ inputs\.(\w+) \]\]")
    assert isinstance(yaml.safe_load(jobs), dict)  # GitLab reads YAML before it puts inputs in
    assert set(used.findall(jobs)) == set(inputs)
    return used.sub(lambda found: str(values[found[1]]), jobs)


def test_the_files_for_other_repositories_are_those_of_init() -> None:
    import write_ci_files

    for name, text in write_ci_files.texts().items():
        assert (ROOT / name).read_text("utf-8") == text, "run scripts/write_ci_files.py"
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert action["runs"]["using"] == "composite"


@pytest.mark.parametrize("source", ["documented", "written", "component"])
def test_gitlab_plans_a_request_in_one_note_and_applies_its_merge(
    gitlab: GitlabPlayer, source: str
) -> None:
    name = load(gitlab, source)
    repository, host = gitlab.repository, gitlab.host
    repository.start_branch()
    bad = repository.commit_of("more", FLOW.replace("nightly", "w").replace("spec", "specs"))
    done = gitlab.request(bad)
    assert list(done) == [f"{name}plan"]
    plan = done[f"{name}plan"]
    assert plan.code == 10, plan.log
    assert "**Failed**" in host.bodies(7)[0]
    quality = next(data for path, data in plan.artifacts.items() if "quality" in path)
    assert json.loads(quality)[0]["location"]["path"] == "manifests/more.yaml"
    good = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    plan = gitlab.request(good)[f"{name}plan"]
    assert plan.code == 0, plan.log
    assert len(host.bodies(7)) == 1
    assert "Plan: 2 to create" in host.bodies(7)[0]
    (saved,) = (d for p, d in plan.artifacts.items() if p.endswith(".peakplan"))
    assert json.loads(saved)["commit"] == good  # for the apply
    counts = next(d for p, d in plan.artifacts.items() if p.endswith("plan.json"))
    assert json.loads(counts) == {"create": 2, "update": 0, "delete": 0}
    assert b"has_changes=true\n" in plan.artifacts["peakctl.env"]
    if source != "documented":
        assert plan.artifacts["peakctl-prod.html"].startswith(b"<!doctype html>")
        assert (
            "[page](https://gitlab.example.com/acme/shop/-/jobs/102/artifacts/file/"
            in (host.bodies(7)[0])
        )
    merged = repository.merge(good)
    host.merged = [
        {"iid": 7, "state": "merged", "merge_commit_sha": merged, "squash_commit_sha": None}
    ]
    done = gitlab.push(merged)
    assert list(done) == [f"{name}apply"]
    assert done[f"{name}apply"].code == 0, done
    assert "Applied: 2 created" in host.bodies(7)[1]
    assert gitlab.push(merged)[f"{name}apply"].code == 0
    assert len(host.bodies(7)) == 2


def test_gitlab_validates_a_fork_without_a_secret_and_looks_for_drift_by_night(
    gitlab: GitlabPlayer, emulator: str
) -> None:
    name = load(gitlab, "written")
    repository = gitlab.repository
    assert gitlab.push(repository.tip())[f"{name}apply"].code == 0
    repository.start_branch()
    head = repository.commit_of(
        "more", FLOW.replace("nightly", "w").replace("hook", "{{ os_env.KEY }}")
    )
    gitlab.host.asked.clear()
    gitlab.secrets, secrets = {}, gitlab.secrets
    fork = {
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
        "CI_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": repository.tip(),
    }
    done = gitlab.request(head, **fork)
    (fork_job,) = done.values()
    assert fork_job.code == 0, fork_job.log
    assert "OFFLINE" in fork_job.log
    assert gitlab.host.asked == []
    gitlab.secrets = secrets
    night = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}
    (drift,) = gitlab.play(repository.tip(), **night).values()
    assert drift.code == 0, drift.log
    live = send(emulator, "GET", WORKFLOWS)["workflows"][0]
    send(emulator, "DELETE", f"{WORKFLOWS}{live['id']}")
    (drift,) = gitlab.play(repository.tip(), **night).values()
    assert drift.code == 2


def test_a_preview_of_gitlab_is_made_and_removed(gitlab: GitlabPlayer, emulator: str) -> None:
    title = "A preview for each pull request"
    repository = gitlab.repository
    environment = section(title).split("environments:\n", 1)[1]
    repository.write("peakctl.yaml", PROJECT + environment)
    head = repository.commit("an environment for previews", "feature")
    file = repository.folder / "documented.yml"
    shared = yaml.safe_load(section("GitLab"))
    file.write_text(yaml.safe_dump({".peak": shared[".peak"], **yaml.safe_load(section(title, 2))}))
    gitlab.jobs = gitlab_jobs(file)
    gitlab.env["PEAK_AUTH_TOKEN"] = "a-token"
    done = gitlab.request(head)
    assert list(done) == ["preview"]
    assert done["preview"].code == 0, done["preview"].log
    names = [each["name"] for each in send(emulator, "GET", WORKFLOWS)["workflows"]]
    assert names == ["pr-7-nightly"]
    del gitlab.jobs["preview"]
    done = gitlab.request(head, BY_HAND="yes")
    assert done["remove-preview"].code == 0, done["remove-preview"].log
    assert send(emulator, "GET", WORKFLOWS)["workflows"] == []


def test_azure_plans_applies_and_looks_for_drift(
    repository: Repository, env: dict[str, str], emulator: str
) -> None:
    init(repository, "azure")
    file = repository.clone / "azure-pipelines-peakctl-shop-prod.yml"
    repository.start_branch()
    head = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    with serving(FakeAzure(), "/acme") as host:
        variables = {
            "TF_BUILD": "True",
            "System.CollectionUri": f"{host.base}/",
            "System.TeamProject": "Data Science",
            "System.JobAttempt": "1",
            "Build.BuildId": "9",
            "Build.Repository.Provider": "TfsGit",
            "Build.Repository.Id": "0f1e2d3c-0000-4000-8000-000000000000",
        }
        secrets = {**TOKENS, "System.AccessToken": "eyJ0eXAi"}

        def play(commit: str, reason: str, branch: str, **more: str) -> Any:
            known = {
                **variables,
                "Build.Reason": reason,
                "Build.SourceBranch": branch,
                "Build.SourceVersion": commit,
                **{name.replace("_", "."): value for name, value in more.items()},
            }
            return play_azure(file, lambda: repository.checkout(commit), known, secrets, env)

        request = {"System_PullRequest_PullRequestId": "7"}
        branch = "refs/pull/7/merge"
        done = play(head, "PullRequest", branch, **request)
        assert list(done) == ["plan"]
        assert done["plan"].code == 0, done["plan"].log
        assert "Plan: 2 to create" in host.bodies(7)[0]
        assert "&view=artifacts" in host.bodies(7)[0]
        assert set(done["plan"].artifacts) == {"plan.md", "plan.html", "prod.peakplan"}
        assert "##vso[task.uploadsummary]" in done["plan"].log
        before, secrets_of_branch = len(host.asked), dict(secrets)
        secrets.clear()  # macros of variables that are not there stay as they are
        fork = {
            "System_PullRequest_IsFork": "True",
            "System_PullRequest_TargetBranch": "refs/heads/main",
        }
        done = play(head, "PullRequest", branch, **request, **fork)
        assert done["plan"].code == 0, done["plan"].log
        assert "OFFLINE" in done["plan"].log
        assert set(done["plan"].artifacts) == {"plan.md", "plan.html"}
        assert len(host.asked) == before
        secrets |= secrets_of_branch
        bad = repository.commit_of("more", FLOW.replace("spec", "specs"))
        done = play(bad, "PullRequest", branch, **request)
        assert done["plan"].code == 10
        assert "**Failed**" in host.bodies(7)[0]
        assert "plan.md" in done["plan"].artifacts
        merged = repository.merge(head)
        done = play(merged, "IndividualCI", "refs/heads/main")
        assert (list(done), done["apply"].code) == (["apply"], 0), done
        assert "Applied: 2 created" in done["apply"].log
        assert play(merged, "IndividualCI", "refs/heads/other") == {}
        assert play(merged, "Schedule", "refs/heads/main")["plan"].code == 0
        live = send(emulator, "GET", WORKFLOWS)["workflows"][0]
        send(emulator, "DELETE", f"{WORKFLOWS}{live['id']}")
        assert play(merged, "Schedule", "refs/heads/main")["plan"].code == 2
    assert host.broken == []


def test_the_shell_steps_of_jenkins_plan_apply_and_look_for_drift(
    repository: Repository, env: dict[str, str], emulator: str, tmp_path: Path
) -> None:
    init(repository, "jenkins")
    steps = jenkins_steps(repository.clone / "peakctl-shop-prod.Jenkinsfile")
    assert list(steps) == ["install", "plan", "drift", "apply"]
    tools = tmp_path / "workspace-tmp" / "peakctl" / "bin"
    tools.mkdir(parents=True)
    program = Path(env["PATH"].split(os.pathsep)[0]) / "peakctl"
    (tools / "peakctl").symlink_to(program)
    shared = {
        **env,
        "WORKSPACE_TMP": str(tmp_path / "workspace-tmp"),
        "JENKINS_URL": "https://j.example.com/",
    }
    secrets = {"peak-read-token": "read-token", "peak-write-token": "write-token"}

    def play(stage: str, commit: str) -> tuple[Played, Path]:
        folder = repository.checkout(commit)
        return play_jenkins(steps[stage], folder, secrets, shared), folder

    repository.start_branch()
    done, folder = play("plan", repository.commit_of("more", FLOW.replace("spec", "specs")))
    assert done.code == 10
    assert "**Failed**" in (folder / "peakctl-prod.md").read_text()
    head = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    done, folder = play("plan", head)
    assert done.code == 0, done.log
    assert "Plan: 2 to create" in (folder / "peakctl-prod.md").read_text()
    assert (folder / "peakctl-prod.html").is_file()
    assert (folder / "peakctl-prod.peakplan").is_file()
    merged = repository.merge(head)
    done, _ = play("apply", merged)
    assert (done.code, "Applied: 2 created" in done.log) == (0, True), done.log
    assert play("drift", merged)[0].code == 0
    live = send(emulator, "GET", WORKFLOWS)["workflows"][0]
    send(emulator, "DELETE", f"{WORKFLOWS}{live['id']}")
    assert play("drift", merged)[0].code == 2
    assert "write-token" not in done.log
