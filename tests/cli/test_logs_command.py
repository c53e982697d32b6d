"""`peakctl logs`: of builds, steps and deployments; to the end, and what has no log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from schemas_of_output import check_output

ROOT = "/service/workflows/api/v1/workflows/"
PROJECT = "project: p\nenvironments: {local: {emulator: true}}\n"
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: img}
spec:
  type: workflow
  version: 0.0.1
  buildDetails: {source: dockerfile, dockerfile: "FROM x\\nRUN seq 25\\n%s"}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec:
  steps:
    load: {command: "echo loaded && sleep 2", imageDetails: {name: img, version: 0.0.1}}
    train: {command: "%s", imageDetails: {name: img, version: 0.0.1}, parents: [load]}
"""


def send(emulator: Any, method: str, path: str, body: Any = None) -> Any:
    from peakctl.emulator import emulator_transport

    async def do() -> Any:
        client = httpx.AsyncClient(
            transport=emulator_transport(emulator),
            base_url="http://emulator",
            headers={"Authorization": "peakctl-emulator"},
        )
        async with client:
            answer = await client.request(method, path, json=body or {})
        assert answer.is_success, answer.text
        return answer.json()

    return asyncio.run(do())


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()

    def write(build: str = "RUN true", train: str = "seq 3") -> None:
        (tmp_path / "manifests/img.yaml").write_text(IMAGE % build)
        (tmp_path / "manifests/flow.yaml").write_text(FLOW % train)

    write()
    return write


@pytest.fixture
def applied(write: Any, peakctl: Any, make_emulator: Any) -> Any:
    emulator = make_emulator(execution_seconds=10.0, log_page=4)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    return emulator


def execute(emulator: Any) -> str:
    return str(send(emulator, "POST", f"{ROOT}1/execute")["executionId"])


def test_the_log_of_a_build_is_whole(applied: Any, peakctl: Any) -> None:
    run = peakctl("logs", "Image/img", emulator=applied)
    assert run.code == 0
    lines = run.out.splitlines()
    assert lines[4:29] == [str(n) for n in range(1, 26)]
    assert lines[-1] == "Successfully built"
    assert run.err == "Image/img, build 1 of 0.0.1: success\n"
    assert peakctl("logs", "image/img@0.0.1", "--tail", "1", emulator=applied).out == (
        "Successfully built\n"
    )


