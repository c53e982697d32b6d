"""`peakctl test`, and the `healthChecks` of peakctl.yaml after an apply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from schemas_of_output import check_output

PROJECT = """\
project: p
environments: {local: {emulator: true}, other: {emulator: true}}
defaultEnvironment: local
"""
CHECKS = """\
healthChecks:
  - {service: price-api, path: /health, status: %s, withinSeconds: %s}
  - {service: price-api, method: post, path: /predict, payload: {id: 1}, contains: '"id": 1'}
  - {service: gone, environments: [other]}
"""
MANIFEST = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: img}
spec:
  type: api
  version: 0.0.1
  buildDetails: {source: dockerfile, dockerfile: "FROM x"}
---
apiVersion: peakctl/v1
kind: Service
metadata: {name: price-api, title: "%s"}
spec:
  serviceType: %s
  imageDetails: {name: img, version: 0.0.1}
  parameters: {env: {MODE: "%s"}}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()

    def write(checks: str = "", title: str = "t", mode: str = "fine", sort: str = "api") -> None:
        (tmp_path / "peakctl.yaml").write_text(PROJECT + checks)
        (tmp_path / "manifests/all.yaml").write_text(MANIFEST % (title, sort, mode))

    write()
    return write


@pytest.fixture
def applied(write: Any, peakctl: Any, make_emulator: Any) -> Any:
    emulator = make_emulator()
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    return emulator


def asked(emulator: Any) -> list[Any]:
    return [r.body for r in emulator.requests if r.path.endswith("/test")]


def test_a_service_is_asked_and_its_answer_judged(applied: Any, peakctl: Any) -> None:
    run = peakctl("test", "Service/price-api", "--path", "/health", emulator=applied)
    assert run.code == 0
    assert run.out == "Service/price-api  GET /health 200 in 0.01s  passed\n"
    words = ["--method", "post", "--payload", '{"a": [1]}', "--expect-text", '"a": [1]']
    run = peakctl("test", "service/price-api", *words, "-o", "json", emulator=applied)
    check_output("test", json.loads(run.out))
    [row] = json.loads(run.out)["health_checks"]
    assert (run.code, row["ok"], row["status"], row["attempts"]) == (0, True, 200, 1)
    assert json.loads(row["body"])["payload"] == {"a": [1]}
    assert asked(applied) == [
        {"httpMethod": "get", "path": "/health"},
        {"httpMethod": "post", "path": "/", "payload": {"a": [1]}},
    ]


def test_an_answer_that_is_not_right_ends_with_1(write: Any, applied: Any, peakctl: Any) -> None:
    run = peakctl("test", "Service/price-api", "--expect-text", "nowhere", emulator=applied)
    assert run.code == 1
    assert 'its answer lacks "nowhere"' in run.out
    run = peakctl("test", "Service/price-api", "--expect-status", "404", emulator=applied)
    assert (run.code, "it answered 200, expected 404" in run.out) == (1, True)
    write(mode="answer-503")
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    run = peakctl("test", "Service/price-api", "-o", "yaml", emulator=applied)
    [row] = yaml.safe_load(run.out)
    assert (run.code, row["problem"]) == (1, "it answered 503, expected 2xx")
    assert "health/failed" in run.err
    assert peakctl("test", "Service/price-api", "--expect-status", "503",
                   emulator=applied).code == 0  # fmt: skip


def test_it_is_asked_again_for_a_while(write: Any, applied: Any, peakctl: Any, clock: Any) -> None:
    began = clock.now()
    words = ["Service/price-api", "--expect-status", "201", "--within", "20s"]
    run = peakctl("test", *words, emulator=applied)
    assert run.code == 1
    assert "asked 6 times" in run.out
    assert 10 < clock.now() - began <= 20


def test_a_service_that_comes_up_is_waited_for(
    write: Any, peakctl: Any, make_emulator: Any
) -> None:
    from peakctl.emulator.faults import read_faults

    emulator = make_emulator()
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    fault = {"path": "/test", "action": "status", "status": 422, "times": 2}
    emulator.faults += read_faults(fault)
    assert peakctl("test", "Service/price-api", emulator=emulator).code == 1
    run = peakctl("test", "Service/price-api", "--within", "30s", emulator=emulator)
    assert (run.code, "asked 2 times" in run.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["Service/prise-api"], 1, ["live/not-found", "did you mean: price-api"]),
        (["Image/img"], 64, ["usage/test"]),
        (["Service/price-api", "--payload", "{"], 64, ["usage/test", "not JSON"]),
        (["Service/price-api", "--method", "post", "--within", "1m"], 64, ["sent once"]),
        (["price-api"], 64, ["usage/target"]),
    ],
)
def test_bad_words_say_why(
    words: list[str], code: int, told: list[str], applied: Any, peakctl: Any
) -> None:
    run = peakctl("test", *words, emulator=applied)
    assert (run.code, run.out) == (code, "")
    assert [word for word in told if word not in run.err] == []
    assert asked(applied) == []


def test_only_apis_are_tested(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(sort="web-app")
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    run = peakctl("test", "Service/price-api", emulator=emulator)
    assert (run.code, "health/not-api" in run.err) == (64, True)


def test_an_answer_holds_no_secret(
    write: Any, applied: Any, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "correct-horse-battery")
    write(mode="{{ os_env.KEY }}")
    words = ["--payload", '"correct-horse-battery"', "--method", "post", "--expect-text", "x"]
    for form in ("text", "json", "yaml"):
        run = peakctl("test", "Service/price-api", *words, "-o", form, emulator=applied)
        assert run.code in (0, 1)
        assert "correct-horse" not in run.out + run.err


def test_without_checks_it_says_that_nothing_was_tested(applied: Any, peakctl: Any) -> None:
    run = peakctl("test", emulator=applied)
    assert (run.code, run.out.partition(":")[0]) == (0, "Nothing was tested")
    assert json.loads(peakctl("test", "-o", "json", emulator=applied).out)["health_checks"] == []


# --- after an apply ------------------------------------------------------------------------------


def test_checks_follow_an_apply_that_changed_something(
    write: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    write(CHECKS % (200, 0))
    assert "check health" in peakctl("plan", "--explain", emulator=emulator).out
    run = peakctl("apply", "--yes", emulator=emulator)
    assert run.code == 0
    assert "Service/price-api  GET /health 200 in 0.01s  passed" in run.out
    assert "Service/price-api  POST /predict 200 in 0.01s  passed" in run.out
    assert len(asked(emulator)) == 2
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    assert len(asked(emulator)) == 2  # nothing was changed
    assert peakctl("test", emulator=emulator).code == 0
    assert len(asked(emulator)) == 4
    assert peakctl("destroy", "--yes", emulator=emulator).code == 0
    assert len(asked(emulator)) == 4


def test_a_check_that_fails_makes_it_14(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(CHECKS % (204, 3))
    run = peakctl("apply", "--yes", "-o", "json", emulator=emulator)
    document = json.loads(run.out)
    check_output("apply", document)
    assert run.code == 14
    first, second = document["health_checks"]
    assert (first["ok"], first["attempts"], second["ok"]) == (False, 3, True)
    [error] = document["errors"]
    assert (error["code"], error["locations"][0]["line"]) == ("health/failed", 5)
    assert peakctl("plan", "--detailed-exitcode", emulator=emulator).code == 0
    test = peakctl("test", emulator=emulator)
    assert (test.code, "health/failed" in test.err) == (1, True)


def test_a_service_that_failed_is_not_asked(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(CHECKS % (200, 0), mode="fail-service")
    assert peakctl("apply", "--yes", emulator=emulator).code == 14
    assert asked(emulator) == []


def test_a_check_that_cannot_be_made_has_not_passed(
    write: Any, peakctl: Any, make_emulator: Any
) -> None:
    from peakctl.emulator.faults import read_faults

    emulator = make_emulator()
    write("healthChecks: [{service: nowhere}, {service: price-api}]\n")
    fault = {"path": "/test", "action": "status", "status": 403, "times": None}
    emulator.faults += read_faults(fault)
    run = peakctl("apply", "--yes", emulator=emulator)
    assert run.code == 14
    assert 'there is no Service named "nowhere"' in run.out
    assert "no permission" in run.out
    assert "Applied: 2 created" in run.out
