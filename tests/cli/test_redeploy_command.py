"""`peakctl redeploy`: what failed is tried again once, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from schemas_of_output import check_output

PROJECT = "project: %s\nenvironments: {local: {emulator: true%s}}\n"
BLOCK = """\
apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: forecast, summary: s}
spec:
  kind: workflow
  parameters: {run: [{name: mode, type: string, required: false}]}
  config: {steps: {fit: {type: sql, sqlQueryPath: q.sql}}}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: live}
spec: {blockSpec: {name: forecast}, parameters: {run: {mode: %s}}}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()

    def write(mode: str = "fine", project: str = "p", more: str = "") -> None:
        (tmp_path / "peakctl.yaml").write_text(PROJECT % (project, more))
        (tmp_path / "manifests/all.yaml").write_text(BLOCK % mode)

    write()
    return write


def apply(peakctl: Any, emulator: Any) -> int:
    return int(peakctl("apply", "--yes", emulator=emulator).code)


def sent(emulator: Any) -> int:
    return sum(r.method == "POST" and r.path.endswith("/redeploy") for r in emulator.requests)


def fault(emulator: Any, **rule: Any) -> None:
    from peakctl.emulator.faults import read_faults

    emulator.faults += read_faults({"method": "POST", "path": "/redeploy", **rule})


def test_what_failed_is_tried_again(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write("fail-deployment-once")
    assert apply(peakctl, emulator) == 14
    asked = peakctl("redeploy", "Deployment/live", emulator=emulator)
    assert (asked.code, sent(emulator)) == (12, 0)
    assert "revision 1 is failed; it is tried again" in asked.out
    assert "peakctl redeploy Deployment/live --yes" in asked.err
    shown = peakctl("redeploy", "Deployment/live", "-o", "json", emulator=emulator)
    check_output("redeploy", json.loads(shown.out))
    assert (shown.code, sent(emulator)) == (12, 0)
    assert json.loads(shown.out)["redeploy"] == {
        "key": "Deployment/live", "revision": "1", "before": "failed", "status": "failed",
        "took": 0.0, "failure": None,
    }  # fmt: skip
    rows = peakctl("redeploy", "Deployment/live", "-o", "yaml", emulator=emulator)
    assert (rows.code, sent(emulator)) == (12, 0)
    assert yaml.safe_load(rows.out) == [json.loads(shown.out)["redeploy"]]
    run = peakctl("redeploy", "Deployment/live", "--yes", "-o", "json", emulator=emulator)
    check_output("redeploy", json.loads(run.out))
    row = json.loads(run.out)["redeploy"]
    assert (run.code, row["before"], row["status"], row["failure"]) == (
        0, "failed", "deployed", None
    )  # fmt: skip
    again = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert (again.code, sent(emulator)) == (1, 1)
    assert "redeploy/not-failed" in again.err


def test_one_that_fails_again_says_what_is_known(
    write: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    write("fail-deployment")
    assert apply(peakctl, emulator) == 14
    run = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert run.code == 1
    assert "Deployment/live: failed in" in run.out
    assert "revision 1" in run.out


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_lost_answer_is_looked_for(
    when: str, write: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator(deploy_seconds=60.0)
    write("fail-deployment-once")
    assert apply(peakctl, emulator) == 14
    lost = {"action": "drop"} if when == "after" else {"action": "status", "status": 503}
    fault(emulator, when=when, **lost)
    run = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert sent(emulator) == 1
    if when == "after":
        assert (run.code, "run/answer-lost" in run.err) == (0, True)
    else:
        assert (run.code, "run/unknown" in run.err) == (1, True)


def test_after_the_time_limit_it_goes_on(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator(deploy_seconds=60.0)
    write("fail-deployment-once")
    assert apply(peakctl, emulator) == 14
    words = ["Deployment/live", "--yes", "--timeout", "10s"]
    run = peakctl("redeploy", *words, emulator=emulator)
    assert (run.code, "run/goes-on" in run.err) == (1, True)


def test_what_the_platform_refuses_is_told(write: Any, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    write("warn-deployment")
    assert apply(peakctl, emulator) == 0
    fault(emulator, action="status", status=409, detail="it is busy")
    run = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert run.code == 1
    assert "run/refused" in run.err
    assert "it is busy" in run.err
    assert peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator).code == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["Deployment/lvie"], 1, ["live/not-found", "did you mean: live"]),
        (["Service/x"], 64, ["redeploy/no-call", "peakctl explain Service"]),
        (["live"], 64, ["usage/target"]),
    ],
)
def test_bad_words_say_why(
    words: list[str], code: int, told: list[str], write: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    assert apply(peakctl, emulator) == 0
    run = peakctl("redeploy", *words, "--yes", emulator=emulator)
    assert (run.code, sent(emulator)) == (code, 0)
    assert [word for word in told if word not in run.err] == []


def test_what_is_not_ours_or_not_allowed_stays(
    write: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    write("fail-deployment")
    assert apply(peakctl, emulator) == 14
    write("fail-deployment", project="q")
    run = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert (run.code, "live/not-ours" in run.err) == (12, True)
    write("fail-deployment", more=", allow: [create, edit]")
    run = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert (run.code, "guard/not-allowed" in run.err) == (12, True)
    write("fail-deployment", more=", ledger: false")
    run = peakctl("redeploy", "Deployment/live", "--yes", emulator=emulator)
    assert (run.code, sent(emulator)) == (1, 1)