def test_a_build_that_failed_ends_with_1(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write(build="RUN exit 3")
    assert peakctl("apply", "--yes", emulator=emulator).code == 1
    run = peakctl("logs", "Image/img", "-o", "yaml", emulator=emulator)
    assert run.code == 1
    [found] = yaml.safe_load(run.out)
    assert (found["status"], found["ended"]) == ("failed", True)
    assert found["lines"][-1]["text"].endswith("exit code 3")


def test_steps_are_followed_to_the_end(applied: Any, peakctl: Any, clock: Any) -> None:
    began = clock.now()
    key = execute(applied)
    run = peakctl("logs", "Workflow/nightly", "--follow", emulator=applied)
    assert run.code == 0
    assert run.out.splitlines() == [
        "load | Preparing the step",
        "load | Running load",
        "load | loaded",
        "load | Done",
        "train | Preparing the step",
        "train | Running train",
        "train | 1",
        "train | 2",
        "train | 3",
        "train | Done",
    ]
    assert run.err == f"Workflow/nightly, execution {key}: success\n"
    assert clock.now() - began < 30


def test_one_step_has_no_names_in_front(applied: Any, peakctl: Any, clock: Any) -> None:
    key = execute(applied)
    run = peakctl("logs", f"Workflow/nightly@{key}", "--step", "train", "--follow",
                  "--timestamps", emulator=applied)  # fmt: skip
    assert run.code == 0
    lines = [line.partition("Z ")[2] for line in run.out.splitlines()]
    assert lines[2:] == ["1", "2", "3", "Done"]
    clock.time += 3600
    assert peakctl("logs", "Workflow/nightly", "--since", "30m", emulator=applied).out == ""
    assert peakctl("logs", "Workflow/nightly", "--since", "2h", emulator=applied).out != ""
    late = peakctl("logs", "Workflow/nightly", "--since", "2099-01-01", emulator=applied)
    assert (late.code, late.out) == (0, "")


def test_a_step_that_fails_ends_the_log_with_1(write: Any, peakctl: Any, applied: Any) -> None:
    write(train="echo first; exit 4")
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    execute(applied)
    run = peakctl("logs", "Workflow/nightly", "--follow", "--tail", "0", emulator=applied)
    assert run.code == 1
    assert run.out.endswith("train | The command ended with exit code 4\n")
    document = peakctl("logs", "Workflow/nightly", "-o", "json", emulator=applied)
    check_output("logs", json.loads(document.out))
    found = json.loads(document.out)["log"]
    assert (document.code, found["status"], found["ended"]) == (1, "Failed", True)
    assert found["lines"][0]["step"] == "load"


def test_a_log_that_goes_on_ends_with_0(applied: Any, peakctl: Any) -> None:
    execute(applied)
    run = peakctl("logs", "Workflow/nightly", emulator=applied)
    assert (run.code, run.out) == (0, "load | Preparing the step\n")
    assert run.err.endswith(": running\n")


@pytest.mark.parametrize("action", ["drop", "truncate"])
def test_a_connection_that_breaks_loses_no_line(action: str, applied: Any, peakctl: Any) -> None:
    from peakctl.emulator.faults import read_faults

    execute(applied)
    rule = {"method": "GET", "path": "/executions/", "action": action, "when": "after",
            "probability": 0.6, "seed": 7, "times": None}  # fmt: skip
    applied.faults += read_faults(rule)
    run = peakctl("logs", "Workflow/nightly", "--follow", "--step", "train", emulator=applied)
    assert run.code == 0
    assert run.out.splitlines()[2:] == ["1", "2", "3", "Done"]


FORMS = ("text", "json", "yaml")


def test_secrets_of_the_manifests_are_masked(
    write: Any, peakctl: Any, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "correct-horse-battery")
    emulator = make_emulator()
    write(build="RUN echo {{ os_env.DB_PASSWORD }}")
    assert peakctl("apply", "--yes", "--select", "Image", emulator=emulator).code == 0
    for form in FORMS:
        run = peakctl("logs", "Image/img", "-o", form, emulator=emulator)
        assert run.code == 0
        assert "correct-horse" not in run.out + run.err
        assert "(sensitive)" in run.out


def test_what_steers_a_terminal_does_not_come_out(
    write: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    write(train="echo \\u001b[31mred\\u0007\\u202etxt")
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    execute(emulator)
    for form in FORMS:
        run = peakctl("logs", "Workflow/nightly", "--follow", "-o", form, emulator=emulator)
        assert run.code == 0
        assert "redtxt" in run.out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["Workflow/nighty"], 1, ["live/not-found", "did you mean: nightly"]),
        (["Workflow/nightly"], 1, ["live/never-ran", "peakctl run Workflow/nightly"]),
        (["Workflow/nightly@x"], 1, ["live/no-execution", "peakctl executions Workflow/nightly"]),
        (["Image/img@7.7.7"], 1, ["live/no-build"]),
        (["Image/img", "--step", "a"], 64, ["usage/logs"]),
        (["Service/x"], 64, ["logs/no-call", "peakctl test Service/x"]),
        (["Artifact/x"], 64, ["logs/no-call", "an Image, a Workflow or a Deployment"]),
        (["nightly"], 64, ["usage/target"]),
        (["Workflow/nightly", "--since", "soon"], 64, ["is no time"]),
    ],
)
def test_what_has_no_log_says_why(
    words: list[str], code: int, told: list[str], applied: Any, peakctl: Any
) -> None:
    run = peakctl("logs", *words, emulator=applied)
    assert (run.code, run.out) == (code, "")
    assert [word for word in told if word not in run.err] == []


