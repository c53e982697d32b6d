"""Routes of the emulator itself: faults, journal, time, options, data. They need no token."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from peakctl.emulator.faults import read_faults
from peakctl.emulator.options import change_options, options_shown
from peakctl.emulator.problems import Problem, invalid
from peakctl.emulator.requests import decode, read_body
from peakctl.emulator.seeding import seed
from peakctl.emulator.served import ADVANCE, ROOT
from peakctl.emulator.shapes import check
from peakctl.emulator.snapshot import save_snapshot
from peakctl.errors import PeakctlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from peakctl.emulator.served import Served

    Handler = Callable[[Served, Request], Awaitable[Any]]


def admin_routes(emulator: Served) -> list[Route]:
    """All routes of `ADMIN`, below `/_emulator`."""
    return [_route(emulator, path, methods) for path, methods in ADMIN.items()]


def _route(emulator: Served, path: str, methods: dict[str, Handler]) -> Route:
    async def answer(request: Request) -> Response:
        try:
            found = await methods[request.method](emulator, request)
        except Problem as problem:
            return JSONResponse({"detail": problem.detail}, problem.status)
        return found if isinstance(found, Response) else JSONResponse(found)

    route = Route(f"{ROOT}/{path}", answer, methods=list(methods))
    route.methods = set(methods)  # no HEAD, as on the platform's own routes
    return route


async def _body(request: Request) -> Any:
    return decode("application/json", await read_body(request)).json


async def show_faults(emulator: Served, request: Request) -> Any:
    return {"faults": [_counts(fault) for fault in emulator.faults]}


async def add_faults(emulator: Served, request: Request) -> Any:
    emulator.faults.extend(read_faults(await _body(request)))
    return await show_faults(emulator, request)


async def forget_faults(emulator: Served, request: Request) -> Any:
    emulator.faults.clear()
    return await show_faults(emulator, request)


def _counts(fault: Any) -> dict[str, Any]:
    keys = ("method", "path", "action", "when", "skip", "times", "seen", "hits")
    return {key: getattr(fault, key) for key in keys}


async def show_requests(emulator: Served, request: Request) -> Any:
    return {"requests": emulator.journal.kept()}


async def forget_requests(emulator: Served, request: Request) -> Any:
    emulator.journal.forget()
    return {"requests": []}


async def reset(emulator: Served, request: Request) -> Any:
    emulator.reset()
    return {}


async def show_options(emulator: Served, request: Request) -> Any:
    return options_shown(emulator.options)


async def set_options(emulator: Served, request: Request) -> Any:
    emulator.set_options(change_options(emulator.options, await _body(request)))
    return options_shown(emulator.options)


async def show_clock(emulator: Served, request: Request) -> Any:
    return {"now": emulator.now()}


async def advance(emulator: Served, request: Request) -> Any:
    """Let time pass at once: `{"advance": SECONDS}`."""
    body = await _body(request)
    check(ADVANCE, body)
    if not 0 <= body["advance"] < 1e9:
        raise invalid("advance", "must lie between 0 and 1e9")
    emulator.ahead += body["advance"]
    return {"now": emulator.now()}


async def save(emulator: Served, request: Request) -> Response:
    emulator.journal.keep()
    return Response(save_snapshot(emulator.store), media_type="application/octet-stream")


async def load(emulator: Served, request: Request) -> Any:
    snapshot = b"".join([chunk async for chunk in request.stream()])
    try:
        emulator.load(snapshot)
    except PeakctlError as error:
        raise Problem(422, str(error)) from error
    return {}


async def sow(emulator: Served, request: Request) -> Any:
    return {"created": await seed(emulator, await _body(request))}


@functools.cache
def _description() -> bytes:
    from peakctl.emulator.openapi import describe  # nobody else has to wait for it

    return json.dumps(describe()).encode()


async def describe_all(emulator: Served, request: Request) -> Response:
    return Response(_description(), media_type="application/json")


ADMIN: dict[str, dict[str, Handler]] = {
    "faults": {"GET": show_faults, "POST": add_faults, "DELETE": forget_faults},
    "requests": {"GET": show_requests, "DELETE": forget_requests},
    "reset": {"POST": reset},
    "options": {"GET": show_options, "PATCH": set_options},
    "clock": {"GET": show_clock, "POST": advance},
    "snapshot": {"GET": save, "PUT": load},
    "seed": {"POST": sow},
    "openapi.json": {"GET": describe_all},
}
