"""Operations of the emulator itself: faults, requests, time, options, data. They need no token."""

from __future__ import annotations

import base64
import functools
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Operation, Operations, refuse, respond
from peakctl.emulator.faults import RULE, read_faults
from peakctl.emulator.operations import OPERATIONS, describe
from peakctl.emulator.options import change_options, options_shown
from peakctl.emulator.problems import Problem, invalid
from peakctl.emulator.requests import decode, read_body
from peakctl.emulator.store import save_snapshot
from peakctl.errors import PeakctlError
from peakctl.model import JsonDict

if TYPE_CHECKING:
    from starlette.requests import Request

    from peakctl.api.http import httpx
    from peakctl.emulator.platform import Emulator

ROOT = "/_emulator/"
ADMIN = Operations({"emulator": ROOT}, is_open=True)
ADVANCE = s.record({"advance": s.NUMBER})
SHOWN_OF_RULE = ("method", "path", "action", "when", "skip", "times")
FAULT = {
    **{name: RULE["properties"][name] for name in SHOWN_OF_RULE}, "seen": s.WHOLE, "hits": s.WHOLE
}  # fmt: skip
FAULTS = s.record({"faults": s.items(s.record(FAULT))})
REQUESTS = s.record({"requests": s.items(s.record({
    "method": s.TEXT, "path": s.TEXT, "query": s.LIST, "status": s.WHOLE, "at": s.NUMBER,
    "seconds": s.NUMBER, "tenant": s.TEXT,
}))})  # fmt: skip
OPTIONS = s.record({"latency": s.NUMBER})
CLOCK = s.record({"now": s.NUMBER})
CREATED = s.record({"kind": s.TEXT, "as": s.nullable(s.TEXT), "answer": s.ANYTHING})
REFERENCE = re.compile(r"\$\{([\w-]+)\.([\w.-]+)\}")
WAYS = {kind: operation for operation in OPERATIONS for kind in operation.seeds}
# What `in` calls the `{id}` in the path of a call.
PARENTS = {"artifact-version": "artifact", "block-release": "spec", "app-release": "spec"}
RESOURCE = s.record(
    {"kind": s.text(*WAYS), "body": s.MAP},
    {"as": s.LINE, "in": s.mapping(s.ANYTHING), "artifact": s.LINE},
)
RESOURCES = s.items(RESOURCE)
SEED = s.record({"resources": RESOURCES}, {"tenant": s.text(pattern="[A-Za-z0-9_-]{1,64}")})


async def answer(emulator: Emulator, operation: Operation, request: Request) -> Response:
    """The answer of one of `ADMIN`."""
    try:
        found = await operation.handler(emulator, request)
    except Problem as problem:
        return refuse(problem.status, problem.detail)
    return found if isinstance(found, Response) else respond(found, operation.status)


async def _body(request: Request) -> Any:
    return decode("application/json", await read_body(request)).json


@ADMIN("GET", "faults", "List faults", answer=FAULTS)
async def show_faults(emulator: Emulator, request: Request) -> JsonDict:
    faults = [{key: getattr(fault, key) for key in FAULT} for fault in emulator.faults]
    return {"faults": faults}


@ADMIN(
    "POST", "faults", "Add faults: a rule or a list of them", answer=FAULTS,
    body={"anyOf": [RULE, s.items(RULE)]},
)  # fmt: skip
async def add_faults(emulator: Emulator, request: Request) -> object:
    emulator.faults.extend(read_faults(await _body(request)))
    return await show_faults(emulator, request)


@ADMIN("DELETE", "faults", "Forget faults", answer=FAULTS)
async def forget_faults(emulator: Emulator, request: Request) -> object:
    emulator.faults.clear()
    return await show_faults(emulator, request)


@ADMIN("GET", "requests", "Read what was asked", answer=REQUESTS)
async def show_requests(emulator: Emulator, request: Request) -> JsonDict:
    return {"requests": emulator.requests.kept()}


@ADMIN("DELETE", "requests", "Forget what was asked", answer=REQUESTS)
async def forget_requests(emulator: Emulator, request: Request) -> JsonDict:
    emulator.requests.forget()
    return {"requests": []}


@ADMIN("POST", "reset", "Forget everything")
async def reset(emulator: Emulator, request: Request) -> JsonDict:
    emulator.reset()
    return {}


@ADMIN("GET", "options", "Read the options", answer=OPTIONS)
async def show_options(emulator: Emulator, request: Request) -> JsonDict:
    return options_shown(emulator.options)


@ADMIN("PATCH", "options", "Change options", body=s.MAP, answer=OPTIONS)
async def set_options(emulator: Emulator, request: Request) -> JsonDict:
    emulator.set_options(change_options(emulator.options, await _body(request)))
    return options_shown(emulator.options)


@ADMIN("GET", "clock", "Read the time", answer=CLOCK)
async def show_clock(emulator: Emulator, request: Request) -> JsonDict:
    return {"now": emulator.now()}


@ADMIN("POST", "clock", "Let time pass at once", body=ADVANCE, answer=CLOCK)
async def advance(emulator: Emulator, request: Request) -> JsonDict:
    body = await _body(request)
    s.check(ADVANCE, body)
    if not 0 <= body["advance"] < 1e9:
        raise invalid("advance", "must lie between 0 and 1e9")
    emulator.ahead += body["advance"]
    return {"now": emulator.now()}


