"""Workflows (contract, rows 29-33, 41, 42 and section 3.7)."""

from __future__ import annotations

import uuid
from typing import Any

from peakctl.emulator.behaviour.usage import VERSION, latest_ready, set_usage
from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.instance_types import usual_resources
from peakctl.emulator.listing import Listing, answer_page, containing, one_of
from peakctl.emulator.problems import conflict, invalid
from peakctl.emulator.rows import AUTHOR, Body, Row, Transaction
from peakctl.emulator.shapes import LINE, TAGS, check, flag, mapping, record, whole
from peakctl.emulator.times import stamp
from peakctl.emulator.workflow_shapes import (
    RETRY,
    check_steps,
    check_triggers,
    check_watchers,
    mapped,
)

ROOT = "/service/workflows/api/v1/workflows/"
LIST = Listing(("workflow",), "workflows", "workflowsCount")
STATUSES = ("Draft", "Running", "Available", "Paused")
RUN_STATUSES = ("Success", "Running", "Stopped", "Stopping", "Failed")
LAST_RUN = "json_extract(body, '$.lastExecution.status')"
AUTHOR_COLUMN = f"'{AUTHOR}'"
WORKFLOW = record(
    {"name": LINE, "steps": mapping(record({}, {}))},
    {
        "tags": TAGS,
        "retryOptions": RETRY,
        "metadata": record({}, {"allowConcurrentExecution": flag}),
    },
)
STANDARD = record({"imageId": whole(), "command": LINE}, {"imageVersionId": whole()})
# Keys that a standard step always has when it is read, null when they were not given. The client's
# `patch` looks into repository and parameters whenever they are there, so they are never null.
READ_STEP = (
    "imageId", "imageVersionId", "command", "clearImageCache", "stepTimeout",
    "outputParameters", "executionParameters", "runConfiguration",
)  # fmt: skip


def read_document(call: Call) -> Body:
    """The whole workflow as sent, checked; images and versions exist."""
    body = call.record()
    check(WORKFLOW, body)
    check_steps(call.tx, body["steps"], "steps", STANDARD, lenient=False)
    check_triggers(body.get("triggers") or [], "triggers")
    check_watchers(body.get("watchers") or [], "watchers")
    for name, step in body["steps"].items():
        if step.get("imageId") is not None:
            _check_image(call.tx, step, f"steps.{name}")
    return body


def _check_image(tx: Transaction, step: Body, at: str) -> None:
    image = tx.get("image", step["imageId"])
    if image is None:
        raise invalid(f"{at}.imageId", f"image {step['imageId']} does not exist")
    wanted = step.get("imageVersionId")
    if wanted is None:
        return
    version = tx.get(VERSION, wanted)
    if version is None or version.parent != image.id:
        why = f"image {image.name} has no version with id {wanted}"
        raise invalid(f"{at}.imageVersionId", why)


def keep_document(tx: Transaction, row: Row, body: Body) -> None:
    """Replace all that a client controls; what is left out is gone."""
    row.name = body["name"]
    row.body.update(
        steps={name: _step_kept(tx, step) for name, step in body["steps"].items()},
        triggers=_triggers_kept(body.get("triggers") or [], row.body.get("triggers") or []),
        watchers=body.get("watchers") or [],
        tags=body.get("tags") or [],
        retryOptions=body.get("retryOptions"),
        metadata=body.get("metadata"),
    )
    tx.touch(row)
    set_usage(tx, row, _versions_used(tx, row.body["steps"]))


def _step_kept(tx: Transaction, step: Body) -> Body:
    kept = {key: value for key, value in step.items() if value is not None}
    resources = {**usual_resources(tx), **(kept.get("resources") or {})}
    return {"type": "standard", "parents": [], **kept, "resources": resources}


def _triggers_kept(sent: list[Body], before: list[Body]) -> list[Body]:
    """A webhook keeps its id with webhookPolicy preserve alone (contract, section 3.7)."""
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


def add_workflow(tx: Transaction, body: Body, **more: Any) -> Row:
    row = tx.add(
        "workflow",
        {"lastExecution": {}, **more},
        key=str(tx.number("workflow")),
        status="Available",
    )
    keep_document(tx, row, body)
    return row


