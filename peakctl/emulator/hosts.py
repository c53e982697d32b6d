"""Lets clients that know the platform's host names reach the emulator without path prefixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SUBDOMAINS = ("service", "press")


def by_host(app: ASGIApp) -> ASGIApp:
    """`Host: press.dev.peak.ai`, path `/v1/...` -> path `/press/v1/...`."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            first, dot, _ = host.partition(".")
            if dot and first in SUBDOMAINS and not scope["path"].startswith(f"/{first}/"):
                scope = {**scope, "path": f"/{first}{scope['path']}"}
        await app(scope, receive, send)

    return routed
