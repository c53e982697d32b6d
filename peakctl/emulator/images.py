"""Images (contract, rows 10-13 and section 3.2)."""

from __future__ import annotations

from typing import Any

from peakctl.emulator.behaviour.usage import VERSION, refresh_image
from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.image_versions import add_version
from peakctl.emulator.listing import Listing, answer_page, containing, one_of
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import AUTHOR, Row, Transaction, Where
from peakctl.emulator.shapes import LINE, check, record, text
from peakctl.emulator.times import stamp

ROOT = "/service/image-management/api/v2/images/"
TYPES = ("workflow", "workspace-r", "workspace-python", "api", "webapp")
STATUSES = ("not-ready", "ready", "in-use", "deleting", "delete-failed")
BUILD_STATUSES = ("building", "failed", "success", "stopped", "stopping")
LIST = Listing(("image",), "images", "imageCount")
LATEST = "json_extract(body, '$.latestVersion.{}')"
IMAGE = record({"name": LINE, "type": text(*TYPES)})


def create(call: Call) -> dict[str, Any]:
    """Row 11."""
    body = {"name": call.text("name"), "type": call.text("type")}
    check(IMAGE, body)
    image = call.tx.add(
        "image",
        {"type": body["type"], "latestVersion": {}},
        key=str(call.tx.number("image")),
        name=body["name"] or "",
        facet="custom",
    )
    made = add_version(call, image)
    return {"buildId": made["buildId"], "imageId": image.number, "versionId": made["versionId"]}


def shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.number,
        "name": row.name,
        "type": row.body["type"],
        "scope": row.facet,
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
        "latestVersion": row.body["latestVersion"],
    }


def tagged(call: Call, column: str) -> list[Where]:
    """The `tags` filter of images and versions."""
    tags = call.asks("tags")
    if not tags:
        return []
    marks = ", ".join("?" * len(tags))
    name = "json_extract(value, '$.name')"
    sql = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE {name} IN ({marks}))"  # noqa: S608
    return [Where(sql, tuple(tags))]


def list_all(call: Call) -> dict[str, Any]:
    """Row 10."""
    where = [
        *containing(call, "searchTerm", "name", LATEST.format("version")),
        *one_of(call, "status", "status", STATUSES),
        *one_of(call, "scope", "facet", ("custom", "global")),
        *one_of(call, "lastBuildStatus", LATEST.format("lastBuildStatus"), BUILD_STATUSES),
        *tagged(call, "body, '$.latestVersion.tags'"),
    ]
    return answer_page(call, LIST, where, shown)


def describe(call: Call) -> dict[str, Any]:
    """Row 12."""
    return shown(call.tx.require("image", call.params["image"]))


def refuse_used(tx: Transaction, versions: list[Row]) -> None:
    for version in versions:
        if tx.users_of(VERSION, version.id):
            raise invalid("version", f"{version.name} is in use and cannot be deleted")


def begin_delete(call: Call, versions: list[Row]) -> None:
    """The versions go to deleting, and some time later are gone."""
    for version in versions:
        version.status = "deleting"
        call.tx.touch(version)
    if versions:
        refresh_image(call.tx, versions[0].parent)
    ids = [version.id for version in versions]
    call.tx.schedule(call.options.delete_seconds, "versions-gone", versions=ids)


def delete(call: Call) -> dict[str, Any]:
    """Row 13."""
    image = call.tx.require("image", call.params["image"])
    versions = call.tx.children(VERSION, image.id)
    refuse_used(call.tx, versions)
    begin_delete(call, versions)
    call.tx.schedule(call.options.delete_seconds, "image-gone", id=image.id)
    return {}


ENDPOINTS = (
    Endpoint("GET", ROOT, list_all),
    Endpoint("POST", ROOT, create, 201),
    Endpoint("GET", ROOT + "{image}", describe),
    Endpoint("DELETE", ROOT + "{image}", delete),
)
