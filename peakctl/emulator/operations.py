"""All operations of the platform, and how OpenAPI 3.1 describes operations."""

from __future__ import annotations

import re
from collections.abc import Iterable

from peakctl import __version__
from peakctl.emulator import (
    artifacts,
    builds,
    deployments,
    emails,
    executions,
    images,
    services,
    specs,
    tenants,
    workflows,
)
from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Operation
from peakctl.model import JsonDict

GROUPS = (
    artifacts.OPERATIONS, images.IMAGES, builds.BUILDS, builds.FILES, services.OPERATIONS,
    executions.RUNS, executions.FILES, executions.SPOKE, workflows.OPERATIONS,
    specs.SPECS, specs.BLOCKS, specs.APPS, specs.BOTH,
    deployments.EACH, deployments.BOTH, deployments.NEWER, deployments.OF_SPEC,
    tenants.OF_TENANT, tenants.OF_STEPS, emails.TEMPLATES, emails.EMAILS,
    tenants.OPERATIONS, tenants.NEWER,
)  # fmt: skip
OPERATIONS = tuple(operation for group in GROUPS for operation in group)

REFUSALS = {
    400: "The body is not JSON, or not complete multipart",
    401: "No Authorization header",
    404: "Something in the path does not exist",
    409: "Taken, or in a state that does not allow it",
    413: "Larger than the limit",
    422: "A field or a query parameter is wrong; the detail names it",
    429: "The queue is full",
}
ABOUT = """The Peak platform as peakctl's emulator plays it: an own reading of public documentation,
not the platform's own description. `/service/...` and `/press/...` stand for the hosts service and
press."""


def describe(operations: Iterable[Operation]) -> JsonDict:
    """The description of these operations."""
    paths: dict[str, JsonDict] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    detail = _json(s.record({"detail": s.TEXT}))
    refusals = {str(n): {"description": word, "content": detail} for n, word in REFUSALS.items()}
    token = {"type": "apiKey", "in": "header", "name": "Authorization"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "The emulated Peak API", "version": __version__, "description": ABOUT},
        "security": [{"token": []}],
        "paths": paths,
        "components": {"responses": refusals, "securitySchemes": {"token": token}},
    }


def _json(schema: s.Schema) -> s.Schema:
    return {"application/json": {"schema": schema}}


def _described(operation: Operation) -> JsonDict:
    words = re.findall(r"[A-Za-z0-9]+", operation.path)
    described: JsonDict = {
        "operationId": "-".join([operation.method.lower(), *words]),
        "summary": operation.summary,
        "tags": [operation.path.split("/")[2 if operation.path.startswith("/service") else 1]],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None or operation.parts is not None:
        described["requestBody"] = _body(operation)
    if operation.is_open:
        described["security"] = []
    if operation.newer:
        described["x-newer"] = True
    return described


def _parameters(operation: Operation) -> list[s.Schema]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": name in operation.needs, "schema": schema}
        for name, schema in operation.query.items()
    ]
    return [*in_path, *in_query]


def _body(operation: Operation) -> s.Schema:
    content = {} if operation.body is None else _json(operation.body)
    if operation.parts is not None:
        known = operation.parts["properties"]
        files = {
            name: {"contentType": "application/zip"} for name in known if known[name] is s.FILE
        }
        content["multipart/form-data"] = {"schema": operation.parts, "encoding": files}
    required = any("required" in (schema or {}) for schema in (operation.body, operation.parts))
    return {"content": content, "required": required}


def _responses(operation: Operation) -> s.Schema:
    refused = {str(s): {"$ref": f"#/components/responses/{s}"} for s in _refused(operation)}
    return {str(operation.status): _success(operation), **refused}


def _success(operation: Operation) -> s.Schema:
    if operation.answer is not None:
        return {"description": "Done", "content": _json(operation.answer)}
    media = "text/plain" if operation.path.endswith(".log") else "application/octet-stream"
    media = "application/zip" if operation.path.endswith("/download") else media
    return {"description": "The bytes", "content": {media: {}}}


def _refused(operation: Operation) -> list[int]:
    writes, is_open = operation.method != "GET", operation.is_open
    wanted = {400, 413, *operation.also}
    wanted |= {401} if not is_open else set()
    wanted |= {404} if "{" in operation.path else set()
    wanted |= {409} if writes and not is_open else set()
    wanted |= {422} if writes or operation.query else set()
    return sorted(wanted)
