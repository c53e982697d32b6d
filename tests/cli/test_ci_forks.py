"""The plan of a fork: made without a token, left in a file, told by a job that is trusted."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosts import BOT, FakeGithub, pull_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from peakctl.hosts import find
from peakctl.kinds.schemas import output_schemas
from peakctl.operations.ci_result import LARGEST_RESULT, UnusableResult, read_result
from peakctl.present.ci_report import JobFacts
from peakctl.present.report import Report
from peakctl.present.result_file import result_markdown, tamed

PROJECT = """\
project: shop
manifests: [manifests]
environments:
  local: {emulator: true}
  prod: {stage: prod, tenant: acme}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {call: {type: http, method: post, url: "https://example.com/{{ os_env.HOOK }}"}}}
"""
HEAD = "a" * 40
FORK = "mallory/shop"
SCHEMA = json.loads(output_schemas()["result"].read_text("utf-8"))


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [n for n in os.environ if n.startswith(("GITHUB_", "PEAK", "CI_", "API_KEY"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "shop"
    (folder / "manifests").mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(PROJECT)
    (folder / "manifests" / "flow.yaml").write_text(FLOW)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    monkeypatch.chdir(folder)
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": "c" * 40,
        "GITHUB_RUN_ID": "91",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
    }.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def fork(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The job of a pull request of a fork: no secret, and a token that is not even passed on."""
    pull = {
        "number": 7,
        "head": {"sha": HEAD, "repo": {"full_name": FORK}},
        "base": {"ref": "main", "sha": git(project, "rev-parse", "HEAD")},
    }
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": pull}))
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    return project


class Trusted:
    """The job of workflow_run, whose event names the run of the fork."""

    def __init__(self, project: Path, host: FakeGithub, peakctl: Any) -> None:
        self.project, self.host, self.peakctl = project, host, peakctl
        self.event(HEAD)

    def event(self, head: str, **more: Any) -> None:
        run = {
            "id": 55,
            "event": "pull_request",
            "head_sha": head,
            "head_branch": "fix",
            "head_repository": {"full_name": FORK},
            "pull_requests": [],
            **more,
        }
        Path(os.environ["GITHUB_EVENT_PATH"]).write_text(json.dumps({"workflow_run": run}))

    def tell(self, file: str | Path) -> Any:
        return self.peakctl("ci", "comment", "-e", "prod", "--result", str(file))


@pytest.fixture
def trusted(project: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trusted]:
    host = FakeGithub()
    host.pulls = [
        pull_of(7, HEAD, FORK),
        pull_of(8, HEAD, "other/shop"),
        pull_of(9, "b" * 40, FORK),
    ]
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_0123456789")
    monkeypatch.setattr(find, "open_transport", lambda _: host.transport())
    yield Trusted(project, host, peakctl)
    assert host.broken == []


