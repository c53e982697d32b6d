"""`notify` of peakctl.yaml: who is told of what, what nobody sees, and that nothing fails by it."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from console import by_hand
from forms import check_form
from schemas_of_output import check_output

from peakctl.cli.options import REPORT_FORMS
from peakctl.emulator.faults import Fault

ADDRESS = "https://hooks.example.com/services/T0A1B2C3D/B0A1B2C3D/x8Jq2Lw9Zk3Vn4Tc"
HOOK = "{webhook: {urlFrom: MY_HOOK%s}}"
MAIL = "{email: {to: [a@b.c], cc: [d@e.f], template: default-template}}"
PROJECT = """\
project: shop
notify: [%s]
manifests: [m]
environments:
  local: {emulator: true}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
spec: {steps: {a: {type: http, method: get, url: "https://example.com/s3cr3t-value"}}}
"""
WORKFLOWS = "/workflows/api/v1/workflows/"
EMAILS = "/notifications/api/v1/emails"


class Receiver:
    """What takes the messages. `answer` is called for each; it may raise."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(each.content) for each in self.requests]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    found = Receiver()
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_REF", "GITHUB_EVENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_HOOK", ADDRESS)
    monkeypatch.setattr("peakctl.hosts.find.open_transport", lambda _: httpx.MockTransport(found))
    return found


class Shop:
    def __init__(self, folder: Path, run: Any, emulator: Any) -> None:
        self.folder, self._run, self.emulator = folder, run, emulator

    def notify(self, *channels: str) -> None:
        (self.folder / "peakctl.yaml").write_text(PROJECT % ", ".join(channels))

    def write(self, *names: str) -> None:
        for name in names:
            (self.folder / f"m/{name}.yaml").write_text(FLOW % name)

    def run(self, *words: str) -> Any:
        return self._run(*words, emulator=self.emulator)

    @property
    def mails(self) -> list[Any]:
        sent = (e for e in self.emulator.requests if e.method == "POST" and EMAILS in e.path)
        return [each.body for each in sent]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any) -> Shop:
    (tmp_path / "m").mkdir()
    monkeypatch.chdir(tmp_path)
    found = Shop(tmp_path, peakctl, make_emulator())
    found.notify(HOOK % "")
    found.write("one", "two")
    return found


def test_an_apply_is_told_with_counts_and_names_and_no_value(
    shop: Shop, receiver: Receiver
) -> None:
    done = shop.run("apply", "--yes")
    assert (done.code, done.err.count("warning")) == (0, 0)
    (body,) = receiver.bodies
    check_output("notification", body)
    assert (body["event"], body["command"], body["exit_code"]) == ("apply", "apply", 0)
    assert body["counts"] == {"create": 2}
    assert [each["key"] for each in body["resources"]] == ["Workflow/one", "Workflow/two"]
    assert body["summary"].startswith("Applied: 2 created")
    assert "s3cr3t-value" not in receiver.requests[0].content.decode()
    assert str(receiver.requests[0].url) == ADDRESS
    assert shop.run("apply", "--yes").code == 0
    assert len(receiver.requests) == 1  # nothing was changed


def test_a_plan_tells_nobody(shop: Shop, receiver: Receiver) -> None:
    for words in (("plan",), ("apply", "--dry-run"), ("validate",), ("get",)):
        assert shop.run(*words).code == 0
    assert receiver.requests == []