@ADMIN("GET", "snapshot", "Save all data", answer=None)
async def save(emulator: Emulator, request: Request) -> Response:
    emulator.requests.keep()
    return Response(save_snapshot(emulator.store), media_type="application/octet-stream")


@ADMIN("PUT", "snapshot", "Replace all data")
async def load(emulator: Emulator, request: Request) -> JsonDict:
    snapshot = b"".join([chunk async for chunk in request.stream()])
    try:
        emulator.load(snapshot)
    except PeakctlError as error:
        raise Problem(422, str(error)) from error
    return {}


@ADMIN(
    "POST", "seed", "Create resources", also=(404, 409), body=SEED,
    answer=s.record({"created": s.items(CREATED)}),
)  # fmt: skip
async def create_resources(emulator: Emulator, request: Request) -> JsonDict:
    return {"created": await seed(emulator, await _body(request))}


@functools.cache
def description() -> bytes:
    """The OpenAPI document of all operations, those of the emulator itself included."""
    return json.dumps(describe((*OPERATIONS, *ADMIN))).encode()


@ADMIN("GET", "openapi.json", "This document", answer=s.record({"openapi": s.TEXT}))
async def describe_all(emulator: Emulator, request: Request) -> Response:
    return Response(description(), media_type="application/json")


# --- resources of a seed file -------------------------------------------------------------------


async def seed(emulator: Emulator, document: Any) -> list[JsonDict]:
    """Create all resources in order, builds and deployments at once done; the answers.

    A seed is a list of resources, or `{tenant, resources}`. A resource has `kind` (see `WAYS`),
    `body` as the platform's call takes it, and optionally `as` (a name for its answer), `in` (ids
    that stand in the path of the call) and `artifact` (a zip in base64). The text `${NAME.field}`
    stands for a field of an earlier answer; alone in its text it keeps its type.

    Stops at the first refusal: raises a `Problem` that says which resource it was. What was created
    before stays.
    """
    found = document if isinstance(document, list) else None
    if found is None:
        s.check(SEED, document, "seed")
        found = document["resources"]
    s.check(RESOURCES, found, "resources")
    tenant = document.get("tenant") if isinstance(document, dict) else None
    from peakctl.api.http import httpx
    from peakctl.emulator.client import emulator_transport

    answers: JsonDict = {}
    made: list[JsonDict] = []
    async with httpx.AsyncClient(
        transport=emulator_transport(emulator.instant()),
        base_url="http://peak",
        headers={"Authorization": f"tenant:{tenant}:seed" if tenant else "seed"},
    ) as client:
        for index, resource in enumerate(found):
            answer = await _create(client, resource, answers, f"resources[{index}]")
            answers[resource.get("as") or ""] = answer
            made.append({"kind": resource["kind"], "as": resource.get("as"), "answer": answer})
    return made


async def _create(
    client: httpx.AsyncClient, resource: JsonDict, answers: JsonDict, at: str
) -> object:
    kind, operation = resource["kind"], WAYS[resource["kind"]]
    body = _resolved(resource["body"], answers, f"{at}.body")
    ids = _resolved(resource.get("in") or {}, answers, f"{at}.in")
    path = operation.path.replace("{id}", f"{{{PARENTS.get(kind, 'id')}}}")
    try:
        path = path.format(**{name: quote(str(key), safe="") for name, key in ids.items()})
    except KeyError as error:
        raise invalid(f"{at}.in.{error.args[0]}", "is required") from None
    response = await client.request(operation.method, path, **_sent(operation, body, resource, at))
    if response.status_code >= 300:
        raise Problem(response.status_code, f"{at} ({kind}): {response.json()['detail']}")
    return response.json()


def _sent(operation: Operation, body: JsonDict, resource: JsonDict, at: str) -> JsonDict:
    """The body as the operation takes it: JSON, or texts in parts or in a map."""
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
    if operation.body is None:
        files: list[tuple[str, object]] = [(name, (None, value)) for name, value in texts.items()]
        if resource.get("artifact"):
            try:
                data = base64.b64decode(resource["artifact"], validate=True)
            except ValueError:  # binascii.Error is one
                raise invalid(f"{at}.artifact", "is not base64") from None
            files.append(("artifact", ("artifact.zip", data, "application/zip")))
        return {"files": files or [("", (None, ""))]}
    takes_texts = "contentSchema" in operation.body["properties"].get("spec", {})
    return {"json": texts if takes_texts else body}


def _resolved(value: object, answers: JsonDict, at: str) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(item, answers, f"{at}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, answers, f"{at}[{n}]") for n, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return _field(whole, answers, at)
    return REFERENCE.sub(lambda found: str(_field(found, answers, at)), value)


def _field(found: re.Match[str], answers: JsonDict, at: str) -> object:
    value = answers.get(found[1])
    for word in found[2].split("."):
        if isinstance(value, list) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            value = value.get(word) if isinstance(value, dict) else None
    if value is None:
        raise invalid(at, f"{found[0]} is not a field of an earlier answer")
    return value
