"""The transport over real sockets: HTTP/1.1 by asyncio and httptools, behind httpx's one method.

Connections stay open for the next request. An error before the first byte of a request was written
is a ConnectError, ConnectTimeout or ProxyError: nothing was sent. Every other error leaves open
whether the request arrived, and nothing is sent again here. docs/dependencies.md compares clients.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import re
import sys
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import field, replace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from peakctl.api.connection import Connection
from peakctl.api.http import httpx
from peakctl.api.limits import Limits
from peakctl.api.trust import build_trust
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.model.records import dataclass
from peakctl.settings import Named, Network

if TYPE_CHECKING:
    import ssl


# Less than the idle time-out of any server in sight (uvicorn closes after 5 s): a write on a
# connection that the server is just closing ends in doubt.
_KEEP_ALIVE = 4.0
_PORTS = {"http": 80, "https": 443}
_HAS_SYSTEM = sys.platform in ("darwin", "win32")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HAPPY_EYEBALLS = 0.25
"""Seconds after which the next address of a host is tried beside the first (RFC 8305)."""


@dataclass(slots=True)
class _Route:
    """The way to one host, and its connections that wait for another request, newest last."""

    url: httpx.URL
    proxy: httpx.Proxy | None
    named: Named | None
    idle: deque[tuple[Connection, float]] = field(default_factory=deque)

    @property
    def secure(self) -> bool:
        return self.url.scheme == "https"

    @property
    def place(self) -> tuple[str, int]:
        return _place(self.url)


def _place(url: httpx.URL) -> tuple[str, int]:
    return url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]


class SocketTransport(httpx.AsyncBaseTransport):
    """Connections to any host, through the proxy and with the trust that the settings name.

    A setting that leads nowhere is a PeakctlError, at the first request that needs it.
    """

    def __init__(self, limits: Limits, network: Network | None = None) -> None:
        self._limits = limits
        self._network = _with_system(network or Network())
        self._trust: ssl.SSLContext | None = None
        self._routes: dict[tuple[str, str, int | None], _Route] = {}
        self._open: set[Connection] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send once. Raises ConnectError, ConnectTimeout or ProxyError only if nothing was sent."""
        route = self._route_to(request.url)
        head = _head_of(request, route)
        connection = self._idle(route) or await self._connect(route)
        try:
            content = cast("httpx.AsyncByteStream", request.stream)
            status, headers = await connection.send(head, content)
        except BaseException:
            self._drop(connection)
            raise
        return httpx.Response(status, headers=headers, stream=_Body(self, route, connection))

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in tuple(self._open):
            self._drop(connection)
        self._routes.clear()
        await asyncio.sleep(0)  # asyncio closes the sockets in its next round

    def keep(self, route: _Route, connection: Connection) -> None:
        """Take a connection back whose answer was read, or given up."""
        if connection.is_reusable:
            route.idle.append((connection, asyncio.get_running_loop().time()))
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._open.discard(connection)

    def _route_to(self, url: httpx.URL) -> _Route:
        key = (url.scheme, url.host, url.port)
        if key not in self._routes:
            if url.scheme not in _PORTS or not url.host:
                raise httpx.UnsupportedProtocol("the address is not one of http:// or https://")
            named = proxy_named(url, self._network)
            self._routes[key] = _Route(url, _proxy_for(url, self._network), named)
        return self._routes[key]

    def _idle(self, route: _Route) -> Connection | None:
        """The connection that was used last, if it can be used again."""
        oldest = asyncio.get_running_loop().time() - _KEEP_ALIVE
        while route.idle:
            connection, since = route.idle.pop()
            if since > oldest and connection.is_reusable:
                return connection
            self._drop(connection)
        return None

    async def _connect(self, route: _Route) -> Connection:
        """A new connection. Raises ConnectError, ConnectTimeout, ProxyError: nothing was sent."""
        trust = self._trusted() if route.secure else None
        try:
            async with asyncio.timeout(self._limits.connect):
                if route.proxy is None:
                    connection = await self._reach(route.place, trust)
                else:
                    connection = await self._reach_by_proxy(route, route.proxy, trust)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpx.ConnectError(_words(error, route.url)) from error
        self._open.add(connection)
        return connection

    async def _reach(self, place: tuple[str, int], trust: ssl.SSLContext | None) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self._limits.read),
            *place,
            ssl=trust,
            happy_eyeballs_delay=_HAPPY_EYEBALLS,
        )
        return connection

    async def _reach_by_proxy(
        self, route: _Route, proxy: httpx.Proxy, trust: ssl.SSLContext | None
    ) -> Connection:
        """Plain requests are the proxy's own; for https it opens a tunnel."""
        own = self._trusted() if proxy.url.scheme == "https" else None
        try:
            connection = await self._reach(_place(proxy.url), own)
        except OSError as error:
            raise _of_proxy(route, _words(error, proxy.url)) from error
        if trust is None:
            return connection
        try:
            await _open_tunnel(route, proxy, connection)
            return await self._secure(connection, route, trust)
        except BaseException:
            connection.close()
            raise

    async def _secure(self, tunnel: Connection, route: _Route, trust: ssl.SSLContext) -> Connection:
        """TLS with the platform's host, through the proxy's tunnel."""
        connection = Connection(self._limits.read)
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(
            tunnel.open_transport(), connection, trust, server_hostname=route.place[0]
        )
        if transport is None:  # it was closed meanwhile
            raise httpx.ConnectError("the connection was closed")
        connection.connection_made(transport)
        return connection

    def _trusted(self) -> ssl.SSLContext:
        self._trust = self._trust or build_trust(self._network)
        return self._trust


