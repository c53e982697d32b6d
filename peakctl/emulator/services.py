"""Services and webapps."""

from __future__ import annotations

import json
import re
from typing import Any

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.image_usage import VERSION, find_image, is_ready, latest_ready, set_usage
from peakctl.emulator.listing import PAGE, Listing, containing, one_of
from peakctl.emulator.problems import conflict, invalid, not_found
from peakctl.emulator.rows import Body, Row, Transaction, Where, due, stamp
from peakctl.emulator.tenants import check_instance_type, of_service, usual_type
from peakctl.emulator.views import CHANGED, ID, MADE, NAME, STATUS, Field, View, column

OPERATIONS = Operations({"service": "/service/webapps/api/v1/webapps/"})
STATUSES = ("CREATING", "DEPLOYING", "AVAILABLE", "CREATE_FAILED", "DELETING", "DELETE_FAILED")
TYPES = ("api", "web-app", "shiny")
FIELDS: dict[str, s.Schema] = {
    "title": s.TEXT, "description": s.TEXT,
    "imageDetails": s.record({"imageId": s.WHOLE}, {"versionId": s.WHOLE}),
    "resources": s.record({"instanceTypeId": s.WHOLE}),
    "parameters": s.optional(env=s.mapping(s.TEXT), secrets=s.items(s.LINE)),
    "sessionStickiness": s.FLAG, "scaleToZero": s.FLAG, "entrypoint": s.TEXT,
    "healthCheckURL": s.TEXT, "minInstances": s.whole(1, 2),
}  # fmt: skip
# Webapps do not have these; whatever is made with one of them is a service.
OF_SERVICES = ("serviceType", "parameters", "entrypoint", "healthCheckURL", "minInstances")
QUIET = ("title", "description")
EXAMPLE_HIDES = ("title", "description", "parameters", "scaleToZero", "applicationUrl")
FAIL = "fail-service"  # the value in `parameters.env` that asks for CREATE_FAILED
ANSWER = re.compile(r"answer-([1-5]\d\d)")  # one that asks for the status of each answer
ONE = s.record({"id": s.TEXT})
FILTERS = (
    one_of("status", "status", STATUSES),
    containing("searchTerm", "name"),
    one_of("serviceType", "facet", TYPES),
)
ITEM = View(
    id=ID, name=NAME, serviceType=column("facet"), status=STATUS, **MADE, **CHANGED,
    tags=Field(s.LIST, lambda row: []),
)  # fmt: skip
# These are in the reference's example of a read.
DESCRIBED = ("imageDetails", "resources", "sessionStickiness", "minInstances")
SERVICES = Listing("services", "servicesCount", ITEM, filters=FILTERS)
WEBAPPS = Listing("webapps", "webappsCount", ITEM, filters=FILTERS)


def usual_fields(tx: Transaction, service_type: object) -> Body:
    """What a service has that was created with nothing more than it must have."""
    return {
        "title": None, "description": None, "sessionStickiness": False, "scaleToZero": False,
        "parameters": {}, "minInstances": 1,
        "resources": {"instanceTypeId": usual_type(tx, of_service(service_type))},
    }  # fmt: skip


def _resolve_image(tx: Transaction, details: Body) -> Body:
    """imageDetails with a version: the given one, else the latest ready."""
    at = ("imageDetails.imageId", "imageDetails.versionId")
    image, version = find_image(tx, details["imageId"], details.get("versionId"), at)
    version = version or latest_ready(tx, image.id)
    if version is None:
        raise invalid(at[1], f"image {image.name} has no ready version")
    return {"imageId": image.number, "versionId": version.number}


def _check_type(body: Body, service_type: str) -> None:
    if body.get("sessionStickiness") and service_type == "api":
        raise invalid("sessionStickiness", "is not for services of type api")
    if body.get("scaleToZero") and service_type != "web-app":
        raise invalid("scaleToZero", "is only for services of type web-app")


@OPERATIONS(
    "GET", "", "List services (featureType=services) or webapps",
    query={**SERVICES.query, "featureType": s.TEXT}, answer=s.record(PAGE),
)  # fmt: skip
def list_services(call: Call) -> Body:
    services = call.ask("featureType") == "services"
    kind = Where(f"json_extract(body, '$.webapp') = {0 if services else 1}")
    return (SERVICES if services else WEBAPPS).page(call, kind)


@OPERATIONS(
    "POST", "", "Create a service or a webapp", status=201, answer=ONE, seeds=("service", "webapp"),
    body=s.record(
        {"name": s.LINE, "imageDetails": FIELDS["imageDetails"]},
        {**FIELDS, "serviceType": s.text(*TYPES)},
    ),
)  # fmt: skip
def create(call: Call) -> Body:
    tx, body = call.tx, call.checked()
    name, service_type = body["name"], body.get("serviceType") or "web-app"
    _check_type(body, service_type)
    check_instance_type(tx, of_service(service_type), body.get("resources"), "resources")
    call.refuse_taken(("service",), name, "name")
    stated = {k: v for k, v in body.items() if k in FIELDS and v is not None}
    kept = {**usual_fields(tx, service_type), **stated}
    kept["imageDetails"] = _resolve_image(tx, body["imageDetails"])
    kept["webapp"] = not any(field in body for field in OF_SERVICES)
    row = tx.add("service", kept, name=name, facet=service_type)
    set_usage(tx, row, [kept["imageDetails"]["versionId"]])
    tx.begin(row, "CREATING", call.options.service_seconds, "service-done")
    return {"id": row.id}


