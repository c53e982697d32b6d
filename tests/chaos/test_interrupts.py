"""Signals, time limits and kills of real processes, against an emulator on a socket."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos.killing import Served, finish, kill_often, served, start

ROOT = Path(__file__).resolve().parents[2]

PROJECT = "project: signals\nmanifests: [m.yaml]\nenvironments: {dev: {stage: dev}}\n"
BLOCK = """apiVersion: peakctl/v1
kind: BlockSpec
metadata: {name: block, title: B, summary: B}
spec:
  kind: workflow
  config:
    steps:
      one:
        type: standard
        imageDetails: {name: slow}
        command: ls
        resources: {instanceTypeId: 21, storage: 10GB}
---
apiVersion: peakctl/v1
kind: Deployment
metadata: {name: deployed, title: D, summary: D}
spec: {blockSpec: {name: block}}
---
"""
MANIFESTS = """apiVersion: peakctl/v1
kind: Image
metadata: {name: slow}
spec:
  type: workflow
  buildDetails: {source: dockerfile, dockerfile: "FROM python:3\\n"}
---
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: after}
spec:
  steps:
    one: {imageDetails: {name: slow}, command: ls, resources: {instanceTypeId: 21, storage: 10GB}}
"""
BUILDS = "/builds"


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something to be true, with a bound that no machine reaches."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def until_told(run: subprocess.Popen[str], words: str) -> None:
    """Read what a run says on stderr until a line has these words."""
    assert run.stderr is not None
    for row in run.stderr:
        if words in row:
            return
    raise AssertionError(f"it ended without a word of {words}")


def asked(platform: Served, method: str, part: str) -> list[Any]:
    found = platform.ask("GET", "requests")["requests"]
    return [r for r in found if r["method"] == method and part in r["path"]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "p" / "m.yaml").write_text(MANIFESTS, encoding="utf-8")
    return tmp_path / "p"


@pytest.fixture
def begin(project: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts peakctl in the project; whatever still runs in the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def make(platform: Served, *args: str) -> subprocess.Popen[str]:
        running.append(start(project, platform.address, *args))
        return running[-1]

    yield make
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Served]:
    """A platform whose builds and deployments end when a test lets time pass, and not before."""
    flags = ("--build-seconds=4", "--deploy-seconds=4", "--stepwise")
    with served(tmp_path / "state.sqlite", *flags) as platform:
        yield platform


def finish_in_time(
    platform: Served, run: subprocess.Popen[str], part: str = "/versions/"
) -> tuple[int, str, str]:
    """Let time pass once `run` waits, which it does after a look at `part`; how it ended."""
    before = len(asked(platform, "GET", part))
    until(lambda: len(asked(platform, "GET", part)) > before + 1 or run.poll() is not None)
    platform.ask("POST", "clock", {"advance": 10})
    return finish(run)


def is_polled(platform: Served, part: str = "/versions/") -> Callable[[], bool]:
    return lambda: bool(asked(platform, "GET", part))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"]
)
def test_a_first_signal_reports_and_the_next_run_takes_the_build_up(
    slow: Served, begin: Any, number: int, code: int
) -> None:
    run = begin(slow, "apply", "--yes")
    until(is_polled(slow))
    run.send_signal(number)
    ended, out, err = finish(run)
    assert ended == code
    assert "stopping:" in err
    assert "still in progress" in out
    assert "cancelled, not started: Workflow/after\n" in out
    assert "Interrupted: 1 still in progress, 1 cancelled.\n" in out
    assert "Traceback" not in err
    _, shown, _ = finish(begin(slow, "ledger", "show", "-o", "json"))
    (past,) = json.loads(shown)["ledger"]["runs"]
    assert (past["outcome"], past["counts"]) == ("interrupted", {"create": 1})
    _, shown, _ = finish(begin(slow, "ledger", "history", "-o", "json"))
    (past,) = json.loads(shown)["history"]["runs"]
    assert (past["outcome"], past["recovered"]) == ("interrupted", False)
    ends = [(each["key"], each["verb"], each["status"]) for each in past["resources"]]
    assert ends == [
        ("Image/slow", "create", "still in progress"),
        ("Workflow/after", "create", "cancelled"),
    ]
    again, out, err = finish_in_time(slow, begin(slow, "apply", "--yes"))
    assert again == 0, out + err
    assert len(asked(slow, "POST", "/images/")) == 1
    assert "waited for first" in out


def test_a_second_signal_says_what_it_leaves(project: Path, slow: Served, begin: Any) -> None:
    slow.ask("POST", "faults", {"method": "POST", "path": "/workflows/", "action": "delay",
                                "when": "before", "seconds": 60})  # fmt: skip
    (project / "m.yaml").write_text(
        MANIFESTS.replace("{name: slow}, command", "{name: peak-python}, command"), encoding="utf-8"
    )
    run = begin(slow, "apply", "--yes")
    until_told(run, "Workflow/after  started")
    until(is_polled(slow))
    run.send_signal(signal.SIGINT)
    until_told(run, "stopping:")
    assert run.poll() is None  # what is in flight is finished
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    ended, out, err = finish(run)
    assert ended == 130
    assert time.monotonic() - began < 40  # it did not wait for the answer
    words = "the run ended before the platform answered create"
    assert f"unknown  Workflow/after  create: {words}\n" in out
    assert "still in progress  Image/slow  create 0.0.1: building\n" in out
    assert "Interrupted: 1 unknown, 1 still in progress.\n" in out
    assert "next: run again; it looks first whether the platform acted: peakctl apply\n" in out
    assert "run/not-recorded" in err
    assert "Traceback" not in err


def test_a_time_limit_means_still_in_progress(project: Path, slow: Served, begin: Any) -> None:
    run = begin(slow, "apply", "--yes", "--build-timeout", "1s")
    code, out, err = finish(run)
    assert code == 14, out + err
    assert "still in progress" in out
    code, out, err = finish_in_time(slow, begin(slow, "apply", "--yes"))
    assert (code, len(asked(slow, "POST", "/images/"))) == (0, 1), out + err


def test_a_limit_of_the_whole_run_means_the_same(project: Path, slow: Served, begin: Any) -> None:
    code, out, err = finish(begin(slow, "apply", "--yes", "--timeout", "1s"))
    assert code == 14, out + err
    assert "still in progress" in out
    assert "Traceback" not in err


def test_the_next_run_takes_a_revision_up(project: Path, slow: Served, begin: Any) -> None:
    text = BLOCK.replace("{name: slow}", "{name: peak-python}").removesuffix("---\n")
    (project / "m.yaml").write_text(text, encoding="utf-8")
    run = begin(slow, "apply", "--yes")
    until(is_polled(slow, "/deployments/"))
    until(lambda: bool(asked(slow, "POST", "/deployments/")))
    before = len(asked(slow, "GET", "/deployments/"))
    until(lambda: len(asked(slow, "GET", "/deployments/")) > before)  # it has the answer
    run.send_signal(signal.SIGTERM)
    assert finish(run)[0] == 143
    code, out, err = finish_in_time(slow, begin(slow, "apply", "--yes"), "/deployments/")
    assert (code, len(asked(slow, "POST", "/deployments/"))) == (0, 1), out + err
    assert "revisions" not in str(asked(slow, "POST", "/deployments/"))


def test_a_signal_while_planning_ends_at_once(project: Path, slow: Served, begin: Any) -> None:
    slow.ask("POST", "faults", {"action": "delay", "when": "before", "seconds": 30, "times": None})
    run = begin(slow, "plan")
    until_told(run, "looking at")
    run.send_signal(signal.SIGINT)
    code, out, err = finish(run)
    assert code == 130
    assert "Traceback" not in out + err


@pytest.mark.skipif("not config.getoption('-m')", reason="slow: `make chaos` does more of it")
@pytest.mark.parametrize("seed", [1])
def test_killed_processes(tmp_path: Path, seed: int) -> None:
    example = ROOT / "manifests-examples" / "workflow-block"
    for case in kill_often(example, tmp_path, 4, seed):
        assert case.wrong == (), case
