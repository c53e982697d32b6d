"""Workflows: created, described, replaced, paused and deleted."""

from __future__ import annotations

import uuid

from peakctl.emulator import configs
from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.image_usage import VERSION, find_image, latest_ready, set_usage
from peakctl.emulator.listing import Listing, containing, one_of
from peakctl.emulator.problems import conflict
from peakctl.emulator.rows import AUTHOR, Body, Row, Transaction
from peakctl.emulator.tenants import usual_resources
from peakctl.emulator.views import NAME, NUMBER, STATUS, View, stored, time

OPERATIONS = Operations({"workflow": "/service/workflows/api/v1/workflows/"})
STATUSES = ("Draft", "Running", "Available", "Paused")
RUN_STATUSES = ("Success", "Running", "Stopped", "Stopping", "Failed")
DOCUMENT = s.record(
    {"name": s.LINE, "steps": s.mapping(s.optional(**configs.SHARED))},
    {
        "tags": s.TAGS, "retryOptions": configs.RETRY, "triggers": configs.TRIGGERS,
        "watchers": configs.WATCHERS, "metadata": s.optional(allowConcurrentExecution=s.FLAG),
    },
)  # fmt: skip
STANDARD = s.record({"imageId": s.WHOLE, "command": s.LINE}, {"imageVersionId": s.WHOLE})
# Keys that a standard step always has when it is read, null when they were not given. The client's
# `patch` looks into repository and parameters whenever they are there, so they are never null.
READ_STEP = (
    "imageId", "imageVersionId", "command", "clearImageCache", "stepTimeout",
    "outputParameters", "executionParameters", "runConfiguration",
)  # fmt: skip
ITEM = View(
    id=NUMBER, name=NAME, status=STATUS, createdAt=time("created"), updatedAt=time("updated"),
    triggers=stored("triggers", s.LIST), lastExecution=stored("lastExecution", s.MAP),
    tags=stored("tags", s.LIST),
)  # fmt: skip
DESCRIBED = View(**ITEM, watchers=stored("watchers", s.LIST))
ONE = View(id=NUMBER, triggers=ITEM["triggers"])


def _read_document(call: Call) -> Body:
    """The whole workflow as sent, checked; images and versions exist."""
    body = call.checked()
    configs.check_steps(call.tx, body["steps"], "steps", STANDARD, lenient=False)
    configs.check_triggers(body.get("triggers") or [], "triggers")
    configs.check_watchers(body.get("watchers") or [], "watchers")
    for name, step in body["steps"].items():
        if step.get("imageId") is not None:
            at = f"steps.{name}"
            fields = (f"{at}.imageId", f"{at}.imageVersionId")
            find_image(call.tx, step["imageId"], step.get("imageVersionId"), fields)
    return body


def keep_document(tx: Transaction, row: Row, body: Body) -> None:
    """Replace all that a client controls; what is left out is gone."""
    row.name = body["name"]
    row.body.update(
        steps={name: _step_kept(tx, step) for name, step in body["steps"].items()},
        triggers=_triggers_kept(body.get("triggers") or [], row.body.get("triggers") or []),
        watchers=body.get("watchers") or [], tags=body.get("tags") or [],
        retryOptions=body.get("retryOptions"), metadata=body.get("metadata"),
    )  # fmt: skip
    tx.touch(row)
    set_usage(tx, row, _versions_used(tx, row.body["steps"]))


def _step_kept(tx: Transaction, step: Body) -> Body:
    kept = {key: value for key, value in step.items() if value is not None}
    resources = {**usual_resources(tx), **(kept.get("resources") or {})}
    return {"type": "standard", "parents": [], **kept, "resources": resources}


def _triggers_kept(sent: list[Body], before: list[Body]) -> list[Body]:
    """A webhook keeps its id with webhookPolicy preserve alone."""
    ids = iter([trigger["webhook"] for trigger in before if "webhook" in trigger])
    kept: list[Body] = []
    for trigger in filter(None, sent):
        if trigger.get("cron") is not None:
            kept.append({"cron": trigger["cron"], "scheduled": True})
            continue
        old = next(ids, None)
        preserved = trigger.get("webhookPolicy") == "preserve" and old
        kept.append({"webhook": preserved or trigger.get("webhookId") or str(uuid.uuid4())})
    return kept


