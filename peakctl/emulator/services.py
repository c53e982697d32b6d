"""Services and webapps (contract, rows 23-28 and section 3.3)."""

from __future__ import annotations

import json
from typing import Any

from peakctl.emulator.behaviour.building import redeploy_service
from peakctl.emulator.behaviour.usage import VERSION, latest_ready, set_usage
from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.instance_types import check_instance_type, of_service, usual_type
from peakctl.emulator.listing import Listing, answer_page, containing, one_of
from peakctl.emulator.problems import conflict, invalid, not_found
from peakctl.emulator.rows import AUTHOR, Body, Row, Transaction, Where
from peakctl.emulator.shapes import (
    LINE,
    TEXT,
    Shape,
    anything,
    check,
    flag,
    items,
    mapping,
    record,
    text,
    whole,
)
from peakctl.emulator.times import stamp

ROOT = "/service/webapps/api/v1/webapps/"
STATUSES = ("CREATING", "DEPLOYING", "AVAILABLE", "CREATE_FAILED", "DELETING", "DELETE_FAILED")
TYPES = ("api", "web-app", "shiny")
FIELDS: dict[str, Shape] = {
    "title": TEXT,
    "description": TEXT,
    "imageDetails": record({"imageId": whole()}, {"versionId": whole()}),
    "resources": record({"instanceTypeId": whole()}),
    "parameters": record({}, {"env": mapping(TEXT), "secrets": items(LINE)}),
    "sessionStickiness": flag,
    "scaleToZero": flag,
    "entrypoint": TEXT,
    "healthCheckURL": TEXT,
    "minInstances": whole(1, 2),
}
CREATE = record(
    {"name": LINE, "imageDetails": FIELDS["imageDetails"]},
    {**FIELDS, "serviceType": text(*TYPES)},
)
PATCH = record({}, FIELDS)
# Only services have these (row 24); whatever is made with one of them is a service.
OF_SERVICES = ("serviceType", "parameters", "entrypoint", "healthCheckURL", "minInstances")
QUIET = ("title", "description")
DEFAULTS: Body = {
    "title": None,
    "description": None,
    "sessionStickiness": False,
    "scaleToZero": False,
    "parameters": {},
    "minInstances": 1,
}
EXAMPLE_HIDES = ("title", "description", "parameters", "scaleToZero", "applicationUrl")


def _resolve_image(call: Call, details: Body) -> Body:
    """imageDetails with a version: the given one, else the latest ready."""
    tx = call.tx
    image = tx.get("image", details["imageId"])
    if image is None:
        raise invalid("imageDetails.imageId", f"image {details['imageId']} does not exist")
    if details.get("versionId") is None:
        latest = latest_ready(tx, image.id)
        if latest is None:
            raise invalid("imageDetails.versionId", f"image {image.name} has no ready version")
        return {"imageId": image.number, "versionId": latest.number}
    version = tx.get(VERSION, details["versionId"])
    if version is None or version.parent != image.id:
        why = f"image {image.name} has no version with id {details['versionId']}"
        raise invalid("imageDetails.versionId", why)
    return {"imageId": image.number, "versionId": version.number}


def _check_type(body: Body, service_type: str) -> None:
    if body.get("sessionStickiness") and service_type == "api":
        raise invalid("sessionStickiness", "is not for services of type api")
    if body.get("scaleToZero") and service_type != "web-app":
        raise invalid("scaleToZero", "is only for services of type web-app")


def refuse_taken(call: Call, name: str) -> None:
    if call.options.strict_names and call.tx.named(("service",), name):
        raise conflict(f"name: a service or webapp {name} already exists")


def create(call: Call) -> Body:
    """Row 24."""
    body = call.record()
    check(CREATE, body)
    service_type = body.get("serviceType") or "web-app"
    _check_type(body, service_type)
    check_instance_type(call.tx, of_service(service_type), body.get("resources"), "resources")
    refuse_taken(call, body["name"])
    kept = {k: v for k, v in body.items() if k in FIELDS and v is not None}
    kept["imageDetails"] = _resolve_image(call, body["imageDetails"])
    is_service = any(field in body for field in OF_SERVICES)
    row = add_service(call, body["name"], {**kept, "webapp": not is_service}, service_type)
    return {"id": row.id}


def usual_fields(tx: Transaction, service_type: object) -> Body:
    """What a service has that was created with nothing more than it must have."""
    return {
        **DEFAULTS,
        "resources": {"instanceTypeId": usual_type(tx, of_service(service_type))},
    }


def add_service(call: Call, name: str, kept: Body, service_type: str) -> Row:
    body = {**usual_fields(call.tx, service_type), **kept, "turn": 1}
    row = call.tx.add("service", body, name=name, status="CREATING", facet=service_type)
    set_usage(call.tx, row, [row.body["imageDetails"]["versionId"]])
    call.tx.schedule(call.options.service_seconds, "service-done", id=row.id, turn=1)
    return row


