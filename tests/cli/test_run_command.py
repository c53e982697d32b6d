"""`peakctl run` and its neighbours: started once, followed, looked up, paused."""

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
  buildDetails: {source: dockerfile, dockerfile: "FROM x"}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec:
  steps:
    load: {command: "echo loaded", imageDetails: {name: img, version: 0.0.1}}
    train: {command: "%s", imageDetails: {name: img, version: 0.0.1}, parents: [load]}
    score: {command: "true", imageDetails: {name: img, version: 0.0.1}, parents: [train]}
"""
BLOCK = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: forecast, summary: s}
spec:
  kind: workflow
  autoRunOnDeploy: %s
  config: {steps: {fit: {imageDetails: {name: img, version: 0.0.1}, command: "%s"}}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: live}
spec: {blockSpec: {name: forecast}}
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
    (tmp_path / "manifests/img.yaml").write_text(IMAGE)

    def write(train: str = "seq 3", block: str = "", auto: str = "false") -> None:
        (tmp_path / "manifests/flow.yaml").write_text(FLOW % train)
        if block:
            (tmp_path / "manifests/block.yaml").write_text(BLOCK % (auto, block))

    write()
    return write


@pytest.fixture
def applied(write: Any, peakctl: Any, make_emulator: Any) -> Any:
    emulator = make_emulator(execution_seconds=30.0)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    return emulator


def starts(emulator: Any) -> list[Any]:
    """The bodies of the calls that start something."""
    found = [r for r in emulator.requests if r.method == "POST" and r.path.endswith("/execute")]
    return [request.body for request in found]


def fault(emulator: Any, **rule: Any) -> None:
    from peakctl.emulator.faults import read_faults

    emulator.faults += read_faults({"method": "*", "times": None, **rule})


def test_it_is_followed_step_by_step(applied: Any, peakctl: Any) -> None:
    run = peakctl("run", "Workflow/nightly", emulator=applied)
    assert run.code == 0
    [key] = [e["executionId"] for e in
             send(applied, "GET", f"{ROOT}executions/1")["executions"]]  # fmt: skip
    assert run.out == f"Workflow/nightly, execution {key}: success in 30.0s\n"
    words = [row.split()[1:4] for row in run.err.splitlines()[1:]]
    assert words == [
        ["Workflow/nightly", step, status]
        for step in ("load", "train", "score")
        for status in ("running", "success")
    ]
    assert starts(applied) == [{}]


def test_what_fails_shows_its_log_and_ends_with_1(write: Any, applied: Any, peakctl: Any) -> None:
    write(train="seq 60; exit 4")
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    run = peakctl("run", "Workflow/nightly", "--tail", "3", emulator=applied)
    assert run.code == 1
    rows = run.out.splitlines()
    assert rows[:4] == [
        "Log of step train:", "  59", "  60", "  The command ended with exit code 4"
    ]  # fmt: skip
    assert rows[-1].endswith(": failed in 20.0s")
    document = peakctl("run", "Workflow/nightly", "-o", "json", emulator=applied)
    check_output("run", json.loads(document.out))
    found = json.loads(document.out)["run"]
    assert (document.code, found["outcome"]) == (1, "failed")
    statuses = [each["status"] for each in found["executions"][0]["steps"]]
    assert statuses == ["Success", "Failed", "Skipped"]
    assert len(found["logs"]) == 50


def test_values_and_steps_reach_the_platform(applied: Any, peakctl: Any, tmp_path: Path) -> None:
    words = ["--input", "date=2026-11-01", "--step-input", "train:rate=0.1=x", "--step", "train",
             "--with-dependents"]  # fmt: skip
    run = peakctl("run", "workflow/nightly", *words, "-o", "yaml", emulator=applied)
    assert run.code == 0
    [found] = yaml.safe_load(run.out)
    assert [each["name"] for each in found["executions"][0]["steps"]] == ["train", "score"]
    payload = {"body": {"params": {"global": {"a": "1", "date": "x"}, "stepWise": {"load": {}}}}}
    (tmp_path / "in.yaml").write_text(yaml.safe_dump(payload))
    words = ["--payload", "in.yaml", "--input", "date=y"]
    assert peakctl("run", "Workflow/nightly", *words, emulator=applied).code == 0
    (tmp_path / "in.json").write_text(json.dumps({"stepsToRun": [{"stepName": "load"}]}))
    words = ["--payload", "in.json", "--detach"]
    assert peakctl("run", "Workflow/nightly", *words, emulator=applied).code == 0
    assert starts(applied) == [
        {
            "params": {"global": {"date": "2026-11-01"}, "stepWise": {"train": {"rate": "0.1=x"}}},
            "stepsToRun": [{"stepName": "train", "runDAG": True}],
        },
        {"params": {"global": {"a": "1", "date": "y"}, "stepWise": {"load": {}}}},
        {"stepsToRun": [{"stepName": "load"}]},
    ]


def test_detached_it_is_started_and_no_more(applied: Any, peakctl: Any) -> None:
    before = len(applied.requests)
    run = peakctl("run", "Workflow/nightly", "--detach", "-o", "json", emulator=applied)
    check_output("run", json.loads(run.out))
    found = json.loads(run.out)["run"]
    assert (run.code, found["outcome"]) == (0, "running")
    assert len(applied.requests) - before == 4  # the listing, the workflow, what ran before, start
    again = peakctl("run", "Workflow/nightly", emulator=applied)
    assert again.code == 1
    assert "run/refused" in again.err
    assert "peakctl execution Workflow/nightly" in again.err


def test_after_the_time_limit_it_goes_on(applied: Any, peakctl: Any) -> None:
    run = peakctl("run", "Workflow/nightly", "--timeout", "12s", emulator=applied)
    assert run.code == 1
    assert "run/goes-on" in run.err
    assert "--follow" in run.err
    assert run.out.endswith(": running\n")


@pytest.mark.parametrize("action", ["drop", "truncate"])
def test_a_lost_answer_is_found_again(action: str, applied: Any, peakctl: Any) -> None:
    assert peakctl("run", "Workflow/nightly", emulator=applied).code == 0
    fault(applied, method="POST", path="/execute", action=action, when="after")
    run = peakctl("run", "Workflow/nightly", emulator=applied)
    assert run.code == 0
    assert "run/answer-lost" in run.err
    assert len(send(applied, "GET", f"{ROOT}executions/1")["executions"]) == 2


def test_where_nothing_tells_it_is_unknown_and_not_sent_again(applied: Any, peakctl: Any) -> None:
    fault(applied, method="POST", path="/execute", action="status", status=503)
    run = peakctl("run", "Workflow/nightly", "-o", "json", emulator=applied)
    document = json.loads(run.out)
    check_output("run", document)
    assert (run.code, document["run"]["outcome"]) == (1, "unknown")
    assert document["errors"][0]["code"] == "run/unknown"
    assert "peakctl executions Workflow/nightly" in document["errors"][0]["fix"]
    assert len(starts(applied)) == 1
    assert send_all(applied) == []


def test_where_looking_fails_too_it_is_unknown(applied: Any, peakctl: Any) -> None:
    fault(applied, method="POST", path="/execute", action="drop", when="after")
    fault(applied, method="GET", path="/executions/1", action="status", status=503, skip=1)
    run = peakctl("run", "Workflow/nightly", emulator=applied)
    assert run.code == 1
    assert "run/unknown" in run.err
    assert len(send_all(applied)) == 1


def send_all(emulator: Any) -> list[Any]:
    emulator.faults.clear()
    return list(send(emulator, "GET", f"{ROOT}executions/1")["executions"])


def test_reads_that_break_do_not_end_the_following(applied: Any, peakctl: Any) -> None:
    fault(applied, method="GET", path="/1/executions/", action="drop", probability=0.7, seed=3)
    run = peakctl("run", "Workflow/nightly", emulator=applied)
    assert run.code == 0
    assert len(starts(applied)) == 1


def test_executions_are_listed_and_found_by_their_id(write: Any, applied: Any, peakctl: Any,
                                                     clock: Any) -> None:  # fmt: skip
    assert "has not run yet" in peakctl("executions", "Workflow/nightly", emulator=applied).out
    assert peakctl("run", "Workflow/nightly", emulator=applied).code == 0
    write(train="exit 2")
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    clock.time += 60
    assert peakctl("run", "Workflow/nightly", emulator=applied).code == 1
    document = peakctl("executions", "Workflow/nightly", "-o", "json", emulator=applied)
    check_output("executions", json.loads(document.out))
    rows = json.loads(document.out)["executions"]
    assert [row["status"] for row in rows] == ["Failed", "Success"]
    failed = peakctl("executions", "Workflow/nightly", "--status", "failed", emulator=applied)
    assert len(failed.out.splitlines()) == 2
    for limit in (1, 2, 3):
        few = peakctl("executions", "Workflow/nightly", "--limit", str(limit), emulator=applied)
        assert (few.code, len(few.out.splitlines())) == (0, 1 + min(limit, 2)), few.err
    newest = peakctl("execution", "Workflow/nightly", emulator=applied)
    first, second = rows[1]["id"], rows[0]["id"]
    assert f"execution {second}  failed" in newest.out
    assert f"peakctl logs Workflow/nightly@{second} --step train" in newest.out
    shown = peakctl("execution", first, "-o", "json", emulator=applied)
    check_output("execution", json.loads(shown.out))
    for word in (f"Workflow/nightly@{first}", first):
        shown = peakctl("execution", word, "-o", "yaml", emulator=applied)
        [found] = yaml.safe_load(shown.out)
        assert (shown.code, found["id"], found["key"]) == (0, first, "Workflow/nightly")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["execution", "none"], 1, ["live/no-execution", "1 workflows were asked"]),
        (["execution", "Workflow/nightly@none"], 1, ["live/no-execution"]),
        (["execution", "Workflow/nightly"], 1, ["live/never-ran"]),
        (["executions", "Image/img"], 64, ["usage/not-run"]),
        (["run", "Image/img"], 64, ["usage/not-run"]),
        (["run", "Workflow/nigtly"], 1, ["live/not-found", "did you mean: nightly"]),
        (["run", "Workflow/nightly", "--step", "trian"], 64, ["did you mean: train"]),
        (["run", "Workflow/nightly", "--step-input", "lod:a=b"], 64, ["did you mean: load"]),
        (["run", "Workflow/nightly", "--step-input", "a=b"], 64, ["usage/input"]),
        (["run", "Workflow/nightly", "--input", "ab"], 64, ["usage/input"]),
        (["run", "Workflow/nightly", "--payload", "none.yaml"], 64, ["none.yaml"]),
        (["pause", "Service/x"], 64, ["usage/not-run"]),
    ],
)
def test_bad_words_say_why(
    words: list[str], code: int, told: list[str], applied: Any, peakctl: Any
) -> None:
    run = peakctl(*words, emulator=applied)
    assert (run.code, run.out) == (code, "")
    assert [word for word in told if word not in run.err] == []
    assert starts(applied) == []


@pytest.mark.parametrize(
    "payload",
    [
        "- a", "params: [1]", "params: {globl: {}}", "params: {global: 1}", "x: 1", "a: [",
        "params: {stepWise: {load: 1}}", "stepsToRun: a", "stepsToRun: [load]",
    ],
)  # fmt: skip
def test_a_payload_that_is_none_is_told(
    payload: str, applied: Any, peakctl: Any, tmp_path: Path
) -> None:
    (tmp_path / "in.yaml").write_text(payload)
    run = peakctl("run", "Workflow/nightly", "--payload", "in.yaml", emulator=applied)
    assert run.code == 64
    assert "in.yaml" in run.err
    assert starts(applied) == []


def test_a_paused_workflow_is_resumed_first(applied: Any, peakctl: Any) -> None:
    assert peakctl("pause", "Workflow/nightly", emulator=applied).out == (
        "Workflow/nightly: paused\n"
    )
    again = peakctl("pause", "Workflow/nightly", "-o", "json", emulator=applied)
    check_output("pause", json.loads(again.out))
    assert json.loads(again.out)["pause"]["changed"] is False
    run = peakctl("run", "Workflow/nightly", emulator=applied)
    assert run.code == 1
    assert "peakctl resume Workflow/nightly" in run.err
    resumed = peakctl("resume", "Workflow/nightly", emulator=applied)
    assert (resumed.code, resumed.out) == (0, "Workflow/nightly: resumed\n")
    assert peakctl("plan", "--detailed-exitcode", emulator=applied).code == 0


def test_a_switch_whose_answer_is_lost_is_looked_at(applied: Any, peakctl: Any) -> None:
    fault(applied, method="POST", path="/pause", action="drop", when="after")
    run = peakctl("pause", "Workflow/nightly", emulator=applied)
    assert run.code == 0
    assert "run/answer-lost" in run.err
    fault(applied, method="POST", path="/resume", action="status", status=500)
    run = peakctl("resume", "Workflow/nightly", emulator=applied)
    assert run.code == 1
    assert "run/unknown" in run.err


def test_what_runs_cannot_be_paused(applied: Any, peakctl: Any) -> None:
    assert peakctl("run", "Workflow/nightly", "--detach", emulator=applied).code == 0
    run = peakctl("pause", "Workflow/nightly", emulator=applied)
    assert run.code == 1
    assert "it is running" in run.err


def test_an_older_platform_has_no_pause(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator(newer_calls=False)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    run = peakctl("pause", "Workflow/nightly", emulator=emulator)
    assert run.code == 1
    assert "run/no-call" in run.err


def test_a_deployment_runs_what_it_has_made(write: Any, applied: Any, peakctl: Any) -> None:
    write(block="echo fitted; exit 3", auto="true")
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    logs = peakctl("logs", "Deployment/live", "--follow", emulator=applied)
    assert (logs.code, "fit | fitted" in logs.out) == (1, True)
    run = peakctl("run", "Deployment/live", emulator=applied)
    assert run.code == 1
    assert "  fitted\n" in run.out
    assert "Workflow/live, execution" in run.out
    odd = peakctl("run", "Deployment/live", "--input", "a=b", emulator=applied)
    assert odd.code == 64
    assert "usage/run" in odd.err


def test_a_deployment_may_have_nothing_to_run(write: Any, applied: Any, peakctl: Any) -> None:
    write(block="true")
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    never = peakctl("logs", "Deployment/live", emulator=applied)
    assert never.code == 1
    assert "live/never-ran" in never.err
    assert "peakctl run Deployment/live" in never.err
    run = peakctl("run", "Deployment/live", emulator=applied)
    assert run.code == 1
    assert "run/nothing" in run.err


APP = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: %s, summary: s}
spec:
  kind: workflow
  autoRunOnDeploy: true
  config: {steps: {fit: {type: sql, sqlQueryPath: q.sql}}}
---
"""
REST = """\
apiVersion: peakctl/v1
kind: AppSpec
metadata: {name: both, summary: s}
spec: {config: [{name: one}, {name: two}]}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: live}
spec: {appSpec: {name: both}}
"""


