"""Permissions, tenants, connections, telemetry (contract, rows 90-94)."""

from __future__ import annotations

from typing import Any

from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.problems import invalid

CREDENTIAL_TYPES = ("data-warehouse",)


def permissions(call: Call) -> dict[str, Any]:
    """Row 90: everything is allowed."""
    kind = call.ask("type")
    if kind not in (None, "app"):
        raise invalid("type", f"{kind!r} is not app")
    return {"*": {"actions": ["write"]}}


def tenant_metadata(call: Call) -> dict[str, Any]:
    """Row 91."""
    return {"tenant": call.tx.tenant, "spokeDetails": {"domain": ""}}


def telemetry(call: Call) -> dict[str, Any]:
    """Row 92: taken and forgotten."""
    return {}


def credentials(call: Call) -> dict[str, Any]:
    """Row 93. Invented, and the same for everybody."""
    kind = call.ask("type")
    if kind not in CREDENTIAL_TYPES:
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
