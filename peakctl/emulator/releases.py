"""Releases of specs: immutable, rising (contract, rows 53-58 and section 3.4)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from peakctl.emulator.artifacts import add_artifact, add_version
from peakctl.emulator.parameters import check_definitions
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import AUTHOR, Body, Row, Transaction
from peakctl.emulator.shapes import LINE, check, flag, record, text
from peakctl.emulator.spec_config import check_app_config, check_block_config, check_names
from peakctl.emulator.times import stamp
from peakctl.emulator.versions import check_rises

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call

NEW = record({"release": record({"version": LINE}, {"notes": text(empty=True)})})


def read_release(call: Call, spec: Body, body: Body, sent: Body, taken: Any = ()) -> Body:
    """A checked release; `body` has release and config, `sent` what travels beside it."""
    check(NEW, body)
    if body.get("config") is None:
        raise invalid("config", "is required")
    version = check_rises(body["release"]["version"], list(taken), "release.version")
    parameters = sent.get("parameters")
    if parameters is not None:
        check_definitions(parameters)
    data = call.upload()
    if spec["kind"] == "block-spec":
        kind, scope = spec["body"]["kind"], spec["body"]["scope"]
        check_block_config(call.tx, kind, body["config"], scope, data)
        check_names(body["config"], parameters)
    else:
        check_app_config(call.tx, body["config"], spec["body"])
    auto = sent.get("autoRunOnDeploy")
    check(record({}, {"autoRunOnDeploy": flag}), {"autoRunOnDeploy": auto})
    return {
        "version": version,
        "notes": body["release"].get("notes"),
        "config": body["config"],
        "parameters": parameters,
        "autoRunOnDeploy": bool(auto),
        "data": data,
    }


def add_release(tx: Transaction, spec: Row, release: Body) -> Row:
    """Store it; an upload becomes one more version of the spec's own artifact."""
    data = release.pop("data")
    row = tx.add(
        "release",
        {**release, "uuid": str(uuid.uuid4()), "artifact": None},
        key=f"{spec.id}/{release['version']}",
        parent=spec.id,
        name=release["version"],
    )
    if data is not None:
        artifact = tx.get("artifact", spec.body.get("artifact"))
        artifact = artifact or add_artifact(tx, spec.name, f"artifact of spec {spec.name}")
        number = add_version(tx, artifact, data)
        spec.body["artifact"] = artifact.id
        row.body["artifact"] = {"id": artifact.id, "version": number}
        tx.link(row, "artifact-version", f"{artifact.id}/{number}")
        tx.save(row)
    if spec.kind == "app-spec":
        for block in release["config"]:
            tx.link(row, "spec", block["id"])
    spec.body["latest"] = release["version"]
    tx.touch(spec)
    return row


def latest_release(tx: Transaction, spec: Row) -> Row:
    return tx.at(spec.tenant, tx.now).require("release", f"{spec.id}/{spec.body['latest']}")


def create_release(call: Call, spec: Row) -> Body:
    """Row 53 (parts) and row 54 (plain JSON)."""
    if spec.kind == "block-spec":
        body = call.json("spec")
        sent = {name: call.json(name) for name in ("autoRunOnDeploy", "parameters")}
    else:
        body = call.record()
        sent = {"parameters": body.get("parameters")}
    taken = [row.name for row in call.tx.children("release", spec.id)]
    release = read_release(call, {"body": spec.body, "kind": spec.kind}, body, sent, taken)
    if call.ask("validate") == "true":
        return {"success": True, "message": "the release is valid"}
    add_release(call.tx, spec, release)
    return {"id": spec.id, "release": {"version": release["version"]}}


def _item(row: Row) -> Body:
    return {
        "id": row.body["uuid"],
        "version": row.name,
        "notes": row.body["notes"],
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
    }


def item_shown(row: Row) -> Body:
    """A release in a listing."""
    return _item(row)


def release_shown(call: Call, row: Row) -> Body:
    """Rows 57 and 58, and the latestRelease of a spec."""
    answer = {**_item(row), "config": row.body["config"]}
    is_app = isinstance(row.body["config"], list)
    if is_app and call.options.full_reads:
        answer["config"] = [{"autoRunOnDeploy": False, **block} for block in row.body["config"]]
    if not is_app:
        answer.update(artifact=row.body["artifact"], autoRunOnDeploy=row.body["autoRunOnDeploy"])
    if not is_app or call.options.full_reads:
        answer["parameters"] = row.body["parameters"] or {}
    return answer