def test_an_unknown_step_is_told_with_the_nearest(applied: Any, peakctl: Any) -> None:
    execute(applied)
    run = peakctl("logs", "Workflow/nightly", "--step", "trian", emulator=applied)
    assert run.code == 64
    assert "usage/unknown-step" in run.err
    assert "did you mean: train" in run.err


def test_a_log_that_is_no_longer_kept(write: Any, peakctl: Any, make_emulator: Any,
                                      clock: Any) -> None:  # fmt: skip
    emulator = make_emulator(log_seconds=60)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    execute(emulator)
    clock.time += 3600
    for words in (["Workflow/nightly"], ["Workflow/nightly", "--step", "load"], ["Image/img"]):
        for follow in ([], ["--follow"]):
            run = peakctl("logs", *words, *follow, emulator=emulator)
            assert (run.code, run.out) == (1, "")
            assert "logs/not-kept" in run.err


def test_a_token_that_may_not(applied: Any, peakctl: Any) -> None:
    from peakctl.emulator.faults import read_faults

    execute(applied)
    rule = {"path": "/logs", "action": "status", "status": 403, "times": None}
    applied.faults += read_faults(rule)
    for words in ([], ["--follow"]):
        run = peakctl("logs", "Workflow/nightly", *words, emulator=applied)
        assert run.code == 15
        assert "auth/forbidden" in run.err


ODD = (None, [], {}, "x", 7, {"status": 1}, {"status": "Running", "steps": 1}, {"logs": "x"},
       {"status": "Failed", "steps": [1, {"name": None}]}, {"executions": None, "pageCount": 1},
       {"executions": [{}], "logs": [1, {"timestamp": {}, "message": 5}]})  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    "words",
    [
        ["logs", "Workflow/nightly"], ["executions", "Workflow/nightly"], ["execution", "x"],
        ["execution", "Workflow/nightly"], ["run", "Workflow/nightly", "--timeout", "9s"],
        ["logs", "Image/img"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_odd_answers_are_no_bug_of_ours(
    words: list[str], odd: Any, applied: Any, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.api.client import Api

    execute(applied)
    get = Api.get

    async def lie(api: Any, path: str, query: Any = ()) -> Any:
        return odd if "/executions" in path or "/logs" in path else await get(api, path, query)

    monkeypatch.setattr(Api, "get", lie)
    run = peakctl(*words, emulator=applied)
    assert run.code in (0, 1)
    assert "internal/" not in run.err


def test_a_reader_that_goes_away_ends_the_following(applied: Any, peakctl: Any,
                                                    monkeypatch: pytest.MonkeyPatch,
                                                    clock: Any) -> None:  # fmt: skip
    from peakctl.present.terminal import Terminal

    execute(applied)
    monkeypatch.setattr(Terminal, "is_lost", True)
    began = clock.now()
    run = peakctl("logs", "Workflow/nightly", "--follow", emulator=applied)
    assert (run.code, run.out) == (0, "load | Preparing the step\n")
    assert clock.now() - began < 5


def test_a_spoke_keeps_the_logs_of_steps(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator(spoke_domain="spoke1.peak.ai", execution_seconds=10.0, log_page=2)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    execute(emulator)
    before = len(emulator.requests)
    run = peakctl("logs", "Workflow/nightly", "--step", "train", "--follow", emulator=emulator)
    assert (run.code, run.out.splitlines()[2:]) == (0, ["1", "2", "3", "Done"])
    paths = [request.path for request in emulator.requests[before:]]
    assert any(path.endswith("/spoke/api/v1/logs/workflow") for path in paths)
    assert not any(path.endswith("/logs") for path in paths)
    assert sum(path.endswith("/tenant-metadata") for path in paths) == 1


def test_a_spoke_that_is_none_gets_no_token(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator(spoke_domain="evil/x@y.example.com", execution_seconds=0.0)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    execute(emulator)
    run = peakctl("logs", "Workflow/nightly", emulator=emulator)
    assert (run.code, "names a spoke that is none" in run.err) == (1, True)
