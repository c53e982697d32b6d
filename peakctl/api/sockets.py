"""The transport over real sockets: aiohttp's, behind httpx's one method.

httpx-aiohttp's table of errors calls a connection that broke after sending a connect time-out, and
aiohttp sends PUT and DELETE again by itself. Either would let a write happen twice, so errors are
told apart here by their cause, and the resending is switched off.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

if TYPE_CHECKING:
    from peakctl.api.limits import Limits

# Less than the idle time-out of any server in sight (uvicorn closes after 5 s): a write on a
# connection that the server is just closing ends in doubt.
_KEEP_ALIVE = 4.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SocketTransport(httpx.AsyncBaseTransport):
    """Connections to any host, through the system's proxy for it, with the system's trust."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._proxies = getproxies()
        self._transports: dict[tuple[str, str, int | None], AiohttpTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send once. Raises ConnectError, ConnectTimeout or ProxyError only if nothing was sent."""
        transport = self._transport_for(request.url)
        try:
            return await transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise translate(error.__cause__ or error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise translate(error) from error

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
        trust = _trust() if url.scheme == "https" else httpx.create_ssl_context(verify=False)
        proxy = _proxy_for(url, self._proxies)
        return AiohttpTransport(
            verify=trust, proxy=proxy, client=lambda: _session(trust, self._limits)
        )


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


def _trust() -> ssl.SSLContext:
    """The system's roots (SSL_CERT_FILE and SSL_CERT_DIR included), else those of certifi."""
    context = ssl.create_default_context()
    return context if context.cert_store_stats()["x509_ca"] else httpx.create_ssl_context()


def _proxy_for(url: httpx.URL, proxies: dict[str, str]) -> httpx.Proxy | None:
    """The proxy that the system names for `url`. Raises ProxyError for a kind not supported."""
    address = proxies.get(url.scheme) or proxies.get("all", "")
    if not address or url.host in _LOOPBACK or proxy_bypass(url.netloc.decode()):
        return None
    address = address if "://" in address else f"http://{address}"
    kind = address.partition("://")[0]
    if kind not in ("http", "https"):
        raise httpx.ProxyError(f"the system names a {kind} proxy; only http proxies work")
    return httpx.Proxy(address)
