"""Who runs, what CI it is, and whether a run of this machine is still there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakctl.model import Actor, CiJob
from peakctl.operations import actor as actors
from peakctl.operations.actor import (
    WORD_LIMIT,
    Words,
    actor_of,
    alive,
    find_ci,
    job_of,
    run_id,
    this_host,
)
from peakctl.settings import read_settings

SHA = "0123456789abcdef0123456789abcdef01234567"
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_RUN_ID": "16",
    "GITHUB_JOB": "deploy",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SHA": SHA,
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that is not Linux."""
    monkeypatch.setattr(actors, "_PROC", tmp_path / "proc")
    this_host.cache_clear()
    yield
    this_host.cache_clear()


def made(env: dict[str, str], root: Path) -> Actor:
    return actor_of(read_settings(env), root)


def job(env: dict[str, str]) -> CiJob | None:
    words = Words(env)
    ci = find_ci(words)
    assert ci is not None
    return job_of(ci, words)


def ended(*, buried: bool) -> Actor:
    """A process of ours that has just ended, told before it did."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    told = actors._process(process.pid)
    assert told is not None
    process.kill()
    if buried:
        process.communicate()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        UNBURIED.append(process)
    return Actor("ada", this_host(), told)


UNBURIED: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def record_dead_run() -> Iterator[None]:
    yield
    while UNBURIED:
        UNBURIED.pop().communicate()


def test_github_tells_who_what_and_which_attempt(tmp_path: Path) -> None:
    found = made(GITHUB, tmp_path)
    assert (found.who, found.commit) == ("ada", SHA)
    assert found.ci == CiJob("16", "deploy", 2, "https://github.com/acme/shop/actions/runs/16")
    again = {**GITHUB, "GITHUB_TRIGGERING_ACTOR": "bob"}
    assert made(again, tmp_path).who == "bob"


@pytest.mark.parametrize(
    ("env", "found"),
    [
        (
            "GITLAB_CI=true CI_PIPELINE_ID=7 CI_JOB_NAME=apply CI_JOB_ID=4711"
            " CI_JOB_URL=https://gl/j/4711",
            CiJob("7", "apply", 4711, "https://gl/j/4711"),
        ),
        (
            "TF_BUILD=True BUILD_BUILDID=42 SYSTEM_STAGENAME=prod SYSTEM_JOBNAME=apply"
            " SYSTEM_JOBATTEMPT=3 SYSTEM_COLLECTIONURI=https://dev.azure.com/acme/"
            " SYSTEM_TEAMPROJECT=shop",
            CiJob("42", "prod apply", 3, "https://dev.azure.com/acme/shop/_build/results?buildId=42"),
        ),
        (
            "JENKINS_URL=https://j/ JOB_NAME=shop/main BUILD_NUMBER=9 BUILD_URL=https://j/9/",
            CiJob("shop/main 9", "", 1, "https://j/9/"),
        ),
        (
            "CIRCLECI=true CIRCLE_WORKFLOW_ID=w-1 CIRCLE_JOB=apply CIRCLE_NODE_INDEX=0",
            CiJob("w-1", "apply 0", 1),
        ),
        (
            "BUILDKITE=true BUILDKITE_BUILD_ID=b-1 BUILDKITE_STEP_KEY=a BUILDKITE_RETRY_COUNT=2",
            CiJob("b-1", "a", 1),
        ),
        (
            "BITBUCKET_BUILD_NUMBER=5 BITBUCKET_PIPELINE_UUID={p} BITBUCKET_STEP_UUID={s}"
            " BITBUCKET_GIT_HTTP_ORIGIN=http://bitbucket.org/a/b",
            CiJob("{p}", "{s}", 1, "http://bitbucket.org/a/b/pipelines/results/5"),
        ),
        ("GITHUB_ACTIONS=true", None),
        ("GITHUB_ACTIONS=true GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=x", CiJob("1", "", 1)),
        ("GITHUB_ACTIONS=true GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=" + "9" * 20, CiJob("1", "", 1)),
    ],
)  # fmt: skip
def test_each_ci_names_its_job(env: str, found: CiJob | None) -> None:
    assert job(dict(pair.split("=", 1) for pair in env.split())) == found


@pytest.mark.parametrize(
    "url", ["https://me:pw@gl/j", "ftp://gl/j", "gl/j", "", "https://gl/" + "x" * 300]
)
def test_an_address_that_is_none_or_holds_a_password_is_left_out(url: str) -> None:
    found = job({"GITLAB_CI": "true", "CI_PIPELINE_ID": "1", "CI_JOB_URL": url})
    assert found is not None
    assert found.url == ""


def test_names_are_short_and_printable(tmp_path: Path) -> None:
    env = {"USER": "\x1b[31mada\x00 \u202e\u200b\n lovelace" + "x" * 200}
    who = made(env, tmp_path).who
    assert who.startswith("ada lovelacexx")
    assert len(who) == WORD_LIMIT


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("PEAK_AUTH_TOKEN", "s3cret-token"),
        ("API_KEY", "ada"),
        ("DB_PASSWORD", "s3cret-token"),
        ("BOT_PAT", "s3cret-token"),
        ("CI_JOB_JWT_V2", "s3cret-token"),
        ("DB_PASS", "s3cret-token"),
        ("SIGNING_PASSPHRASE", "s3cret-token"),
        ("SSH_KEY", "s3cret-token"),
    ],
)
def test_what_holds_a_secret_is_left_out(tmp_path: Path, name: str, secret: str) -> None:
    shown = "ada" if secret == "ada" else f"ada-{secret}"
    env = {**GITHUB, "GITHUB_ACTOR": shown, "GITHUB_JOB": shown, name: secret}
    found = made(env, tmp_path)
    assert secret not in repr(found)
    assert found.ci is not None
    assert found.ci.job == ""


def test_without_a_ci_it_is_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made({"LOGNAME": "ada", "USER": "bob"}, tmp_path).who == "ada"
    monkeypatch.setattr(actors, "_login", lambda: "root")
    assert made({}, tmp_path).who == "root"
    monkeypatch.setattr(actors, "_login", lambda: "")
    assert made({}, tmp_path).who == "unknown"


def test_an_account_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(actors._login(), str)
    monkeypatch.setitem(sys.modules, "pwd", None)
    assert actors._login() == ""


def test_the_commit_is_what_is_checked_out(tmp_path: Path) -> None:
    assert made({}, tmp_path).commit == ""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    (tmp_path / "deep").mkdir()
    for words in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True)
    head = done.stdout.decode().strip()
    assert made({}, tmp_path / "deep").commit == head
    odd = {"BUILDKITE": "true", "BUILDKITE_BUILD_ID": "1", "BUILDKITE_COMMIT": "HEAD"}
    assert made(odd, tmp_path).commit == head
    assert made(GITHUB, tmp_path).commit == SHA


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "no git"), subprocess.TimeoutExpired("git", 1)]
)
def test_without_git_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert made({}, tmp_path).commit == ""


@linux
def test_this_process_is_alive(tmp_path: Path) -> None:
    found = made({}, tmp_path)
    assert alive(found) is True
    assert alive(replace(found, host="elsewhere")) is None
    assert alive(replace(found, host="")) is None
    assert alive(replace(found, process="")) is None


@linux
@pytest.mark.parametrize("buried", [True, False])
def test_a_process_that_ended_is_dead(buried: bool) -> None:
    assert alive(ended(buried=buried)) is False


@linux
def test_a_process_that_got_the_number_of_another_is_another(tmp_path: Path) -> None:
    found = made({}, tmp_path)
    assert alive(replace(found, process=f"{os.getpid()}:1")) is False
    assert alive(replace(found, process=f"{os.getpid()}")) is None


def test_somebody_elses_process_is_there(monkeypatch: pytest.MonkeyPatch, no_proc: None) -> None:
    def fail(*_: Any) -> None:
        raise PermissionError(1, "not yours")

    monkeypatch.setattr(os, "kill", fail)
    assert actors._process(4711) == "4711"


def test_where_starts_are_not_told_only_the_dead_are_known(no_proc: None, tmp_path: Path) -> None:
    found = made({}, tmp_path)
    assert (found.host, found.process) == (this_host(), str(os.getpid()))
    assert found.host != ""
    assert alive(found) is None
    assert alive(ended(buried=True)) is False


def test_where_nobody_may_ask_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, no_proc: None
) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert actors._process(1) == "1"


def test_a_kernel_that_tells_little_is_no_host(no_proc: None) -> None:
    actors._PROC.mkdir()
    assert this_host() == ""
    (actors._PROC / "5").mkdir()
    (actors._PROC / "5/stat").write_text("5 (odd) S 1")
    assert actors._state(5) == ("", "")


@linux
def test_containers_of_one_name_are_different_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    here = actors._of_linux()
    monkeypatch.setattr(os, "readlink", lambda _: "pid:[1]")
    assert actors._of_linux() != here


def test_no_run_has_the_word_of_another() -> None:
    assert len({run_id() for _ in range(100)}) == 100
