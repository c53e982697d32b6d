"""The tenant itself: its instance types, and what its callers may do and see.

A list of instance types that was given instead of the built-in ones is kept with the data, so that
snapshots carry it.
"""

from __future__ import annotations

from typing import Any

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.problems import invalid
from peakctl.emulator.rows import Transaction
from peakctl.model import JsonDict

Type = JsonDict
SIZES = {
    "Pico": (0.125, 0.125, 0.25, 0.5),
    "Nano": (0.25, 0.5, 0.25, 1),
    "Micro": (0.5, 1, 0.5, 1),
    "Small": (1, 2, 1, 2),
    "Medium": (2, 8, 2, 8),
    "Large": (4, 16, 4, 16),
    "XLarge": (8, 32, 8, 32),
}
USUAL_STORAGE = "10GB"
ENTITY_TYPES = ("api-deployment", "data-bridge", "webapp", "workflow", "workspace")
OF_TENANT = Operations({"instance-type": "/service/quota/api/v1/settings/"})
OF_STEPS = Operations({"instance-type": "/service/workflows/api/v1/resources"})
SIZE = dict.fromkeys(("cpu", "memory", "gpu", "gpuMemory"), s.NUMBER)
WORDS = dict.fromkeys(("name", "instanceClass", "provider", "providerInstanceId"), s.LINE)
TYPE = s.record({"id": s.whole(1)}, {**SIZE, **WORDS})


def _type(key: int, name: str, cpu: float, memory: float, gpu: int = 0) -> Type:
    title = f"{name} ({cpu:g}CPU, {memory:g}GB RAM{f', {gpu}GPU' if gpu else ''})"
    return {
        "id": key, "name": title, "cpu": int(cpu * 1000), "memory": int(memory * 1000),
        "gpu": gpu or None, "gpuMemory": gpu * 16000 or None, "provider": "k8s",
        "instanceClass": f"{name}_Gpu" if gpu else name, "providerInstanceId": None,
    }  # fmt: skip


def _types(first: int, at: int, family: str = "") -> list[Type]:
    return [
        _type(first + index, family + name, size[at], size[at + 1])
        for index, (name, size) in enumerate(SIZES.items())
    ]


# Every id that the samples of the platform use for its entity type is there: 1, 20 to 23 and 43 to
# 45 of services, 21 to 23 of workflows; 51 is in use by services elsewhere.
# Manifests refer to instance types by name, so no name is there twice: 22 to 26 differ by a word.
SERVICE = [
    _type(1, "Basic", 0.5, 1),
    *_types(20, 0)[:2],
    *_types(20, 0, "API ")[2:],
    *_types(43, 2),
    _type(50, "2XLarge", 16, 64),
    _type(51, "4XLarge", 32, 128),
]
BUILT_IN: dict[str, list[Type]] = {
    "workflow": [*_types(20, 0), _type(30, "Large", 4, 16, gpu=1)],
    "webapp": SERVICE,
    "api-deployment": SERVICE,
    "workspace": _types(60, 0),
    "data-bridge": _types(80, 2),
}
USUAL = {"workflow": 21, "webapp": 43, "api-deployment": 43}
"""What something gets that names no instance type, where the list has it."""


def read_instance_types(value: object) -> dict[str, list[Type]]:
    """`{ENTITY TYPE: [types]}`, complete; a type is what the platform lists, or an id alone.

    Raises a 422 that names the field.
    """
    if not isinstance(value, dict):
        raise invalid("instanceTypes", "must be a mapping")
    for kind, types in value.items():
        if kind not in ENTITY_TYPES:
            raise invalid(f"instanceTypes.{kind}", f"is not one of {', '.join(ENTITY_TYPES)}")
        if not isinstance(types, list) or not types:
            raise invalid(f"instanceTypes.{kind}", "must be a list with at least one type")
    return {kind: _complete(types, f"instanceTypes.{kind}") for kind, types in value.items()}


def _complete(types: list[Any], at: str) -> list[Type]:
    found: dict[int, Type] = {}
    for index, given in enumerate(types):
        stated = given if isinstance(given, dict) else {"id": given}
        s.check(TYPE, stated, f"{at}[{index}]")
        if stated["id"] in found:
            raise invalid(f"{at}[{index}].id", f"{stated['id']} is there twice")
        cpu, memory = stated.get("cpu") or 1000, stated.get("memory") or 2000
        usual = _type(stated["id"], f"Type {stated['id']}", cpu / 1000, memory / 1000)
        found[stated["id"]] = usual | {k: stated[k] for k in usual if stated.get(k) is not None}
    return list(found.values())


