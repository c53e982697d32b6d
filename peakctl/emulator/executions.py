"""Runs of workflows and their logs (contract, rows 34-38 and 95)."""

from __future__ import annotations

from typing import Any

from peakctl.emulator.behaviour.making import start_execution
from peakctl.emulator.calls import Answer, Call, Endpoint
from peakctl.emulator.image_calls import page_of, since
from peakctl.emulator.listing import Listing, answer_page, one_of
from peakctl.emulator.problems import Problem, conflict, invalid, not_found
from peakctl.emulator.rows import Body, Row, Where
from peakctl.emulator.shapes import LINE, anything, check, flag, items, mapping, record
from peakctl.emulator.times import stamp
from peakctl.emulator.workflows import ROOT, RUN_STATUSES

LIST = Listing(("execution",), "executions", "executionsCount", order="seq DESC")
EXECUTE = record(
    {},
    {
        "params": record({}, {"global": mapping(anything), "stepWise": mapping(mapping(anything))}),
        "stepsToRun": items(record({"stepName": LINE}, {"runDAG": flag})),
    },
)
QUEUE = 10


def execute(call: Call) -> Body:
    """Row 34. One run at a time, unless the workflow allows more; then up to a full queue."""
    row = call.tx.require("workflow", call.params["id"])
    body = call.record()
    check(EXECUTE, body)
    steps = row.body["steps"]
    asked = [step["stepName"] for step in body.get("stepsToRun") or ()]
    named = [*asked, *((body.get("params") or {}).get("stepWise") or {})]
    for name in named:
        if name not in steps:
            raise invalid("stepsToRun" if name in asked else "params.stepWise", f"no step {name}")
    _refuse_busy(call, row)
    return {"executionId": start_execution(call.tx, call.options, row, body).id}


def _refuse_busy(call: Call, row: Row) -> None:
    if row.status == "Paused":
        raise conflict(f"status: workflow {row.name} is paused")
    running = call.tx.count(
        ("execution",), (Where("parent = ?", (row.id,)), Where("status = 'Running'"))
    )
    many = (row.body.get("metadata") or {}).get("allowConcurrentExecution")
    if running and not many:
        raise conflict(f"status: workflow {row.name} is running")
    if running >= QUEUE:
        raise Problem(429, "the queue of this workflow is full")


def _shown(row: Row) -> Body:
    end = row.updated if row.body["finishedAt"] else None
    return {
        "executionId": row.id,
        "status": row.status,
        "duration": None if end is None else f"{end - row.created:.0f}s",
        "executedAt": stamp(row.created),
    }


def list_all(call: Call) -> Body:
    """Row 35."""
    row = call.tx.require("workflow", call.params["id"])
    where = [
        Where("parent = ?", (row.id,)),
        *one_of(call, "statuses", "status", RUN_STATUSES),
        *since(call, "created"),
    ]
    page = answer_page(call, LIST, where, _shown)
    count = call.ask("count") or ""
    if count.isdecimal():
        page["executions"] = page["executions"][: int(count)]
    return {**page, "workflowId": row.number}


def _find(call: Call) -> Row:
    call.tx.require("workflow", call.params["id"])
    run = call.tx.get("execution", call.params["run"])
    if run is None or run.parent != call.params["id"]:
        raise not_found("execution", call.params["run"])
    return run


def _step_status(run: Row, name: str) -> str:
    if run.status in ("Running", "Success"):
        return run.status
    order: list[str] = run.body["steps"]
    failed = order.index(run.body["failing"])
    if order.index(name) == failed:
        return "Failed"
    return "Success" if order.index(name) < failed else "Skipped"


def describe(call: Call) -> Body:
    """Row 36."""
    run = _find(call)
    workflow = call.tx.require("workflow", run.parent)
    return {
        "status": run.status,
        "runId": run.id,
        "executedAt": stamp(run.created),
        "finishedAt": run.body["finishedAt"],
        "steps": [
            {**_step(run, name, workflow), **_node(call, run, name)} for name in run.body["steps"]
        ],
    }


def _node(call: Call, run: Row, name: str) -> Body:
    """Where a spoke keeps the log of a step; the client asks row 95 for it."""
    return {"nodeId": f"{run.id}/{name}"} if call.options.spoke_domain else {}


def _step(run: Row, name: str, workflow: Row) -> Body:
    step = workflow.body["steps"].get(name) or {}
    return {
        "name": name,
        "status": _step_status(run, name),
        "startedAt": stamp(run.created),
        "finishedAt": run.body["finishedAt"],
        "stepType": step.get("type", "standard"),
        "image": step.get("imageId"),
        "output": None,
    }


def _lines(run: Row, name: str) -> tuple[str, list[dict[str, Any]]]:
    """(status of the step, its log)."""
    if name not in run.body["steps"]:
        raise invalid("stepName", f"{name!r} is not a step of this run")
    status = _step_status(run, name)
    words = ["Preparing the step", f"Running {name}"]
    if status == "Failed":
        words.append("The command ended with exit code 1")
    if status == "Success":
        words.append("Done")
    begun = int(run.created * 1000)
    return status, [{"timestamp": begun + n, "message": word} for n, word in enumerate(words)]


def logs(call: Call) -> Body:
    """Row 37."""
    status, lines = _lines(_find(call), call.ask("stepName") or "")
    return {"stepRunStatus": status, **page_of(call, lines)}


def download_logs(call: Call) -> Body:
    """Row 38."""
    run = _find(call)
    _lines(run, call.ask("stepName") or "")
    place = f"{run.tenant}/{run.parent}/{run.id}.log?stepName={call.ask('stepName')}"
    return {"downloadUrl": f"{call.base}/files/runs/{place}"}


def read_log_file(call: Call) -> Answer:
    """What a downloadUrl leads to; needs no token."""
    tx = call.tx.at(call.params["tenant"], call.tx.now)
    run = tx.require("execution", call.params["run"])
    text = "".join(f"{line['message']}\n" for line in _lines(run, call.ask("stepName") or "")[1])
    return Answer(text.encode(), headers=(("Content-Type", "text/plain; charset=utf-8"),))


def spoke_logs(call: Call) -> Body:
    """Row 95. The client has no endTime as long as the step runs."""
    for name in ("logSource", "startTime"):
        if not call.ask(name):
            raise invalid(name, "is required")
    key, _, step = (call.ask("logSource") or "").partition("/")
    run = call.tx.get("execution", key)
    status, lines = _lines(run, step) if run else ("Success", [])
    return {"stepRunStatus": status, **page_of(call, lines)}


ONE = ROOT + "{id}/executions/{run}"
ENDPOINTS = (
    Endpoint("POST", ROOT + "{id}/execute", execute),
    Endpoint("GET", ROOT + "executions/{id}", list_all),
    Endpoint("GET", ONE, describe),
    Endpoint("GET", ONE + "/logs", logs),
    Endpoint("GET", ONE + "/logs/download", download_logs),
    Endpoint("GET", "/files/runs/{tenant}/{id}/{run}.log", read_log_file, is_open=True),
    Endpoint("GET", "/service/spoke/api/v1/logs/workflow", spoke_logs, newer=True),
)
