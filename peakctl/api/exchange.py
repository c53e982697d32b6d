"""One call, sent once: a request out, its answer in, redirects of reads followed."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from peakctl import __version__
from peakctl.api.problems import Asked, odd_answer
from peakctl.api.retry import parse_http_date
from peakctl.errors import Diagnostic, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from peakctl.api.bodies import Body
    from peakctl.api.limits import Limits
    from peakctl.model import Clock, Secret

USER_AGENT = f"peakctl/{__version__} python/{platform.python_version()}"
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """What to send, and how to read the answer. `decode` raises ValueError.

    `size` is how many bytes it may move, which decides how long it may take.
    """

    asked: Asked
    url: str
    body: Body
    decode: Callable[[bytes], Any]
    size: int
    with_token: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, its content decoded as its `Content-Encoding` says."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that went out, for `on_request`: no query, no body, no header.

    `took` is in seconds; `failure` is the kind of trouble, "" when there was an answer.
    """

    method: str
    path: str
    status: int | None
    took: float
    failure: str = ""


class Exchange:
    """The HTTP client, and the only place where the token is opened."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        token: Secret,
        clock: Clock,
        limits: Limits,
        on_request: Callable[[Sent], None] | None,
    ) -> None:
        self.requests = 0
        self._token = check_token(token)
        self._clock = clock
        self._limits = limits
        self._on_request = on_request
        self._date = ""
        self._http = _open_http(transport, limits)

    @property
    def server_time(self) -> float | None:
        """The `Date` of the last answer that had one, in seconds since 1970."""
        return parse_http_date(self._date)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def perform(self, call: Call) -> Answer:
        """The answer. Raises httpx.HTTPError or httpx.InvalidURL; ApiError for one too large."""
        request = self._request(call)
        for _ in range(self._limits.redirects):
            answer, onward = await self._send_once(call.asked, request)
            if call.asked.write or onward is None or _is_downgrade(request, onward):
                return answer
            request = onward
        answer, _ = await self._send_once(call.asked, request)
        return answer

    def _request(self, call: Call) -> httpx.Request:
        headers, content = {}, None
        if call.body.content_type:
            headers["Content-Type"] = call.body.content_type
            headers["Content-Length"] = str(len(call.body.content))
            content = _in_chunks(call.body.content)
        if call.with_token:
            headers["Authorization"] = str(self._token.reveal())
        return self._http.build_request(
            call.asked.method, call.url, headers=headers, content=content
        )

    async def _send_once(
        self, asked: Asked, request: httpx.Request
    ) -> tuple[Answer, httpx.Request | None]:
        """The answer, and the request that its redirect asks for.

        httpx leaves the token out of that request when it goes to another host.
        """
        self.requests += 1
        started = self._clock.now()
        status, failure = None, ""
        try:
            response = await self._http.send(request, stream=True)
            status = response.status_code
            self._date = response.headers.get("Date", self._date)
            body = await self._read(asked, response)
            return Answer(status, response.headers, body), response.next_request
        except httpx.HTTPError as error:
            failure = type(error).__name__
            raise
        finally:
            if self._on_request:
                took = self._clock.now() - started
                self._on_request(Sent(asked.method, asked.path, status, took, failure))

    async def _read(self, asked: Asked, response: httpx.Response) -> bytes:
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._limits.answer_size:
                    raise odd_answer(asked, f"more than {self._limits.answer_size} bytes")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            # An answer has begun, so whatever this is, it is no failure to connect.
            raise httpx.ReadError(str(error)) from error
        finally:
            await response.aclose()
        return bytes(body)


def check_token(token: Secret) -> Secret:
    """`token` itself. Raises NotAuthenticated when it cannot stand in a header."""
    text = token.reveal()
    if isinstance(text, str) and text.isascii() and text.isprintable() and text == text.strip():
        return token
    raise NotAuthenticated(
        Diagnostic(
            code="auth/malformed-token",
            summary="the token has a line break, an outer space or a character no token has",
            fix="check how PEAK_AUTH_TOKEN (or API_KEY) is set: a file may end in a line break",
        )
    )


def _open_http(transport: httpx.AsyncBaseTransport, limits: Limits) -> httpx.AsyncClient:
    for name in ("httpx", "httpcore", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they log whole addresses below that
    return httpx.AsyncClient(
        transport=transport,
        headers={"User-Agent": USER_AGENT},
        timeout=httpx.Timeout(limits.read, connect=limits.connect, pool=limits.read),
        follow_redirects=False,
        trust_env=False,
    )


async def _in_chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


def _is_downgrade(request: httpx.Request, onward: httpx.Request) -> bool:
    return request.url.scheme == "https" and onward.url.scheme != "https"