def keep_instance_types(tx: Transaction, given: dict[str, list[Type]]) -> None:
    """Have these lists from now on, for all tenants; what they leave out is built in."""
    everybody = tx.at("", tx.now)
    kept = everybody.get("setting", "instance-types")
    if kept is not None:
        everybody.drop(kept)
    if given:
        everybody.add("setting", given, key="instance-types")


def given_instance_types(tx: Transaction) -> dict[str, list[Type]]:
    """The lists that were given."""
    kept = tx.at("", tx.now).get("setting", "instance-types")
    return kept.body if kept is not None else {}


def instance_types(tx: Transaction, kind: str) -> list[Type]:
    """The list of an entity type."""
    return given_instance_types(tx).get(kind) or BUILT_IN[kind]


def check_instance_type(tx: Transaction, kind: str, resources: object, at: str) -> None:
    """Raise a 422 unless the `instanceTypeId` of `resources`, where it is a number, is listed."""
    key = resources.get("instanceTypeId") if isinstance(resources, dict) else None
    if isinstance(key, int) and all(each["id"] != key for each in instance_types(tx, kind)):
        raise invalid(f"{at}.instanceTypeId", f"instance type {key} does not exist")


def usual_type(tx: Transaction, kind: str) -> int:
    """The instance type of something that names none."""
    ids: list[int] = [each["id"] for each in instance_types(tx, kind)]
    return USUAL[kind] if USUAL[kind] in ids else ids[0]


def of_service(service_type: object) -> str:
    """The entity type whose list a service takes from."""
    return "api-deployment" if service_type == "api" else "webapp"


@OF_TENANT(
    "GET", "tenant-instance-options", "List instance types",
    query={"entityType": s.text(*ENTITY_TYPES)}, needs=("entityType",),
    answer=s.record({"data": s.items(TYPE)}),
)  # fmt: skip
def list_types(call: Call) -> JsonDict:
    return {"data": instance_types(call.tx, call.choice("entityType") or "")}


@OF_STEPS("GET", "", "List resources of steps", answer=s.items(s.record({"id": s.WHOLE}, SIZE)))
def list_resources(call: Call) -> list[JsonDict]:
    """In whole CPUs and GB, unlike the instance types of a tenant."""
    return [
        {"id": each["id"], **{k: each[k] and each[k] / 1000 for k in SIZE}}
        for each in instance_types(call.tx, "workflow")
    ]


@OF_STEPS(
    "GET", "/defaults", "Read the default resources of steps",
    answer=s.record({"instanceTypeId": s.WHOLE, "storage": s.TEXT}),
)  # fmt: skip
def read_defaults(call: Call) -> JsonDict:
    return usual_resources(call.tx)


def usual_resources(tx: Transaction) -> JsonDict:
    """The resources of a step that names none."""
    return {"instanceTypeId": usual_type(tx, "workflow"), "storage": USUAL_STORAGE}


# --- the caller and the tenant -----------------------------------------------------------------

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
    query={"type": s.text("app")},
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


@OPERATIONS("POST", "resource-usage/api/v1/telemetry", "Taken and forgotten", body=s.ANYTHING)
def telemetry(call: Call) -> JsonDict:
    return {}


@NEWER(
    "GET", "connections/api/v2/connections/credentials", "Read invented credentials",
    query={"type": s.text("data-warehouse"), "warehouse": s.TEXT},
    answer=s.record(dict.fromkeys(CREDENTIALS, s.TEXT)),
)  # fmt: skip
def credentials(call: Call) -> JsonDict:
    """The same for everybody."""
    call.choice("type")
    return {**CREDENTIALS, "application": call.ask("warehouse") or CREDENTIALS["application"]}


@NEWER(
    "GET", "connections/api/v1/connections/warehouses", "List invented warehouses",
    answer=s.record({"dataStores": s.LIST, "pageSize": s.whole()}),
)  # fmt: skip
def warehouses(call: Call) -> JsonDict:
    return {"dataStores": [{"id": 1, "name": "default", "type": "amazon-redshift"}], "pageSize": 25}
