"""The Python API as users use it: in a notebook, a task of a scheduler, tests of their own."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from peakctl import (
    APPROVE_ALL,
    ApplyOptions,
    Ended,
    Event,
    GuardRefused,
    HealthCheck,
    Key,
    LogOptions,
    ManifestsInvalid,
    PeakctlError,
    PlanOptions,
    PlanStale,
    Project,
    RunNotice,
    RunOptions,
    SelectorEmpty,
    StageStarted,
    Status,
    Stop,
    UsageError,
    Verb,
    apply,
    apply_async,
    build_log,
    check_service,
    destroy,
    execution,
    executions,
    get,
    history,
    init,
    load,
    logs,
    pause,
    plan,
    plan_async,
    read_saved_plan,
    rebuild_ledger,
    redeploy,
    render,
    resume,
    run,
    save_plan,
    show_ledger,
    unlock_ledger,
    validate,
)

PROJECT = """\
project: shop
manifests: [m]
environments:
  local: {emulator: {buildSeconds: 0}}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly, labels: {team: retail}}
spec: {steps: {call: {type: http, method: post, url: "https://example.com/{{ path }}"}}}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: base}
spec: {type: workflow, buildDetails: {source: dockerfile, dockerfile: "FROM python:3"}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PEAK_AUTH_TOKEN", "API_KEY", "PEAK__STAGE", "STAGE", "PEAKCTL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "m/flow.yaml").write_text(FLOW, encoding="utf-8")
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Project:
    return open_with(folder)


def open_with(folder: Path, path: str = "one", **options: Any) -> Project:
    return Project.open(folder, "local", parameters={"path": path}, **options)


def test_a_plan_that_was_looked_at_is_applied(project: Project) -> None:
    planned = plan(project)
    assert [(str(a.key), a.verb) for a in planned.plan.pending] == [
        ("Workflow/nightly", Verb.CREATE)
    ]
    done = apply(project, planned)
    assert done.ok
    assert done.recorded
    assert [outcome.status for outcome in done.outcomes] == [Status.DONE]
    assert not plan(project).has_changes


def test_a_plan_that_was_looked_at_allows_no_more(folder: Path) -> None:
    planned = plan(open_with(folder))
    (folder / "m/flow.yaml").write_text(FLOW.replace("post", "get"), encoding="utf-8")
    other = plan(open_with(folder))
    assert apply(open_with(folder), other).ok
    with pytest.raises(PlanStale):
        apply(open_with(folder), planned)


def test_everything_may_be_approved_at_once(project: Project) -> None:
    assert apply(project, APPROVE_ALL).plan.actions[0].verb is Verb.CREATE
    assert apply(project, APPROVE_ALL).outcomes[0].status is Status.ALREADY_RIGHT


def test_a_plan_may_be_saved_and_applied_later(folder: Path, project: Project) -> None:
    assert save_plan(project, plan(project), folder / "shop.peakplan") == ()
    saved = read_saved_plan(project, folder / "shop.peakplan")
    with pytest.raises(PlanStale):
        apply(open_with(folder, "two"), saved)
    assert apply(project, saved).ok


def test_in_a_notebook_a_loop_runs_already(project: Project) -> None:
    async def cell() -> tuple[bool, bool]:
        planned = plan(project)
        return planned.has_changes, apply(project, planned).ok

    assert asyncio.run(cell()) == (True, True)


def test_in_a_loop_the_operations_are_awaited(project: Project) -> None:
    async def main() -> Any:
        return await apply_async(project, await plan_async(project))

    assert asyncio.run(main()).ok


def test_a_task_hears_of_each_stage_and_action(folder: Path, project: Project) -> None:
    (folder / "m/image.yaml").write_text(IMAGE, encoding="utf-8")
    heard: list[str] = []

    def log(event: Event | StageStarted | RunNotice) -> None:
        match event:
            case StageStarted(stage):
                heard.append(type(stage).__name__)
            case Event():
                heard.append(f"{event.key} {event.phase}")
            case RunNotice(message):
                heard.append(message)

    assert apply(project, APPROVE_ALL, emit=log, options=ApplyOptions(timeout=600)).ok
    lease = ["AcquireLease", "Replan", "TakeOver"]
    stages = [*lease, "CarryOut", "Record", "ReleaseLease", "WriteHistory"]
    assert [word for word in heard if " " not in word] == stages
    assert {"Image/base started", "Image/base finished", "Workflow/nightly finished"} <= {*heard}


def test_a_task_that_is_killed_stops_the_run(project: Project) -> None:
    stop = Stop()

    def kill(event: object) -> None:
        if isinstance(event, StageStarted) and type(event.stage).__name__ == "CarryOut":
            on_kill = threading.Thread(target=stop.request)
            on_kill.start()
            on_kill.join()

    done = apply(project, APPROVE_ALL, emit=kill, stop=stop)
    assert not done.ok
    assert done.outcomes[0].status is Status.CANCELLED
    shown = show_ledger(project)
    assert shown.ledger is not None
    assert not shown.is_held


