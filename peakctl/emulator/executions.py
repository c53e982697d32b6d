"""Runs of workflows and their logs."""

from __future__ import annotations

from graphlib import TopologicalSorter

from peakctl.emulator import schemas as s
from peakctl.emulator.builds import check_kept, log_file, log_page, rehearse_command
from peakctl.emulator.calls import Answer, Call, Operations
from peakctl.emulator.listing import DATES, Listing, one_of
from peakctl.emulator.problems import Problem, conflict, invalid
from peakctl.emulator.rows import Body, Row, Transaction, Where, due, stamp
from peakctl.emulator.views import ID, NULLABLE, STATUS, Field, View, stored, time
from peakctl.emulator.workflows import OPERATIONS as WORKFLOWS
from peakctl.emulator.workflows import RUN_STATUSES
from peakctl.model import JsonDict

RUNS = Operations(dict(WORKFLOWS.roots))
FILES = Operations({"execution": "/files/runs/"}, is_open=True)
SPOKE = Operations({"execution": "/service/spoke/api/v1/logs/"}, newer=True)


def _duration(row: Row) -> str | None:
    return f"{row.updated - row.created:.0f}s" if row.body["finishedAt"] else None


ITEM = View(
    executionId=ID, status=STATUS, duration=Field(NULLABLE, _duration), executedAt=time("created")
)
DESCRIBED = View(
    status=STATUS, runId=ID, executedAt=time("created"), finishedAt=stored("finishedAt", NULLABLE)
)
ALL = Listing(
    "executions", "executionsCount", ITEM, ("execution",), order="seq DESC", parent="id",
    bounded=True, filters=(one_of("statuses", "status", RUN_STATUSES), *DATES),
)  # fmt: skip
STEP = s.record({
    **s.texts("name", "status", "stepType"),
    **dict.fromkeys(("startedAt", "finishedAt"), s.nullable(s.TEXT)),
})  # fmt: skip
LOG = s.record({
    "stepRunStatus": s.TEXT, "logs": s.items(s.record({"timestamp": s.WHOLE, "message": s.TEXT})),
    "nextToken": s.TEXT,
})  # fmt: skip
OF_STEP: JsonDict = {"query": {"stepName": s.LINE}, "needs": ("stepName",)}
VALUES = s.mapping(s.ANYTHING)
QUEUE = 10


@RUNS(
    "POST", "{id}/execute", "Run a workflow", also=(429,), answer=s.record({"executionId": s.TEXT}),
    body=s.optional(
        params=s.record({}, {"global": VALUES, "stepWise": s.mapping(VALUES)}),
        stepsToRun=s.items(s.record({"stepName": s.LINE}, {"runDAG": s.FLAG})),
    ),
)  # fmt: skip
def execute(call: Call) -> Body:
    """One run at a time, unless the workflow allows more; then up to a full queue."""
    row = call.find()
    body = call.checked()
    asked = [step["stepName"] for step in body.get("stepsToRun") or ()]
    for name in (*asked, *((body.get("params") or {}).get("stepWise") or {})):
        if name not in row.body["steps"]:
            raise invalid("stepsToRun" if name in asked else "params.stepWise", f"no step {name}")
    _refuse_busy(call.tx, row)
    return {"executionId": start_execution(call.tx, row, _chosen(row, body)).id}


def _chosen(row: Row, body: Body) -> list[str]:
    """The steps that are asked for, with those that depend on them where `runDAG` says so."""
    steps, asked = row.body["steps"], body.get("stepsToRun") or ()
    chosen = {step["stepName"] for step in asked}
    growing = {step["stepName"] for step in asked if step.get("runDAG")}
    while growing:
        growing = {n for n, each in steps.items() if growing & {*(each.get("parents") or ())}}
        growing -= chosen
        chosen |= growing
    return [name for name in steps if name in chosen]


