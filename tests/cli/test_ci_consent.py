"""Consent to an unusual number of changes, written on the pull request: whose counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosts import BOT, FakeGithub

from peakctl.hosts import find

HEAD, MERGED = "a" * 40, "c" * 40
PROJECT = "project: shop\nmanifests: [m.yaml]\nenvironments: {local: {emulator: true}}\n"
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow-%d}
spec: {steps: {call: {type: http, method: post, url: "https://example.com/%s"}}}
---
"""


class Case:
    """Thirteen workflows that are live, and a request that changes twelve of them."""

    def __init__(self, host: FakeGithub, folder: Path, peakctl: Any, emulator: Any) -> None:
        self.host, self.folder = host, folder
        self.run = lambda *words: peakctl("ci", *words, "-e", "local", emulator=emulator)
        self.peakctl = lambda *words: peakctl(*words, "-e", "local", emulator=emulator)
        self.write("one")
        assert self.peakctl("apply", "--yes").code == 0
        self.write("two", 12)

    def write(self, word: str, number: int = 13) -> None:
        flows = (FLOW % (i, word if i < number else "one") for i in range(13))
        (self.folder / "m.yaml").write_text("".join(flows))

    def asked_for(self) -> str:
        """The line that the comment of the plan asks for."""
        assert self.run("plan").code == 12
        found = re.findall(r"^    (peakctl: allow .*)$", self.host.bodies(7)[-1], re.M)
        assert len(found) == 1
        return str(found[0])

    def last_run(self) -> Any:
        return json.loads(self.peakctl("ledger", "history", "-o", "json").out)["history"]["runs"][0]

    def merge(self, monkeypatch: pytest.MonkeyPatch, commit: str = MERGED) -> None:
        monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
        monkeypatch.setenv("GITHUB_EVENT_PATH", "")
        self.host.merged = [
            {
                "number": 7,
                "merge_commit_sha": commit,
                "merged_at": "2026-11-28T10:00:00Z",
                "base": {"ref": "main"},
            }
        ]


@pytest.fixture
def case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> Iterator[Case]:
    host = FakeGithub()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    pull = {"number": 7, "head": {"sha": HEAD, "repo": {"full_name": "acme/shop"}}}
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": pull}))
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_BASE_REF", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_GRAPHQL_URL", "PEAKCTL_APPROVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/shop")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    monkeypatch.setenv("GITHUB_SHA", MERGED)
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_0123456789")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setattr(find, "open_transport", lambda _: host.transport())
    monkeypatch.chdir(tmp_path)
    host.permissions = {"bob": "write", "alice": "admin", "carol": "read"}
    yield Case(host, tmp_path, peakctl, make_emulator())
    assert host.broken == []