def test_a_run_that_is_stopped_before_it_begins_sends_nothing(project: Project) -> None:
    stop = Stop()
    stop.request()
    assert apply(project, APPROVE_ALL, stop=stop).outcomes[0].status is Status.CANCELLED


def test_what_is_applied_is_read_and_destroyed(folder: Path, project: Project) -> None:
    apply(project, APPROVE_ALL)
    found = get(project, "workflows", "nightly")
    assert [str(live.key) for live in found.found] == ["Workflow/nightly"]
    assert found.values[0]["spec"]["steps"]["call"]["method"] == "post"
    with pytest.raises(ValueError, match="not one that destroys"):
        destroy(project, plan(project))
    gone = destroy(project, plan(project, PlanOptions(destroy=True)))
    assert [outcome.verb for outcome in gone.outcomes] == [Verb.DELETE]
    assert get(project, "workflows", values=False).found == ()


def test_a_ledger_is_shown_unlocked_and_rebuilt(project: Project) -> None:
    assert show_ledger(project).ledger is None
    assert unlock_ledger(project).revision is None
    apply(project, APPROVE_ALL)
    shown = show_ledger(project)
    assert shown.ledger is not None
    assert [str(key) for key in shown.ledger.owned] == ["Workflow/nightly"]
    assert [run.command for run in shown.ledger.runs] == ["apply"]
    assert not unlock_ledger(project).is_held
    assert not rebuild_ledger(project).is_needed


def test_the_history_is_given_as_typed_records(project: Project) -> None:
    assert history(project) == ()
    apply(project, APPROVE_ALL)
    destroy(project, APPROVE_ALL)
    last, first = history(project)
    assert (last.number, last.command, last.outcome) == (2, "destroy", "done")
    assert [(each.key, each.verb) for each in first.resources] == [
        (Key("Workflow", "nightly"), "create")
    ]
    assert history(project, resource=Key("Workflow", "nightly"), limit=1) == (last,)
    assert history(project, resource="Workflow/other") == ()
    assert history(project, since=timedelta(minutes=1)) == (last, first)
    assert history(project, since=datetime.now(UTC) + timedelta(days=3650)) == ()


def test_manifests_are_checked_and_rendered_offline(folder: Path, project: Project) -> None:
    assert [str(key) for key in load(project, ["team=retail"]).chosen] == ["Workflow/nightly"]
    assert "https://example.com/one" in render(project).texts[0].text
    with pytest.raises(SelectorEmpty):
        load(project, ["team=wholesale"])
    (folder / "m/flow.yaml").write_text(FLOW.replace("spec:", "sepc:"), encoding="utf-8")
    with pytest.raises(ManifestsInvalid) as caught:
        validate(project)
    assert caught.value.diagnostics[0].locations[0].file == "m/flow.yaml"


def test_warnings_are_in_the_result_or_first_in_the_error(folder: Path) -> None:
    (folder / "p.yaml").write_text("path: two\nunused: 1\n", encoding="utf-8")
    project = Project.open(folder, "local", parameter_files=["p.yaml"])
    assert [d.code for d in validate(project).diagnostics] == ["parameters/unused"]
    assert [d.code for d in plan(project).diagnostics] == ["parameters/unused"]
    done = apply(project, APPROVE_ALL)
    assert [d.code for d in done.diagnostics] == ["parameters/unused"]
    (folder / "m/flow.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ManifestsInvalid) as caught:
        plan(project)
    assert [d.code for d in caught.value.diagnostics][-1] == "source/empty"


def test_values_that_are_no_text_reach_templates(folder: Path) -> None:
    (folder / "m/flow.yaml").write_text(
        FLOW.replace("{{ path }}", "{{ paths | join('/') }}"), encoding="utf-8"
    )
    project = Project.open(folder, "local", parameters={"paths": ["a", "b"], "none": None})
    assert "https://example.com/a/b" in render(project).texts[0].text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (PlanOptions(prune=True, select=("Image",)), "--prune and --select exclude each other"),
        (PlanOptions(prune=True), "--prune and -f exclude each other"),
    ],
)
def test_options_that_exclude_each_other_are_refused(
    folder: Path, options: PlanOptions, told: str
) -> None:
    (folder / "m/image.yaml").write_text(IMAGE, encoding="utf-8")
    project = open_with(folder, manifests=["m"])
    with pytest.raises(UsageError, match=told if "-f" in told else "exclude each other"):
        plan(project, options)


def test_nothing_declared_is_no_wish(folder: Path, project: Project) -> None:
    (folder / "m/flow.yaml").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(GuardRefused):
        plan(Project.open(folder, "local"))


