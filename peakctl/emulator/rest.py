"""Permissions, tenants, connections, telemetry (contract, rows 90-94)."""

from __future__ import annotations

from typing import Any

from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.problems import invalid

CREDENTIAL_TYPES = ("data-warehouse",)
# Invented, but for the feature that the reference's example asks about.
READ: dict[str, Any] = {"actions": ["read"]}
WRITE: dict[str, Any] = {"actions": ["write"]}
ALL: dict[str, Any] = {"actions": ["*"]}
PERMISSIONS: dict[str, Any] = {
    "PRICING": {"GUARDRAILS": WRITE, "STRATEGIES": READ},
    "PLATFORM": {"IMAGES": ALL, "WORKFLOWS": ALL, "SERVICES": ALL, "PRESS": {"SPECS": ALL}},
}


def permissions(call: Call) -> dict[str, Any]:
    """Row 90: the same features for everybody, with one that may only be read."""
    kind = call.ask("type")
    if kind not in (None, "app"):
        raise invalid("type", f"{kind!r} is not app")
    return PERMISSIONS


def tenant_metadata(call: Call) -> dict[str, Any]:
    """Row 91. The client takes a tenant for a spoke as soon as there are spokeDetails."""
    domain = call.options.spoke_domain
    return {"spokeDetails": {"domain": domain}} if domain else {}


def telemetry(call: Call) -> dict[str, Any]:
    """Row 92: taken and forgotten."""
    return {}


def credentials(call: Call) -> dict[str, Any]:
    """Row 93. Invented, and the same for everybody."""
    kind = call.ask("type")
    if kind not in (None, *CREDENTIAL_TYPES):
        raise invalid("type", f"{kind!r} is not one of {', '.join(CREDENTIAL_TYPES)}")
    return {
        "application": call.ask("warehouse") or "amazon-redshift",
        "authenticationType": "BASIC",
        "clientId": "emulator",
        "dataWarehouseType": "amazon-redshift",
        "port": "5439",
    }


def warehouses(call: Call) -> dict[str, Any]:
    """Row 94."""
    return {"dataStores": [{"id": 1, "name": "default", "type": "amazon-redshift"}], "pageSize": 25}


CONNECTIONS = "/service/connections/api/"
ENDPOINTS = (
    Endpoint("GET", "/service/access-control/api/v2/access/permissions", permissions),
    Endpoint(
        "GET",
        "/service/tenant-management/api/v1/external/tenants/tenant-metadata",
        tenant_metadata,
        newer=True,
    ),
    Endpoint("POST", "/service/resource-usage/api/v1/telemetry", telemetry),
    Endpoint("GET", CONNECTIONS + "v2/connections/credentials", credentials, newer=True),
    Endpoint("GET", CONNECTIONS + "v1/connections/warehouses", warehouses, newer=True),
)