@OPERATIONS(
    "GET", "{id}", "Describe a service or a webapp",
    answer=s.record({**ITEM.fields, **{name: FIELDS[name] for name in DESCRIBED}}),
)  # fmt: skip
def describe(call: Call) -> Body:
    row = call.find()
    kept = {field: row.body.get(field) for field in FIELDS}
    answer = {**ITEM(row), **kept, "applicationUrl": f"https://{row.name}.emulator.peak.ai"}
    if call.options.full_reads:
        return answer
    return {k: v for k, v in answer.items() if k not in EXAMPLE_HIDES}


@OPERATIONS("PATCH", "{id}", "Change a service or a webapp", body=s.optional(**FIELDS), answer=ONE)
def update(call: Call) -> Body:
    """The client sends name and serviceType too; they cannot change."""
    row = call.find()
    if row.status == "DELETING":
        raise conflict(f"status: {row.name} is DELETING")
    body = call.checked()
    s.refuse_change(body, name=row.name, serviceType=row.facet)
    check_instance_type(call.tx, of_service(row.facet), body.get("resources"), "resources")
    before = json.dumps(_running(row.body), sort_keys=True)
    row.body.update({k: _merged(call, row, k, v) for k, v in body.items() if k in FIELDS})
    row.body["imageDetails"] = _resolve_image(call.tx, row.body["imageDetails"])
    _check_type(row.body, row.facet)
    call.tx.touch(row)
    if json.dumps(_running(row.body), sort_keys=True) != before:
        _run(call, row)
    return {"id": row.id}


def _running(body: Body) -> Body:
    """What a change of means a redeployment."""
    return {k: v for k, v in body.items() if k in FIELDS and k not in QUIET}


def _merged(call: Call, row: Row, field: str, value: Any) -> object:
    if value is None:
        if field == "imageDetails":
            raise invalid(field, "cannot be removed")
        return usual_fields(call.tx, row.facet).get(field)
    if call.options.patch_merges and field in ("parameters", "resources"):
        return {**(row.body.get(field) or {}), **value}
    return value


def _run(call: Call, row: Row) -> None:
    version = call.tx.require(VERSION, row.body["imageDetails"]["versionId"])
    if not is_ready(version):
        raise invalid("imageDetails.versionId", f"version {version.name} is not ready")
    set_usage(call.tx, row, [version.id])
    redeploy(call.tx, row)


def redeploy(tx: Transaction, row: Row) -> None:
    """AVAILABLE -> DEPLOYING -> AVAILABLE; the latest start decides when it ends."""
    tx.begin(row, "DEPLOYING", tx.options.service_seconds, "service-done")


@due("service-done", "service")
def finish(tx: Transaction, row: Row) -> None:
    """CREATING or DEPLOYING ends: AVAILABLE, or CREATE_FAILED.

    It fails when its image cannot run, or when a value of its env asks for that.
    """
    if row.status == "DELETING":
        return
    version = tx.get(VERSION, (row.body["imageDetails"] or {}).get("versionId"))
    runs = (version is None or is_ready(version)) and FAIL not in _env_values(row)
    row.status = "AVAILABLE" if runs else "CREATE_FAILED"
    tx.save(row)


def _env_values(row: Row) -> list[str]:
    env = (row.body.get("parameters") or {}).get("env") or {}
    return [value for value in env.values() if isinstance(value, str)]


@OPERATIONS("DELETE", "{id}", "Delete a service or a webapp", answer=ONE)
def delete(call: Call) -> Body:
    row = call.find()
    if row.status in ("CREATING", "DEPLOYING", "DELETING"):
        raise conflict(f"status: {row.name} is {row.status}; delete it when that is over")
    if row.body.get("owner"):
        raise conflict(f"{row.name} belongs to deployment {row.body['owner']}")
    call.tx.set_status(row, "DELETING")
    set_usage(call.tx, row, ())
    call.tx.schedule(call.options.delete_seconds, "service-gone", id=row.id)
    return {"id": row.id}


@due("service-gone", "service")
def drop(tx: Transaction, row: Row) -> None:
    set_usage(tx, row, ())
    tx.drop(row)


@OPERATIONS(
    "POST", "{name}/test", "Send a request to a service, which answers what it was sent",
    body=s.optional(
        httpMethod=s.text("get", "post", "put", "patch", "delete"), path=s.TEXT, payload=s.ANYTHING
    ),
    answer=s.record({
        **s.texts("responseBody", "reqStartTime", "reqEndTime", "responseSize"),
        "responseStatus": s.WHOLE,
    }),
)  # fmt: skip
def test(call: Call) -> Body:
    found = call.tx.named(("service",), call.params["name"])
    if not found:
        raise not_found("service", call.params["name"])
    body = call.checked()
    if found[0].status != "AVAILABLE":
        raise invalid("status", f"{found[0].name} is {found[0].status}")
    echo = {"path": body.get("path") or "/", "payload": body.get("payload")}
    text_back = json.dumps({"method": body.get("httpMethod") or "get", **echo})
    asked = next(filter(None, map(ANSWER.fullmatch, _env_values(found[0]))), None)
    return {
        "responseBody": text_back, "responseStatus": int(asked[1]) if asked else 200,
        "responseSize": f"{len(text_back)} B",
        "reqStartTime": stamp(call.tx.now), "reqEndTime": stamp(call.tx.now + 0.012),
    }  # fmt: skip