def test_a_project_of_a_user_is_tested_on_the_emulator(folder: Path) -> None:
    """The pytest plugin and the API together, in a process of their own."""
    (folder / "test_shop.py").write_text(
        "from peakctl import APPROVE_ALL, Project, apply, plan\n\n\n"
        "def test_it_is_right_after_one_apply(peak_emulator):\n"
        "    project = Project.open(parameters={'path': 'x'})\n"
        "    assert apply(project, APPROVE_ALL).ok\n"
        "    assert not plan(project).has_changes\n"
        "    sent = [r['path'] for r in peak_emulator.requests if r['method'] == 'POST']\n"
        "    assert any(path.endswith('/workflows/') for path in sent)\n",
        encoding="utf-8",
    )
    (folder / "peakctl.yaml").write_text("project: shop\nmanifests: [m]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert "1 passed" in done.stdout, done.stdout


def test_the_examples_of_the_page_are_python() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs/python.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    assert blocks
    for block in blocks:
        ast.parse(block)
        for name in imported(block):
            assert hasattr(__import__("peakctl"), name), name


def imported(block: str) -> list[str]:
    nodes = (n for n in ast.walk(ast.parse(block)) if isinstance(n, ast.ImportFrom))
    return [alias.name for n in nodes if n.module == "peakctl" for alias in n.names]


def test_the_first_example_of_the_page_runs(folder: Path) -> None:
    page = (Path(__file__).resolve().parents[1] / "docs/python.md").read_text("utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    (folder / "m/flow.yaml").write_text(FLOW.replace("{{ path }}", "x"), encoding="utf-8")
    (folder / "example.py").write_text(
        example.replace('environment="dev"', 'environment="local"'), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "create Workflow/nightly",
        "Workflow/nightly done",
    ], done.stderr


def test_results_are_told_as_json_by_the_caller(project: Project) -> None:
    done = apply(project, APPROVE_ALL)
    rows = [{"key": str(o.key), "status": o.status, "took": o.took} for o in done.outcomes]
    assert json.loads(json.dumps(rows))[0]["status"] == "done"


def test_a_project_is_made_from_python(tmp_path: Path) -> None:
    made = init(tmp_path / "new", template="minimal")
    assert made.project == "new"
    assert plan(Project.open(made.folder)).has_changes


FAILING_IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: forecast}
spec:
  type: workflow
  buildDetails:
    source: dockerfile
    dockerfile: |
      FROM python:3.12
      RUN exit 3
"""


def test_the_log_of_the_last_failed_build_is_had_again(folder: Path) -> None:
    (folder / "m/image.yaml").write_text(FAILING_IMAGE, encoding="utf-8")
    project, key = open_with(folder), Key("Image", "forecast")
    (failed,) = [o for o in apply(project, APPROVE_ALL).outcomes if o.key == key]
    assert failed.status is Status.FAILED
    found = build_log(project, key, failed=True)
    assert failed.failure is not None
    assert (found.build, found.version, found.status) == ("1", "0.0.1", "failed")
    assert found.lines == failed.failure.log
    assert build_log(project, key, "0.0.1") == found
    with pytest.raises(PeakctlError, match="there is no build of version"):
        build_log(project, key, "0.0.2")
    with pytest.raises(PeakctlError, match="there is no failed build"):
        build_log(project, Key("Image", "other"), failed=True)
    with pytest.raises(UsageError, match='there is no kind "Picture"'):
        build_log(project, Key("Picture", "forecast"))


def test_workflows_are_run_and_looked_at(folder: Path) -> None:
    flow = Key("Workflow", "hourly")
    (folder / "m/hourly.yaml").write_text(
        "apiVersion: peakctl/v1\nkind: Workflow\nmetadata: {name: hourly}\n"
        "spec: {steps: {a: {type: sql, sqlQueryPath: q.sql}}}\n",
        encoding="utf-8",
    )
    project = open_with(folder)
    assert apply(project, APPROVE_ALL).ok
    with pytest.raises(PeakctlError, match="has not run yet"):
        execution(project, flow)
    heard: list[object] = []
    done = run(project, flow, RunOptions(steps=("a",)), emit=heard.append)
    assert (done.ok, done.ended, len(heard) >= 2) == (True, Ended.SUCCESS, True)
    (listed,) = executions(project, flow, limit=5)
    assert execution(project, id=listed.id).steps[0].name == "a"
    found = logs(project, flow, LogOptions(step="a", tail=1))
    assert [line.text for line in found.lines] == ["Done"]
    assert pause(project, flow).changed
    assert not pause(project, flow).changed
    assert resume(project, flow).status == "Available"
    with pytest.raises(UsageError, match="no workflow and no id"):
        execution(project)
    with pytest.raises(UsageError, match="no call that redeploys"):
        redeploy(project, flow)
    with pytest.raises(PeakctlError, match='no Service named "api"'):
        check_service(project, HealthCheck("api"))


def test_a_run_that_is_stopped_says_so(project: Project) -> None:
    stop = Stop()
    done = apply(
        project, APPROVE_ALL, stop=stop, emit=lambda e: stop.request() if is_carry_out(e) else None
    )
    assert [o.status for o in done.outcomes] == [Status.CANCELLED]
    assert (done.interrupted, str(done.stopped), done.ok) == (True, "interrupted", False)
    assert show_ledger(project).ledger.runs[-1].outcome == "interrupted"
    whole = apply(project, APPROVE_ALL)
    assert (whole.interrupted, whole.stopped) == (False, None)


def is_carry_out(event: object) -> bool:
    return isinstance(event, StageStarted) and type(event.stage).__name__ == "CarryOut"