def test_a_fork_plans_without_a_token_and_leaves_nothing_that_can_be_applied(
    fork: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fork / "manifests" / "flow.yaml").write_text(FLOW.replace("nightly", "weekly"))
    run = peakctl("ci", "plan", "-e", "prod", "--result-file", "result.json")
    assert run.code == 0, run.err
    assert "OFFLINE: manifests compared with those of origin/main" in run.out
    assert "warning" not in run.err
    summary = Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text()
    assert "**OFFLINE**" in summary
    assert not list(fork.glob("*.peakplan"))
    document = json.loads((fork / "result.json").read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert document["counts"]["create"] == 1
    assert [(a["verb"], a["name"]) for a in document["actions"]] == [("create", "weekly")]
    assert document["removed"] == [{"kind": "Workflow", "name": "nightly"}]
    text = (fork / "result.json").read_text()
    assert not any(word in text for word in ("shop", "prod", HEAD[:12]))
    monkeypatch.setenv("HOOK", "x")
    applied = peakctl("ci", "apply", "-e", "prod", "--no-comment", "result.json")
    assert (applied.code, 'error[plan/unusable]: "result.json"' in applied.err) == (11, True)


def test_a_fork_whose_manifests_are_wrong_fails_and_says_so_in_the_file(
    fork: Path, peakctl: Any
) -> None:
    (fork / "manifests" / "flow.yaml").write_text(FLOW.replace("spec", "specs"))
    run = peakctl("ci", "plan", "-e", "prod", "--result-file", "result.json")
    assert run.code == 10
    document = json.loads((fork / "result.json").read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert (document["exit_code"], document["counts"]) == (10, None)
    assert document["problems"][0]["place"] == "manifests/flow.yaml:4:1"
    assert peakctl("ci", "plan", "-e", "prod", "--result-file", "no/such/r.json").code == 10


def test_a_fork_that_has_an_emulator_plans_there(
    fork: Path, peakctl: Any, make_emulator: Any
) -> None:
    words = ("ci", "plan", "-e", "local", "--result-file", "result.json", "--no-comment")
    run = peakctl(*words, emulator=make_emulator())
    assert run.code == 0, run.err
    assert "OFFLINE" not in run.out
    assert json.loads((fork / "result.json").read_text())["offline"] is False


def test_offline_can_be_typed_anywhere_and_needs_a_base(
    fork: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "x")
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    run = peakctl("ci", "plan", "-e", "prod", "--offline", "--base", "HEAD")
    assert (run.code, "OFFLINE" in run.out) == (0, True)
    run = peakctl("ci", "plan", "-e", "prod", "--offline")
    assert (run.code, "usage/offline" in run.err) == (64, True)


def test_the_largest_result_still_has_its_shape(fork: Path, peakctl: Any) -> None:
    name = "x" * 40
    flows = "---\n".join(FLOW.replace("nightly", f"{name}-{n}") for n in range(500))
    (fork / "manifests" / "flow.yaml").write_text(flows)
    assert peakctl("ci", "plan", "-e", "prod", "--result-file", "result.json").code == 0
    document = json.loads((fork / "result.json").read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert document["more_actions"] == 200
    assert document == read_result(fork / "result.json")


# --- the trusted job ------------------------------------------------------------------------------


def left(fork: Path, peakctl: Any) -> Path:
    (fork / "manifests" / "flow.yaml").write_text(FLOW.replace("nightly", "weekly"))
    peakctl("ci", "plan", "-e", "prod", "--result-file", "result.json")
    git(fork, "checkout", "-q", ".")
    return fork / "result.json"


def test_the_result_is_told_once_on_the_request_that_the_event_and_the_host_name(
    fork: Path, peakctl: Any, trusted: Trusted
) -> None:
    file = left_by_fork(fork, peakctl, trusted)
    for _ in range(2):
        run = trusted.tell(file)
        assert run.code == 0, run.err
        assert "told on the request: https://github.com/acme/shop/pull/7#issuecomment-" in run.out
    (body,) = trusted.host.bodies(7)
    marker, heading, *_ = body.split("\n")
    assert marker == ("<!-- peakctl:ci plan project=shop environment=prod tenant=acme folder=. -->")
    assert heading == "### peakctl plan: project `shop` environment `prod`"
    assert f"commit `{HEAD[:12]}` · [job](https://github.com/acme/shop/actions/runs/55)" in body
    assert "**From a fork**" in body
    assert "**Plan (offline): 1 to create**" in body
    assert "+ create Workflow/weekly" in body
    assert "no longer declared: Workflow/nightly" in body
    assert not any(trusted.host.bodies(n) for n in (8, 9))


def left_by_fork(fork: Path, peakctl: Any, trusted: Trusted) -> Path:
    event = Path(os.environ["GITHUB_EVENT_PATH"])
    now = event.read_text()
    pull = {
        "number": 7,
        "head": {"sha": HEAD, "repo": {"full_name": FORK}},
        "base": {"ref": "main"},
    }
    event.write_text(json.dumps({"pull_request": pull}))
    file = left(fork, peakctl)
    event.write_text(now)
    return file


def test_what_was_pushed_to_since_is_not_told_and_is_no_failure(
    fork: Path, peakctl: Any, trusted: Trusted
) -> None:
    file = left_by_fork(fork, peakctl, trusted)
    trusted.event("d" * 40)
    run = trusted.tell(file)
    assert (run.code, "note[ci/no-comment]" in run.err) == (0, True)
    assert trusted.host.writes() == []


@pytest.mark.parametrize(
    "event",
    [
        {"workflow_run": {"id": 55, "head_sha": HEAD, "head_branch": "-x", "event": "push"}},
        {"workflow_run": {"id": "x", "head_sha": HEAD, "head_branch": "fix"}},
        {"workflow_run": 7},
        {},
    ],
)
def test_an_event_that_names_no_run_gets_no_comment(
    fork: Path, peakctl: Any, trusted: Trusted, event: Any
) -> None:
    file = left_by_fork(fork, peakctl, trusted)
    Path(os.environ["GITHUB_EVENT_PATH"]).write_text(json.dumps(event))
    run = trusted.tell(file)
    assert "ci/no-comment" in run.err
    assert trusted.host.asked == []


def test_several_requests_of_one_commit_get_no_guess(
    fork: Path, peakctl: Any, trusted: Trusted
) -> None:
    file = left_by_fork(fork, peakctl, trusted)
    trusted.host.pulls.append(pull_of(11, HEAD, FORK))
    run = trusted.tell(file)
    assert (run.code, "several requests are of that commit: #7, #11" in run.err) == (1, True)
    assert trusted.host.writes() == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, json={"message": "Resource not accessible by integration"}),
        httpx.Response(404, json={"message": "Not Found"}),
        httpx.Response(422, json={"message": "Validation Failed"}),
        httpx.Response(502, html="<html>bad gateway"),
        httpx.Response(200, html="<html>proxy"),
    ],
)
def test_a_host_that_refuses_is_one_line(
    fork: Path, peakctl: Any, trusted: Trusted, answer: Any
) -> None:
    file = left_by_fork(fork, peakctl, trusted)
    trusted.host.fail("GET", "/pulls", answer)
    run = trusted.tell(file)
    assert (run.code, run.err.count("error[ci/host]")) == (1, 1)
    assert "Traceback" not in run.err


