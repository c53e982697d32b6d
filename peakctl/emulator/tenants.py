"""The caller and the tenant: permissions, metadata, telemetry, connections."""

from __future__ import annotations

from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.schemas import ANYTHING, LIST, TEXT, record, text, whole
from peakctl.model import JsonDict

OPERATIONS = Operations({"tenant": "/service/"})
NEWER = Operations({"tenant": "/service/"}, newer=True)
CREDENTIALS: JsonDict = {
    "application": "amazon-redshift", "authenticationType": "BASIC", "clientId": "emulator",
    "dataWarehouseType": "amazon-redshift", "port": "5439",
}  # fmt: skip
# Invented, but for the feature that the reference's example asks about.
READ: JsonDict = {"actions": ["read"]}
WRITE: JsonDict = {"actions": ["write"]}
ALL: JsonDict = {"actions": ["*"]}
PERMISSIONS: JsonDict = {
    "PRICING": {"GUARDRAILS": WRITE, "STRATEGIES": READ},
    "PLATFORM": {"IMAGES": ALL, "WORKFLOWS": ALL, "SERVICES": ALL, "PRESS": {"SPECS": ALL}},
}


@OPERATIONS(
    "GET", "access-control/api/v2/access/permissions", "Read permissions",
    query={"type": text("app")},
)  # fmt: skip
def permissions(call: Call) -> JsonDict:
    """The same features for everybody, with one that may only be read."""
    call.choice("type")
    return PERMISSIONS


@NEWER(
    "GET", "tenant-management/api/v1/external/tenants/tenant-metadata", "Read what the tenant is"
)
def tenant_metadata(call: Call) -> JsonDict:
    """The client takes a tenant for a spoke as soon as there are spokeDetails."""
    domain = call.options.spoke_domain
    return {"spokeDetails": {"domain": domain}} if domain else {}


@OPERATIONS("POST", "resource-usage/api/v1/telemetry", "Taken and forgotten", body=ANYTHING)
def telemetry(call: Call) -> JsonDict:
    return {}


@NEWER(
    "GET", "connections/api/v2/connections/credentials", "Read invented credentials",
    query={"type": text("data-warehouse"), "warehouse": TEXT},
    answer=record(dict.fromkeys(CREDENTIALS, TEXT)),
)  # fmt: skip
def credentials(call: Call) -> JsonDict:
    """The same for everybody."""
    call.choice("type")
    return {**CREDENTIALS, "application": call.ask("warehouse") or CREDENTIALS["application"]}


@NEWER(
    "GET", "connections/api/v1/connections/warehouses", "List invented warehouses",
    answer=record({"dataStores": LIST, "pageSize": whole()}),
)  # fmt: skip
def warehouses(call: Call) -> JsonDict:
    return {"dataStores": [{"id": 1, "name": "default", "type": "amazon-redshift"}], "pageSize": 25}
