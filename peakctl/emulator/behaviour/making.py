"""Workflows and services that block deployments make, and their runs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from peakctl.emulator.behaviour.usage import VERSION, latest_ready, set_usage
from peakctl.emulator.parameters import put_values, with_defaults
from peakctl.emulator.services import FIELDS, usual_fields
from peakctl.emulator.times import stamp
from peakctl.emulator.workflow_shapes import mapped
from peakctl.emulator.workflows import add_workflow, drop_workflow, keep_document

if TYPE_CHECKING:
    from peakctl.emulator.options import Options
    from peakctl.emulator.rows import Body, Row, Transaction


def make_resource(tx: Transaction, row: Row, release: Row) -> None:
    """Make what the block describes, or bring it up to its release."""
    build = with_defaults(
        release.body["parameters"], "build", row.body["parameters"].get("build") or {}
    )
    config = put_values(release.body["config"], build)
    made = _make_workflow(tx, row, config) if "steps" in config else _make_service(tx, row, config)
    row.body["resources"] = [{"kind": row.body["kind"], "name": made.name, "id": made.id}]
    tx.save(row)


def _existing(tx: Transaction, row: Row, kind: str) -> Row | None:
    ids = [resource["id"] for resource in row.body.get("resources") or ()]
    return tx.get(kind, ids[0]) if ids else None


def _make_workflow(tx: Transaction, row: Row, config: Body) -> Row:
    document = {
        "name": row.name,
        "steps": {name: _step(row, config, name, step) for name, step in config["steps"].items()},
        "triggers": config.get("triggers") or [],
        "watchers": config.get("watchers") or [],
        "tags": [],
    }
    existing = _existing(tx, row, "workflow")
    if existing is None:
        return add_workflow(tx, document, owner=row.id)
    keep_document(tx, existing, document)
    return existing


def _step(row: Row, config: Body, name: str, step: Body) -> Body:
    kept = {k: v for k, v in step.items() if k not in ("image", "imageRef", "imageDetails")}
    details = mapped(step.get("imageDetails"))
    if details:
        return {**kept, "imageId": details["id"], "imageVersionId": details.get("versionId")}
    image = mapped(step.get("image") or (config.get("images") or {}).get(step.get("imageRef")))
    if not image and not step.get("imageRef"):
        return kept
    return {**kept, "imageName": f"{row.name}-{name}", "imageVersion": image.get("version")}


def _make_service(tx: Transaction, row: Row, config: Body) -> Row:
    body: Body = {k: v for k, v in config.items() if k in FIELDS and k != "imageDetails"}
    body["imageDetails"] = _image(tx, mapped(config.get("imageDetails")))
    service = _existing(tx, row, "service")
    if service is None:
        name = row.name if not tx.named(("service",), row.name) else f"{row.name}-{row.id[:4]}"
        service = tx.add("service", {"turn": 0, "owner": row.id, "webapp": False}, name=name)
    service.body.update({**usual_fields(tx, config.get("serviceType")), **body})
    service.status, service.facet = "AVAILABLE", config.get("serviceType") or "web-app"
    tx.touch(service)
    version = (body["imageDetails"] or {}).get("versionId")
    set_usage(tx, service, [version] if version is not None else [])
    return service


def _image(tx: Transaction, details: Any) -> Body | None:
    if not details:
        return None
    version = tx.get(VERSION, details.get("versionId")) or latest_ready(tx, str(details["id"]))
    return {"imageId": details["id"], "versionId": version.number if version else None}


def drop_resources(tx: Transaction, row: Row) -> None:
    """Deleting a deployment deletes what it made."""
    for resource in row.body.get("resources") or ():
        made = tx.get(resource["kind"], resource["id"])
        if made is not None and made.kind == "workflow":
            drop_workflow(tx, made)
        elif made is not None:
            set_usage(tx, made, ())
            tx.drop(made)


def run_resource(tx: Transaction, options: Options, row: Row) -> str | None:
    """Execute the workflow of a block; services have nothing to run. The answer is an id."""
    workflow = _existing(tx, row, "workflow") if row.body["kind"] == "workflow" else None
    return start_execution(tx, options, workflow, {}).id if workflow else None


def start_execution(tx: Transaction, options: Options, row: Row, asked: Body) -> Row:
    """A run of a workflow; fails when a command is `false` or `exit N`."""
    wanted = [step["stepName"] for step in asked.get("stepsToRun") or ()] or list(row.body["steps"])
    commands = {name: str(row.body["steps"][name].get("command")) for name in wanted}
    fails = [
        n for n, c in commands.items() if c == "false" or (c.startswith("exit ") and c != "exit 0")
    ]
    run = tx.add(
        "execution",
        {
            "steps": wanted,
            "failing": fails[0] if fails else None,
            "succeeds": not fails,
            "ends": tx.now + options.deploy_seconds,
            "finishedAt": None,
        },
        key=str(uuid.uuid4()),
        parent=row.id,
        status="Running",
    )
    if row.status != "Running":
        row.body["resting"] = row.status
    row.status = "Running"
    row.body["lastExecution"] = {
        "executionId": run.id, "executedAt": stamp(tx.now), "status": "Running", "rerunId": None,
    }  # fmt: skip
    tx.save(row)
    tx.schedule(options.deploy_seconds, "execution-done", id=run.id)
    return run
