"""The fixed catalog of instance types (contract, rows 39, 40 and 89; the names are ours)."""

from __future__ import annotations

from typing import Any

from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.problems import invalid

SIZES = {
    "Pico": (0.125, 0.125, 0.25, 0.5),
    "Nano": (0.25, 0.5, 0.25, 1),
    "Micro": (0.5, 1, 0.5, 1),
    "Small": (1, 2, 1, 2),
    "Medium": (2, 8, 2, 8),
    "Large": (4, 16, 4, 16),
    "XLarge": (8, 32, 8, 32),
}
DEFAULTS = {"instanceTypeId": 21, "storage": "10GB"}
MEASURES = ("cpu", "memory", "gpu", "gpuMemory")
ENTITY_TYPES = ("api-deployment", "data-bridge", "webapp", "workflow", "workspace")


def _option(key: int, name: str, cpu: float, memory: float, gpu: int = 0) -> dict[str, Any]:
    title = f"{name} ({cpu:g}CPU, {memory:g}GB RAM{f', {gpu}GPU' if gpu else ''})"
    return {
        "id": key,
        "name": title,
        "cpu": int(cpu * 1000),
        "memory": int(memory * 1000),
        "gpu": gpu or None,
        "gpuMemory": gpu * 16000 or None,
        "instanceClass": f"{name}_Gpu" if gpu else name,
        "provider": "k8s",
        "providerInstanceId": None,
    }


def _options(first: int, at: int) -> dict[int, dict[str, Any]]:
    rows = [
        _option(first + index, name, size[at], size[at + 1])
        for index, (name, size) in enumerate(SIZES.items())
    ]
    return {row["id"]: row for row in rows}


WORKFLOW = {**_options(20, 0), 30: _option(30, "Large", 4, 16, gpu=1)}
# 1 is what the client's own webapp sample asks for.
WEBAPP = {1: _option(1, "Basic", 0.5, 1), **_options(43, 2)}
WORKSPACE = _options(60, 0)
DATA_BRIDGE = _options(80, 2)
CATALOG = {
    "workflow": WORKFLOW,
    "webapp": WEBAPP,
    "api-deployment": WEBAPP,
    "workspace": WORKSPACE,
    "data-bridge": DATA_BRIDGE,
}


def list_options(call: Call) -> dict[str, Any]:
    """Row 89."""
    kind = call.ask("entityType")
    if kind not in ENTITY_TYPES:
        raise invalid("entityType", f"{kind!r} is not one of {', '.join(ENTITY_TYPES)}")
    return {"data": list(CATALOG[kind].values())}


def list_resources(call: Call) -> list[dict[str, Any]]:
    """Row 39; in whole CPUs and GB, unlike row 89."""
    return [{"id": row["id"], **{k: _whole(row[k]) for k in MEASURES}} for row in WORKFLOW.values()]


def _whole(thousandths: int | None) -> float | None:
    return None if thousandths is None else thousandths / 1000


def default_resources(call: Call) -> dict[str, Any]:
    """Row 40."""
    return dict(DEFAULTS)


ENDPOINTS = (
    Endpoint("GET", "/service/quota/api/v1/settings/tenant-instance-options", list_options),
    Endpoint("GET", "/service/workflows/api/v1/resources", list_resources),
    Endpoint("GET", "/service/workflows/api/v1/resources/defaults", default_resources),
)