def test_a_rollback_is_told_and_its_dry_run_is_not(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
        subprocess.run(["git", *who, *words], cwd=shop.folder, check=True, capture_output=True)

    git("init", "-q", ".")
    for word in ("get", "post"):
        (shop.folder / "m/one.yaml").write_text(FLOW.replace("get", word) % "one")
        git("add", "-A")
        git("commit", "-qm", word)
        assert shop.run("apply", "--yes").code == 0
    receiver.requests.clear()
    monkeypatch.setenv("CI", "true")
    assert shop.run("rollback", "--to", "9", "--dry-run").code == 1
    assert receiver.requests == []
    assert shop.run("rollback", "--to", "1", "--yes").code == 0
    (body,) = receiver.bodies
    assert (body["command"], body["event"], body["counts"]) == ("rollback", "apply", {"edit": 1})


def test_a_failure_names_what_failed_first(shop: Shop, receiver: Receiver) -> None:
    shop.emulator.faults.append(Fault(method="POST", path=WORKFLOWS, skip=1, status=422))
    assert shop.run("apply", "--yes").code == 14
    (body,) = receiver.bodies
    assert (body["event"], body["exit_code"]) == ("failure", 14)
    assert [each["what"] for each in body["resources"]] == ["failed", "create"]
    assert body["problems"] == ["run/failed"]
    assert body["counts"] == {"failed": 1, "create": 1}


def test_drift_is_told(shop: Shop, receiver: Receiver) -> None:
    assert shop.run("apply", "--yes").code == 0
    by_hand(shop.emulator, "DELETE", f"/service{WORKFLOWS}1", {})
    receiver.requests.clear()
    assert shop.run("drift").code == 2
    (body,) = receiver.bodies
    assert body["event"] == "drift"
    assert body["resources"] == [{"key": "Workflow/one", "what": "deleted"}]
    assert body["summary"].startswith("1 deleted")


def test_no_drift_is_told_to_nobody(shop: Shop, receiver: Receiver) -> None:
    assert shop.run("apply", "--yes").code == 0
    receiver.requests.clear()
    assert shop.run("drift").code == 0
    assert receiver.requests == []


@pytest.mark.parametrize(("ci", "told"), [("true", ["failure"]), ("", [])])
def test_what_fails_before_it_begins_is_told_by_jobs_alone(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, ci: str, told: list[str]
) -> None:
    monkeypatch.setenv("CI", ci)
    (shop.folder / "m/one.yaml").write_text("kind: [")
    assert shop.run("apply", "--yes").code == 10
    assert [each["event"] for each in receiver.bodies] == told
    assert shop.run("apply", "--nonsense").code == 64
    assert len(receiver.bodies) == len(told)


def test_each_channel_gets_what_it_asks_for(shop: Shop, receiver: Receiver) -> None:
    shop.notify(
        "{after: [drift], webhook: {urlFrom: MY_HOOK}}",
        "{after: [apply], webhook: {urlFrom: MY_HOOK, shape: slack}}",
        "{after: [apply, failure], webhook: {urlFrom: MY_HOOK, shape: teams}}",
        "{after: [failure], email: {to: [a@b.c], template: default-template}}",
    )
    assert shop.run("apply", "--yes").code == 0
    one, two = sorted(receiver.bodies, key=lambda body: "blocks" not in body)
    assert one["blocks"][0]["text"]["text"] == "*peakctl: shop, local: apply done*"
    assert two["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert shop.mails == []


def test_an_environment_has_a_list_of_its_own(shop: Shop, receiver: Receiver) -> None:
    text = (shop.folder / "peakctl.yaml").read_text()
    (shop.folder / "peakctl.yaml").write_text(
        text.replace("{emulator: true}", "{emulator: true, notify: []}")
    )
    assert shop.run("apply", "--yes").code == 0
    assert receiver.requests == []


def test_an_e_mail_is_a_template_with_the_message(shop: Shop, receiver: Receiver) -> None:
    shop.notify(MAIL)
    assert shop.run("apply", "--yes").code == 0
    (mail,) = shop.mails
    assert (mail["recipients"], mail["cc"]) == (["a@b.c"], ["d@e.f"])
    assert mail["subject"] == "peakctl: shop, local: apply done"
    filled = mail["templateParameters"]
    assert filled["resources"] == ["Workflow/one: create", "Workflow/two: create"]
    assert filled["text"].splitlines()[0] == mail["subject"]
    shop.notify(MAIL.replace("template:", "subject: Hey, parameters: {team: ops}, template:"))
    shop.write("three")
    assert shop.run("apply", "--yes").code == 0
    assert shop.mails[1]["subject"] == "Hey"
    assert shop.mails[1]["templateParameters"]["team"] == "ops"


@pytest.mark.parametrize(("when", "told"), [("after", False), ("before", True)])
def test_an_e_mail_in_doubt_is_not_sent_twice(
    shop: Shop, receiver: Receiver, when: Any, told: bool
) -> None:
    shop.notify(MAIL)
    shop.emulator.faults.append(Fault(method="POST", path=EMAILS, when=when, status=502))
    done = shop.run("apply", "--yes")
    assert (done.code, len(shop.mails)) == (0, 1)
    assert ("not known whether it went out" in done.err) is told


PULLS: dict[str, dict[str, str]] = {
    "github": {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/7/merge"},
    "github-target": {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request_target"},
    "github-queue": {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "merge_group"},
    "github-fork": {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_run"},
    "gitlab": {"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "7"},
    "gitlab-source": {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event"},
    "azure": {"TF_BUILD": "True", "BUILD_REASON": "PullRequest"},
    "jenkins": {"JENKINS_URL": "https://j/", "CHANGE_ID": "7"},
    "bitbucket": {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_PR_ID": "7"},
    "circle": {"CIRCLECI": "true", "CIRCLE_PULL_REQUEST": "https://github.com/a/b/pull/7"},
    "buildkite": {"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "7"},
    "codebuild": {"CODEBUILD_WEBHOOK_TRIGGER": "pr/7"},
}
BRANCHES: dict[str, dict[str, str]] = {
    "github": {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_EVENT_NAME": "push",
    },
    "gitlab": {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push"},
    "buildkite": {"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "false"},
    "azure": {"TF_BUILD": "True", "BUILD_REASON": "IndividualCI"},
}


@pytest.mark.parametrize("ci", PULLS)
def test_a_run_of_a_pull_request_tells_nobody(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    shop.notify(HOOK % "", MAIL)
    for name, value in {"CI": "true", **PULLS[ci]}.items():
        monkeypatch.setenv(name, value)
    assert shop.run("apply", "--yes").code == 0
    assert (receiver.requests, shop.mails) == ([], [])


@pytest.mark.parametrize("ci", BRANCHES)
def test_a_run_of_a_branch_does(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    for name, value in {"CI": "true", **BRANCHES[ci]}.items():
        monkeypatch.setenv(name, value)
    assert shop.run("apply", "--yes").code == 0
    assert len(receiver.requests) == 1


def test_a_trusted_job_after_one_of_a_branch_does(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = shop.folder / "event.json"
    event.write_text(json.dumps({"workflow_run": {"event": "push"}}))
    variables = {**PULLS["github-fork"], "GITHUB_EVENT_PATH": str(event)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert shop.run("apply", "--yes").code == 0
    assert len(receiver.requests) == 1


def _raises(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


ANSWERS: dict[str, tuple[Callable[[httpx.Request], httpx.Response], str]] = {
    "refused": (lambda _: httpx.Response(404, text=ADDRESS), "it answers 404"),
    "broken": (lambda _: httpx.Response(500), "it answers 500"),
    "moved": (
        lambda _: httpx.Response(307, headers={"location": "https://evil.example.com/"}),
        "redirects are not followed",
    ),
    "unsent": (_raises(httpx.ConnectError(f"cannot connect to {ADDRESS}")), "no answer: unsent"),
    "slow": (_raises(httpx.ReadTimeout(ADDRESS)), "no answer: timed out"),
    "bug": (_raises(ZeroDivisionError(ADDRESS)), "a bug of peakctl: ZeroDivisionError"),
    "huge": (lambda _: httpx.Response(200, content=b"x" * 10**6), ""),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_whatever_the_answer_it_is_sent_once_and_fails_nothing(
    shop: Shop, receiver: Receiver, case: str
) -> None:
    receiver.answer, told = ANSWERS[case]
    asked = [word for form in REPORT_FORMS for word in ("-o", f"{form}=out.{form}")]
    done = shop.run("apply", "--yes", *asked)
    assert (done.code, len(receiver.requests)) == (0, 1)
    assert ("notify/failed" in done.err) is bool(told)
    texts = {form: (shop.folder / f"out.{form}").read_text("utf-8") for form in REPORT_FORMS}
    found = check_form("json", texts["json"], "apply")
    assert [each["code"] for each in found["warnings"]] == ["notify/failed"] * bool(told)
    assert told in json.dumps(found["warnings"])
    for text in (done.out, done.err, *texts.values()):
        assert ADDRESS not in text
        assert "x8Jq2Lw9Zk3Vn4Tc" not in text


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "the variable is not set"),
        ("http://hooks.example.com/s3cr3t0x", "no https address"),
        ("https://user:s3cr3t0x@hooks.example.com/", "a user name or a password"),
        ("ftp://example.com/s3cr3t0x", "no https address"),
        ("https:///s3cr3t0x", "it is no address"),
        ("https://[s3cr3t0x", "it is no address"),
        ("https://example.com/s3c r3t0x", "it is no address"),
        ("s3cr3t0x", "it is no address"),
    ],
)
def test_an_address_that_is_none_is_not_used_and_not_told(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, address: str, told: str
) -> None:
    monkeypatch.setenv("MY_HOOK", address)
    done = shop.run("apply", "--yes")
    assert (done.code, receiver.requests) == (0, [])
    assert "notify/no-address" in done.err
    assert told in done.err
    assert "MY_HOOK" in done.err
    assert "s3cr3t0x" not in done.err


def test_templates_never_see_an_address(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.folder / "m/three.yaml").write_text(
        FLOW.replace("s3cr3t-value", "{{ os_env.MY_HOOK }}") % "three"
    )
    done = shop.run("render")
    assert done.code == 10
    assert "hooks.example.com" not in done.out + done.err


def test_an_address_on_this_machine_is_told_over_a_real_socket(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            got.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.delenv("CI", raising=False)
        address = f"http://127.0.0.1:{server.server_port}/hook/a1b2c3d4e5"
        monkeypatch.setenv("MY_HOOK", address)
        done = shop.run("apply", "--yes")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.code == 0
    assert [each["event"] for each in got] == ["apply"]
    assert "redirects are not followed" in done.err
    assert "a1b2c3d4e5" not in done.out + done.err


def test_a_bug_in_telling_fails_nothing(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError(ADDRESS)

    monkeypatch.setattr("peakctl.present.notification.notification_of", broken)
    done = shop.run("apply", "--yes", "-o", "json")
    assert (done.code, receiver.requests) == (0, [])
    (told,) = json.loads(done.out)["warnings"]
    assert (told["code"], ADDRESS in done.out + done.err) == ("notify/failed", False)
    assert "ZeroDivisionError" in told["summary"]


@pytest.mark.parametrize(
    ("channels", "told"), [((HOOK % "",), "one message"), ((HOOK % "", MAIL), "2 messages")]
)
def test_a_signal_while_telling_leaves_it_unknown(
    shop: Shop, receiver: Receiver, channels: tuple[str, ...], told: str
) -> None:
    shop.notify(*channels)

    def cancelled(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    receiver.answer = cancelled
    done = shop.run("apply", "--yes")
    assert done.code == 0
    assert f"not known whether {told} went out" in done.err