def test_an_app_runs_all_of_its_blocks(
    write: Any, applied: Any, peakctl: Any, tmp_path: Path, clock: Any
) -> None:
    text = APP % "one" + APP % "two" + REST
    (tmp_path / "manifests/app.yaml").write_text(text)
    assert peakctl("apply", "--yes", emulator=applied).code == 0
    clock.time += 60
    run = peakctl("run", "Deployment/live", "-o", "json", emulator=applied)
    found = json.loads(run.out)["run"]
    assert (run.code, found["outcome"]) == (0, "success")
    keys = [each["key"] for each in found["executions"]]
    assert keys == ["Workflow/live-one", "Workflow/live-two"]
    logs = peakctl("logs", "Deployment/live", emulator=applied)
    assert (logs.code, "fit | Done" in logs.out) == (0, True)
    chosen = found["executions"][0]["id"]
    logs = peakctl("logs", f"Deployment/live@{chosen}", emulator=applied)
    assert (logs.code, chosen in logs.err) == (0, True)
    wrong = peakctl("logs", "Deployment/live@none", emulator=applied)
    assert (wrong.code, "live/no-execution" in wrong.err) == (1, True)
    applied.faults.clear()
    fault(applied, method="POST", path="/execute", action="drop", when="after")
    clock.time += 60
    again = peakctl("run", "Deployment/live", "-o", "json", emulator=applied)
    found = json.loads(again.out)["run"]
    assert (again.code, len(found["executions"])) == (0, 2)
