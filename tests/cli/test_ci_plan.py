"""`ci plan` and `ci apply` against code hosts in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosts import BOT, FakeAzure, FakeGithub, FakeGitlab

from peakctl.hosts import find

COMMIT = "a" * 40
PROJECT = """\
project: shop
manifests: [manifests]
environments:
  local: {emulator: {buildSeconds: 0}}
  other: {emulator: {buildSeconds: 0}}
  preview: {emulator: {buildSeconds: 0}, namePrefix: "pr-{{ number }}-"}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec: {type: workflow, artifact: {path: ../src}}
"""
HOST_VARIABLES = [
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "TF_BUILD",
    "JENKINS_URL",
    "CIRCLECI",
    "BUILDKITE",
    "BITBUCKET_BUILD_NUMBER",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "PEAKCTL_HOST_TOKEN",
    "GITHUB_BASE_REF",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_OUTPUT",
    "GITHUB_EVENT_PATH",
    "GITHUB_REF",
    "GITHUB_SHA",
    "GITHUB_API_URL",
    "GITHUB_GRAPHQL_URL",
    "PEAKCTL_ENV",
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in HOST_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests" / "image.yaml").write_text(IMAGE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def github(
    project: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeGithub]:
    """A job of pull request 7 of acme/shop."""
    host = FakeGithub()
    runner = tmp_path_factory.mktemp("runner")
    pull = {
        "number": 7,
        "head": {"sha": COMMIT, "repo": {"full_name": "acme/shop"}},
        "base": {"sha": "b" * 40, "ref": "main"},
    }
    (runner / "event.json").write_text(json.dumps({"pull_request": pull}))
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_SHA": "c" * 40,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "91",
        "GITHUB_JOB": "plan",
        "GITHUB_TOKEN": "ghs_0123456789",
        "GITHUB_EVENT_PATH": str(runner / "event.json"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
        "GITHUB_OUTPUT": str(runner / "outputs"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(find, "open_transport", lambda _: host.transport())
    yield host
    assert host.broken == []


def outputs(_: FakeGithub) -> dict[str, str]:
    rows = Path(os.environ["GITHUB_OUTPUT"]).read_text().splitlines()
    return dict(row.split("=", 1) for row in rows)


def test_a_plan_is_told_on_the_request_in_the_summary_and_in_outputs(
    github: FakeGithub, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert run.code == 0
    assert run.out.endswith("Plan: 1 to create.\n")
    assert "told on the request: https://github.com/acme/shop/pull/7#issuecomment-101" in run.err
    (body,) = github.bodies(7)
    first, heading, *_ = body.split("\n")
    assert first.startswith("<!-- peakctl:ci plan project=shop environment=local tenant=")
    assert heading == "### peakctl plan: project `shop` environment `local`"
    job = "https://github.com/acme/shop/actions/runs/91"
    assert f"commit `{COMMIT[:12]}` · [job]({job}) · " in body
    assert "Plan: 1 to create" in body
    assert Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text() in body
    found = outputs(github)
    assert found["has_changes"] == found["ok"] == "true"
    assert (found["changes"], found["creates"], found["deletes"], found["restarts"]) == tuple(
        "1100"
    )
    assert Path(found["plan"]).is_file()
    assert found["comment"].endswith("#issuecomment-101")
    assert github.asked[0].headers["authorization"] == "Bearer ghs_0123456789"


def test_the_same_comment_is_updated_and_that_of_others_never(
    github: FakeGithub, peakctl: Any, make_emulator: Any, project: Path
) -> None:
    emulator = make_emulator()
    for number in range(150):  # more than a page
        github.add(7, "alice", f"comment {number}")
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    ours = github.bodies(7)[-1]
    marker = ours.split("\n")[0]
    github.comments["7"] = [c for c in github.comments["7"] if c["body"] != ours]
    github.add(7, "mallory", f"{marker}\nall is well")
    github.add(7, BOT, f"a coverage report\n{marker}")
    github.add(7, BOT, ours.replace("environment=local", "environment=prod"))
    github.add(7, BOT, ours)
    github.add(7, BOT, "the last comment of the bot")
    before = github.bodies(7)
    (project / "manifests" / "image.yaml").write_text(IMAGE.replace("base", "other"))
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    changed = [i for i, body in enumerate(github.bodies(7)) if body != before[i]]
    assert len(github.bodies(7)) == len(before)
    assert changed == [153]
    assert "Image/other" in github.bodies(7)[153]
    peakctl("ci", "plan", "-e", "other", emulator=emulator)
    assert len(github.bodies(7)) == len(before) + 1


def test_a_failure_and_a_refusal_are_told_in_the_same_comment(
    github: FakeGithub, peakctl: Any, make_emulator: Any, project: Path
) -> None:
    emulator = make_emulator()
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    plan = Path(outputs(github)["plan"])
    assert plan.exists()
    (project / "manifests" / "image.yaml").write_text(IMAGE.replace("artifact", "artefact"))
    run = peakctl("ci", "plan", "-e", "local", emulator=emulator)
    assert run.code == 10
    at = "file=manifests/image.yaml,line=4,col=24,title=manifest/unknown-field"
    assert f"::error {at}::" in run.err
    (body,) = github.bodies(7)
    assert "**Failed**" in body
    assert "manifest/unknown-field" in body
    assert not plan.exists()  # nobody takes the old one for the result of this run
    found = outputs(github)
    assert (found["ok"], found["exit_code"], found["has_changes"], found["plan"]) == (
        "false",
        "10",
        "",
        "",
    )
    (project / "peakctl.yaml").write_text(PROJECT + "nonsense: 1\n")
    assert peakctl("ci", "plan", "-e", "local", emulator=emulator).code == 64
    (body,) = github.bodies(7)
    assert "project/unknown-key" in body
    (project / "peakctl.yaml").write_text(PROJECT)
    (project / "manifests" / "image.yaml").write_text(IMAGE)
    assert peakctl("ci", "plan", "-e", "local", emulator=emulator).code == 0
    (body,) = github.bodies(7)
    assert "Plan: 1 to create" in body


def html(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html="<html>proxy</html>")


def refused(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


def message(status: int, text: str = "Resource not accessible by integration") -> httpx.Response:
    return httpx.Response(status, json={"message": text})


@pytest.mark.parametrize(
    ("method", "part", "answer", "told"),
    [
        ("POST", "comments", message(403), "answers 403: the token may not do that"),
        ("GET", "comments", message(404), "answers 404: it is not there"),
        ("POST", "comments", message(422, "Validation"), "answers 422: the host finds"),
        (
            "GET",
            "comments",
            httpx.Response(502, html="<html>bad gateway"),
            "answers 502: it failed",
        ),
        ("GET", "comments", html, "something that is no JSON"),
        ("GET", "comments", httpx.Response(200, json={}), "answers no list"),
        ("GET", "comments", refused, "was not reached: connection refused"),
        ("POST", "comments", httpx.Response(401, text="\x1b[31mno"), "answers 401"),
    ],
)
def test_a_host_that_refuses_changes_nothing_about_the_plan(
    github: FakeGithub,
    peakctl: Any,
    make_emulator: Any,
    method: str,
    part: str,
    answer: Any,
    told: str,
) -> None:
    github.fail(method, part, answer)
    run = peakctl("ci", "plan", "-e", "local", "--detailed-exitcode", emulator=make_emulator())
    assert run.code == 2
    assert run.out.endswith("Plan: 1 to create.\n")
    assert run.err.count("warning[ci/host]: no comment was written: ") == 1
    assert told in run.err
    assert "\x1b" not in run.err
    assert "ghs_0123456789" not in run.out + run.err
    assert outputs(github)["comment"] == ""


def test_a_comment_that_is_deleted_meanwhile_is_written_anew(
    github: FakeGithub, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    github.fail("PATCH", "comments", message(404, "Not Found"))
    assert peakctl("ci", "plan", "-e", "local", emulator=emulator).code == 0
    assert len(github.bodies(7)) == 2


def test_the_name_of_an_app_is_asked_for_and_the_bot_is_meant_where_nothing_tells(
    github: FakeGithub, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    github.login = "acme-deploy[bot]"
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    assert [c["user"]["login"] for c in github.comments["7"]] == ["acme-deploy[bot]"]
    github.login = None
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    assert [c["user"]["login"] for c in github.comments["7"]] == ["acme-deploy[bot]", BOT]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "GITHUB_REF",
            "refs/pull/8/merge",
            "GITHUB_REF is of request 8, and the event of request 7",
        ),
        ("GITHUB_REPOSITORY", "../../evil", "GITHUB_REPOSITORY is not owner/name"),
        ("GITHUB_API_URL", "http://evil.example.com", "GITHUB_API_URL is no https address"),
        ("GITHUB_API_URL", "https://me:pw@evil.example.com", "a user name or a password"),
        ("GITHUB_SHA", "$(id)", "GITHUB_SHA is not a whole commit id"),
        ("GITHUB_BASE_REF", "--upload-pack=x", "GITHUB_BASE_REF is not the name of a branch"),
        ("GITHUB_EVENT_PATH", "/nowhere/event.json", "there is no such file"),
    ],
)
def test_variables_that_lie_are_told_and_no_comment_goes_astray(
    github: FakeGithub,
    peakctl: Any,
    make_emulator: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv(name, value)
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert run.code == 0
    assert sum(told in row for row in run.err.splitlines() if not row.startswith("::")) == 1
    assert "::warning title=ci/" in run.err
    assert not github.bodies(8)
    wrong = name in ("GITHUB_REF", "GITHUB_REPOSITORY", "GITHUB_API_URL")
    assert github.bodies(7) == [] if wrong else len(github.bodies(7)) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"pull_request": 7}'])
def test_an_event_that_is_broken_is_told(
    github: FakeGithub,
    peakctl: Any,
    make_emulator: Any,
    monkeypatch: Any,
    tmp_path: Path,
    text: str,
) -> None:
    (tmp_path / "broken.json").write_text(text)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "broken.json"))
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert run.code == 0
    assert ("warning[ci/event]" in run.err) == (text != '{"pull_request": 7}')
    assert len(github.bodies(7)) == 1  # GITHUB_REF tells the request


def test_the_result_of_an_apply_is_told_on_the_request_that_was_merged(
    github: FakeGithub, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = make_emulator()
    peakctl("ci", "plan", "-e", "local", emulator=emulator)
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    monkeypatch.setenv("GITHUB_EVENT_PATH", "")
    monkeypatch.setattr(FakeGithub, "_serve", _with_merged(FakeGithub._serve))
    run = peakctl("ci", "apply", "-e", "local", emulator=emulator)
    assert run.code == 0
    plan, applied = github.bodies(7)
    assert applied.startswith("<!-- peakctl:ci apply project=shop ")
    assert "1 created" in applied
    assert "Plan: 1 to create" in plan
    again = peakctl("ci", "apply", "-e", "local", emulator=emulator)
    assert again.code == 0
    assert len(github.bodies(7)) == 2
    assert outputs(github)["has_changes"] == "false"


def _with_merged(serve: Any) -> Any:
    def served(self: FakeGithub, operation: str, path: str, query: Any, body: Any) -> Any:
        if operation != "repos/list-pull-requests-associated-with-commit":
            return serve(self, operation, path, query, body)
        assert path == f"/repos/acme/shop/commits/{'c' * 40}/pulls"
        page = int(query["page"])
        return 200, [_pull(5, "d" * 40), _pull(7, "c" * 40)] if page == 1 else []

    return served


def _pull(number: int, commit: str) -> dict[str, Any]:
    return {"number": number, "merge_commit_sha": commit, "merged_at": "2026-11-28T10:00:00Z"}


def test_a_saved_plan_of_ci_is_held_to(
    github: FakeGithub, peakctl: Any, make_emulator: Any, project: Path
) -> None:
    emulator = make_emulator()
    peakctl("ci", "plan", "-e", "local", "--no-comment", emulator=emulator)
    (project / "manifests" / "more.yaml").write_text(IMAGE.replace("base", "more"))
    run = peakctl("ci", "apply", "-e", "local", "peakctl-local.peakplan", emulator=emulator)
    assert run.code == 11
    assert "plan/stale" in github.bodies(7)[0]


def test_gitlab_and_azure_have_their_own_ways(
    project: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = make_emulator()
    gitlab = FakeGitlab()
    gitlab.add(3, 77, "assigned to @bob", system=True)
    for name, value in {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_PROJECT_ID": "41",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_IID": "3",
        "CI_COMMIT_SHA": COMMIT,
        "GITLAB_TOKEN": "glpat-0123456789",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(find, "open_transport", lambda _: gitlab.transport())
    for _ in range(2):
        assert peakctl("ci", "plan", "-e", "local", emulator=emulator).code == 0
    assert len(gitlab.bodies(3)) == 2
    assert gitlab.writes() == [
        ("POST", "/projects/41/merge_requests/3/notes"),
        ("PUT", "/projects/41/merge_requests/3/notes/102"),
    ]
    assert gitlab.asked[0].headers["private-token"] == "glpat-0123456789"
    gitlab.fail("GET", "notes", message(403))
    run = peakctl("ci", "plan", "-e", "local", emulator=emulator)
    assert "the request comes from a fork" in run.err
    monkeypatch.delenv("GITLAB_CI")
    azure = FakeAzure()
    for name, value in {
        "TF_BUILD": "True",
        "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
        "SYSTEM_TEAMPROJECT": "Data Science",
        "BUILD_REPOSITORY_PROVIDER": "TfsGit",
        "BUILD_REPOSITORY_ID": "0f1e2d3c-0000-4000-8000-000000000000",
        "SYSTEM_PULLREQUEST_PULLREQUESTID": "9",
        "SYSTEM_ACCESSTOKEN": "eyJ0eXAi",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(find, "open_transport", lambda _: azure.transport())
    for _ in range(2):
        assert peakctl("ci", "plan", "-e", "local", emulator=emulator).code == 0
    assert len(azure.bodies(9)) == 1
    assert gitlab.broken == azure.broken == []
    assert [method for method, _ in azure.writes()] == ["POST", "PATCH"]


@pytest.mark.parametrize(
    "answer",
    [
        message(403),
        message(404),
        message(422),
        httpx.Response(203, html="<html>sign in</html>"),  # what Azure answers a wrong token
        httpx.Response(302, headers={"location": "https://login.example.com/"}),
        httpx.Response(200, json=[None]),
        httpx.Response(500, text="oops"),
        refused,
    ],
)
def test_whatever_azure_answers_the_plan_stands(
    project: Path, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    emulator, azure = make_emulator(), FakeAzure()
    for name, value in {
        "TF_BUILD": "True",
        "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
        "SYSTEM_TEAMPROJECT": "shop",
        "BUILD_REPOSITORY_PROVIDER": "TfsGit",
        "BUILD_REPOSITORY_ID": "0f1e2d3c-0000-4000-8000-000000000000",
        "SYSTEM_PULLREQUEST_PULLREQUESTID": "9",
        "SYSTEM_ACCESSTOKEN": "eyJ0eXAi",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(find, "open_transport", lambda _: azure.transport())
    for method, part in (("GET", "connectionData"), ("GET", "threads"), ("POST", "threads")):
        azure.faults.clear()
        azure.fail(method, part, answer)
        run = peakctl("ci", "plan", "-e", "local", "--detailed-exitcode", emulator=emulator)
        assert (run.code, run.err.count("warning[ci/") <= 1) == (2, True), run.err
        assert run.out.endswith("Plan: 1 to create.\n")
        assert "Traceback" not in run.err
    assert azure.broken == []


def test_elsewhere_there_are_files_and_the_exit_code(
    project: Path, peakctl: Any, make_emulator: Any
) -> None:
    files = ("--summary-file", "plan.md", "--outputs-file", "plan.env")
    run = peakctl("ci", "plan", "-e", "local", *files, emulator=make_emulator())
    assert run.code == 0
    assert "Plan: 1 to create" in (project / "plan.md").read_text()
    assert "has_changes=true\n" in (project / "plan.env").read_text()
    assert "warning" not in run.err
    bad = ("--summary-file", "no/such/folder.md", "--outputs-file", "src")
    run = peakctl("ci", "plan", "-e", "local", *bad, emulator=make_emulator())
    assert run.code == 0
    assert run.err.count("warning[ci/file]") == 2


def test_a_job_needs_nothing_of_its_runner(project: Path) -> None:
    """No HOME, no PATH and so no git, no locale, no standard input, a variable that is no UTF-8."""
    env = {
        b"PYTHONPATH": os.fsencode(os.pathsep.join(sys.path)),
        b"LC_ALL": b"C",
        b"TMPDIR": b"/nowhere",
        b"GITHUB_ACTIONS": b"true",
        b"GITHUB_REPOSITORY": b"acme/shop",
        b"GITHUB_REF": b"refs/pull/7/merge",
        b"GITHUB_ACTOR": b"\xff\xfe",
        b"GITHUB_STEP_SUMMARY": os.fsencode(project / "summary.md"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "peakctl", "ci", "plan", "-e", "local", "--no-comment"],
        cwd=project,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"Plan: 1 to create.\n")
    assert b"Traceback" not in done.stderr
    assert "Plan: 1 to create" in (project / "summary.md").read_text("utf-8")


def test_without_a_token_one_line_tells(
    github: FakeGithub, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "")
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert run.code == 0
    assert run.err.count("warning[ci/no-comment]: no comment was written: there is no token") == 1
    assert "or PEAKCTL_HOST_TOKEN" in run.err
    assert github.asked == []
    run = peakctl("ci", "plan", "-e", "local", "--no-comment", emulator=make_emulator())
    assert "ci/no-comment" not in run.err


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_a_branch_behind_its_base_and_behind_what_was_applied_is_told(
    github: FakeGithub,
    peakctl: Any,
    make_emulator: Any,
    monkeypatch: pytest.MonkeyPatch,
    project: Path,
) -> None:
    emulator = make_emulator()
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    git(project, "branch", "feature")
    (project / "manifests" / "image.yaml").write_text(IMAGE + "# two\n")
    git(project, "commit", "-qam", "two")
    two = git(project, "rev-parse", "HEAD")
    git(project, "update-ref", "refs/remotes/origin/main", "HEAD")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    monkeypatch.setenv("GITHUB_SHA", two)
    run = peakctl("ci", "apply", "-e", "local", emulator=emulator)
    assert run.code == 0
    assert "ci/" not in run.err
    git(project, "checkout", "-q", "feature")
    run = peakctl("ci", "plan", "-e", "local", emulator=emulator)
    assert run.code == 0
    assert 'warning[ci/behind]: this branch lacks commits of "main"' in run.err
    told = f"warning[ci/applied-elsewhere]: commit {two[:12]} was applied last"
    assert told in run.err
    assert "ci/applied-elsewhere" in github.bodies(7)[-1]
    summary = Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text()
    assert "ci/applied-elsewhere" in summary
    assert "ci/behind" in summary
    git(project, "merge", "-q", "main")
    run = peakctl("ci", "plan", "-e", "local", emulator=emulator)
    assert "ci/" not in run.err


def test_a_merge_of_the_host_holds_what_its_branch_lacks(
    github: FakeGithub, peakctl: Any, make_emulator: Any, project: Path, monkeypatch: Any
) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    git(project, "checkout", "-qb", "feature")
    git(project, "commit", "-q", "--allow-empty", "-m", "the branch")
    head = git(project, "rev-parse", "HEAD")
    git(project, "checkout", "-q", "main")
    git(project, "commit", "-q", "--allow-empty", "-m", "meanwhile")
    git(project, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(project, "merge", "-q", "--no-ff", "-m", "as actions/checkout has it", "feature")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    event = Path(os.environ["GITHUB_EVENT_PATH"])
    event.write_text(event.read_text().replace(COMMIT, head))
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert run.code == 0
    assert 'note[ci/behind]: this branch lacks commits of "main"' in run.err
    assert f"the host made: {head[:12]} and " in github.bodies(7)[0]
    assert "ci/behind" in Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text()


def test_what_a_shallow_checkout_cannot_tell_is_no_warning(
    github: FakeGithub, peakctl: Any, make_emulator: Any, project: Path
) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert "note[ci/unknown-history]: it is not known whether this branch has all" in run.err
    assert run.code == 0


def test_each_prefix_has_a_comment_of_its_own(
    github: FakeGithub, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    for number in ("7", "8", "7"):
        run = peakctl("ci", "plan", "-e", "preview", "-p", f"number={number}", emulator=emulator)
        assert run.code == 0, run.err
    markers = [body.split("\n")[0] for body in github.bodies(7)]
    assert [f"environment=preview.pr-{n}-" in m for n, m in zip("78", markers, strict=True)] == [
        True,
        True,
    ]
    assert "prefix `pr-7-`" in github.bodies(7)[0]
    assert peakctl("ci", "plan", "-e", "preview", emulator=emulator).code == 64
    assert "environment=preview " in github.bodies(7)[-1]


def test_a_comment_on_hundreds_of_resources_fits(
    github: FakeGithub, peakctl: Any, make_emulator: Any, project: Path
) -> None:
    name = "a-rather-long-name-of-an-image-that-somebody-once-thought-of"
    images = "---\n".join(IMAGE.replace("base", f"{name}-{n}") for n in range(600))
    (project / "manifests" / "image.yaml").write_text(images)
    run = peakctl("ci", "plan", "-e", "local", emulator=make_emulator())
    assert run.code == 0
    (body,) = github.bodies(7)
    assert "Plan: 600 to create" in body
    assert 30_000 < len(body) <= 65_536
