"""Clients of an emulator: a transport for httpx in process, and control of its data."""

from __future__ import annotations

import asyncio
import json

from peakctl.api.http import httpx
from peakctl.emulator.faults import Dropped
from peakctl.emulator.platform import Emulator
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.model import JsonDict

TIMEOUT = 60.0
REFUSED = "emulator/refused"


class _EmulatorTransport(httpx.AsyncBaseTransport):
    def __init__(self, emulator: Emulator) -> None:
        self._inner = httpx.ASGITransport(app=emulator.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except Dropped as dropped:
            if dropped.acted:
                raise httpx.ReadError(str(dropped), request=request) from None
            raise httpx.ConnectError(str(dropped), request=request) from None
        body = await response.aread()
        if len(body) < int(response.headers.get("content-length", 0)):
            raise httpx.RemoteProtocolError("the answer is incomplete", request=request)
        return response


def emulator_transport(emulator: Emulator) -> httpx.AsyncBaseTransport:
    """A transport for `httpx.AsyncClient`; dropped connections raise httpx's own errors."""
    return _EmulatorTransport(emulator)


class Control:
    """The data of one emulator, which is asked through its own routes.

    It serves at `address`, or is the `emulator` of this process. Every call raises `PeakctlError`
    when it refuses or does not answer.
    """

    def __init__(self, address: str = "http://emulator", emulator: Emulator | None = None) -> None:
        self._root = f"{address.rstrip('/')}/_emulator/"
        self._transport = emulator_transport(emulator) if emulator is not None else None

    def reset(self) -> None:
        self._ask("POST", "reset")

    def requests(self) -> list[JsonDict]:
        found: list[JsonDict] = json.loads(self._ask("GET", "requests"))["requests"]
        return found

    def seed(self, document: object) -> list[JsonDict]:
        created = json.loads(self._ask("POST", "seed", json.dumps(document).encode()))["created"]
        found: list[JsonDict] = created
        return found

    def save(self) -> bytes:
        return self._ask("GET", "snapshot")

    def load(self, snapshot: bytes) -> None:
        fix = "make another one with peakctl emulator snapshot save; nothing was changed"
        self._ask("PUT", "snapshot", snapshot, "emulator/snapshot", fix)

    def _ask(
        self, method: str, route: str, body: bytes = b"", code: str = REFUSED, fix: str = ""
    ) -> bytes:
        url = self._root + route
        try:
            answer = asyncio.run(self._send(method, url, body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            summary = f"{url} does not answer: {error}"
            raise PeakctlError(Diagnostic(REFUSED, summary)) from error
        if answer.status_code >= 300:
            summary = _detail(answer.content) or f"{url} answered {answer.status_code}"
            raise PeakctlError(Diagnostic(code, summary, fix=fix))
        return answer.content

    async def _send(self, method: str, url: str, body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=self._transport, trust_env=False, timeout=TIMEOUT
        ) as client:
            return await client.request(method, url, content=body)


def _detail(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("detail", "")) if isinstance(found, dict) else ""