def _made(row: Row) -> Body:
    return {"id": row.number, "triggers": row.body["triggers"]}


def create(call: Call) -> Body:
    """Row 30."""
    return _made(add_workflow(call.tx, read_document(call)))


def update(call: Call) -> Body:
    """Row 32."""
    row = _idle(call)
    keep_document(call.tx, row, read_document(call))
    return _made(row)


def _idle(call: Call) -> Row:
    row = call.tx.require("workflow", call.params["id"])
    if row.status == "Running":
        raise conflict(f"status: workflow {row.name} is running")
    return row


def delete(call: Call) -> Body:
    """Row 33."""
    row = _idle(call)
    if row.body.get("owner"):
        raise conflict(f"{row.name} belongs to deployment {row.body['owner']}")
    drop_workflow(call.tx, row)
    return {}


def drop_workflow(tx: Transaction, row: Row) -> None:
    set_usage(tx, row, ())
    for execution in tx.children("execution", row.id):
        tx.drop(execution)
    tx.drop(row)


def _item_shown(row: Row) -> Body:
    return {
        "id": row.number,
        "name": row.name,
        "status": row.status,
        "createdAt": stamp(row.created),
        "updatedAt": stamp(row.updated),
        "triggers": row.body["triggers"],
        "lastExecution": row.body["lastExecution"],
        "tags": row.body["tags"],
    }


def list_all(call: Call) -> Body:
    """Row 29."""
    where = [
        *containing(call, "searchTerm", "name"),
        *one_of(call, "workflowStatus", "status", STATUSES),
        *one_of(call, "lastExecutionStatus", LAST_RUN, RUN_STATUSES),
        *one_of(call, "lastModifiedBy", AUTHOR_COLUMN),
    ]
    return answer_page(call, LIST, where, _item_shown)


def describe(call: Call) -> Body:
    """Row 31. The read shape is not the write shape (section 3.7)."""
    row = call.tx.require("workflow", call.params["id"])
    body = row.body
    answer = {
        **_item_shown(row),
        "steps": {name: _step_shown(call.tx, step) for name, step in body["steps"].items()},
        "watchers": body["watchers"],
    }
    if call.options.full_reads:
        answer.update(retryOptions=body["retryOptions"], metadata=body["metadata"])
    return answer


def _step_shown(tx: Transaction, step: Body) -> Body:
    shown = dict(step)
    if step["type"] == "standard":
        shown = {**dict.fromkeys(READ_STEP), **step, **_image_names(tx, step)}
    parameters = mapped(step.get("parameters"))
    if parameters:
        env = [{key: value} for key, value in mapped(parameters.get("env")).items()]
        shown["parameters"] = {**parameters, "env": env}
    if mapped(step.get("repository")):
        shown["repository"] = {**step["repository"], "token": ""}
    return shown


def _image_names(tx: Transaction, step: Body) -> Body:
    if step.get("imageId") is None:
        return {"imageName": step.get("imageName"), "imageVersion": step.get("imageVersion")}
    image = tx.get("image", step["imageId"])
    version = tx.get(VERSION, step.get("imageVersionId"))
    return {
        "imageName": image.name if image else None,
        "imageVersion": version.name if version else None,
    }


def pause(call: Call) -> Body:
    """Row 41."""
    return _switch(call, "Available", "Paused")


def resume(call: Call) -> Body:
    """Row 42."""
    return _switch(call, "Paused", "Available")


def _switch(call: Call, before: str, after: str) -> Body:
    row = call.tx.require("workflow", call.params["id"])
    if row.status != before:
        raise conflict(f"status: workflow {row.name} is {row.status}, not {before}")
    row.status = after
    call.tx.touch(row)
    return {}


ENDPOINTS = (
    Endpoint("GET", ROOT, list_all),
    Endpoint("POST", ROOT, create, 201),
    Endpoint("GET", ROOT + "{id}", describe),
    Endpoint("PUT", ROOT + "{id}", update),
    Endpoint("DELETE", ROOT + "{id}", delete),
    Endpoint("POST", ROOT + "{id}/pause", pause, newer=True),
    Endpoint("POST", ROOT + "{id}/resume", resume, newer=True),
)
