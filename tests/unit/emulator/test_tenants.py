"""Permissions, tenants, connections, telemetry."""

from __future__ import annotations

from typing import Any


def test_the_remaining_calls_answer(peak: Any) -> None:
    connections = "/service/connections/api/"
    metadata = "/service/tenant-management/api/v1/external/tenants/tenant-metadata"
    assert peak.get(metadata) == {}
    permissions = "/service/access-control/api/v2/access/permissions"
    assert peak.get(permissions, type="app")["PRICING"]["GUARDRAILS"] == {"actions": ["write"]}
    peak.refused(422, "GET", permissions, params={"type": "x"})
    assert peak.ok("POST", "/service/resource-usage/api/v1/telemetry", json={}) == {}
    path = f"{connections}v2/connections/credentials"
    assert peak.get(path, type="data-warehouse")["port"]
    assert peak.get(path)["port"]
    peak.refused(422, "GET", path, params={"type": "x"})
    assert peak.get(f"{connections}v1/connections/warehouses")["dataStores"]
    spoke = "/service/spoke/api/v1/logs/workflow"
    query = {"logSource": "n", "startTime": "t", "endTime": "t"}
    assert peak.get(spoke, **query)["logs"] == []
    assert peak.refused(422, "GET", spoke).startswith("logSource:")
