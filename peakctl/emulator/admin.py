"""Operations of the emulator itself: faults, requests, time, options, data. They need no token."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Operation, Operations, refuse, respond
from peakctl.emulator.faults import RULE, read_faults
from peakctl.emulator.options import change_options, options_shown
from peakctl.emulator.problems import Problem, invalid
from peakctl.emulator.requests import decode, read_body
from peakctl.emulator.seeding import SEED, seed
from peakctl.emulator.store import save_snapshot
from peakctl.errors import PeakctlError
from peakctl.model import JsonDict

if TYPE_CHECKING:
    from starlette.requests import Request

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
def _description() -> bytes:
    from peakctl.emulator.openapi import describe  # nobody else has to wait for it

    return json.dumps(describe()).encode()


@ADMIN("GET", "openapi.json", "This document", answer=s.record({"openapi": s.TEXT}))
async def describe_all(emulator: Emulator, request: Request) -> Response:
    return Response(_description(), media_type="application/json")
