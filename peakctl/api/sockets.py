"""The transport over real sockets: aiohttp's, behind httpx's one method.

httpx-aiohttp's table of errors calls a connection that broke after sending a connect time-out, and
aiohttp sends PUT and DELETE again by itself. Either would let a write happen twice, so errors are
told apart here by their cause, and the resending is switched off.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from peakctl.api.limits import Limits
from peakctl.api.trust import build_trust
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.settings import Named, Network

if TYPE_CHECKING:
    import ssl


# Less than the idle time-out of any server in sight (uvicorn closes after 5 s): a write on a
# connection that the server is just closing ends in doubt.
_KEEP_ALIVE = 4.0
_PORTS = {"http": 80, "https": 443}
_HAS_SYSTEM = sys.platform in ("darwin", "win32")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SocketTransport(httpx.AsyncBaseTransport):
    """Connections to any host, through the proxy and with the trust that the settings name.

    A setting that leads nowhere is a PeakctlError, at the first request that needs it.
    """

    def __init__(self, limits: Limits, network: Network | None = None) -> None:
        self._limits = limits
        self._network = _with_system(network or Network())
        self._trust: ssl.SSLContext | None = None
        self._transports: dict[tuple[str, str, int | None], AiohttpTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send once. Raises ConnectError, ConnectTimeout or ProxyError only if nothing was sent."""
        transport = self._transport_for(request.url)
        try:
            return await transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise self._told(request, error.__cause__ or error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._told(request, error) from error

    def _told(self, request: httpx.Request, cause: BaseException) -> httpx.TransportError:
        """The error, with the variable that names the proxy where it is the proxy's."""
        error = translate(cause)
        named = proxy_named(request.url, self._network)
        if isinstance(error, httpx.ProxyError) and named is not None:
            return httpx.ProxyError(f"the proxy of {named.source} does not let us through: {error}")
        return error

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.aclose()

    def _transport_for(self, url: httpx.URL) -> AiohttpTransport:
        key = (url.scheme, url.host, url.port)
        if key not in self._transports:
            self._transports[key] = self._open(url)
        return self._transports[key]

    def _open(self, url: httpx.URL) -> AiohttpTransport:
        trust = self._trusted() if url.scheme == "https" else httpx.create_ssl_context(verify=False)
        proxy = _proxy_for(url, self._network)
        return AiohttpTransport(
            verify=trust, proxy=proxy, client=lambda: _session(trust, self._limits)
        )

    def _trusted(self) -> ssl.SSLContext:
        self._trust = self._trust or build_trust(self._network)
        return self._trust


def translate(cause: BaseException) -> httpx.TransportError:
    """aiohttp's error as httpx's, true to whether anything was sent."""
    text = str(cause) or type(cause).__name__
    match cause:
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return httpx.ProxyError(text)
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(text)
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(text)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return httpx.UnsupportedProtocol(text)
        case TimeoutError():
            return httpx.ReadTimeout(text)
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(text)
        case _:
            return httpx.ReadError(text)


def _session(trust: ssl.SSLContext, limits: Limits) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=2 * limits.in_flight, ssl=trust, keepalive_timeout=_KEEP_ALIVE
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    # There is no public switch; a test watches that a PUT is not sent again.
    session._retry_connection = False
    return session


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