def test_a_consent_lets_the_plan_pass_and_the_apply_of_its_merge(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = case.asked_for()
    assert re.fullmatch(rf"peakctl: allow mass-change 12 at {HEAD} as [0-9a-f]{{16}}", line)
    case.host.add(7, "bob", f"Read it, fine.\n\n{line}\n")
    planned = case.run("plan")
    assert planned.code == 0
    assert "note[ci/consent]: bob has consented to 12 changes on the request" in planned.err
    assert "**Consent**" not in case.host.bodies(7)[0]
    case.merge(monkeypatch)
    applied = case.run("apply")
    assert applied.code == 0
    assert "12 edited" in applied.out
    assert planned.err.count("ci/consent]") == 1
    run = case.last_run()
    assert (run["approver"], run["pull_request"]) == ("bob", "7")


def review(who: str, state: str, commit: str = HEAD, kind: str = "User") -> dict[str, Any]:
    return {"user": {"login": who, "type": kind}, "state": state, "commit_id": commit}


@pytest.mark.parametrize("own", ["", "the change board"])
def test_the_history_names_who_approved_the_last_commit(
    case: Case, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    monkeypatch.setenv("PEAKCTL_APPROVER", own)
    case.host.reviews = [
        review("bob", "CHANGES_REQUESTED"),
        review("bob", "APPROVED"),
        review("bob", "COMMENTED"),
        review("carol", "APPROVED", commit="b" * 40),
        review("dave", "APPROVED"),
        review("dave", "DISMISSED"),
        review("helper[bot]", "APPROVED", kind="Bot"),
        review("erin", "APPROVED"),
    ]
    case.merge(monkeypatch)
    case.write("two", 1)
    assert case.run("apply").code == 0
    run = case.last_run()
    assert (run["approver"], run["pull_request"]) == (own or "bob, erin", "7")
    assert f" · approved by `{own or 'bob, erin'}`\n" in case.host.bodies(7)[0]


@pytest.mark.parametrize(
    ("who", "change", "why"),
    [
        ("alice", str, "they opened the request"),
        ("Alice", str, "they opened the request"),
        ("carol", str, "they may not write to the repository"),
        ("dave", str, "they may not write to the repository"),
        (BOT, str, "that is no person"),
        ("bob", lambda line: line.replace(HEAD, "b" * 40), "it is for the commit bbbbbbbbbbbb"),
        ("bob", lambda line: line.replace("change 12", "change 13"), "it is for 13 changes"),
        ("bob", lambda line: line[:-16] + "0" * 16, "it is for another plan"),
    ],
)
def test_a_consent_of_another_or_for_another_plan_does_not_count(
    case: Case, monkeypatch: pytest.MonkeyPatch, who: str, change: Any, why: str
) -> None:
    case.host.add(7, who, change(case.asked_for()))
    planned = case.run("plan")
    assert planned.code == 12
    assert f"warning[ci/no-consent]: consent on the request: that of {who} does not" in planned.err
    assert why in planned.err
    case.merge(monkeypatch)
    applied = case.run("apply")
    assert applied.code == 12
    assert why in applied.err


@pytest.mark.parametrize(
    "text",
    [
        "> {}",
        "`{}`",
        "no: {}",
        "    {}",
        "{} please",
        "{}\u200b",
        "<!-- {} -->",
        "<!--\n{}\n-->",
        "not yet:\n```\n{}\n```\n",
        "~~~text\n{}",
    ],
)
def test_a_line_that_is_quoted_or_hidden_is_no_consent(case: Case, text: str) -> None:
    case.host.add(7, "bob", text.format(case.asked_for()))
    assert case.run("plan").code == 12


def test_a_comment_that_was_edited_does_not_count(case: Case) -> None:
    comment = case.host.add(7, "bob", case.asked_for())
    comment["updated_at"] = "2026-11-28T10:05:00Z"
    planned = case.run("plan")
    assert planned.code == 12
    assert "the comment was edited" in planned.err


def test_a_push_after_the_consent_needs_another(case: Case) -> None:
    case.host.add(7, "bob", case.asked_for())
    case.host.head["sha"] = "d" * 40
    planned = case.run("plan")
    assert planned.code == 12
    assert f"it is for the commit {HEAD[:12]}, and dddddddddddd was pushed since" in planned.err


def test_the_merge_of_something_else_is_no_consent(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.host.add(7, "bob", case.asked_for())
    case.merge(monkeypatch, commit="e" * 40)  # the commit of the job came with another request
    assert case.run("apply").code == 12
    case.merge(monkeypatch)
    case.write("two", 13)  # something was merged meanwhile
    applied = case.run("apply")
    assert applied.code == 12
    assert "it is for another plan" in applied.err


@pytest.mark.parametrize("part", ["pulls/7", "permission", "issues/7/comments"])
def test_where_the_host_does_not_tell_nobody_has_consented(case: Case, part: str) -> None:
    import httpx

    case.host.add(7, "bob", case.asked_for())
    case.host.fail("GET", part, httpx.Response(500, html="<html>oops"))
    planned = case.run("plan")
    assert planned.code == 12
    assert "consent on the request: it cannot be read: GET /repos/acme/shop/" in planned.err


def test_other_guards_cannot_be_consented_to_on_a_request(case: Case) -> None:
    case.host.add(7, "bob", case.asked_for())
    assert case.run("plan", "--allow", "create").code == 12
    assert case.run("plan", "--allow-mass-change", "11").code == 12


IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec: {type: workflow, buildDetails: {source: dockerfile, dockerfile: FROM python:3.1%s}}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {train: {imageDetails: {name: base}, command: "true"}}}
"""


def test_going_forward_after_a_rollback_can_be_consented_to(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1", "2"):
        (case.folder / "m.yaml").write_text(IMAGE % version)
        assert case.peakctl("apply", "--yes").code == 0
    assert case.peakctl("rollback", "Image/base", "--yes").code == 0
    line = case.asked_for()
    assert line.startswith(f"peakctl: allow forward at {HEAD} as ")
    case.host.add(7, "bob", line)
    assert case.run("plan").code == 0
    case.merge(monkeypatch)
    applied = case.run("apply")
    assert applied.code == 0, applied.err
    assert "1 edited" in applied.out
    assert case.last_run()["approver"] == "bob"