def _versions_used(tx: Transaction, steps: dict[str, Body]) -> set[str]:
    used: set[str] = set()
    for step in steps.values():
        if step.get("imageVersionId") is not None:
            used.add(str(step["imageVersionId"]))
        elif step.get("imageId") is not None:
            latest = latest_ready(tx, str(step["imageId"]))
            used |= {latest.id} if latest else set()
    return used


def add_workflow(tx: Transaction, body: Body, **more: object) -> Row:
    kept = {"lastExecution": {}, **more}
    row = tx.add("workflow", kept, key=str(tx.number("workflow")), status="Available")
    keep_document(tx, row, body)
    return row


OPERATIONS.lists("", "List workflows", Listing(
    "workflows", "workflowsCount", ITEM,
    filters=(
        containing("searchTerm", "name"),
        one_of("workflowStatus", "status", STATUSES),
        one_of("lastExecutionStatus", "json_extract(body, '$.lastExecution.status')", RUN_STATUSES),
        one_of("lastModifiedBy", f"'{AUTHOR}'"),
    ),
))  # fmt: skip


@OPERATIONS(
    "POST", "", "Create a workflow", body=DOCUMENT, answer=ONE.schema, status=201,
    seeds=("workflow",),
)  # fmt: skip
def create(call: Call) -> Body:
    return ONE(add_workflow(call.tx, _read_document(call)))


@OPERATIONS(
    "GET", "{id}", "Describe a workflow", answer=s.record({**DESCRIBED.fields, "steps": s.MAP})
)
def describe(call: Call) -> Body:
    """The read shape is not the write shape."""
    row = call.find()
    steps = {name: _step_shown(call.tx, step) for name, step in row.body["steps"].items()}
    answer = {**DESCRIBED(row), "steps": steps}
    if call.options.full_reads:
        answer.update({key: row.body[key] for key in ("retryOptions", "metadata")})
    return answer


def _step_shown(tx: Transaction, step: Body) -> Body:
    shown = dict(step)
    if step["type"] == "standard":
        shown = {**dict.fromkeys(READ_STEP), **step, **_image_names(tx, step)}
    parameters = configs.mapped(step.get("parameters"))
    if parameters:
        env = [{key: value} for key, value in configs.mapped(parameters.get("env")).items()]
        shown["parameters"] = {**parameters, "env": env}
    if configs.mapped(step.get("repository")):
        shown["repository"] = {**step["repository"], "token": ""}
    return shown


def _image_names(tx: Transaction, step: Body) -> Body:
    if step.get("imageId") is None:
        return {"imageName": step.get("imageName"), "imageVersion": step.get("imageVersion")}
    image = tx.get("image", step["imageId"])
    version = tx.get(VERSION, step.get("imageVersionId"))
    return {"imageName": image and image.name, "imageVersion": version and version.name}


@OPERATIONS("PUT", "{id}", "Replace a workflow", body=DOCUMENT, answer=ONE.schema)
def update(call: Call) -> Body:
    row = _idle(call)
    keep_document(call.tx, row, _read_document(call))
    return ONE(row)


def _idle(call: Call) -> Row:
    row = call.find()
    if row.status == "Running":
        raise conflict(f"status: workflow {row.name} is running")
    return row


@OPERATIONS("DELETE", "{id}", "Delete a workflow")
def delete(call: Call) -> Body:
    row = _idle(call)
    if row.body.get("owner"):
        raise conflict(f"{row.name} belongs to deployment {row.body['owner']}")
    drop_workflow(call.tx, row)
    return {}


def drop_workflow(tx: Transaction, row: Row) -> None:
    set_usage(tx, row, ())
    tx.drop(row, "execution")


@OPERATIONS("POST", "{id}/pause", "Pause a workflow", newer=True)
def pause(call: Call) -> Body:
    return _switch(call, "Available", "Paused")


@OPERATIONS("POST", "{id}/resume", "Resume a workflow", newer=True)
def resume(call: Call) -> Body:
    return _switch(call, "Paused", "Available")


def _switch(call: Call, before: str, after: str) -> Body:
    row = call.find()
    if row.status != before:
        raise conflict(f"status: workflow {row.name} is {row.status}, not {before}")
    call.tx.set_status(row, after)
    return {}
