"""The jobs that docs/ci.md shows and `ci init` writes, played step by step as GitHub runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from actions import Done, Runner, serving
from ci_play import REPOSITORY, Repository
from documented import FLOW, PROJECT, ROOT, WORKFLOWS, emulator, repository, section, send
from hosts import FakeGithub, pull_of
from reviewed import archive

__all__ = ["emulator", "repository"]  # fixtures


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    with serving(FakeGithub()) as host:
        yield host
    assert host.broken == []


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
        return self.run(workflow, head, self.event_of(head, fork=fork))

    def event_of(self, head: str, *, fork: bool) -> dict[str, Any]:
        """The event of a push to the branch of request 7."""
        name = "mallory/shop" if fork else REPOSITORY
        pull = {
            "number": 7,
            "head": {"sha": head, "repo": {"full_name": name}},
            "base": {"sha": self.repository.git(self.repository.origin, "rev-parse", "main")},
        }
        return {
            "event_name": "pull_request",
            "ref": "refs/pull/7/merge",
            "base_ref": "main",
            "event": {"pull_request": pull},
            "trusted": not fork,
        }

    def queue(self, workflow: str, commit: str) -> dict[str, Done]:
        """A merge queue has merged a request into its branch, and asks before it pushes that."""
        group = {
            "head_sha": commit,
            "base_sha": self.repository.tip(),
            "base_ref": "refs/heads/main",
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-x",
        }
        event = {
            "event_name": "merge_group",
            "ref": group["head_ref"],
            "event": {"action": "checks_requested", "merge_group": group},
        }
        return self.run(workflow, commit, event)

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

    def push(self, workflow: str, commit: str, pull: Any = None) -> dict[str, Done]:
        self.host.merged = [
            pull or {"number": 7, "merge_commit_sha": commit, "merged_at": "2026-11-28T10:00:00Z"}
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


def written(repository: Repository, *more: str) -> str:
    words = [sys.executable, "-m", "peakctl", "ci", "init", "github", *more]
    subprocess.run(words, cwd=repository.clone, check=True, capture_output=True)
    name = f".github/workflows/peakctl-{'' if more else 'shop-'}prod.yml"
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

    if source == "written":
        kept = player.artifacts["1"]["peakctl-page-prod-plan-plan"]
        assert kept["peakctl-page.html"].startswith(b"<!doctype html>")
        assert "[page](https://github.com/acme/shop/actions/runs/1#artifacts)" in plan
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


def test_what_a_merge_queue_has_made_is_planned_by_the_rules_of_its_base(
    player: Player, repository: Repository, github: FakeGithub
) -> None:
    workflow = written(repository)
    repository.commit("the files of the CI", "main")
    repository.start_branch()
    repository.write("peakctl.yaml", PROJECT.replace("stage: prod}", "stage: prod, protect: true}"))
    head = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    queued = repository.commit("as the queue merged it", "gh-readonly-queue/main/pr-7-x")
    done = player.queue(workflow, queued)
    assert list(done) == ["plan"]
    assert (done["plan"].code, "Plan: 2 to create" in done["plan"].log) == (0, True), done
    assert "Plan: 2 to create" in done["plan"].summary
    assert f"commit `{queued[:12]}`" in done["plan"].summary
    assert "changes the policy; that of origin/main" in done["plan"].log
    assert github.bodies(7) == []
    assert head != queued


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
    ours = {"head_repository": {"full_name": REPOSITORY}}
    assert player.workflow_run(of_end, base, commit, **ours) == {}


def scheduled() -> dict[str, Any]:
    return {"event_name": "schedule", "ref": "refs/heads/main", "event": {"schedule": "17 4 * * *"}}


@pytest.mark.parametrize("source", ["documented", "written"])
def test_the_nightly_job_keeps_one_issue(
    player: Player, repository: Repository, emulator: str, source: str
) -> None:
    workflow = section("Nightly drift") if source == "documented" else written(repository)
    issues = repository.folder / "issues.json"
    assert player.push(documented(), repository.tip())["apply"].code == 0

    def night() -> tuple[Done, list[Any]]:
        before = len(send(emulator, "GET", "/_emulator/requests")["requests"])
        done = player.run(workflow, repository.tip(), scheduled())["drift"]
        sent = send(emulator, "GET", "/_emulator/requests")["requests"][before:]
        assert {each["method"] for each in sent} == {"GET"}
        return done, json.loads(issues.read_text())["issues"]

    done, found = night()
    assert (done.code, found) == (0, [])
    live = send(emulator, "GET", WORKFLOWS)["workflows"][0]
    send(emulator, "DELETE", f"{WORKFLOWS}{live['id']}")
    for edits in (0, 1):
        done, found = night()
        assert (done.code, len(found), found[0]["edits"]) == (0, 1, edits)
        assert "Workflow/nightly" in found[0]["body"]
        assert "Workflow/nightly" in done.summary
    assert player.push(documented(), repository.tip())["apply"].code == 0
    done, found = night()
    assert (done.code, found[0]["open"], found[0]["closed"]) == (0, False, "No drift any more.")
    player.secrets = {}
    done = player.run(workflow, repository.tip(), scheduled())["drift"]
    assert done.code == 15  # what cannot be looked at is no drift
    assert len(json.loads(issues.read_text())["issues"]) == 1


def test_a_monorepo_plans_the_projects_that_a_request_touches(
    player: Player, repository: Repository, github: FakeGithub
) -> None:
    for team in ("a", "b", "c"):
        text = PROJECT.replace("shop", f"shop-{team}")
        repository.write(f"teams/{team}/peakctl.yaml", text)
        repository.write(f"teams/{team}/manifests/x.yaml", FLOW.replace("nightly", team))
    repository.commit("teams", "main")
    repository.start_branch()
    for team in ("a", "c"):
        repository.write(f"teams/{team}/manifests/x.yaml", FLOW.replace("nightly", f"{team}2"))
    player.variables |= {"PEAK_AUTH_TOKEN": "read-token", "GITHUB_TOKEN": "ghs_job"}
    workflow = section("Several projects in one repository")
    done = player.pull_request(workflow, repository.commit("two", "feature"))
    plans = [name for name in done if name.startswith("plan")]
    assert plans == ["plan shop-a teams/a", "plan shop-c teams/c"]
    assert all(each.code == 0 for each in done.values()), done
    assert [body.split()[3] for body in github.bodies(7)] == ["project=shop-a", "project=shop-c"]
    done = player.pull_request(workflow, repository.tip())
    assert list(done) == ["changed"]


def test_the_written_workflow_of_a_monorepo_plans_applies_and_looks_for_drift(
    player: Player, repository: Repository, github: FakeGithub, emulator: str
) -> None:
    workflow = written(repository, "--matrix")
    (repository.clone / "manifests/flow.yaml").unlink()
    (repository.clone / "peakctl.yaml").unlink()
    for team in ("a", "b"):
        text = PROJECT.replace("shop", f"shop-{team}")
        repository.write(f"teams/{team}/peakctl.yaml", text)
        repository.write(f"teams/{team}/manifests/x.yaml", FLOW.replace("nightly", team))
    other = "project: other\nenvironments: {local: {emulator: true}}\n"
    repository.write("teams/other/peakctl.yaml", other)
    main = repository.commit("teams", "main")
    done = player.push(workflow, main)
    assert list(done) == ["projects", "apply shop-a teams/a", "apply shop-b teams/b"]
    assert [each.code for each in done.values()] == [0, 0, 0], done
    repository.start_branch()
    repository.write("teams/b/manifests/x.yaml", FLOW.replace("nightly", "b2"))
    head = repository.commit("b", "feature")
    done = player.pull_request(workflow, head)
    assert list(done) == ["projects", "plan shop-b teams/b"]
    assert done["plan shop-b teams/b"].code == 0, done
    assert [body.split()[3] for body in github.bodies(7)][-1] == "project=shop-b"
    done = player.pull_request(workflow, head, fork=True)
    assert list(done) == ["projects", "fork shop-b teams/b"]
    assert done["fork shop-b teams/b"].code == 0, done
    github.pulls = [pull_of(7, head, "mallory/shop", "feature")]
    name = ".github/workflows/peakctl-prod-forks.yml"
    of_end = (repository.clone / name).read_text("utf-8")
    done = player.workflow_run(of_end, main, head)
    assert [each.code for each in done.values()] == [0, 0, 0], done
    assert [("From a fork" in body) for body in github.bodies(7)].count(True) == 1
    done = player.run(workflow, main, scheduled())
    assert list(done) == ["projects", "drift shop-a teams/a", "drift shop-b teams/b"]
    assert [each.code for each in done.values()] == [0, 0, 0], done


def test_a_preview_is_made_changed_and_removed(
    player: Player, repository: Repository, emulator: str
) -> None:
    part = section("A preview for each pull request").split("environments:\n", 1)[1]
    repository.write("peakctl.yaml", PROJECT + part)
    repository.commit("an environment for previews", "main")
    repository.start_branch()
    workflow = section("A preview for each pull request", 1)
    player.secrets["PEAK_AUTH_TOKEN"] = "a-token"

    def names() -> list[str]:
        return sorted(each["name"] for each in send(emulator, "GET", WORKFLOWS)["workflows"])

    def play(head: str, action: str, fork: bool = False) -> Any:
        event = player.event_of(head, fork=fork)
        event["event"] |= {"action": action, "number": 7}
        return player.run(workflow, head, event)

    head = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    assert play(head, "opened", fork=True) == {}
    done = play(head, "opened")["preview"]
    assert done.code == 0, done.log
    assert names() == ["pr-7-nightly", "pr-7-weekly"]
    (repository.clone / "manifests/more.yaml").unlink()
    head = repository.commit("less", "feature")
    assert play(head, "synchronize")["preview"].code == 0
    assert names() == ["pr-7-nightly"]
    done = play(head, "closed")["preview"]
    assert done.code == 0, done.log
    assert names() == []


@pytest.mark.parametrize("source", ["documented", "written"])
def test_the_plan_that_its_job_keeps_is_what_is_approved_and_applied_at_the_merge(
    player: Player, repository: Repository, github: FakeGithub, source: str
) -> None:
    rule = PROJECT.replace("{stage: prod}", "{stage: prod, approval: required}")
    repository.write("peakctl.yaml", rule)
    workflow = documented() if source == "documented" else written(repository)
    repository.commit("the files of the CI", "main")
    file = ".github/workflows/peak.yml"
    player.variables["GITHUB_WORKFLOW_REF"] = f"{REPOSITORY}/{file}@refs/heads/main"
    repository.git(repository.clone, "checkout", "-qb", "feature")
    head = repository.commit_of("more", FLOW.replace("nightly", "weekly"))
    assert player.pull_request(workflow, head)["plan"].code == 0
    times = iter(f"2026-11-28T{hour}:00:00Z" for hour in range(10, 20))
    opened = {"user": {"login": "alice"}, "base": {"ref": "main"}, "created_at": next(times)}
    pull = {**pull_of(7, head, REPOSITORY, "feature"), **opened, "changed_files": 1}
    github.pulls, github.files = [pull], {"7": [{"filename": "manifests/more.yaml"}]}
    run = {"id": player.runs, "path": file, "event": "pull_request", "conclusion": "success"}
    of = {"head_sha": head, "head_branch": "feature", "head_repository": {"full_name": REPOSITORY}}
    github.runs = [{**run, **of, "created_at": next(times)}]
    github.artifacts = {str(player.runs): []}
    for id_, (name, files) in enumerate(player.artifacts[str(player.runs)].items(), 70):
        github.archives[str(id_)] = archive(files)
        kept = {"id": id_, "name": name, "expired": False, "created_at": next(times)}
        github.artifacts[str(player.runs)].append(kept)
    github.files_at, github.permissions = None, {"bob": "write"}
    repository.git(repository.clone, "checkout", "-q", "main")
    repository.git(repository.clone, "merge", "-q", "--no-ff", "-m", "merge", "feature")
    merged = repository.git(repository.clone, "rev-parse", "HEAD")
    repository.git(repository.clone, "push", "-q", "origin", "main")
    at = next(times)
    pull |= {"state": "closed", "merged_at": at, "closed_at": at, "merge_commit_sha": merged}
    done = player.push(workflow, merged, pull)["apply"]
    assert (done.code, "request 7: nobody has approved it" in done.log) == (12, True), done.log
    bob = {"user": {"login": "bob", "type": "User"}, "state": "APPROVED", "commit_id": head}
    github.reviews = [{**bob, "id": 1, "body": "", "submitted_at": next(times)}]
    done = player.push(workflow, merged, pull)["apply"]
    assert (done.code, "Applied: 2 created" in done.log) == (0, True), done.log
    assert "the plan of request 7 is applied, approved by bob" in done.log
