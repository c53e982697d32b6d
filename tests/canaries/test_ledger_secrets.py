"""Ledgers, plan files and what is told of them: no run leaves a secret there, however it ends.

Every ledger that is written, and all that is digested, is searched by `place` in the end.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from canaries.planted import MANIFESTS, Place

from peakctl.adapters.ledger_store import text_of
from peakctl.ledger.remembered import without_lists

FORMS = ("text", "json")
DOCUMENTS = MANIFESTS.split("---\n")


class Killed(BaseException):
    """The process is gone."""


def write(place: Place, *kinds: str, without: bool = False) -> None:
    """Keep the manifests of some kinds; `without` keeps the others."""
    chosen = [d for d in DOCUMENTS if any(f"kind: {k}\n" in d for k in kinds) is not without]
    (place.folder / "manifests/all.yaml").write_text("---\n".join(chosen), encoding="utf-8")


def swap(place: Place, *pairs: tuple[str, str]) -> None:
    path = place.folder / "manifests/all.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def kill_at(place: Place, word: str) -> None:
    """The process ends at the first write to an address with that word."""

    def answer(request: httpx.Request, _: bytes) -> httpx.Response | None:
        if request.method != "GET" and word in request.url.path:
            raise Killed
        return None

    place.hostile.answer = answer


def calm(place: Place) -> None:
    place.hostile.answer = lambda *_: None


@pytest.mark.parametrize("form", FORMS)
def test_the_life_of_a_ledger(place: Place, form: str) -> None:
    say = ("-o", form)
    assert place.run("plan", "--out", "one.plan", *say).code == 0
    assert place.run("apply", "one.plan", *say).code == 0
    assert len(place.ledgers) >= 4
    assert len(place.histories) == 2
    assert place.run("ledger", "show", *say).code == 0
    assert place.run("ledger", "history", *say).code == 0
    place.turn("2")
    assert place.run("plan", "--out", "two.plan", *say).code == 0
    assert place.run("apply", "two.plan", *say).code == 0
    assert place.run("ledger", "rebuild", "--yes", *say).code == 0
    write(place, "Deployment", "Webapp", without=True)
    assert place.run("plan", "--prune", "--out", "three.plan", *say).code == 0
    assert place.run("apply", "three.plan", "--prune", *say).code == 0
    assert place.run("destroy", "--yes", *say).code == 0
    assert place.run("ledger", "show", *say).code == 0


@pytest.mark.parametrize(
    ("word", "form"), [("images/", "text"), ("blocks/deployments", "json"), ("webapps", "text")]
)
def test_a_run_that_died_leaves_no_secret(place: Place, word: str, form: str) -> None:
    kill_at(place, word)
    with pytest.raises((Killed, BaseExceptionGroup)):
        place.run("apply", "--yes")
    calm(place)
    say = ("-o", form)
    place.env.setattr("peakctl.operations.actor.alive", lambda _: None)
    assert place.run("ledger", "show", *say).code == 0
    assert place.run("apply", "--yes", *say).code == 13
    assert place.run("ledger", "unlock", "--yes", *say).code == 0
    assert place.run("ledger", "rebuild", "--yes", *say).code == 0
    assert place.run("apply", "--yes", "--adopt", *say).code == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", [403, 422, 500])
def test_a_ledger_that_cannot_be_written_tells_no_secret(
    place: Place, status: int, form: str
) -> None:
    assert place.run("apply", "--yes").code == 0
    place.turn("2")

    def answer(request: httpx.Request, body: bytes) -> httpx.Response | None:
        if request.method == "GET" or "artifacts" not in request.url.path:
            return None
        secrets = {**place.canaries.environment, **place.canaries.typed}
        return httpx.Response(status, json={"detail": f"{request.headers} {secrets}"})

    place.hostile.answer = answer
    run = place.command("apply", "-e", "dev", "--yes", "-o", form, *place.canaries.arguments)
    assert run.code in (1, 15)
    assert place.canaries.environment["PEAK_AUTH_TOKEN"] not in run.out + run.err


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_only_the_secret_that_changed_is_told_of(place: Place, form: str) -> None:
    assert place.run("apply", "--yes").code == 0
    assert "(sensitive)" not in place.run("plan", "-o", form).out
    place.canaries.typed["hidden"] = "cnrypother2"
    run = place.run("plan", "-o", "json")
    told = {c["path"] for a in json.loads(run.out)["actions"] for c in a["changes"]}
    assert told == {
        "spec.parameters.build.key",
        "spec.parameters.run.key",
        "spec.parameters.block.build.key",
        "spec.parameters.block.run.key",
    }
    place.canaries = type(place.canaries)("1")
    place.env.setenv("C_STEP", "cnrycstep2")
    place.canaries.typed["hook"] = "https://hooks.example.com/cnryphook2"
    run = place.run("plan", "-o", form)
    assert "(sensitive)" in run.out
    told = place.run("plan", "-o", "json").out
    paths = {c["path"] for a in json.loads(told)["actions"] for c in a["changes"]}
    assert "spec.watchers.chat.webhook.url" in paths
    assert "spec.steps.train.parameters.env.KEY" in paths
    assert not any("repository.token" in path or "buildArguments" in path for path in paths)


STEP = '{KEY: "{{ os_env.C_STEP }}", VISIBLE: visible-value}'
SERVICE = ', description: "{{ os_env.C_TEXT }}"}\nspec:\n  serviceType'
REMOVED = (
    ("      LINES: {{ os_env.C_LINES | tojson }}\n", ""),
    (STEP, "{VISIBLE: visible-value}"),
    ("python train.py --key {{ os_env.C_CMD }}", "python train.py"),
    (SERVICE, "}\nspec:\n  serviceType"),
    ("      stepTimeout: {{ os_env.C_NUMBER | int }}\n", ""),
    ('run: {key: {{ hidden }}, mode: "{{ os_env.C_STEP }}"}', "run: {mode: b}"),
    ('      headers: {absolute: {X-Key: "{{ header }}"}}\n    query', "    query"),
    ('      payload: \'{"key": "{{ os_env.C_STEP }}"}\'\n', "      payload: '{}'\n"),
)
PLAIN = (
    ("LINES: {{ os_env.C_LINES | tojson }}", "LINES: plain"),
    (STEP, "{KEY: plain}"),
    ('"{{ os_env.C_TEXT }}"}\nspec: {imageDetails', "plain}\nspec: {imageDetails"),
    (SERVICE, ", description: plain}\nspec:\n  serviceType"),
    ('"From {{ os_env.C_TEXT }} with love"', "plain"),
    ("stepTimeout: {{ os_env.C_NUMBER | int }}\n", "stepTimeout: 77\n"),
    (', payload: "{{ os_env.C_TEXT }}"}', ", payload: plain}"),
    ('summary: "{{ os_env.C_TEXT }}"}\nspec:\n  kind', "summary: plain}\nspec:\n  kind"),
)


@pytest.mark.parametrize("pairs", [REMOVED, PLAIN])
def test_what_a_manifest_no_longer_calls_secret_stays_one(
    place: Place, pairs: tuple[tuple[str, str], ...]
) -> None:
    assert place.run("apply", "--yes", "--quiet").code == 0
    swap(place, *pairs)
    for form in ("text", "json", "markdown"):
        assert place.run("plan", "-o", form, "--verbose", "--show-ignored").code == 0
    assert place.run("plan", "--out", "saved.plan").code == 0
    assert place.run("apply", "saved.plan", "--verbose").code == 0
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_parameters_that_a_live_spec_declares_as_hidden(place: Place) -> None:
    write(place, "Image", "BlockSpec", "AppSpec")
    assert place.run("apply", "--yes").code == 0
    (place.folder / "peakctl.yaml").write_text(
        "project: other\nmanifests: [manifests]\nenvironments: {dev: {stage: dev}}\n", "utf-8"
    )
    write(place, "Deployment")
    for form in ("text", "json", "markdown"):
        assert place.run("plan", "-o", form, "--verbose").code == 0
    assert place.run("plan", "--out", "a.plan").code == 0
    assert place.run("apply", "a.plan").code == 0
    place.canaries.typed["hidden"] = "cnrypother2"
    told = place.run("plan", "-o", "json").out
    paths = {c["path"] for a in json.loads(told)["actions"] for c in a["changes"]}
    assert {"spec.parameters.build.key", "spec.parameters.run.key"} <= paths
    assert place.run("plan", "--out", "b.plan").code == 0
    assert place.run("apply", "b.plan").code == 0
    assert place.run("destroy", "--yes").code == 0


@pytest.mark.parametrize(
    "at",
    [
        "peakctl.engine.record.record",
        "peakctl.engine.record._Entries.enter",
        "peakctl.ledger.digests._slowly",
        "peakctl.ledger.digests.Digests.of",
        "peakctl.ledger.client.write_ledger",
        "peakctl.ledger.revisions.read_ledger",
        "peakctl.engine.diff.unseen.units",
        "peakctl.ledger.lease.HeldLease.acquire",
        "peakctl.adapters.ledger_store.text_of",
        "peakctl.engine.pending.unresolved",
    ],
)
def test_an_internal_error_in_the_ledger_tells_no_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    form = FORMS[len(at) % 2]
    place.run("apply", "--yes", "--quiet")
    place.turn("2")
    assert place.run("validate").code == 0

    def fail(*args: Any, **more: Any) -> Any:
        secrets = {**place.canaries.environment, **place.canaries.typed}
        raise KeyError(f"internal {secrets} {args} {more}")

    monkeypatch.setattr(at, fail)
    monkeypatch.setenv("PEAKCTL_DEBUG", "1")
    for command in (("apply", "--yes"), ("plan", "--out", "saved.plan"), ("ledger", "show")):
        given = place.canaries.arguments if command[0] != "ledger" else ()
        run = place.command(*command, "-e", "dev", "-o", form, *given)
        assert run.code in (0, 1, 10), run.err
        if run.code == 1:
            assert "internal/KeyError" in run.err + run.out
            assert "Traceback" in run.err


@pytest.mark.parametrize("ci", ["GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "CIRCLECI"])
def test_what_a_ci_keeps_secret_gets_into_no_ledger(place: Place, ci: str) -> None:
    word = "cnrycijob1"
    names = ("GITHUB_TOKEN", "CI_JOB_TOKEN", "CI_JOB_JWT_V2", "DEPLOY_PAT", "NPM_AUTH", "DB_PASS")
    for name in (*names, "SIGNING_PASSPHRASE", "BOT_TOKEN_2"):
        place.env.setenv(name, f"{word}{name.lower()}")
    told = {
        ci: "https://ci.example.com",
        "LOGNAME": f"{word}db_pass",
        "USER": f"{word}bot_token_2",
        "GITHUB_ACTOR": f"{word}github_token",
        "GITHUB_TRIGGERING_ACTOR": f"x-{word}deploy_pat",
        "GITHUB_RUN_ID": "7",
        "GITHUB_JOB": f"job {word}npm_auth",
        "GITHUB_SERVER_URL": f"https://bot:{word}@github.com",
        "GITHUB_REPOSITORY": "a/b",
        "CI_PIPELINE_ID": "7",
        "CI_JOB_NAME": f"{word}ci_job_jwt_v2",
        "CI_JOB_URL": f"https://gitlab.example.com/?t={word}ci_job_token",
        "GITLAB_USER_LOGIN": f"{word}ci_job_token",
        "JOB_NAME": "7",
        "BUILD_URL": f"https://bot:{word}@jenkins.example.com/job/1",
        "BUILD_USER_ID": f"{word}signing_passphrase",
        "CIRCLE_WORKFLOW_ID": "7",
        "CIRCLE_USERNAME": f"{word}deploy_pat",
        "CIRCLE_BUILD_URL": f"https://circle.example.com/{word}npm_auth",
        "GITHUB_HEAD_REF": f"{word}github_token",
        "CI_COMMIT_BRANCH": f"x-{word}ci_job_token",
        "CIRCLE_PULL_REQUEST": f"https://github.com/a/b/pull/{word}npm_auth",
        "PEAKCTL_PULL_REQUEST": f"https://bot:{word}db_pass@example.com/1",
        "PEAKCTL_APPROVER": f"{word}signing_passphrase",
        "BRANCH_NAME": f"{word}deploy_pat",
    }
    for name, value in told.items():
        place.env.setenv(name, value)
    assert place.run("apply", "--yes").code == 0
    for form in FORMS:
        assert place.run("ledger", "show", "-o", form).code == 0
        assert place.run("ledger", "history", "-o", form).code == 0
    assert place.histories


def test_a_value_of_a_secret_parameter_gets_into_no_history(place: Place) -> None:
    """Words of a CI that repeat a value that a manifest takes for a secret."""
    secret = next(iter(place.canaries.environment.values()))
    for name in ("PEAKCTL_APPROVER", "CI_COMMIT_BRANCH", "GITLAB_USER_LOGIN"):
        place.env.setenv(name, str(secret))
    for name, value in {"GITLAB_CI": "1", "CI_PIPELINE_ID": "7", "CI_JOB_NAME": secret}.items():
        place.env.setenv(name, str(value))
    assert place.run("apply", "--yes").code == 0
    assert place.histories
    for form in FORMS:
        assert place.run("ledger", "history", "-o", form).code == 0


def test_what_is_kept_can_be_read_but_for_the_secrets(place: Place) -> None:
    assert place.run("apply", "--yes").code == 0
    text = place.ledgers[-2]
    assert text == text_of(place.ledgers[-1])
    kept = json.loads(text)
    digests = {o["name"]: o["digests"] for o in kept["owned"]}
    assert "spec/parameters/env/ODD" in digests["api"]
    files = [d for each in digests.values() for n, d in each.items() if n.startswith("file:")]
    assert {len(digest) for digest in files} == {8}  # a hint as well
    others = map(without_lists, digests.values())
    kept_words = [(name, d) for each in others for name, d in each.items()]
    waits = [d for name, d in kept_words if name == "waited"]
    assert waits
    assert all(seconds.isdecimal() for seconds in waits)  # of the wait, no digest
    lengths = {len(d): name for name, d in kept_words if name != "waited"}
    assert lengths.keys() == {10, 24, 64}
    assert lengths[10].startswith("field:")  # of a whole field but for its secrets
    assert lengths[24].startswith(("sent:", "edit:"))  # of plain texts, a hint only
    assert kept["runs"][-1]["counts"]["create"] == 10


def test_a_run_that_died_after_it_sent_a_secret_does_not_stand_in_the_way(place: Place) -> None:
    assert place.run("apply", "--yes").code == 0
    place.turn("2")
    with place.env.context() as patched:
        patched.setattr("peakctl.engine.record.record", lambda *_, **__: 1 / 0)
        assert place.command("apply", "-e", "dev", "--yes", *place.canaries.arguments).code == 1
    place.env.setattr("peakctl.operations.actor.alive", lambda _: False)
    again = place.run("apply", "--yes")
    assert again.code == 0, again.err
    assert place.run("plan", "--detailed-exitcode").code == 0
