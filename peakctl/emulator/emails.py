"""E-mails and their templates (contract, rows 84-88 and section 3.6)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.image_calls import since
from peakctl.emulator.listing import Listing, answer_list, answer_page
from peakctl.emulator.problems import Problem, conflict, invalid, not_found
from peakctl.emulator.rows import AUTHOR, Body, Row, Where
from peakctl.emulator.shapes import LINE, TEXT, anything, check, items, mapping, record
from peakctl.emulator.times import stamp

ROOT = "/service/notifications/api/v1/emails"
LIST = Listing(("email",), "emails", "emailCount", order="seq DESC")
NEEDED = {"recipients": items(LINE, low=1), "subject": LINE, "templateName": LINE}
FREE = {"cc": items(LINE), "bcc": items(LINE), "templateParameters": mapping(anything)}
FIELDS = {**NEEDED, **FREE}
EMAIL = record(NEEDED, FREE)
TEMPLATE = record({"name": LINE}, {"subject": TEXT, "body": TEXT})
JSON_PARTS = ("recipients", "cc", "bcc", "templateParameters")
TEXT_PARTS = ("subject", "templateName")
ATTACHMENTS = 3
ATTACHMENT_LIMIT = 10 * 10**6
SUFFIXES = (".pdf", ".docx", ".doc", ".csv", ".txt", ".xlsx", ".xls", ".zip")
LOOK_BACK = 90 * 86400
BUILT_IN = ("default-template", "workflow-failed")


def send(call: Call) -> Body:
    """Row 85: JSON, or parts when there are attachments."""
    body = call.record()
    if call.parts:
        body = {name: call.json(name) for name in JSON_PARTS}
        body.update({name: call.text(name) for name in TEXT_PARTS})
        _check_attachments(call)
    check(EMAIL, body)
    kept = {name: body.get(name) for name in (*JSON_PARTS, *TEXT_PARTS)}
    row = call.tx.add("email", kept, key=str(call.tx.number("email")), status="Delivered")
    return {"id": row.number}


def _check_attachments(call: Call) -> None:
    files = [part for part in call.parts if part.name == "attachments"]
    if len(files) > ATTACHMENTS:
        raise invalid("attachments", f"more than {ATTACHMENTS}")
    for part in files:
        if PurePosixPath(part.filename or "").suffix.lower() not in SUFFIXES:
            raise invalid("attachments", f"{part.filename} is of no allowed type")
        if len(part.data) > ATTACHMENT_LIMIT:
            raise Problem(413, f"attachments: {part.filename} is larger than 10 MB")


def _item(row: Row) -> Body:
    return {
        "id": row.number,
        "status": row.status,
        "subject": row.body["subject"],
        "templateName": row.body["templateName"],
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
    }


def list_all(call: Call) -> Body:
    """Row 84; without dates, the last 90 days."""
    where = since(call, "created") or [Where("created >= ?", (call.tx.now - LOOK_BACK,))]
    page = answer_page(call, LIST, where, _item)
    count = call.ask("count") or ""
    return {**page, "emails": page["emails"][: int(count)]} if count.isdecimal() else page


def describe(call: Call) -> Body:
    """Row 86."""
    row = call.tx.require("email", call.params["id"])
    body = row.body
    sent: dict[str, Any] = {
        "to": body["recipients"], "cc": body["cc"] or [], "bcc": body["bcc"] or []
    }  # fmt: skip
    return {
        **_item(row),
        "recipients": sent,
        "statusDetails": [
            {"email": address, "status": row.status, "description": ""}
            for addresses in sent.values()
            for address in addresses
        ],
        "deliveredAt": stamp(row.created),
    }


def _provided(number: int, name: str) -> Body:
    return {
        "id": number,
        "name": name,
        "subject": name,
        "body": f"<p>{name}</p>",
        "scope": "global",
        "createdAt": stamp(0),
        "createdBy": AUTHOR,
    }


def _custom(row: Row) -> Body:
    return {
        "id": row.number,
        "name": row.name,
        **row.body,
        "scope": "custom",
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
    }


def _templates(call: Call) -> dict[str, Body]:
    """All templates by name: two of the platform's own, then those of the tenant."""
    found = [_provided(number, name) for number, name in enumerate(BUILT_IN, 1)]
    found += [_custom(row) for row in call.tx.select(("email-template",))]
    return {template["name"]: template for template in found}


def add_template(call: Call) -> Body:
    """A template of the tenant. The platform has no such call; seeds use it."""
    body = call.record()
    check(TEMPLATE, body)
    if body["name"] in _templates(call):
        raise conflict(f"name: a template {body['name']} already exists")
    kept = {"subject": body.get("subject") or body["name"], "body": body.get("body") or ""}
    key = str(call.tx.number("email-template") + len(BUILT_IN))
    return {"id": call.tx.add("email-template", kept, key=key, name=body["name"]).number}


def list_templates(call: Call) -> Body:
    """Row 87."""
    scopes = call.asks("scope")
    term = (call.ask("searchTerm") or "").casefold()
    for scope in scopes:
        if scope not in ("global", "custom"):
            raise invalid("scope", f"{scope!r} is not one of global, custom")
    found = [
        {key: value for key, value in template.items() if key not in ("subject", "body")}
        for name, template in _templates(call).items()
        if term in name.casefold() and (not scopes or template["scope"] in scopes)
    ]
    return answer_list(call, "templates", "templateCount", found)


def describe_template(call: Call) -> Body:
    """Row 88."""
    found = _templates(call).get(call.params["name"])
    if found is None:
        raise not_found("template", call.params["name"])
    return found


ENDPOINTS = (
    Endpoint("GET", ROOT, list_all),
    Endpoint("POST", ROOT, send, 201),
    Endpoint("GET", ROOT + "/templates", list_templates),
    Endpoint("GET", ROOT + "/templates/{name}", describe_template),
    Endpoint("GET", ROOT + "/{id}", describe),
    Endpoint("POST", "/_emulator/email-templates", add_template, 201),
)
