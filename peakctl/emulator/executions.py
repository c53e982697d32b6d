"""Runs of workflows and their logs."""

from __future__ import annotations

from peakctl.emulator import schemas as s
from peakctl.emulator.builds import log_file, log_page
from peakctl.emulator.calls import Answer, Call, Operations
from peakctl.emulator.listing import Listing, dates, one_of
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
    bounded=True, filters=(one_of("statuses", "status", RUN_STATUSES), *dates()),
)  # fmt: skip
STEP = s.record(
    {**s.texts("name", "status", "startedAt", "stepType"), "finishedAt": s.nullable(s.TEXT)}
)
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
    return {"executionId": start_execution(call.tx, row, asked).id}


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


def _fails(step: Body) -> bool:
    command = str(step.get("command"))
    return command == "false" or (command.startswith("exit ") and command != "exit 0")


def start_execution(tx: Transaction, row: Row, asked: list[str]) -> Row:
    """A run of some or all steps; fails where a command is `false` or `exit N`."""
    wanted = asked or list(row.body["steps"])
    failing = next((name for name in wanted if _fails(row.body["steps"][name])), None)
    succeeds = failing is None
    body = {"steps": wanted, "failing": failing, "succeeds": succeeds, "finishedAt": None}
    run = tx.add("execution", body, parent=row.id, status="Running")
    if row.status != "Running":
        row.body["resting"] = row.status
    row.status = "Running"
    row.body["lastExecution"] = {
        "executionId": run.id, "executedAt": stamp(tx.now), "status": "Running", "rerunId": None,
    }  # fmt: skip
    tx.save(row)
    tx.schedule(tx.options.deploy_seconds, "execution-done", id=run.id)
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


def _step_status(run: Row, name: str) -> str:
    if run.status in ("Running", "Success"):
        return run.status
    order: list[str] = run.body["steps"]
    failed = order.index(run.body["failing"])
    if order.index(name) == failed:
        return "Failed"
    return "Success" if order.index(name) < failed else "Skipped"


@RUNS(
    "GET", "{id}/executions/{run}", "Describe a run",
    answer=s.record({**DESCRIBED.fields, "steps": s.items(STEP)}),
)  # fmt: skip
def describe(call: Call) -> Body:
    run, steps = call.find_child("execution", "run"), call.find().body["steps"]
    spoke = bool(call.options.spoke_domain)
    shown = [
        _step_shown(run, name, steps.get(name) or {}, spoke=spoke) for name in run.body["steps"]
    ]
    return {**DESCRIBED(run), "steps": shown}


def _step_shown(run: Row, name: str, step: Body, *, spoke: bool) -> Body:
    """One step of a run; a spoke keeps its log under the `nodeId`."""
    return {
        "name": name, "status": _step_status(run, name), "startedAt": stamp(run.created),
        "finishedAt": run.body["finishedAt"], "stepType": step.get("type", "standard"),
        "image": step.get("imageId"), "output": None,
        **({"nodeId": f"{run.id}/{name}"} if spoke else {}),
    }  # fmt: skip


def _log(run: Row, name: str | None) -> tuple[str, list[Body]]:
    """(status of the step, its log)."""
    if name not in run.body["steps"]:
        raise invalid("stepName", f"{name or ''!r} is not a step of this run")
    status = _step_status(run, str(name))
    words = ["Preparing the step", f"Running {name}"]
    ends = {"Failed": "The command ended with exit code 1", "Success": "Done"}
    words += [ends[status]] if status in ends else []
    begun = int(run.created * 1000)
    return status, [{"timestamp": begun + n, "message": word} for n, word in enumerate(words)]


@RUNS(
    "GET", "{id}/executions/{run}/logs", "Read the log of a step", answer=LOG,
    query={"stepName": s.LINE, "nextToken": s.TEXT}, needs=("stepName",),
)  # fmt: skip
def read_log(call: Call) -> Body:
    status, lines = _log(call.find_child("execution", "run"), call.ask("stepName"))
    return {"stepRunStatus": status, **log_page(call, lines)}


@RUNS(
    "GET", "{id}/executions/{run}/logs/download", "Where the log of a step can be fetched",
    answer=s.record({"downloadUrl": s.TEXT}), **OF_STEP,
)  # fmt: skip
def locate_log(call: Call) -> Body:
    run, step = call.find_child("execution", "run"), call.ask("stepName")
    _log(run, step)
    place = f"{run.tenant}/{run.parent}/{run.id}.log?stepName={step}"
    return {"downloadUrl": f"{call.base}/files/runs/{place}"}


@FILES(
    "GET", "{tenant}/{id}/{run}.log", "The log of a step as a file; needs no token", answer=None,
    **OF_STEP,
)  # fmt: skip
def read_log_file(call: Call) -> Answer:
    tx = call.tx.at(call.params["tenant"], call.tx.now)
    return log_file(_log(tx.require("execution", call.params["run"]), call.ask("stepName"))[1])


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
    status, lines = _log(run, step) if run else ("Success", [])
    return {"stepRunStatus": status, **log_page(call, lines)}
