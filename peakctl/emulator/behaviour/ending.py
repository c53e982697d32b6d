"""How services, deletions and executions end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.emulator.behaviour.usage import VERSION, refresh_image, set_usage
from peakctl.emulator.times import stamp

if TYPE_CHECKING:
    from peakctl.emulator.options import Options
    from peakctl.emulator.rows import Body, Transaction

FAIL = "fail-service"


def finish_service(tx: Transaction, options: Options, data: Body) -> None:
    """CREATING or DEPLOYING ends: AVAILABLE, or CREATE_FAILED.

    It fails when its image cannot run, or when a value of its env asks for that.
    """
    row = tx.get("service", data["id"])
    if row is None or row.body["turn"] != data["turn"] or row.status == "DELETING":
        return
    version = tx.get(VERSION, (row.body["imageDetails"] or {}).get("versionId"))
    runs = version is None or version.status in ("ready", "in-use")
    asked = FAIL in ((row.body.get("parameters") or {}).get("env") or {}).values()
    row.status = "AVAILABLE" if runs and not asked else "CREATE_FAILED"
    tx.save(row)


def service_gone(tx: Transaction, options: Options, data: Body) -> None:
    row = tx.get("service", data["id"])
    if row is not None:
        set_usage(tx, row, ())
        tx.drop(row)


def versions_gone(tx: Transaction, options: Options, data: Body) -> None:
    for key in data["versions"]:
        row = tx.get(VERSION, key)
        if row is not None:
            for build in tx.children("build", row.parent):
                if build.name == key:
                    tx.drop(build)
            tx.drop(row)
            refresh_image(tx, row.parent)


def image_gone(tx: Transaction, options: Options, data: Body) -> None:
    row = tx.get("image", data["id"])
    if row is not None:
        tx.drop(row)


def finish_execution(tx: Transaction, options: Options, data: Body) -> None:
    """A run of a workflow ends, and with it the workflow's Running."""
    run = tx.get("execution", data["id"])
    if run is None or run.status != "Running":
        return
    run.status = "Success" if run.body["succeeds"] else "Failed"
    run.body["finishedAt"] = stamp(tx.now)
    tx.touch(run)
    row = tx.get("workflow", run.parent)
    if row is None:
        return
    if row.body["lastExecution"].get("executionId") == run.id:
        row.body["lastExecution"]["status"] = run.status
    busy = any(other.status == "Running" for other in tx.children("execution", row.id))
    row.status = "Running" if busy else row.body.pop("resting", "Available")
    tx.save(row)