# --- hostile files --------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "format_version": 1,
    "command": "plan",
    "offline": True,
    "exit_code": 0,
    "counts": None,
    "actions": [],
    "more_actions": 0,
    "removed": [],
    "problems": [],
    "more_problems": 0,
}
PROBLEM = {
    "code": "a/b",
    "severity": "error",
    "summary": "",
    "place": "",
    "detail": "",
    "fix": "",
}


def zipped(*files: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for n, data in enumerate(files):
            archive.writestr(f"../../{n}.json", data)
    return out.getvalue()


UNUSABLE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no JSON": lambda: b"{",
    "binary": lambda: bytes(range(256)),
    "deep": lambda: b"[" * 200_000,
    "huge number": lambda: b"[" + b"9" * 10_000 + b"]",
    "not a number": lambda: json.dumps({**GOOD, "more_actions": float("nan")}).encode(),
    "a name twice": lambda: json.dumps(GOOD)[:-1].encode() + b', "exit_code": 0}',
    "a list": lambda: b"[]",
    "another version": lambda: json.dumps({**GOOD, "format_version": 2}).encode(),
    "more fields": lambda: json.dumps({**GOOD, "request": 1, "project": "x"}).encode(),
    "another command": lambda: json.dumps({**GOOD, "command": "apply"}).encode(),
    "a long text": lambda: json.dumps(
        {**GOOD, "problems": [{**PROBLEM, "summary": "x" * 501}]}
    ).encode(),
    "many problems": lambda: json.dumps({**GOOD, "problems": [PROBLEM] * 51}).encode(),
    "a marker as code": lambda: json.dumps(
        {**GOOD, "problems": [{**PROBLEM, "code": "a/b]: <!-- x -->"}]}
    ).encode(),
    "half a character": lambda: json.dumps(
        {**GOOD, "problems": [{**PROBLEM, "summary": "\ud800"}]}
    ).encode(),
    "too large": lambda: b" " * (LARGEST_RESULT + 1),
    "a zip bomb": lambda: zipped(b" " * (LARGEST_RESULT + 1)),
    "a zip of two": lambda: zipped(b"{}", b"{}"),
    "a zip of none": lambda: zipped(),
    "a cut zip": lambda: zipped(json.dumps(GOOD).encode())[:-30],
    "another method": lambda: zipped(json.dumps(GOOD).encode(), method=zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_file_that_cannot_be_used_is_told_without_a_word_of_it(
    fork: Path, trusted: Trusted, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(UNUSABLE[what]())
    run = trusted.tell(file)
    assert (run.code, run.err.count("error[ci/result]")) == (1, 1), run.err
    (body,) = trusted.host.bodies(7)
    assert "the job has left no result that can be shown" in body
    assert len(body) < 1000


def test_what_is_no_plain_file_is_not_read(fork: Path, trusted: Trusted, tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_text(json.dumps(GOOD))
    (tmp_path / "link").symlink_to(good)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "nothing", "."):
        assert trusted.tell(tmp_path / name).code == 1
    assert trusted.tell(good).code == 0


def test_an_archive_of_one_good_file_is_read(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        (tmp_path / "r.zip").write_bytes(zipped(json.dumps(GOOD).encode(), method=method))
        assert read_result(tmp_path / "r.zip") == GOOD


HOSTILE = [
    "<!-- peakctl:ci apply project=shop environment=prod tenant=acme folder=. -->",
    "<!-- coverage-bot -->",
    "@alice @acme/owners",
    "[click](https://evil.example.com) https://evil.example.com",
    "![x](https://evil.example.com/pixel.png)",
    "<img src=https://evil.example.com/x.png><script>alert(1)</script><b>",
    "```\n# heading\n@alice",
    "````````\n<!-- x -->",
    "~~~\n\n[a]: https://evil.example.com",
    "peakctl: allow mass-change 12 at aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa as 0123456789abcdef",
    "\u202eesrever\u200b\x1b[31m\r\n::error::x",
    "| a | b |\n|---|---|\n#1 GH-1 acme/shop#1",
]


def check_harmless(body: str) -> None:
    """That nothing of a file reaches the reader but text in one code block."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
    allowed = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline"}
    fences = [each for each in tokens if each.type == "fence"]
    assert len(fences) <= 1
    rest = [each for each in tokens if each.type != "fence"]
    assert {each.type for each in rest} <= allowed
    inside = [child for each in rest for child in each.children or ()]
    links = [each.attrs["href"] for each in inside if each.type == "link_open"]
    assert links == ["https://github.com/acme/shop/actions/runs/55"]
    assert {each.type for each in inside} <= {
        "text",
        "softbreak",
        "code_inline",
        "strong_open",
        "strong_close",
        "link_open",
        "link_close",
    }
    shown = "".join(each.content for each in fences)
    assert not any(each in shown for each in ("<", ">", "@", "`", "://", "peakctl:", "\x1b", "\r"))
    assert not any(each in shown for each in ("\u202e", "\u200b"))
    assert "<!--" not in body


FACTS = JobFacts(HEAD, "https://github.com/acme/shop/actions/runs/55", 0.0)
WHERE = Report("ci comment", project="shop", environment="prod")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_file_carries_no_marker_mention_link_or_image(text: str) -> None:
    problem = {**PROBLEM, **dict.fromkeys(("summary", "detail", "fix", "place"), text[:200])}
    action = {"verb": "edit", "kind": "Workflow", "name": text[:200], "fields": [text[:200]]}
    document = {
        **GOOD,
        "problems": [problem],
        "actions": [action],
        "removed": [{"kind": "Workflow", "name": text[:200]}],
    }
    Draft202012Validator(SCHEMA).validate(document)
    check_harmless(result_markdown(document, WHERE, FACTS))


@given(st.lists(st.text(max_size=200), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_a_file_is_text_in_one_code_block(texts: list[str]) -> None:
    problems = [{**PROBLEM, "summary": text, "detail": text, "fix": text} for text in texts]
    fields = [{"verb": "edit", "kind": "Image", "name": t, "fields": texts} for t in texts]
    document = {**GOOD, "problems": problems, "actions": fields}
    check_harmless(result_markdown(document, WHERE, FACTS))


@given(st.text(max_size=300))
def test_a_text_is_tamed_to_one_line(text: str) -> None:
    assert len(tamed(text).splitlines()) <= 1
    assert not set(tamed(text)) & set("<>@`")


def test_the_largest_comment_fits(tmp_path: Path) -> None:
    problem = {**PROBLEM, **dict.fromkeys(("summary", "detail", "fix"), "x" * 500)}
    action = {"verb": "edit", "kind": "Image", "name": "n" * 200, "fields": ["f" * 200] * 10}
    document = {**GOOD, "problems": [problem] * 50, "actions": [action] * 300}
    Draft202012Validator(SCHEMA).validate(document)
    body = result_markdown(document, WHERE, FACTS)
    assert 30_000 < len(body) < 65_536
    assert "more line" in body


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: (
        st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=8), each, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "request"]), values))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_file_is_read_or_refused_and_nothing_else(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps({**GOOD, **changed}))
    try:
        found = read_result(file)
    except UnusableResult:
        return
    Draft202012Validator(SCHEMA).validate(found)
    assert result_markdown(found, WHERE, FACTS)


def test_our_comment_alone_is_replaced(fork: Path, peakctl: Any, trusted: Trusted) -> None:
    file = left_by_fork(fork, peakctl, trusted)
    trusted.host.add(7, "mallory", "<!-- peakctl:ci plan project=shop environment=prod -->")
    trusted.host.add(7, BOT, "coverage")
    assert trusted.tell(file).code == 0
    assert len(trusted.host.bodies(7)) == 3
