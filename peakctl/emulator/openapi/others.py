"""Resources, e-mails, permissions, tenants, telemetry, and the emulator itself (section 2.7)."""

from __future__ import annotations

from peakctl.emulator import emails, rest
from peakctl.emulator.faults import RULE
from peakctl.emulator.instance_types import ENTITY_TYPES
from peakctl.emulator.openapi.notation import MADE, PAGE
from peakctl.emulator.openapi.operation import (
    DATES,
    FILE,
    PAGES,
    TEXT,
    WORD,
    Operation,
    Table,
    any_of,
    json_text,
    word_of,
)
from peakctl.emulator.seeding import SEED
from peakctl.emulator.served import ADVANCE, ROOT
from peakctl.emulator.shapes import Shape, anything, items, record

E = emails.ROOT
CONNECTIONS = rest.CONNECTIONS
STEP_LOGS = "stepRunStatus:text logs:[logLine] nextToken:text?"
SERVICE = "/service/"
# One rule, or a list of them.
RULES = Shape(anything.test, {"anyOf": [RULE.schema, items(RULE).schema]})
EMAIL_PARTS = {
    **{
        name: json_text(shape) for name, shape in emails.FIELDS.items() if name in emails.JSON_PARTS
    },
    **dict.fromkeys(emails.TEXT_PARTS, WORD),
    "attachments": FILE,
}
OTHERS: Table = {
    ("GET", SERVICE + "workflows/api/v1/resources"): Operation(
        row=39, summary="List resources of steps", answer="[resources]"
    ),
    ("GET", SERVICE + "workflows/api/v1/resources/defaults"): Operation(
        row=40, summary="Read the default resources of steps",
        answer="instanceTypeId:int storage:text",
    ),
    ("GET", E): Operation(
        row=84, summary="List e-mails", answer=f"{PAGE} emailCount:int emails:[email]",
        query={**PAGES, **DATES, "count": TEXT},
    ),
    ("POST", E): Operation(
        row=85, summary="Send an e-mail", answer="id:int", body=emails.EMAIL, parts=EMAIL_PARTS,
        required=("recipients", "subject", "templateName"),
    ),
    ("GET", E + "/{id}"): Operation(
        row=86, summary="Describe an e-mail",
        answer="id:int status:text statusDetails:[emailStatus] recipients:{} subject:text"
        f" templateName:text {MADE} deliveredAt:text",
    ),
    ("GET", E + "/templates"): Operation(
        row=87, summary="List templates", answer=f"{PAGE} templateCount:int templates:[template]",
        query={**PAGES, "searchTerm": TEXT, "scope": any_of("global", "custom")},
    ),
    ("GET", E + "/templates/{name}"): Operation(
        row=88, summary="Describe a template",
        answer=f"id:int name:text subject:text body:text scope:text {MADE}",
    ),
    ("POST", "/_emulator/email-templates"): Operation(
        row=0, summary="Make an e-mail template of the tenant", answer="id:int",
        body=emails.TEMPLATE,
    ),
    ("GET", SERVICE + "quota/api/v1/settings/tenant-instance-options"): Operation(
        row=89, summary="List instance types", answer="data:[instanceType]",
        query={"entityType": word_of(*ENTITY_TYPES)}, needs=("entityType",),
    ),
    ("GET", SERVICE + "access-control/api/v2/access/permissions"): Operation(
        row=90, summary="Read permissions", answer="", query={"type": word_of("app")}
    ),
    ("GET", SERVICE + "tenant-management/api/v1/external/tenants/tenant-metadata"): Operation(
        row=91, summary="Read what the tenant is", answer=""
    ),
    ("POST", SERVICE + "resource-usage/api/v1/telemetry"): Operation(
        row=92, summary="Taken and forgotten", answer="", body=anything
    ),
    ("GET", CONNECTIONS + "v2/connections/credentials"): Operation(
        row=93, summary="Read invented credentials",
        answer="application:text authenticationType:text clientId:text dataWarehouseType:text"
        " port:text",
        query={"type": word_of(*rest.CREDENTIAL_TYPES), "warehouse": TEXT},
    ),
    ("GET", CONNECTIONS + "v1/connections/warehouses"): Operation(
        row=94, summary="List invented warehouses", answer="dataStores:list pageSize:int"
    ),
    ("GET", SERVICE + "spoke/api/v1/logs/workflow"): Operation(
        row=95, summary="Read the log of a step on a spoke", answer=STEP_LOGS,
        query={"logSource": WORD, "startTime": WORD, "nextToken": TEXT},
        needs=("logSource", "startTime"),
    ),
}  # fmt: skip
ITSELF: Table = {
    ("GET", f"{ROOT}/faults"): Operation(row=0, summary="List faults", answer="faults:[fault]"),
    ("POST", f"{ROOT}/faults"): Operation(
        row=0, summary="Add faults", answer="faults:[fault]", body=RULES
    ),
    ("DELETE", f"{ROOT}/faults"): Operation(
        row=0, summary="Forget faults", answer="faults:[fault]"
    ),
    ("GET", f"{ROOT}/requests"): Operation(
        row=0, summary="Read the journal", answer="requests:[request]"
    ),
    ("DELETE", f"{ROOT}/requests"): Operation(
        row=0, summary="Forget the journal", answer="requests:[request]"
    ),
    ("POST", f"{ROOT}/reset"): Operation(row=0, summary="Forget everything", answer=""),
    ("GET", f"{ROOT}/options"): Operation(
        row=0, summary="Read the options", answer="latency:number"
    ),
    ("PATCH", f"{ROOT}/options"): Operation(
        row=0, summary="Change options", answer="latency:number", body=record({})
    ),
    ("GET", f"{ROOT}/clock"): Operation(row=0, summary="Read the time", answer="now:number"),
    ("POST", f"{ROOT}/clock"): Operation(
        row=0, summary="Let time pass", answer="now:number", body=ADVANCE
    ),
    ("GET", f"{ROOT}/snapshot"): Operation(row=0, summary="Save all data", answer=None),
    ("PUT", f"{ROOT}/snapshot"): Operation(row=0, summary="Replace all data", answer=""),
    ("POST", f"{ROOT}/seed"): Operation(
        row=0, summary="Create resources", answer="created:[created]", also=(404, 409),
        body=SEED,
    ),
    ("GET", f"{ROOT}/openapi.json"): Operation(
        row=0, summary="This document", answer="openapi:text"
    ),
}  # fmt: skip
