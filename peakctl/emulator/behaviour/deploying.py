"""Deployments over time: revisions, what they make, how they go (contract, section 3.5)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from peakctl.emulator.behaviour.making import drop_resources, make_resource, run_resource
from peakctl.emulator.behaviour.outcomes import outcome_of, worst
from peakctl.emulator.rows import Body, Row, Transaction, Where

if TYPE_CHECKING:
    from peakctl.emulator.options import Options

FAMILIES = ("block-deployment", "app-deployment")
BUSY = ("deploying", "redeploying", "updating", "deleting")


def find_release(tx: Transaction, spec_id: str, version: str) -> Row | None:
    """A release of an own spec, or of a public one of another tenant."""
    wanted = Where("id = ?", (f"{spec_id}/{version}",))
    public = Where("parent IN (SELECT id FROM items WHERE facet = 'public')")
    return next(iter(tx.select(("release",), (wanted,), anyone=public)), None)


def release_of(tx: Transaction, row: Row) -> Row:
    """The release that a deployment is at."""
    spec = row.body["spec"]
    found = find_release(tx, spec["id"], spec["release"]["version"])
    return found or tx.require("release", spec["id"])


def start_revision(tx: Transaction, options: Options, row: Row, notes: str | None) -> Row:
    """A new revision with what the deployment now holds; older ones become superseded."""
    for older in tx.children("revision", row.id):
        older.status = "superseded"
        tx.save(older)
    number = row.body.get("revision", 0) + 1
    row.body["revision"] = number
    revision = tx.add(
        "revision",
        {
            "uuid": str(uuid.uuid4()),
            "notes": notes,
            "spec": row.body["spec"],
            "parameters": row.body["parameters"],
            "appParameters": row.body.get("appParameters"),
        },
        key=f"{row.id}/{number}",
        parent=row.id,
        name=str(number),
        status="deploying",
    )
    row.status = "deploying"
    _begin(tx, options, row, again=False)
    return revision


def restart_revision(tx: Transaction, options: Options, row: Row) -> Row:
    """The latest revision once more."""
    revision = latest_revision(tx, row)
    revision.status = "deploying"
    tx.touch(revision)
    row.status = "redeploying"
    _begin(tx, options, row, again=True)
    return revision


def latest_revision(tx: Transaction, row: Row) -> Row:
    return tx.require("revision", f"{row.id}/{row.body['revision']}")


def _begin(tx: Transaction, options: Options, row: Row, *, again: bool) -> None:
    if row.kind == "block-deployment":
        release = release_of(tx, row)
        row.body["outcome"] = outcome_of(tx, release, row.body["parameters"], again=again)
    row.body["turn"] = row.body.get("turn", 0) + 1
    tx.touch(row)
    tx.schedule(
        options.deploy_seconds, "revision-done", kind=row.kind, id=row.id, turn=row.body["turn"]
    )


def children_of(tx: Transaction, row: Row) -> list[Row]:
    """The block deployments of an app."""
    return tx.children("block-deployment", row.id) if row.kind == "app-deployment" else []


def finish_revision(tx: Transaction, options: Options, data: Body) -> None:
    """The deployment's time is over."""
    row = tx.get(data["kind"], data["id"])
    if row is None or row.body["turn"] != data["turn"] or row.status == "deleting":
        return
    revision = latest_revision(tx, row)
    if row.kind == "app-deployment":
        row.body["outcome"] = worst([child.status for child in children_of(tx, row)])
    row.status = revision.status = row.body["outcome"]
    tx.touch(row)
    tx.touch(revision)
    if row.kind == "block-deployment" and row.status in ("deployed", "warning"):
        release = release_of(tx, row)
        make_resource(tx, row, release)
        if release.body["autoRunOnDeploy"]:
            run_resource(tx, options, row)


def begin_delete(tx: Transaction, options: Options, row: Row) -> None:
    """The deployment and its blocks go to deleting, and some time later are gone."""
    for each in (*children_of(tx, row), row):
        each.status = "deleting"
        tx.touch(each)
    tx.schedule(options.delete_seconds, "deployment-gone", kind=row.kind, id=row.id)


def deployment_gone(tx: Transaction, options: Options, data: Body) -> None:
    row = tx.get(data["kind"], data["id"])
    if row is not None:
        for each in (*children_of(tx, row), row):
            drop_deployment(tx, each)


def drop_deployment(tx: Transaction, row: Row) -> None:
    """Remove a deployment, its revisions and what it made."""
    drop_resources(tx, row)
    for revision in tx.children("revision", row.id):
        tx.drop(revision)
    tx.drop(row)
