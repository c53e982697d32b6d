"""The ways in which one request can go wrong.

Those that an emulator can do by itself are its own fault rules; the rest happen on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from peakctl.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

LATE = (3.0, 60.0)


class Killed(BaseException):
    """The process is no more."""


@dataclass(frozen=True)
class Blow:
    """One way to fail. `rule` holds the fields of an emulator's `Fault`; without one, `wire` says

    what happens on the way: `lost`, `timeout`, `killed`, `page`; `acts` when the platform has acted
    by then; `late` acts that many seconds after the client was told of a time-out.
    """

    name: str
    rule: dict[str, Any] | None = field(default=None, hash=False)
    wire: str = ""
    acts: bool = False
    late: float | None = None
    reads: bool = True
    writes: bool = True

    def fits(self, method: str) -> bool:
        """Whether it says anything new about such a request."""
        return self.reads if method == "GET" else self.writes


def _status(status: int, when: str, **more: Any) -> dict[str, Any]:
    return {"action": "status", "status": status, "when": when, **more}


BLOWS = (
    Blow("refused before it was sent", {"action": "drop", "when": "before"}),
    Blow("dropped before the effect", wire="lost"),
    Blow("dropped after the effect", {"action": "drop", "when": "after"}),
    Blow("500 before the effect", _status(500, "before")),
    Blow("500 after the effect", _status(500, "after"), reads=False),
    Blow("503 before the effect", _status(503, "before")),
    Blow("502 after the effect", _status(502, "after"), reads=False),
    Blow("429 with Retry-After", _status(429, "before", retry_after=2)),
    Blow("429 for a long time", _status(429, "before", retry_after=600)),
    Blow("409 once", _status(409, "before"), reads=False),
    Blow("truncated answer", {"action": "truncate", "when": "after"}),
    Blow("a proxy's page after the effect", wire="page", acts=True),
    Blow("time-out before the effect", wire="timeout", reads=False),
    Blow("time-out after the effect", wire="timeout", acts=True, reads=False),
    *(Blow(f"effect {s:g} s after a time-out", late=s, reads=False) for s in LATE),
    Blow("killed before the effect", wire="killed"),
    Blow("killed after the effect", wire="killed", acts=True, reads=False),
)
QUICK = (
    "dropped before the effect",
    "dropped after the effect",
    "500 after the effect",
    "effect 3 s after a time-out",
    "effect 60 s after a time-out",
    "killed after the effect",
)
PAGE = b"<!doctype html><html><body>Just a moment...</body></html>"


@dataclass(frozen=True)
class Sent:
    """A write as it was sent; the boundary of a body in parts is always the same."""

    method: str
    path: str
    body: bytes


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Carries requests to the emulator, but for what the blows hit.

    `seen` lists what was asked, `sent` the writes; `before_write` is called once, before the first.
    """

    inner: httpx.AsyncBaseTransport
    now: Callable[[], float]
    blows: list[tuple[Blow, Fault]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    before_write: Callable[[], None] | None = None
    dead: bool = False
    _late: list[tuple[float, httpx.Request]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.dead:
            raise Killed
        await self.deliver_late()
        self.seen.append(f"{request.method} {request.url.path}")
        if request.method != "GET":
            await self._note_write(request)
        for blow, fault in self.blows:
            if fault.strikes(request.method, request.url.path):
                return await self._strike(blow, request)
        return await self.inner.handle_async_request(request)

    async def _note_write(self, request: httpx.Request) -> None:
        hook, self.before_write = self.before_write, None
        if hook:
            hook()
        body = await _body(request)
        boundary = request.headers.get("content-type", "").partition("boundary=")[2]
        if boundary:
            body = body.replace(boundary.encode(), b"boundary")
        self.sent.append(Sent(request.method, request.url.path, body))

    async def deliver_late(self) -> None:
        """What was held back and is due acts now."""
        due = [request for at, request in self._late if at <= self.now()]
        self._late = [(at, request) for at, request in self._late if at > self.now()]
        for request in due:
            await self.inner.handle_async_request(request)

    async def _strike(self, blow: Blow, request: httpx.Request) -> httpx.Response:
        if blow.late is not None:
            copy = httpx.Request(
                request.method, request.url, headers=request.headers, content=await _body(request)
            )
            self._late.append((self.now() + blow.late, copy))
            raise httpx.ReadTimeout("no answer in time", request=request)
        if blow.acts:
            await self.inner.handle_async_request(request)
        if blow.wire == "killed":
            self.dead = True
            raise Killed
        if blow.wire == "page":
            return httpx.Response(200, headers={"content-type": "text/html"}, content=PAGE)
        error = httpx.ReadError if blow.wire == "lost" else httpx.ReadTimeout
        raise error("struck", request=request)


async def _body(request: httpx.Request) -> bytes:
    return await request.aread()


def fault_of(blow: Blow, **where: Any) -> Fault:
    """The rule that decides which requests are hit, and on an emulator's own account how."""
    return Fault(**{**(blow.rule or {}), **where})
