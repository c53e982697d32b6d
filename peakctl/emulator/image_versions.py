"""Versions of an image: made, rebuilt while not ready, read (contract, rows 14-17)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from peakctl.emulator.artifacts import check_zip
from peakctl.emulator.behaviour.building import start_build
from peakctl.emulator.behaviour.usage import VERSION, version_shown
from peakctl.emulator.problems import invalid, not_found
from peakctl.emulator.rows import AUTHOR, Body, Row
from peakctl.emulator.shapes import LINE, TEXT, Shape, check, flag, items, record, text
from peakctl.emulator.times import stamp
from peakctl.emulator.versions import check_new, check_rises, next_version

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call

ENTITY_TYPES = ("workflow", "workspace", "api", "webapp")
DETAILS: dict[str, Shape] = {
    "source": text("github", "dockerfile", "upload"),
    "useCache": flag,
    "buildArguments": items(record({"name": LINE, "value": TEXT})),
    "secrets": items(LINE),
    "context": TEXT,
    "dockerfilePath": TEXT,
    "repository": TEXT,
    "branch": TEXT,
    "token": TEXT,
    "dockerfile": TEXT,
}
NEEDED = {"github": ("repository", "branch"), "dockerfile": ("dockerfile",), "upload": ()}
AUTODEPLOY = items(record({"entityId": LINE, "entityType": text(*ENTITY_TYPES)}))


def _read_details(call: Call, before: Body | None) -> Body:
    sent = call.json("buildDetails")
    if sent is None:
        return dict(before or {"source": "upload", "useCache": True})
    check(record({}, DETAILS), sent, "buildDetails")
    source = (before or {}).get("source", "upload")
    details = {
        "source": source,
        "useCache": True,
        **{k: v for k, v in sent.items() if k in DETAILS and v is not None},
    }
    for field in NEEDED[details["source"]]:
        if not details.get(field):
            raise invalid(f"buildDetails.{field}", f"is required for source {details['source']}")
    return details


def _read_autodeploy(call: Call) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = call.json("autodeployResources") or []
    check(AUTODEPLOY, entities, "autodeployResources")
    for index, entity in enumerate(entities):
        kind = {"workflow": "workflow", "workspace": ""}.get(entity["entityType"], "service")
        if kind and call.tx.get(kind, entity["entityId"]) is None:
            field = f"autodeployResources[{index}].entityId"
            raise invalid(field, f"{kind} {entity['entityId']} does not exist")
    return entities


def _keep_upload(call: Call, version: Row) -> bytes | None:
    """Store a new upload, or find the one that the version already has."""
    data = call.upload()
    if data is not None:
        check_zip(data)
        call.tx.unlink(version, "file")
        version.body["digest"] = call.tx.put_file(data, version)
    elif version.body.get("digest"):
        data = call.tx.file(version.body["digest"])
    if version.body["buildDetails"]["source"] == "upload" and data is None:
        raise invalid("artifact", "is required for source upload")
    return data


def add_version(call: Call, image: Row) -> Body:
    """Rows 11 and 15: a new version and its build."""
    taken = [row.name for row in call.tx.children(VERSION, image.id)]
    sent = call.text("version")
    allow = check_rises if call.options.rising_versions else check_new
    number = next_version(taken) if sent is None else allow(sent, taken, "version")
    version = call.tx.add(
        VERSION,
        {
            "description": call.text("description"),
            "buildDetails": _read_details(call, None),
            "autodeployResources": _read_autodeploy(call),
        },
        key=str(call.tx.number(VERSION)),
        parent=image.id,
        name=number,
    )
    return _build(call, version)


def _build(call: Call, version: Row) -> Body:
    build = start_build(call.tx, call.options, version, _keep_upload(call, version))
    answer: Body = {"buildId": build.id, "versionId": version.number}
    if version.body["autodeployResources"]:
        answer["autodeploymentId"] = str(uuid.uuid4())
    return answer


def create_version(call: Call) -> Body:
    """Row 15. create-or-update sends name and type too; they cannot differ."""
    image = call.tx.require("image", call.params["image"])
    _refuse_other(call, "name", image.name)
    _refuse_other(call, "type", image.body["type"])
    return add_version(call, image)


def _refuse_other(call: Call, field: str, value: str) -> None:
    sent = call.text(field)
    if sent is not None and sent != value:
        raise invalid(field, f"cannot change from {value} to {sent}")


def find_version(call: Call) -> Row:
    call.tx.require("image", call.params["image"])
    row = call.tx.get(VERSION, call.params["version"])
    if row is None or row.parent != call.params["image"]:
        raise not_found("version", call.params["version"])
    return row


def update_version(call: Call) -> Body:
    """Row 17: only while not ready, and never the number."""
    version = find_version(call)
    image = call.tx.require("image", version.parent)
    if version.status != "not-ready":
        raise invalid("version", f"{version.name} is {version.status} and cannot be updated")
    _refuse_other(call, "version", version.name)
    _refuse_other(call, "name", image.name)
    _refuse_other(call, "type", image.body["type"])
    description = call.text("description")
    if description is not None:
        version.body["description"] = description
    version.body["buildDetails"] = _read_details(call, version.body["buildDetails"])
    version.body["autodeployResources"] = _read_autodeploy(call)
    return _build(call, version)


def details_shown(row: Row) -> Body:
    """buildDetails without what is never returned."""
    details: Body = row.body["buildDetails"]
    return {key: value for key, value in details.items() if key != "token"}


def list_shown(row: Row) -> Body:
    return {**version_shown(row), "buildDetails": details_shown(row)}


def describe_version(call: Call) -> Body:
    """Row 16."""
    row = find_version(call)
    image = call.tx.require("image", row.parent)
    return {
        "imageName": image.name,
        "imageType": image.body["type"],
        **list_shown(row),
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
        "updatedAt": stamp(row.updated),
        "updatedBy": AUTHOR,
        "pullUrl": f"registry.emulator/{image.id}/{image.name}:{row.name}",
    }