class _Body(httpx.AsyncByteStream):
    """The body of one answer; its connection goes back when it is closed."""

    def __init__(self, owner: SocketTransport, route: _Route, connection: Connection) -> None:
        self._owner = owner
        self._route = route
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await self._connection.part():
            yield part

    async def aclose(self) -> None:
        self._owner.keep(self._route, self._connection)


def _head_of(request: httpx.Request, route: _Route) -> bytes:
    """The request line and headers. Raises LocalProtocolError for what would be another request."""
    url, method = request.url, request.method.encode("ascii")
    target, headers = url.raw_path, request.headers.raw
    if route.proxy is not None and not route.secure:
        target = url.scheme.encode() + b"://" + url.netloc + target
        headers = [*headers, *_credentials(route.proxy)]
    lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % each for each in headers)]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    ends = len(lines) + 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head or b" " in target:
        raise httpx.LocalProtocolError("a header or the address has a line break or a space")
    if b"\r\ntransfer-encoding:" in head.lower():
        raise httpx.LocalProtocolError("a body is sent with its length")
    return head


def _credentials(proxy: httpx.Proxy) -> list[tuple[bytes, bytes]]:
    if proxy.raw_auth is None:
        return []
    return [(b"Proxy-Authorization", b"Basic " + base64.b64encode(b":".join(proxy.raw_auth)))]


async def _open_tunnel(route: _Route, proxy: httpx.Proxy, connection: Connection) -> None:
    """Have the proxy connect to the route's host. Raises ProxyError."""
    host, port = route.place
    place = f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()
    lines = [b"CONNECT %b HTTP/1.1" % place, b"Host: " + place]
    lines += [b"%b: %b" % each for each in _credentials(proxy)]
    try:
        status, _ = await connection.send(b"\r\n".join(lines) + b"\r\n\r\n", httpx.ByteStream(b""))
    except httpx.TransportError as error:
        raise _of_proxy(route, str(error)) from error
    if not httpx.codes.is_success(status):
        raise _of_proxy(route, f"it answers {status}")


def _words(error: OSError, url: httpx.URL) -> str:
    """Where nothing could be reached, and what the system says of it."""
    found = re.search(r"\[Errno (\d+)\] Connect call failed", str(error))
    why = os.strerror(int(found[1])) if found else error.strerror or str(error)
    host, port = _place(url)
    return f"{host}:{port}: {why or type(error).__name__}"


def _of_proxy(route: _Route, why: str) -> httpx.ProxyError:
    """The error, with the variable that names the proxy."""
    source = route.named.source if route.named else "the settings"
    return httpx.ProxyError(f"the proxy of {source} does not let us through: {why}")


def proxy_named(url: httpx.URL, network: Network) -> Named | None:
    """The variable and address of the proxy for `url`; None for a direct connection.

    This machine is always reached directly.
    """
    named = network.proxies.get(url.scheme) or network.proxies.get("all")
    if named is None or url.host in _LOOPBACK:
        return None
    entries = (entry.strip().lower() for entry in network.no_proxy.split(","))
    return None if any(_excludes(entry, url) for entry in entries if entry) else named


def _excludes(entry: str, url: httpx.URL) -> bool:
    """Whether an entry of NO_PROXY (`*`, a domain, a host with a port, a network) covers `url`."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return ipaddress.ip_address(url.host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    domain = entry.removeprefix("*").removeprefix(".")
    hosts = (url.host, f"{url.host}:{url.port or _PORTS.get(url.scheme)}")
    return any(host == domain or host.endswith(f".{domain}") for host in hosts)


def _proxy_for(url: httpx.URL, network: Network) -> httpx.Proxy | None:
    """The proxy for `url`. Raises PeakctlError for an address that is none, without repeating it:
    it may hold a password."""
    named = proxy_named(url, network)
    if named is None:
        return None
    address = named.value if "://" in named.value else f"http://{named.value}"
    kind = address.partition("://")[0].lower()
    if kind not in ("http", "https"):
        raise _wrong(named, f"it names a {kind[:20]} proxy; only http and https proxies work")
    try:
        parts = urlsplit(address)
        if not parts.hostname or parts.port == 0 or any(c.isspace() for c in address):
            raise ValueError
        return httpx.Proxy(address)
    except (ValueError, httpx.InvalidURL):
        raise _wrong(named, "it is not the address of a proxy") from None


def _wrong(named: Named, why: str) -> PeakctlError:
    return PeakctlError(
        Diagnostic(
            code="settings/proxy",
            summary=f"{named.source}: {why}",
            fix=f"write it like http://proxy.example.com:3128, or unset {named.source}",
        )
    )


def _with_system(network: Network) -> Network:
    """Where no variable names a proxy, macOS and Windows have settings of their own."""
    if network.proxies or not _HAS_SYSTEM:
        return network
    from urllib.request import getproxies

    found = getproxies()
    proxies = {kind: Named(found[kind], "the system's settings") for kind in found if found[kind]}
    return replace(network, proxies=proxies)