def _refuse_busy(tx: Transaction, row: Row) -> None:
    if row.status == "Paused":
        raise conflict(f"status: workflow {row.name} is paused")
    running = tx.count(
        ("execution",), (Where("parent = ?", (row.id,)), Where("status = 'Running'"))
    )
    many = (row.body.get("metadata") or {}).get("allowConcurrentExecution")
    if running and not many:
        raise conflict(f"status: workflow {row.name} is running")
    if running >= QUEUE:
        raise Problem(429, "the queue of this workflow is full")


def _rehearse(steps: Body, wanted: list[str], seconds: float) -> Body:
    """When each step starts and ends, in seconds from now, how, and what it writes when.

    A step begins when its parents have ended; it is skipped when one of them did not do well.
    """
    parents = {
        name: [p for p in steps[name].get("parents") or () if p in wanted] for name in wanted
    }
    depths: dict[str, int] = {}
    for name in TopologicalSorter(parents).static_order():
        depths[name] = 1 + max((depths[p] for p in parents[name]), default=0)
    length = seconds / max(depths.values(), default=1)
    played: Body = {}
    for name in depths:
        before = [played[parent] for parent in parents[name]]
        starts = max((each["ends"] for each in before), default=0.0)
        if any(each["status"] != "Success" for each in before):
            played[name] = {"starts": None, "ends": starts, "status": "Skipped", "lines": []}
            continue
        played[name] = _rehearse_step(name, steps[name], starts, length)
    return {name: played[name] for name in wanted}


def _rehearse_step(name: str, step: Body, starts: float, length: float) -> Body:
    """A step writes as its command says, and fails where that ends with another code than 0."""
    found = rehearse_command(str(step.get("command") or ""))
    end = f"The command ended with exit code {found.code}" if found.code else "Done"
    words = [(0.0, "Preparing the step"), (0.0, f"Running {name}"), *found.lines]
    lines = [
        [starts + slept + length * index / (len(words) + 1), text]
        for index, (slept, text) in enumerate(words)
    ]
    ends = starts + length + found.sleeps
    status = "Failed" if found.code else "Success"
    return {"starts": starts, "ends": ends, "status": status, "lines": [*lines, [ends, end]]}


def start_execution(tx: Transaction, row: Row, asked: list[str]) -> Row:
    """A run of some or all steps."""
    steps = row.body["steps"]
    played = _rehearse(steps, asked or list(steps), tx.options.execution_seconds)
    succeeds = all(each["status"] == "Success" for each in played.values())
    body = {"steps": played, "succeeds": succeeds, "finishedAt": None}
    run = tx.add("execution", body, parent=row.id, status="Running")
    if row.status != "Running":
        row.body["resting"] = row.status
    row.status = "Running"
    row.body["lastExecution"] = {
        "executionId": run.id, "executedAt": stamp(tx.now), "status": "Running", "rerunId": None,
    }  # fmt: skip
    tx.save(row)
    took = max((each["ends"] for each in played.values()), default=0.0)
    tx.schedule(took, "execution-done", id=run.id)
    return run


@due("execution-done", "execution")
def finish(tx: Transaction, run: Row) -> None:
    """A run of a workflow ends, and with it the workflow's Running."""
    if run.status != "Running":
        return
    run.body["finishedAt"] = stamp(tx.now)
    tx.set_status(run, "Success" if run.body["succeeds"] else "Failed")
    row = tx.get("workflow", run.parent)
    if row is None:
        return
    if row.body["lastExecution"].get("executionId") == run.id:
        row.body["lastExecution"]["status"] = run.status
    busy = any(other.status == "Running" for other in tx.children("execution", row.id))
    row.status = "Running" if busy else row.body.pop("resting", "Available")
    tx.save(row)


@RUNS("GET", "executions/{id}", "List runs", listing=ALL, answer=ALL.answer(workflowId=s.WHOLE))
def list_runs(call: Call) -> Body:
    return {**ALL.page(call), "workflowId": call.find().number}


def _step_status(run: Row, played: Body, now: float) -> str:
    """Pending until it begins, then Running; a step that is skipped never begins."""
    if now >= run.created + played["ends"]:
        return str(played["status"])
    started = played["starts"] is not None and now >= run.created + played["starts"]
    return "Running" if started else "Pending"


