"""Reaches the emulator in process, as httpx sees a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from peakctl.emulator.faults import Dropped

if TYPE_CHECKING:
    from peakctl.emulator.platform import Emulator


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
