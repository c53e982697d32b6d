"""The emulated platform: state, routes, faults and the log of requests in one ASGI application."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from dataclasses import field, replace
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from peakctl.emulator import requests, tenants
from peakctl.emulator.admin import ADMIN, answer
from peakctl.emulator.calls import Call, Operation, refuse, respond, routes
from peakctl.emulator.faults import Fault, after, before
from peakctl.emulator.images import provide
from peakctl.emulator.operations import OPERATIONS
from peakctl.emulator.options import DURATIONS, Options
from peakctl.emulator.problems import Problem
from peakctl.emulator.rows import settle
from peakctl.emulator.store import Store, load_snapshot
from peakctl.model import JsonDict, JsonObject
from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = ("GET", "HEAD")
SUBDOMAINS = ("service", "press")
AT_ONCE: JsonDict = dict.fromkeys((*DURATIONS, "latency"), 0.0)


@dataclass(slots=True)
class Seen:
    """A request, and what is known of it so far."""

    request: Request
    status: int = 0
    tenant: str = ""
    decoded: requests.Decoded = field(default_factory=requests.Decoded)


class Emulator:
    """A stateful, offline Peak platform.

    `app` answers the operations below `/service` and `/press`; `data` is a file that
    keeps the state (`:memory:`: nothing is kept); `clock` gives seconds since 1970 and drives every
    status, and can be put `ahead`; `faults` are looked at in order. Raises `PeakctlError` for an
    unusable data file.
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
        self._agree_on_instance_types()
        self.faults: list[Fault] = []
        self.requests = requests.RequestLog(None if str(data) == ":memory:" else self.store)
        self.ahead = 0.0
        self._provided: set[str] = set()
        self.app = self._answering()

    def reset(self) -> None:
        """Forget all state, requests and faults."""
        self.store.reset()
        self.requests.forget()
        self.faults.clear()
        self._provided.clear()
        self._agree_on_instance_types()

    def set_options(self, options: Options) -> None:
        """Replace the options from now on."""
        self.options = options
        self._keep_instance_types(options.instance_types)

    def now(self) -> float:
        """Seconds since 1970 as this platform has it."""
        return self.clock() + self.ahead

    def stand_still(self) -> None:
        """Stop the clock: from now on it moves only by what is added to `ahead`."""
        moment = self.clock()
        self.clock = lambda: moment

    def instant(self) -> Emulator:
        """The same data, but with everything done at once, and without faults and requests."""
        copied = copy.copy(self)
        copied.options = replace(self.options, **AT_ONCE)
        copied.faults, copied.requests = [], requests.RequestLog()
        copied.app = copied._answering()
        return copied

    def load(self, snapshot: bytes) -> None:
        """Replace all state by a snapshot's. Raises `PeakctlError` and changes nothing if it is
        none."""
        load_snapshot(self.store, snapshot)
        self._provided.clear()
        self.options = replace(self.options, instance_types={})
        self._agree_on_instance_types()

    def _agree_on_instance_types(self) -> None:
        """Keep the lists that the options give; where they give none, have those of the data."""
        if self.options.instance_types:
            given = tenants.read_instance_types(self.options.instance_types)
            self._keep_instance_types(given)
        else:
            with self.store.transaction("", self.clock(), write=False) as tx:
                given = tenants.given_instance_types(tx)
        self.options = replace(self.options, instance_types=given)

    def _keep_instance_types(self, given: JsonObject) -> None:
        with self.store.transaction("", self.clock(), write=True) as tx:
            tenants.keep_instance_types(tx, dict(given))

    def close(self) -> None:
        self.requests.keep()
        self.store.close()

    def _answering(self) -> ASGIApp:
        known = [o for o in OPERATIONS if self.options.newer_calls or not o.newer]
        app = Starlette(
            routes=[*routes(known, self._serve), *routes(ADMIN, partial(answer, self))],
            exception_handlers={HTTPException: self._refuse_route},
        )
        app.router.redirect_slashes = False
        return _wrapped(app, self.now)

    async def _serve(self, operation: Operation, request: Request) -> Response:
        began = time.perf_counter()
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        seen = Seen(request)
        asked = (request.method, request.url.path)
        fault = next((fault for fault in self.faults if fault.strikes(*asked)), None)
        try:
            response = await before(fault)
            if response is None:
                response = await after(fault, await self._respond(seen, operation))
            seen.status = response.status_code
        finally:
            self._remember(seen, time.perf_counter() - began)
        return response

    async def _respond(self, seen: Seen, operation: Operation) -> Response:
        request = seen.request
        try:
            seen.tenant = "" if operation.is_open else requests.tenant_of(request)
            body = await requests.read_body(request)
            seen.decoded = requests.decode(request.headers.get("content-type", ""), body)
            return self._answer(seen, operation)
        except Problem as problem:
            return refuse(problem.status, problem.detail)

    def _answer(self, seen: Seen, operation: Operation) -> Response:
        request, now = seen.request, self.now()
        self._settle(now)
        self._provide(seen.tenant)
        params = {name: str(value) for name, value in request.path_params.items()}
        query, base = request.query_params.multi_items(), str(request.base_url).rstrip("/")
        sent, write = seen.decoded, request.method not in READS
        with self.store.transaction(seen.tenant, now, self.options, write=write) as tx:
            call = Call(operation, tx, params, query, sent.json, sent.parts, base)
            found = operation.handler(call)
        return respond(found, operation.status)

    def _settle(self, now: float) -> None:
        if self.store.is_due(now):
            with self.store.transaction("", now, self.options, write=True) as tx:
                settle(tx)

    def _provide(self, tenant: str) -> None:
        if tenant and self.options.provided_images and tenant not in self._provided:
            with self.store.transaction(tenant, self.now(), write=True) as tx:
                provide(tx)
            self._provided.add(tenant)

    async def _refuse_route(self, request: Request, error: Exception) -> Response:
        headers = (getattr(error, "headers", None) or {}).items()
        status = getattr(error, "status_code", 400)
        self._remember(Seen(request, status), 0.0)
        detail = f"{request.method} {request.url.path}: no such call"
        return refuse(status, detail, tuple(headers))

    def _remember(self, seen: Seen, seconds: float) -> None:
        request, decoded, whole = seen.request, seen.decoded, self.options.record_bodies
        recorded = requests.Recorded(
            method=request.method, path=request.url.path, status=seen.status, tenant=seen.tenant,
            query=tuple(request.query_params.multi_items()), at=self.now(),
            body=requests.without_secrets(decoded.json, whole=whole),
            parts=requests.parts_recorded(decoded.parts, whole=whole), seconds=round(seconds, 6),
        )  # fmt: skip
        self.requests.add(recorded, at_once=request.method not in READS)


def _wrapped(app: ASGIApp, now: Callable[[], float]) -> ASGIApp:
    """What the platform's hosts add.

    `Host: press.dev.peak.ai`, path `/v1/...` is path `/press/v1/...` here; and every answer says in
    its `Date` what time it is, as leases expire by that.
    """

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(now(), usegmt=True).encode("ascii")
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            first, dot, _ = host.partition(".")
            if dot and first in SUBDOMAINS and not scope["path"].startswith(f"/{first}/"):
                scope = {**scope, "path": f"/{first}{scope['path']}"}
        await app(scope, receive, send_dated)

    return answering
