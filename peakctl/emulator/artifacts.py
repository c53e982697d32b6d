"""Artifacts (contract, rows 1-9 and section 3.1)."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from peakctl.emulator.calls import Answer, Call, Endpoint
from peakctl.emulator.listing import Listing, answer_page
from peakctl.emulator.problems import invalid, not_found
from peakctl.emulator.rows import AUTHOR, Row, Transaction, Where
from peakctl.emulator.shapes import LINE, TEXT, check, flag, record
from peakctl.emulator.times import stamp

ROOT = "/service/artifacts/api/v1/artifacts/"
LIST = Listing(("artifact",), "artifacts", "artifactCount")
VERSIONS = Listing(("artifact-version",), "versions", "versionCount", order="seq DESC")
EDIT = record({}, {"name": LINE, "description": TEXT})
FLAGS = record({}, {"scan": flag, "validate": flag})


def check_zip(data: bytes) -> zipfile.ZipFile:
    """The archive; raises a 422 for anything that is not a zip."""
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise invalid("artifact", "is not a zip archive") from None


def add_artifact(tx: Transaction, name: str, description: str | None) -> Row:
    return tx.add("artifact", {"description": description}, name=name)


def add_version(tx: Transaction, artifact: Row, data: bytes) -> int:
    """Store one more version of an artifact; the answer is its number."""
    number: int = artifact.body.get("versions", 0) + 1
    artifact.body["versions"] = number
    tx.touch(artifact)
    row = tx.add("artifact-version", {}, key=f"{artifact.id}/{number}", parent=artifact.id)
    row.body = {"version": number, "digest": tx.put_file(data, row)}
    tx.save(row)
    return number


def _upload(call: Call) -> bytes:
    data = call.upload(required=True) or b""
    check_zip(data)
    check(FLAGS, {"scan": call.json("scan"), "validate": call.json("validate")})
    return data


def create(call: Call) -> dict[str, Any]:
    """Row 2."""
    name = call.text("name")
    check(LINE, name or "", "name")
    data = _upload(call)
    artifact = add_artifact(call.tx, name or "", call.text("description"))
    return {"id": artifact.id, "version": add_version(call.tx, artifact, data)}


def create_version(call: Call) -> dict[str, Any]:
    """Row 4."""
    artifact = call.tx.require("artifact", call.params["id"])
    return {"version": add_version(call.tx, artifact, _upload(call))}


def shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.body.get("description"),
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
    }


def _version_shown(row: Row) -> dict[str, Any]:
    return {"version": row.body["version"], "createdAt": stamp(row.created), "createdBy": AUTHOR}


def list_all(call: Call) -> dict[str, Any]:
    """Row 1."""
    return answer_page(call, LIST, (), shown)


def describe(call: Call) -> dict[str, Any]:
    """Row 3; the pages are pages of versions."""
    row = call.tx.require("artifact", call.params["id"])
    mine = (Where("parent = ?", (row.id,)),)
    return {**shown(row), **answer_page(call, VERSIONS, mine, _version_shown)}


def update(call: Call) -> dict[str, Any]:
    """Row 5."""
    row = call.tx.require("artifact", call.params["id"])
    body = call.record()
    check(EDIT, body)
    row.name = body.get("name") or row.name
    row.body["description"] = body.get("description", row.body.get("description"))
    call.tx.touch(row)
    return {}


def _refuse_used(tx: Transaction, versions: list[Row]) -> None:
    for row in versions:
        if tx.users_of("artifact-version", row.id):
            raise invalid("version", f"{row.body['version']} belongs to a release of a spec")


def delete(call: Call) -> dict[str, Any]:
    """Row 6."""
    row = call.tx.require("artifact", call.params["id"])
    versions = call.tx.children("artifact-version", row.id)
    _refuse_used(call.tx, versions)
    for version in versions:
        call.tx.drop(version)
    call.tx.drop(row)
    return {}


def _version(call: Call) -> Row:
    artifact = call.tx.require("artifact", call.params["id"])
    found = call.tx.get("artifact-version", f"{artifact.id}/{call.params['version']}")
    if found is None:
        raise not_found("version", call.params["version"])
    return found


def delete_version(call: Call) -> dict[str, Any]:
    """Row 7."""
    row = _version(call)
    _refuse_used(call.tx, [row])
    if len(call.tx.children("artifact-version", row.parent)) == 1:
        raise invalid("version", f"{row.body['version']} is the only one; delete the artifact")
    call.tx.drop(row)
    return {}


def _download(tx: Transaction, row: Row) -> Answer:
    return Answer(tx.file(row.body["digest"]), headers=(("Content-Type", "application/zip"),))


def download_latest(call: Call) -> Answer:
    """Row 8."""
    artifact = call.tx.require("artifact", call.params["id"])
    return _download(call.tx, call.tx.children("artifact-version", artifact.id)[-1])


def download(call: Call) -> Answer:
    """Row 9."""
    return _download(call.tx, _version(call))


ENDPOINTS = (
    Endpoint("GET", ROOT, list_all),
    Endpoint("POST", ROOT, create, 201),
    Endpoint("GET", ROOT + "{id}", describe),
    Endpoint("PUT", ROOT + "{id}", create_version),
    Endpoint("PATCH", ROOT + "{id}", update),
    Endpoint("DELETE", ROOT + "{id}", delete),
    Endpoint("DELETE", ROOT + "{id}/{version}", delete_version),
    Endpoint("GET", ROOT + "{id}/download", download_latest),
    Endpoint("GET", ROOT + "{id}/{version}/download", download),
)
