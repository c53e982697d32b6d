"""Artifacts: archives in numbered versions."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Answer, Call, Operations
from peakctl.emulator.listing import Listing
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Body, Row, Transaction
from peakctl.emulator.views import ID, MADE, NAME, NULLABLE, View, stored

OPERATIONS = Operations({"artifact": "/service/artifacts/api/v1/artifacts/"})
VERSION = "artifact-version"
SHOWN = View(id=ID, name=NAME, description=stored("description", NULLABLE), **MADE)
VERSIONS = Listing(
    "versions", "versionCount", View(version=stored("version", s.WHOLE), **MADE), (VERSION,),
    order="seq DESC", parent="id",
)  # fmt: skip
UPLOAD = {"artifact": s.FILE, "scan": s.json_text(s.FLAG), "validate": s.json_text(s.FLAG)}


def check_zip(data: bytes) -> bytes:
    """The archive; raises a 422 for anything that is not a zip."""
    try:
        zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise invalid("artifact", "is not a zip archive") from None
    return data


def add_artifact(tx: Transaction, name: str, description: str | None) -> Row:
    return tx.add("artifact", {"description": description}, name=name)


def add_version(tx: Transaction, artifact: Row, data: bytes) -> int:
    """Store one more version of an artifact; the answer is its number."""
    number: int = artifact.body.get("versions", 0) + 1
    artifact.body["versions"] = number
    tx.touch(artifact)
    row = tx.add(VERSION, {}, key=f"{artifact.id}/{number}", parent=artifact.id)
    row.body = {"version": number, "digest": tx.put_file(data, row)}
    tx.save(row)
    return number


OPERATIONS.lists("", "List artifacts", Listing("artifacts", "artifactCount", SHOWN))


@OPERATIONS(
    "POST", "", "Create an artifact", seeds=("artifact",),
    parts=s.form(
        {"name": s.LINE, "description": s.TEXT, "source": s.TEXT, **UPLOAD}, ("name", "artifact")
    ),
    answer=s.record({"id": s.TEXT, "version": s.WHOLE}), status=201,
)  # fmt: skip
def create(call: Call) -> Body:
    sent = call.form()
    data = check_zip(sent["artifact"])
    artifact = add_artifact(call.tx, sent["name"], sent["description"])
    return {"id": artifact.id, "version": add_version(call.tx, artifact, data)}


@OPERATIONS(
    "GET", "{id}", "Describe an artifact; the pages are pages of versions", listing=VERSIONS,
    answer=VERSIONS.answer(**SHOWN.fields),
)  # fmt: skip
def describe(call: Call) -> Body:
    return {**SHOWN(call.find()), **VERSIONS.page(call)}


@OPERATIONS(
    "PUT", "{id}", "Add a version", seeds=("artifact-version",),
    parts=s.form(UPLOAD, ("artifact",)), answer=s.record({"version": s.WHOLE}),
)  # fmt: skip
def create_version(call: Call) -> Body:
    artifact = call.find()
    return {"version": add_version(call.tx, artifact, check_zip(call.form()["artifact"]))}


@OPERATIONS(
    "PATCH", "{id}", "Change name or description",
    body=s.optional(name=s.LINE, description=s.TEXT),
)  # fmt: skip
def update(call: Call) -> Body:
    row = call.find()
    body = call.checked()
    row.name = body.get("name") or row.name
    row.body["description"] = body.get("description", row.body.get("description"))
    call.tx.touch(row)
    return {}


def _refuse_used(tx: Transaction, versions: Iterable[Row]) -> None:
    for row in versions:
        if tx.users_of(VERSION, row.id):
            raise invalid("version", f"{row.body['version']} belongs to a release of a spec")


@OPERATIONS("DELETE", "{id}", "Delete an artifact")
def delete(call: Call) -> Body:
    row = call.find()
    _refuse_used(call.tx, call.tx.children(VERSION, row.id))
    call.tx.drop(row, VERSION)
    return {}


def _version(call: Call) -> Row:
    return call.tx.require(VERSION, f"{call.find().id}/{call.params['version']}")


@OPERATIONS("DELETE", "{id}/{version}", "Delete a version")
def delete_version(call: Call) -> Body:
    row = _version(call)
    _refuse_used(call.tx, [row])
    if len(call.tx.children(VERSION, row.parent)) == 1:
        raise invalid("version", f"{row.body['version']} is the only one; delete the artifact")
    call.tx.drop(row)
    return {}


def _download(tx: Transaction, row: Row) -> Answer:
    return Answer(tx.file(row.body["digest"]), headers=(("Content-Type", "application/zip"),))


@OPERATIONS("GET", "{id}/download", "Download the latest version", answer=None)
def download_latest(call: Call) -> Answer:
    return _download(call.tx, call.tx.children(VERSION, call.find().id)[-1])


@OPERATIONS("GET", "{id}/{version}/download", "Download a version", answer=None)
def download(call: Call) -> Answer:
    return _download(call.tx, _version(call))
