"""Every secret of a project of every kind is a word that occurs nowhere else: no output has it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from canaries.planted import MANIFESTS, Hostile, Place, leaks

from peakctl.cli.options import REPORT_FORMS

OTHERS = ("validate", "render")
LOUD = ("--verbose", "--show-ignored", "--all")
FORMS = ("text", "json", "markdown", "jsonl")
NAMES = {
    "Artifact": ["data"],
    "Image": ["train", "serve"],
    "Workflow": ["nightly"],
    "Service": ["api"],
    "Webapp": ["board"],
    "BlockSpec": ["block"],
    "AppSpec": ["app"],
    "Deployment": ["deployed", "whole"],
}
KINDS = sorted(NAMES)


def test_a_project_is_applied_without_a_word_of_its_secrets(place: Place) -> None:
    for command in OTHERS:
        assert place.run(command).code == 0
    for form in REPORT_FORMS:
        assert place.run("plan", "-o", form, *LOUD).code == 0
        assert place.run("validate", "-o", form).code == 0
    assert place.run("plan", "--out", "saved.plan").code == 0
    assert place.run("apply", "saved.plan", *LOUD).code == 0
    again = place.run("plan", "--detailed-exitcode", *LOUD)
    assert again.code == 0, again.out
    assert place.run("destroy", "--yes", "--verbose").code == 0


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_a_status_has_no_secret_whether_variables_are_set_or_not(place: Place, form: str) -> None:
    assert place.run("status", "-o", form, "--verbose").code == 0
    assert place.run("apply", "--yes", "--quiet").code == 0
    assert place.run("status", "-o", form, "--verbose").code == 0
    place.turn("2")
    assert place.run("status", "-o", form, "--verbose", "--exit-code").code in (0, 2)
    assert place.run("whoami", "-o", form).code == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_says_which_secrets_have_changed(place: Place, form: str) -> None:
    assert place.run("apply", "--yes", "--quiet").code == 0
    place.turn("2")
    told = place.run("plan", "-o", form, "--show-ignored").out
    assert "(sensitive)" in told
    if not form.startswith("json"):  # that has the whole manifest for policies
        assert "visible" not in told  # what has not changed is not shown
    assert place.run("apply", "--yes", "-o", form, "--verbose").code == 0
    assert place.run("plan", "--detailed-exitcode").code == 0
    assert place.run("destroy", "--yes", "-o", form).code == 0


@pytest.mark.parametrize("form", FORMS)
def test_drift_says_nothing_of_secrets(place: Place, form: str) -> None:
    assert place.run("apply", "--yes", "--quiet").code == 0
    assert place.run("drift", "-o", form, "--verbose", "--unowned").code == 0
    place.turn("2")
    assert place.run("drift", "-o", form, "--verbose").code in (0, 2)


@pytest.mark.parametrize("form", [*FORMS, "html"])
def test_a_secret_that_somebody_wrote_into_another_field_is_not_shown(
    place: Place, form: str
) -> None:
    assert place.run("apply", "--yes", "--quiet").code == 0
    secret = place.canaries.environment["C_TEXT"]

    async def follow(request: httpx.Request) -> httpx.Response:
        response = await Hostile(place.hostile.inner).handle_async_request(request)
        if request.method == "GET" and re.search(r"workflows/\d+$", request.url.path):
            told = json.loads(await response.aread())
            told["steps"] = {
                name: {**step, "parents": [f"x {secret}"]} for name, step in told["steps"].items()
            }
            return httpx.Response(200, json=told)
        return response

    place.hostile.handle_async_request = follow  # type: ignore[method-assign]
    run = place.run("plan", "-o", form, *LOUD)
    assert "parents" in run.out


def test_a_plan_stays_readable(place: Place) -> None:
    told = place.run("plan", "--verbose").out
    for word in (
        "visible-value",
        "Visible title",
        "visible-tag",
        "plain words stay",
        "https://example.com/visible",
        "https://github.com/example/serve",
        "chat",
        "Dockerfile",
        "0 2 * * *",
    ):
        assert word in told
    assert told.count("(sensitive)") >= 20


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
@pytest.mark.parametrize("kind", KINDS)
def test_get_prints_no_secret(place: Place, kind: str, form: str) -> None:
    assert place.run("apply", "--yes", "--quiet").code == 0
    assert place.run("get", kind, "-o", form).code == 0
    for name in NAMES[kind]:
        run = place.run("get", kind, name, "-o", form)
        assert run.code == 0
        assert not re.search(r"\(sensitive\)|\*{3}", run.out), "a mask stands where a value belongs"


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_get_prints_no_hidden_parameter_in_what_a_deployment_made(place: Place, form: str) -> None:
    assert place.run("apply", "--yes", "--quiet").code == 0
    listed = json.loads(place.run("get", "Workflow", "-o", "json").out)["resources"]
    made = {each["name"] for each in listed if each["part_of"]}
    assert made
    for name in made:
        run = place.run("get", "Workflow", name, "-o", form)
        assert run.code == 0
        assert "env.HIDDEN" in run.out  # told as left out
        assert "visible-value" in run.out


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_get_prints_no_secret_that_another_value_replaced(place: Place, form: str) -> None:
    """The place of a secret stays one, whatever the manifests and the environment say now."""
    assert place.run("apply", "--yes", "--quiet").code == 0
    path = place.folder / "manifests/all.yaml"
    path.write_text(re.sub(r"\{\{ os_env[^}]*\}\}", "123", MANIFESTS), encoding="utf-8")
    for kind, names in NAMES.items():
        for name in names:
            assert place.run("get", kind, name, "-o", form).code == 0
    path.unlink()
    assert place.run("get", "Workflow", "nightly", "-o", form).code == 0


@pytest.mark.parametrize("command", [("plan", "-o", "json"), ("plan",), ("plan", "-o", "markdown")])
def test_secrets_that_no_manifest_has_any_more_are_not_shown(
    place: Place, command: tuple[str, ...]
) -> None:
    """Among them hidden values of a block that no manifest declares."""
    assert place.run("apply", "--yes", "--quiet").code == 0
    path = place.folder / "manifests/all.yaml"
    documents = MANIFESTS.split("---\n")
    kept = [each for each in documents if "kind: BlockSpec" not in each]
    plain = re.sub(r"\{\{[^}]*\}\}", "123456", "---\n".join(kept))
    plain = plain.replace("run: {key: 123456, mode", "run: {mode").replace("0.0.123456", "0.0.2")
    path.write_text(plain.replace('mode: "123456"', "mode: b"), encoding="utf-8")
    run = place.run(*command, *LOUD)
    assert run.code in (0, 10, 12), run.err
    deployed = next(each for each in documents if "name: deployed" in each)
    lone = deployed.replace("{{ hidden }}", "now").replace("run: {key: now, ", "run: {")
    path.write_text(lone, encoding="utf-8")
    assert place.run(*command, *LOUD).code in (0, 10, 12)


def test_masks_of_get_are_never_applied(place: Place) -> None:
    """What `get` prints is applied again after an unrelated edit: no live value is lost."""
    assert place.run("apply", "--yes", "--quiet").code == 0
    before = place.secrets_live()
    told = place.run("get", "Deployment", "deployed", "-o", "yaml").out
    path = place.folder / "manifests/all.yaml"
    path.write_text(told.replace("summary: S", "summary: New"), encoding="utf-8")
    place.command("apply", "-e", "dev", "--yes", "--adopt")
    assert place.secrets_live() == before


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_a_server_that_puts_the_token_into_names_and_values_is_not_repeated(
    place: Place, form: str
) -> None:
    token = place.canaries.environment["PEAK_AUTH_TOKEN"]
    service = {
        "id": "s1", "name": f"api {token}", "serviceType": "api", "status": quote(token),
        "title": base64.b64encode(token.encode()).decode(), "description": "visible words",
        "parameters": {"env": [{"A": token.upper()}, {f"B {token}": "b"}]},
    }  # fmt: skip
    listing = {"services": [service], "pageCount": 1, "pageNumber": 1, "pageSize": 100}

    def answer(request: httpx.Request, _: bytes) -> httpx.Response | None:
        if "webapps/api" not in request.url.path:
            return None
        alone = request.url.path.endswith("s1")
        return httpx.Response(200, json=service if alone else {**listing, "servicesCount": 1})

    place.hostile.answer = answer
    assert place.run("get", "Service", "-o", form).code == 0
    run = place.run("get", "Service", service["name"], "-o", form)
    assert run.code == 0, run.err
    assert "visible words" in run.out


def test_a_traceback_that_was_asked_for_holds_no_secret(place: Place) -> None:
    place.env.setenv("PEAKCTL_DEBUG", "1")
    place.hostile.answer = echo(422, ("POST", "PUT", "PATCH"))
    run = place.run("apply", "--yes")
    assert run.code == 1
    place.hostile.answer = echo(500, ("GET",))
    for command in (("plan",), ("get", "Image"), ("ledger", "show")):
        assert place.run(*command).code in (1, 15)


@pytest.mark.parametrize(
    "line",
    ['{"stepTimeout": 731905}', "timeout 731906s", "a731905", "x-cnryctext1deadbeef", "cnryphook2"],
)
def test_the_search_finds_a_canary(line: str) -> None:
    assert leaks(f"first\n{line}\nlast") == [line]


def test_digits_of_a_digest_are_no_canary() -> None:
    """Salts are random, so those of the number that is planted come up by chance."""
    digest = hashlib.sha256(b"any").hexdigest()
    assert leaks(f'{{"A": "{digest[:20]}731905{digest[26:]}", "file:a": "73190512"}}') == []


# --- failures --------------------------------------------------------------------------------


def echo(status: int, methods: tuple[str, ...]) -> Callable[[httpx.Request, bytes], Any]:
    """Answers that repeat the whole request, the token included."""

    def answer(request: httpx.Request, body: bytes) -> httpx.Response | None:
        if request.method not in methods:
            return None
        text = body.decode("utf-8", "replace")
        told = f"bad request of {request.headers['Authorization']}: {text}"
        return httpx.Response(status, json={"detail": told})

    return answer


@pytest.mark.parametrize("status", [400, 403, 409, 422, 500])
@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_repeats_requests_is_not_repeated(
    place: Place, status: int, form: str
) -> None:
    place.hostile.answer = echo(status, ("POST",))
    assert place.run("apply", "--yes", "-o", form, *LOUD).code in (1, 15)


def test_a_server_that_repeats_updates_is_not_repeated(place: Place) -> None:
    assert place.run("apply", "--yes").code == 0
    place.turn("2")
    place.hostile.answer = echo(422, ("PATCH", "PUT", "POST", "DELETE"))
    assert place.run("apply", "--yes", "--verbose").code == 1
    assert place.run("destroy", "--yes").code == 1


@pytest.mark.parametrize(
    "wrap", [str, lambda t: json.dumps({"errors": [t]}), lambda t: f"<p>{t}</p>"]
)
def test_no_form_of_an_answer_lets_a_secret_through(place: Place, wrap: Any) -> None:
    def answer(request: httpx.Request, body: bytes) -> httpx.Response | None:
        if request.method == "GET":
            return None
        return httpx.Response(422, text=wrap(body.decode("utf-8", "replace")))

    place.hostile.answer = answer
    assert place.run("apply", "--yes").code == 1


@pytest.mark.parametrize("status", [401, 403, 500])
def test_reads_that_fail_do_not_tell_the_token(place: Place, status: int) -> None:
    place.hostile.answer = echo(status, ("GET",))
    for command in (("plan",), ("apply", "--yes"), ("destroy", "--yes"), ("get", "Image")):
        assert place.run(*command, "--verbose").code in (1, 15)


def test_a_build_log_that_prints_its_arguments_is_masked(place: Place) -> None:
    (place.folder / "src/Dockerfile").write_text("FROM python:3\nRUN false\n", encoding="utf-8")

    def answer(request: httpx.Request, _: bytes) -> httpx.Response | None:
        if not request.url.path.endswith("/logs"):
            return None
        secrets = {**place.canaries.typed, **place.canaries.environment}
        lines = [{"message": f"Step 1 : ARG PIP={secrets['build']} ok"}]
        lines.append({"message": f"label={secrets['C_TEXT']} -- \x1b[31mkept words\x1b[0m"})
        return httpx.Response(200, json={"logs": lines, "logCount": 2})

    place.hostile.answer = answer
    run = place.run("apply", "--yes", "--select", "Image/train")
    assert "kept words" in run.out
    assert "ARG PIP=(sensitive) ok" in run.out


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_what_runs_and_what_it_writes_tell_no_secret(place: Place, form: str) -> None:
    """Logs of steps and builds, and answers of services, repeat every secret of the manifests."""
    assert place.run("apply", "--yes", "--quiet").code == 0

    def answer(request: httpx.Request, _: bytes) -> httpx.Response | None:
        secrets = [*place.canaries.typed.values(), *place.canaries.environment.values()]
        if request.url.path.endswith("/logs"):
            lines = [{"message": f"got {secret} -- kept words"} for secret in secrets]
            words = {"stepRunStatus": "Failed", "buildStatus": "failed"}
            return httpx.Response(200, json={**words, "logs": lines, "nextToken": None})
        if request.url.path.endswith("/test"):
            text = json.dumps({"kept words": secrets})
            return httpx.Response(200, json={"responseStatus": 500, "responseBody": text})
        return None

    place.hostile.answer = answer
    for words in (
        ("run", "Workflow/nightly", "--input", "a=b"),
        ("executions", "Workflow/nightly"),
        ("execution", "Workflow/nightly"),
        ("logs", "Workflow/nightly"),
        ("logs", "Workflow/nightly", "--follow"),
        ("logs", "Image/train", "--timestamps"),
        ("logs", "Deployment/deployed"),
        ("test", "Service/api"),
    ):
        run = place.run(*words, "-o", form)
        if words[0] == "logs" and words[1] != "Deployment/deployed":
            assert "kept words" in run.out
    place.hostile.answer = echo(500, ("POST", "GET"))
    for words in (("run", "Workflow/nightly"), ("logs", "Image/train"), ("test", "Service/api")):
        assert place.run(*words, "-o", form).code in (1, 64)


def test_a_status_that_tells_a_secret_is_masked(place: Place) -> None:
    async def follow(request: httpx.Request) -> httpx.Response:
        response = await Hostile(place.hostile.inner).handle_async_request(request)
        if request.method == "GET" and re.search(r"webapps/[^/]+$", request.url.path):
            told = json.loads(await response.aread())
            word = f"CREATE_FAILED {place.canaries.environment['C_TEXT']}"
            return httpx.Response(200, json={**told, "status": word})
        return response

    place.hostile.handle_async_request = follow  # type: ignore[method-assign]
    run = place.run("apply", "--yes", "--select", "Webapp/board", "--timeout", "5s")
    assert "CREATE_FAILED" in run.err

    for form in FORMS:
        assert place.run("plan", "-o", form, *LOUD).code in (0, 1, 10, 12)


FORMS_OF_A_SERVER: list[Callable[[str], str]] = [
    str.upper,
    lambda s: quote(s, safe=""),
    quote_plus,
    html.escape,
    lambda s: json.dumps(json.dumps(s)),
    lambda s: base64.b64encode(s.encode()).decode(),
    lambda s: base64.urlsafe_b64encode(b"u:" + s.encode()).decode(),
    lambda s: base64.b64encode(b"x" + s.encode() + b"-").decode(),
    lambda s: s.encode().hex(),
    lambda s: s[1:],
    lambda s: s[:-1],
]


@pytest.mark.parametrize("number", range(len(FORMS_OF_A_SERVER)))
def test_a_server_that_repeats_secrets_of_other_resources_is_not_repeated(
    place: Place, number: int
) -> None:
    """In errors and in build logs, whatever form it gives them."""
    change = FORMS_OF_A_SERVER[number]
    (place.folder / "src/Dockerfile").write_text("FROM python:3\nRUN false\n", encoding="utf-8")
    secrets = [*place.canaries.typed.values(), *place.canaries.environment.values()]
    said = [change(secret) for secret in secrets if len(secret) > 8]

    def answer(request: httpx.Request, _: bytes) -> httpx.Response | None:
        if request.url.path.endswith("/logs"):
            lines = [{"message": f"<{word}>"} for word in said[:8]]
            return httpx.Response(200, json={"logs": lines, "logCount": len(lines)})
        if request.method == "POST" and "webapps" in request.url.path:
            return httpx.Response(422, json={"detail": " | ".join(said[:8])})
        return None

    place.hostile.answer = answer
    for form in FORMS:
        run = place.run("apply", "--yes", "-o", form, "--verbose")
        assert run.code in (1, 14)
        told = (run.out + run.err).lower()
        assert not [word for word in said if word.lower() in told]


def test_the_password_of_a_proxy_is_not_repeated(place: Place) -> None:
    place.env.setenv("HTTPS_PROXY", "http://cnryuser1:cnrypass1@proxy.example:3128")

    def answer(request: httpx.Request, _: bytes) -> httpx.Response | None:
        return httpx.Response(502, text="cannot reach http://cnryuser1:cnrypass1@proxy.example")

    place.hostile.answer = answer
    assert place.run("get", "Image", "--verbose").code == 1


# --- what is wrong before anything is sent -----------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "{{ os_env.C_TEXT | nothing_of_the_kind }}",
        "{{ os_env.C_TEXT.nothing.there }}",
        "{{ os_env.C_TEXT / 2 }}",
        "{{ os_env[os_env.C_TEXT] }}",
        "{% include os_env.C_TEXT %}",
        "{% if os_env.C_TEXT %}{{ raise(os_env.C_TEXT) }}{% endif %}",
        "{{ os_env.C_TEXT | int(default=undefined_name) }}",
        "{{ range(os_env.C_NUMBER | int * 1000000) }}",
        "{{ os_env.C_TEXT ~ header | unknown }}",
    ],
)
@pytest.mark.parametrize("command", ["validate", "render", "plan"])
def test_a_template_error_beside_a_secret(place: Place, line: str, command: str) -> None:
    path = place.folder / "manifests/all.yaml"
    path.write_text(f"{MANIFESTS}---\nx: {line}\n", encoding="utf-8")
    assert place.run(command).code == 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("minInstances: 1", "minInstances: {{ os_env.C_NUMBER | int }}"),
        ("title: Visible title", "title: {nested: {{ os_env.C_TEXT }}}"),
        ("serviceType: api", "serviceType: {{ os_env.C_TEXT }}"),
        ("serviceType: api", "serviceType: [{{ os_env.C_TEXT }}]"),
        ("metadata: {name: data,", "metadata: {name: {{ os_env.C_TEXT }},"),
        ("metadata: {name: data,", 'metadata: {name: "{{ os_env.C_LINES }}",'),
        ("branch: main\n    token", "branch: main\n    {{ os_env.C_TEXT }}: token\n    token"),
        ("instanceTypeId: 45", "instanceType: {{ os_env.C_TEXT }}"),
        ("imageDetails: {name: serve}", "imageDetails: {name: {{ os_env.C_TEXT }}}"),
        ("version: {{ version }}", "version: {{ os_env.C_TEXT }}"),
        ("kind: Webapp", "kind: {{ os_env.C_TEXT }}"),
        ("apiVersion: peakctl/v1\nkind: Webapp", "apiVersion: {{ os_env.C_TEXT }}\nkind: Webapp"),
        ("value: {{ build | tojson }}", "value: [{{ build }}, {{ os_env.C_TEXT }}]"),
        ("value: {{ build | tojson }}", "value: {a: {{ build }}}"),
        ("token: {{ repository }}", "token: {t: {{ repository }}}"),
        ("token: {{ repository }}", "tokn: {{ repository }}"),
        ('url: "{{ hook }}", payload', 'url: ["{{ hook }}"], payload'),
        ('absolute: {X-Key: "{{ header }}"}', 'absolute: {X-Key: ["{{ header }}"]}'),
        ('absolute: {X-Key: "{{ header }}"}', 'absolute: ["{{ header }}"]'),
        ("run: {key: {{ hidden }}, mode", "run: {key: [{{ hidden }}], mode"),
        ('run: {key: {{ hidden }}, mode: "{{ os_env.C_STEP }}"', "run: {mode: other"),
        ("run: {key: {{ hidden }}, mode", "run: {kee: {{ hidden }}, mode"),
        ('cron: "0 2 * * *"', "cron: {{ os_env.C_TEXT }}"),
        ("path: ../src}", "path: {{ os_env.C_TEXT }}}"),
        ("dockerfile: Dockerfile", "dockerfile: {{ os_env.C_TEXT | int }}"),
        ("parents: [", "parents: [{{ os_env.C_TEXT }}, "),
        ("stepTimeout: {{ os_env.C_NUMBER | int }}", "stepTimeout: -{{ os_env.C_NUMBER | int }}"),
        ("type: workflow\n", "type: {{ os_env.C_TEXT }}\n"),
        ("tags: [{name: visible-tag}]", "tags: [{nam: {{ os_env.C_TEXT }}}]"),
        ("tags: [{name: visible-tag}]", "{{ os_env.C_TEXT }}: x"),
        ("tags: [{name: visible-tag}]", "labels: {a: {{ os_env.C_TEXT }}, b: [{{ build }}]}"),
        ("tags: [{name: visible-tag}]", "previousNames: [{{ os_env.C_TEXT }}]"),
        ('command: "@param:plain"', 'command: "@param:{{ os_env.C_TEXT }}"'),
        ("storage: 10GB", "storage: {{ os_env.C_TEXT }}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_mistake_in_a_secret_field(place: Place, old: str, new: str, form: str) -> None:
    path = place.folder / "manifests/all.yaml"
    text = MANIFESTS.replace("resources: {instanceTypeId: 1}", "resources: {instanceTypeId: 1}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    run = place.run("plan", "-o", form, "--verbose")
    assert run.code in (0, 10)


def test_wrong_yaml_after_a_secret(place: Place) -> None:
    path = place.folder / "manifests/all.yaml"
    for end in ("x: [{{ os_env.C_TEXT }}\n", "{{ os_env.C_ODD }}\n", "a: {{ hook }}: b\n", "&\n"):
        path.write_text(f"{MANIFESTS}---\n{end}", encoding="utf-8")
        for command in ("validate", "plan"):
            assert place.run(command).code == 10


def test_wrong_parameters_tell_no_values(place: Place) -> None:
    secret = place.canaries.typed["build"]
    for given in (("-p", secret), ("-p", f"a={secret}={secret}"), ("-p", f"={secret}")):
        run = place.command("plan", "-e", "dev", *given)
        assert run.code in (10, 64)
        assert leaks(run.out + run.err) == []


# --- peakctl's own mistakes --------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at", ["engine.plan.planner.compare", "adapters.rest.Rest.call"])
def test_an_internal_error_tells_no_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch, at: str, form: str
) -> None:
    place.run("apply", "--yes", "--quiet")
    place.turn("2")

    def fail(*args: Any, **_: Any) -> Any:
        secrets = {**place.canaries.environment, **place.canaries.typed}
        raise KeyError(f"internal {secrets} {args}")

    monkeypatch.setattr(f"peakctl.{at}", fail)
    monkeypatch.setenv("PEAKCTL_DEBUG", "1")
    run = place.command("apply", "-e", "dev", "--yes", "-o", form, *place.canaries.arguments)
    assert run.code == 1
    assert "internal/KeyError" in run.err + run.out
    assert "Traceback" in run.err
    assert leaks(run.out + run.err) == []


def test_the_journal_of_the_emulator_tells_no_secret(place: Place) -> None:
    place.run("apply", "--yes", "--quiet")
    place.turn("2")
    place.run("apply", "--yes", "--quiet")
    for recorded in place.emulator.requests:
        assert leaks(json.dumps(asdict(recorded), default=str)) == []
