"""Endpoints and operations -> the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

from peakctl import __version__
from peakctl.emulator.calls import Endpoint
from peakctl.emulator.endpoints import ENDPOINTS
from peakctl.emulator.openapi.notation import ITEMS, schema_of
from peakctl.emulator.openapi.operation import FILE, Operation, Schema, Table
from peakctl.emulator.openapi.others import ITSELF, OTHERS
from peakctl.emulator.openapi.press import PRESS
from peakctl.emulator.openapi.resources import ARTIFACTS, IMAGES, SERVICES, WORKFLOWS

OPERATIONS: Table = {
    **ARTIFACTS, **IMAGES, **SERVICES, **WORKFLOWS, **PRESS, **OTHERS, **ITSELF,
}  # fmt: skip
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


def describe() -> dict[str, Any]:
    """The description of all calls, `/_emulator/...` included."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in (*ENDPOINTS, *_own()):
        operation = OPERATIONS[endpoint.method, endpoint.path]
        described = _operation(endpoint, operation)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "The emulated Peak API", "version": __version__, "description": ABOUT},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema_of(notation) for name, notation in ITEMS.items()},
            "responses": {str(status): _refusal(told) for status, told in REFUSALS.items()},
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"}
            },
        },
    }


def _own() -> list[Endpoint]:
    return [Endpoint(method, path, lambda call: {}, is_open=True) for method, path in ITSELF]


def _refusal(told: str) -> Schema:
    schema = {"$ref": "#/components/schemas/problem"}
    return {"description": told, "content": {"application/json": {"schema": schema}}}


def _operation(endpoint: Endpoint, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _identifier(endpoint),
        "summary": operation.summary,
        "tags": [endpoint.path.split("/")[2 if endpoint.path.startswith("/service") else 1]],
        "parameters": _parameters(endpoint, operation),
        "responses": _responses(endpoint, operation),
    }
    body = _body(endpoint, operation)
    if body:
        described["requestBody"] = body
    if endpoint.is_open:
        described["security"] = []
    if operation.row:
        described["x-contract-row"] = operation.row
    if endpoint.newer:
        described["x-newer"] = True
    return described


def _identifier(endpoint: Endpoint) -> str:
    words = re.findall(r"[A-Za-z0-9]+", endpoint.path)
    return "-".join([endpoint.method.lower(), *words])


def _parameters(endpoint: Endpoint, operation: Operation) -> list[Schema]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": name in operation.needs, "schema": schema}
        for name, schema in operation.query.items()
    ]
    return [*in_path, *in_query]


def _body(endpoint: Endpoint, operation: Operation) -> Schema:
    content: Schema = {}
    if operation.body is not None:
        content["application/json"] = {"schema": operation.body.schema}
    if operation.parts:
        schema: Schema = {"type": "object", "properties": dict(operation.parts)}
        if operation.required:
            schema["required"] = list(operation.required)
        files = {name: {"contentType": "application/zip"} for name, part in operation.parts.items()
                 if part is FILE}  # fmt: skip
        content["multipart/form-data"] = {"schema": schema, "encoding": files}
    required = operation.body is not None and "required" in operation.body.schema
    return {"content": content, "required": required or bool(operation.required)} if content else {}


def _responses(endpoint: Endpoint, operation: Operation) -> Schema:
    told = {str(endpoint.status): _success(endpoint, operation)}
    for status in _statuses(endpoint, operation):
        told[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return told


def _success(endpoint: Endpoint, operation: Operation) -> Schema:
    if operation.answer is None:
        media = "text/plain" if endpoint.path.endswith(".log") else "application/octet-stream"
        media = "application/zip" if endpoint.path.endswith("/download") else media
        return {"description": "The bytes", "content": {media: {}}}
    schema = schema_of(operation.answer)
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}


def _statuses(endpoint: Endpoint, operation: Operation) -> list[int]:
    writes = endpoint.method != "GET"
    wanted = {400, 413, *operation.also}
    wanted |= {401} if not endpoint.is_open else set()
    wanted |= {404} if "{" in endpoint.path else set()
    wanted |= {409} if writes and not endpoint.is_open else set()
    wanted |= {422} if writes or operation.query else set()
    return sorted(wanted)