@RUNS(
    "GET", "{id}/executions/{run}", "Describe a run",
    answer=s.record({**DESCRIBED.fields, "steps": s.items(STEP)}),
)  # fmt: skip
def describe(call: Call) -> Body:
    run, steps = call.find_child("execution", "run"), call.find().body["steps"]
    spoke = bool(call.options.spoke_domain)
    shown = [
        _step_shown(run, name, steps.get(name) or {}, call.tx.now, spoke=spoke)
        for name in run.body["steps"]
    ]
    return {**DESCRIBED(run), "steps": shown}


def _step_shown(run: Row, name: str, step: Body, now: float, *, spoke: bool) -> Body:
    """One step of a run; a spoke keeps its log under the `nodeId`."""
    played = run.body["steps"][name]
    status = _step_status(run, played, now)
    started = played["starts"] is not None and status != "Pending"
    ended = started and status != "Running"
    return {
        "name": name, "status": status,
        "startedAt": stamp(run.created + played["starts"]) if started else None,
        "finishedAt": stamp(run.created + played["ends"]) if ended else None,
        "stepType": step.get("type", "standard"), "image": step.get("imageId"), "output": None,
        **({"nodeId": f"{run.id}/{name}"} if spoke else {}),
    }  # fmt: skip


def _log(call: Call, run: Row, name: str | None) -> tuple[str, list[Body]]:
    """(status of the step, its log so far)."""
    if name not in run.body["steps"]:
        raise invalid("stepName", f"{name or ''!r} is not a step of this run")
    check_kept(call, run.updated if run.body["finishedAt"] else None)
    played, now = run.body["steps"][name], call.tx.now
    lines = [
        {"timestamp": int((run.created + at) * 1000), "message": word}
        for at, word in played["lines"]
        if run.created + at <= now
    ]
    return _step_status(run, played, now), lines


@RUNS(
    "GET", "{id}/executions/{run}/logs", "Read the log of a step", answer=LOG,
    query={"stepName": s.LINE, "nextToken": s.TEXT}, needs=("stepName",),
)  # fmt: skip
def read_log(call: Call) -> Body:
    status, lines = _log(call, call.find_child("execution", "run"), call.ask("stepName"))
    return {"stepRunStatus": status, **log_page(call, lines)}


@RUNS(
    "GET", "{id}/executions/{run}/logs/download", "Where the log of a step can be fetched",
    answer=s.record({"downloadUrl": s.TEXT}), **OF_STEP,
)  # fmt: skip
def locate_log(call: Call) -> Body:
    run, step = call.find_child("execution", "run"), call.ask("stepName")
    _log(call, run, step)
    place = f"{run.tenant}/{run.parent}/{run.id}.log?stepName={step}"
    return {"downloadUrl": f"{call.base}/files/runs/{place}"}


@FILES(
    "GET", "{tenant}/{id}/{run}.log", "The log of a step as a file; needs no token", answer=None,
    **OF_STEP,
)  # fmt: skip
def read_log_file(call: Call) -> Answer:
    tx = call.tx.at(call.params["tenant"], call.tx.now)
    run = tx.require("execution", call.params["run"])
    return log_file(_log(call, run, call.ask("stepName"))[1])


@SPOKE(
    "GET", "workflow", "Read the log of a step on a spoke", answer=LOG,
    query={"logSource": s.LINE, "startTime": s.LINE, "nextToken": s.TEXT},
    needs=("logSource", "startTime"),
)  # fmt: skip
def read_spoke_log(call: Call) -> Body:
    """The client has no endTime as long as the step runs."""
    for name in ("logSource", "startTime"):
        if not call.ask(name):
            raise invalid(name, "is required")
    key, _, step = (call.ask("logSource") or "").partition("/")
    run = call.tx.get("execution", key)
    status, lines = _log(call, run, step) if run else ("Success", [])
    return {"stepRunStatus": status, **log_page(call, lines)}