def update(call: Call) -> Body:
    """Row 26. The client sends name and serviceType too; they cannot change."""
    row = _settled(call)
    body = call.record()
    check(PATCH, body)
    for field, value in (("name", row.name), ("serviceType", row.facet)):
        if body.get(field) not in (None, value):
            raise invalid(field, f"cannot change from {value} to {body[field]}")
    check_instance_type(call.tx, of_service(row.facet), body.get("resources"), "resources")
    before = json.dumps(_running(row.body), sort_keys=True)
    row.body.update({k: _merged(call, row, k, v) for k, v in body.items() if k in FIELDS})
    row.body["imageDetails"] = _resolve_image(call, row.body["imageDetails"])
    _check_type(row.body, row.facet)
    call.tx.touch(row)
    if json.dumps(_running(row.body), sort_keys=True) != before:
        _require_ready(call, row)
        set_usage(call.tx, row, [row.body["imageDetails"]["versionId"]])
        redeploy_service(call.tx, call.options, row)
    return {"id": row.id}


def _settled(call: Call) -> Row:
    row = call.tx.require("service", call.params["id"])
    if row.status == "DELETING":
        raise conflict(f"status: {row.name} is DELETING")
    return row


def _running(body: Body) -> Body:
    """What a change of means a redeployment."""
    return {k: v for k, v in body.items() if k in FIELDS and k not in QUIET}


def _merged(call: Call, row: Row, field: str, value: Any) -> Any:
    if value is None:
        if field == "imageDetails":
            raise invalid(field, "cannot be removed")
        return usual_fields(call.tx, row.facet).get(field)
    if call.options.patch_merges and field in ("parameters", "resources"):
        return {**(row.body.get(field) or {}), **value}
    return value


def _require_ready(call: Call, row: Row) -> None:
    version = call.tx.require(VERSION, row.body["imageDetails"]["versionId"])
    if version.status not in ("ready", "in-use"):
        raise invalid("imageDetails.versionId", f"version {version.name} is not ready")


def _item_shown(row: Row) -> Body:
    return {
        "id": row.id,
        "name": row.name,
        "serviceType": row.facet,
        "status": row.status,
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
        "updatedAt": stamp(row.updated),
        "updatedBy": AUTHOR,
        "tags": [],
    }


def describe(call: Call) -> Body:
    """Row 25."""
    row = call.tx.require("service", call.params["id"])
    answer = {
        **_item_shown(row),
        **{field: row.body.get(field) for field in FIELDS},
        "applicationUrl": f"https://{row.name}.emulator.peak.ai",
    }
    if not call.options.full_reads:
        answer = {k: v for k, v in answer.items() if k not in EXAMPLE_HIDES}
    return answer


def list_all(call: Call) -> Body:
    """Row 23: services with featureType=services, else webapps."""
    services = call.ask("featureType") == "services"
    items_key, count = ("services", "servicesCount") if services else ("webapps", "webappsCount")
    column = "json_extract(body, '$.webapp')"
    where = [
        *containing(call, "searchTerm", "name"),
        *one_of(call, "status", "status", STATUSES),
        *one_of(call, "serviceType", "facet", TYPES),
    ]
    kind = Where(f"{column} = {0 if services else 1}")
    return answer_page(call, Listing(("service",), items_key, count), [kind, *where], _item_shown)


def delete(call: Call) -> Body:
    """Row 27."""
    row = call.tx.require("service", call.params["id"])
    if row.status in ("CREATING", "DEPLOYING", "DELETING"):
        raise conflict(f"status: {row.name} is {row.status}; delete it when that is over")
    if row.body.get("owner"):
        raise conflict(f"{row.name} belongs to deployment {row.body['owner']}")
    row.status = "DELETING"
    call.tx.touch(row)
    set_usage(call.tx, row, ())
    call.tx.schedule(call.options.delete_seconds, "service-gone", id=row.id)
    return {"id": row.id}


TEST = record(
    {},
    {
        "httpMethod": text("get", "post", "put", "patch", "delete"),
        "path": TEXT,
        "payload": anything,
    },
)


def test(call: Call) -> Body:
    """Row 28: answers with what it was sent."""
    found = call.tx.named(("service",), call.params["name"])
    if not found:
        raise not_found("service", call.params["name"])
    body = call.record()
    check(TEST, body)
    if found[0].status != "AVAILABLE":
        raise invalid("status", f"{found[0].name} is {found[0].status}")
    echo = {"path": body.get("path") or "/", "payload": body.get("payload")}
    text_back = json.dumps({"method": body.get("httpMethod") or "get", **echo})
    return {
        "responseBody": text_back,
        "responseStatus": 200,
        "reqStartTime": stamp(call.tx.now),
        "reqEndTime": stamp(call.tx.now + 0.012),
        "responseSize": f"{len(text_back)} B",
    }


ENDPOINTS = (
    Endpoint("GET", ROOT, list_all),
    Endpoint("POST", ROOT, create, 201),
    Endpoint("GET", ROOT + "{id}", describe),
    Endpoint("PATCH", ROOT + "{id}", update),
    Endpoint("DELETE", ROOT + "{id}", delete),
    Endpoint("POST", ROOT + "{name}/test", test),
)
