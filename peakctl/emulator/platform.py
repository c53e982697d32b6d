"""The emulated platform: state, routes, faults and journal in one ASGI application."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from peakctl.emulator.admin import admin_routes
from peakctl.emulator.behaviour.agenda import settle
from peakctl.emulator.behaviour.provided import provide
from peakctl.emulator.calls import Answer, Call, Endpoint
from peakctl.emulator.endpoints import ENDPOINTS
from peakctl.emulator.faults import Dropped, Fault, struck
from peakctl.emulator.hosts import by_host
from peakctl.emulator.journal import Recorded, remember
from peakctl.emulator.options import Options
from peakctl.emulator.problems import Problem
from peakctl.emulator.requests import Decoded, decode, read_body, tenant_of
from peakctl.emulator.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.requests import Request

READS = ("GET", "HEAD")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Emulator:
    """A stateful, offline Peak platform.

    `app` answers the contract's endpoints below `/service` and `/press`; `data` is a file that
    keeps the state (`:memory:`: nothing is kept); `clock` gives seconds since 1970 and drives every
    status; `faults` are looked at in order. Raises `PeakctlError` for an unusable data file.
    """

    def __init__(
        self,
        data: str | Path = ":memory:",
        clock: Callable[[], float] = time.time,
        options: Options | None = None,
    ) -> None:
        self.options = options or Options()
        self.clock = clock
        self.store = Store(data)
        self.faults: list[Fault] = []
        self.journal: list[Recorded] = []
        self._provided: set[str] = set()
        self.app = by_host(self._build())

    def reset(self) -> None:
        """Forget all state, requests and faults."""
        self.store.reset()
        self.journal.clear()
        self.faults.clear()
        self._provided.clear()

    def close(self) -> None:
        self.store.close()

    def _build(self) -> Starlette:
        paths: dict[str, dict[str, Endpoint]] = {}
        for endpoint in ENDPOINTS:
            if self.options.newer_calls or not endpoint.newer:
                paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        routes = [self._route(path, methods) for path, methods in paths.items()]
        app = Starlette(
            routes=[*routes, *admin_routes(self)],
            exception_handlers={HTTPException: self._refuse_route},
        )
        app.router.redirect_slashes = False
        return app

    def _route(self, path: str, methods: dict[str, Endpoint]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._serve(request, methods[request.method])

        route = Route(path, endpoint, methods=list(methods))
        route.methods = set(methods)  # starlette adds HEAD to GET; the platform has no such call
        return route

    async def _serve(self, request: Request, endpoint: Endpoint) -> Response:
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        decoded = Decoded()
        fault = struck(self.faults, request.method, request.url.path)
        status = 0
        try:
            response = await _before(fault)
            if response is None:
                try:
                    tenant = "" if endpoint.is_open else tenant_of(request)
                    body = await read_body(request)
                    decoded = decode(request.headers.get("content-type", ""), body)
                    answer = self._answer(request, endpoint, decoded, tenant)
                except Problem as problem:
                    answer = _refusal(problem.status, problem.detail)
                response = await _after(fault, answer)
            status = response.status_code
        finally:
            self._remember(request, decoded, status)
        return response

    def _answer(
        self, request: Request, endpoint: Endpoint, decoded: Decoded, tenant: str
    ) -> Response:
        now = self.clock()
        self._settle(now)
        self._provide(tenant)
        with self.store.transaction(tenant, now, write=request.method not in READS) as tx:
            call = Call(
                tx=tx,
                options=self.options,
                params={k: str(v) for k, v in request.path_params.items()},
                query=request.query_params.multi_items(),
                body=decoded.json,
                parts=decoded.parts,
                base=str(request.base_url).rstrip("/"),
            )
            answer = endpoint.handler(call)
        return _respond(answer, endpoint.status)

    def _settle(self, now: float) -> None:
        if self.store.is_due(now):
            with self.store.transaction("", now, write=True) as tx:
                settle(tx, self.options)

    def _provide(self, tenant: str) -> None:
        if tenant and self.options.provided_images and tenant not in self._provided:
            with self.store.transaction(tenant, self.clock(), write=True) as tx:
                provide(tx)
            self._provided.add(tenant)

    async def _refuse_route(self, request: Request, error: Exception) -> Response:
        headers = (getattr(error, "headers", None) or {}).items()
        status = getattr(error, "status_code", 400)
        self._remember(request, Decoded(), status)
        detail = f"{request.method} {request.url.path}: no such call"
        return _refusal(status, detail, tuple(headers))

    def _remember(self, request: Request, decoded: Decoded, status: int) -> None:
        recorded = Recorded(
            method=request.method,
            path=request.url.path,
            query=tuple(request.query_params.multi_items()),
            status=status,
            body=decoded.recorded_json(),
            parts=decoded.recorded_parts(),
        )
        remember(self.journal, recorded)


def _respond(answer: Any, status: int) -> Response:
    if not isinstance(answer, Answer):
        answer = Answer(answer, status)
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers=dict(answer.headers))
    text = json.dumps(answer.body, separators=(",", ":"))
    return Response(text, answer.status, dict(answer.headers), "application/json")


def _refusal(status: int, detail: str, headers: Sequence[tuple[str, str]] = ()) -> Response:
    return _respond(Answer({"detail": detail}, status, tuple(headers)), status)


async def _before(fault: Fault | None) -> Response | None:
    """What a fault does to a request that has not acted; None: go on."""
    if fault is None or fault.when == "after":
        return None
    if fault.action == "drop":
        raise Dropped(acted=False)
    if fault.action == "delay":
        await asyncio.sleep(fault.seconds)
    return _failure(fault) if fault.action == "status" else None


async def _after(fault: Fault | None, response: Response) -> Response:
    """What a fault does to the answer of a request that has acted."""
    if fault is None or (fault.when == "before" and fault.action != "truncate"):
        return response
    if fault.action == "drop":
        raise Dropped(acted=True)
    if fault.action == "delay":
        await asyncio.sleep(fault.seconds)
    if fault.action == "truncate":
        body = bytes(response.body)
        response.body = body[: len(body) // 2]
    return _failure(fault) if fault.action == "status" else response


def _failure(fault: Fault) -> Response:
    wait = fault.retry_after
    headers = () if wait is None else (("Retry-After", f"{wait:g}"),)
    return _refusal(fault.status, fault.detail, headers)
