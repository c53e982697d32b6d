"""Routes of the emulator itself: faults, journal, reset. They need no token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from peakctl.emulator.faults import read_faults
from peakctl.emulator.problems import Problem
from peakctl.emulator.requests import decode, read_body

if TYPE_CHECKING:
    from starlette.requests import Request

    from peakctl.emulator.platform import Emulator

ROOT = "/_emulator"


def admin_routes(emulator: Emulator) -> list[Route]:
    """GET, POST, DELETE `faults`; GET, DELETE `requests`; POST `reset`."""

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            emulator.faults.clear()
        if request.method == "POST":
            try:
                rules = decode("application/json", await read_body(request)).json
                emulator.faults.extend(read_faults(rules))
            except Problem as problem:
                return JSONResponse({"detail": problem.detail}, problem.status)
        return JSONResponse({"faults": [_counts(fault) for fault in emulator.faults]})

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            emulator.journal.clear()
        return JSONResponse({"requests": [entry.as_json() for entry in emulator.journal]})

    async def reset(request: Request) -> Response:
        emulator.reset()
        return JSONResponse({})

    return [
        Route(f"{ROOT}/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route(f"{ROOT}/requests", requests, methods=["GET", "DELETE"]),
        Route(f"{ROOT}/reset", reset, methods=["POST"]),
    ]


def _counts(fault: Any) -> dict[str, Any]:
    keys = ("method", "path", "action", "when", "skip", "times", "seen", "hits")
    return {key: getattr(fault, key) for key in keys}
