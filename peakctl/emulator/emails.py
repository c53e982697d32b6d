"""E-mails and their templates."""

from __future__ import annotations

from pathlib import PurePosixPath

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.listing import DATES, Listing, one_of
from peakctl.emulator.problems import Problem, conflict, invalid, not_found
from peakctl.emulator.rows import AUTHOR, Body, Where, stamp
from peakctl.emulator.views import MADE, NAME, NUMBER, STATUS, Field, View, stored
from peakctl.model import JsonDict

EMAILS = Operations({"email": "/service/notifications/api/v1/emails"})
# The platform has no call that makes a template; seeds use this one.
TEMPLATES = Operations({"email-template": "/_emulator/email-templates"})
JSON_PARTS = {
    "recipients": s.items(s.LINE, low=1), "cc": s.items(s.LINE), "bcc": s.items(s.LINE),
    "templateParameters": s.mapping(s.ANYTHING),
}  # fmt: skip
TEXT_PARTS = {"subject": s.LINE, "templateName": s.LINE}
NEEDED = ("recipients", "subject", "templateName")
KNOWN = {**JSON_PARTS, **TEXT_PARTS}
EMAIL = s.record({k: KNOWN[k] for k in NEEDED}, {k: v for k, v in KNOWN.items() if k not in NEEDED})
PARTS = {**{name: s.json_text(schema) for name, schema in JSON_PARTS.items()}, **TEXT_PARTS}
ITEM = View(
    id=NUMBER, status=STATUS, subject=stored("subject"), templateName=stored("templateName"), **MADE
)
RECIPIENT = s.record(s.texts("email", "status", "description"))
TEMPLATE = View(id=NUMBER, name=NAME, scope=Field(s.TEXT, lambda row: "custom"), **MADE)
ALL = Listing(
    "emails", "emailCount", ITEM, ("email",), order="seq DESC", bounded=True, filters=DATES
)
# They are not in the store alone, so the filter only checks its values.
ALL_TEMPLATES = Listing(
    "templates", "templateCount", TEMPLATE, filters=(one_of("scope", "", ("global", "custom")),)
)
ATTACHMENTS = 3
ATTACHMENT_LIMIT = 10 * 10**6
SUFFIXES = (".pdf", ".docx", ".doc", ".csv", ".txt", ".xlsx", ".xls", ".zip")
LOOK_BACK = 90 * 86400
BUILT_IN = ("default-template", "workflow-failed")


@EMAILS("GET", "", "List e-mails", listing=ALL)
def list_emails(call: Call) -> Body:
    """Without dates, the last 90 days."""
    recent = Where("created >= ?", (call.tx.now - LOOK_BACK,))
    return ALL.page(call, *([] if ALL.conditions(call) else [recent]))


@EMAILS(
    "POST", "", "Send an e-mail; as parts when there are attachments", status=201,
    seeds=("email",), body=EMAIL,
    parts=s.form({**PARTS, "attachments": s.FILE}, NEEDED), answer=s.record({"id": s.WHOLE}),
)  # fmt: skip
def send(call: Call) -> Body:
    if call.parts:
        body = call.form()
        _check_attachments(call)
        s.check(EMAIL, body)
    else:
        body = call.checked()
    kept = {name: body.get(name) for name in KNOWN}
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


@EMAILS(
    "GET", "/{id}", "Describe an e-mail",
    answer=s.record({
        **ITEM.fields, "statusDetails": s.items(RECIPIENT), "recipients": s.MAP,
        "deliveredAt": s.TEXT,
    }),
)  # fmt: skip
def describe(call: Call) -> Body:
    row = call.find()
    sent: JsonDict = {
        "to": row.body["recipients"], "cc": row.body["cc"] or [], "bcc": row.body["bcc"] or []
    }  # fmt: skip
    details = [
        {"email": address, "status": row.status, "description": ""}
        for addresses in sent.values()
        for address in addresses
    ]
    shown = {"recipients": sent, "statusDetails": details, "deliveredAt": stamp(row.created)}
    return {**ITEM(row), **shown}


def _provided(number: int, name: str) -> Body:
    return {
        "id": number, "name": name, "subject": name, "body": f"<p>{name}</p>", "scope": "global",
        "createdAt": stamp(0), "createdBy": AUTHOR,
    }  # fmt: skip


def _templates(call: Call) -> dict[str, Body]:
    """All templates by name: two of the platform's own, then those of the tenant."""
    found = [_provided(number, name) for number, name in enumerate(BUILT_IN, 1)]
    found += [{**TEMPLATE(row), **row.body} for row in call.tx.select(("email-template",))]
    return {template["name"]: template for template in found}


@TEMPLATES(
    "POST", "", "Make an e-mail template of the tenant", status=201, seeds=("email-template",),
    body=s.record({"name": s.LINE}, s.texts("subject", "body")), answer=s.record({"id": s.WHOLE}),
)  # fmt: skip
def add_template(call: Call) -> Body:
    body = call.checked()
    if body["name"] in _templates(call):
        raise conflict(f"name: a template {body['name']} already exists")
    kept = {"subject": body.get("subject") or body["name"], "body": body.get("body") or ""}
    key = str(call.tx.number("email-template") + len(BUILT_IN))
    return {"id": call.tx.add("email-template", kept, key=key, name=body["name"]).number}


@EMAILS(
    "GET", "/templates", "List templates", listing=ALL_TEMPLATES,
    query={**ALL_TEMPLATES.query, "searchTerm": s.TEXT},
)  # fmt: skip
def list_templates(call: Call) -> Body:
    ALL_TEMPLATES.conditions(call)
    scopes, term = call.asks("scope"), (call.ask("searchTerm") or "").casefold()
    found = [
        {key: template[key] for key in TEMPLATE}
        for name, template in _templates(call).items()
        if term in name.casefold() and (not scopes or template["scope"] in scopes)
    ]
    return ALL_TEMPLATES.part(call, found)


@EMAILS(
    "GET", "/templates/{name}", "Describe a template",
    answer=s.record({**TEMPLATE.fields, "subject": s.TEXT, "body": s.TEXT}),
)  # fmt: skip
def describe_template(call: Call) -> Body:
    found = _templates(call).get(call.params["name"])
    if found is None:
        raise not_found("template", call.params["name"])
    return found
