"""The HTTP client of the platform: paths and bodies in, decoded answers or errors out.

Every request waits for its place among those in flight, and for a pause if there is one, carries
the token to the platform's own host only, and is repeated as `failures.RULES` allows.
"""

from __future__ import annotations

import asyncio
import json
import platform
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, BinaryIO, Self
from urllib.parse import urlencode

from peakctl import __version__
from peakctl.api import failures
from peakctl.api.bodies import Body, Part, Query, encode_body
from peakctl.api.http import httpx
from peakctl.api.limits import (
    Backoff,
    ConcurrencyLimit,
    Limits,
    Pause,
    parse_http_date,
    parse_retry_after,
)
from peakctl.api.pages import Listing
from peakctl.api.trust import advice_on
from peakctl.errors import Diagnostic, NotAuthenticated
from peakctl.model import Clock, JsonDict, Secret
from peakctl.model.records import dataclass
from peakctl.model.text import Redactor
from peakctl.settings import Network

USER_AGENT = f"peakctl/{__version__} python/{platform.python_version()}"
_CHUNK = 64 * 1024
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
_KEPT = frozenset(name.lower() for name in _HEADERS)
_TOKEN = frozenset({"authorization"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Call:
    """What to send, and how to read the answer. `decode` raises ValueError.

    `size` is how many bytes it may move, which decides how long it may take. A good answer goes
    `into` a file as it comes, from its beginning at each attempt.
    """

    asked: failures.Asked
    url: str
    body: Body
    decode: Callable[[bytes], object]
    size: int
    with_token: bool = True
    into: BinaryIO | None = None


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
        self._transport = transport

    @property
    def server_time(self) -> float | None:
        """The `Date` of the last answer that had one, in seconds since 1970."""
        return parse_http_date(self._date)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def perform(self, call: Call) -> Answer:
        """The answer. Raises httpx.HTTPError or httpx.InvalidURL; ApiError for one too large."""
        request = self._request(call)
        for _ in range(self._limits.redirects):
            answer = await self._send_once(call, request)
            onward = None if call.asked.write else _redirect(request, answer)
            if onward is None:
                return answer
            request = onward
        return await self._send_once(call, request)

    def _request(self, call: Call) -> httpx.Request:
        headers, content = dict(_HEADERS), None
        if call.body.content_type:
            headers["Content-Type"] = call.body.content_type
            headers["Content-Length"] = str(len(call.body.content))
            content = _in_chunks(call.body.content)
        if call.with_token:
            headers["Authorization"] = str(self._token.reveal())
        return httpx.Request(call.asked.method, call.url, headers=headers, content=content)

    async def _send_once(self, call: Call, request: httpx.Request) -> Answer:
        self.requests += 1
        started = self._clock.now()
        status, failure = None, ""
        try:
            response = await self._transport.handle_async_request(request)
            status = response.status_code
            self._date = response.headers.get("Date", self._date)
            body = await self._read(call, response)
            return Answer(status, response.headers, body)
        except httpx.HTTPError as error:
            failure = type(error).__name__
            raise
        finally:
            if self._on_request:
                took = self._clock.now() - started
                asked = call.asked
                self._on_request(Sent(asked.method, asked.path, status, took, failure))

    async def _read(self, call: Call, response: httpx.Response) -> bytes:
        body, most = bytearray(), self._limits.answer_size
        try:
            if call.into is not None and response.is_success:
                await _write_to(call.into, response)
                return b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > most:
                    raise failures.odd_answer(call.asked, f"more than {most} bytes")
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


async def _write_to(file: BinaryIO, response: httpx.Response) -> None:
    file.seek(0)
    file.truncate()
    async for chunk in response.aiter_bytes():
        file.write(chunk)


async def _in_chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


def _redirect(request: httpx.Request, answer: Answer) -> httpx.Request | None:
    """The read that a redirect asks for; None for other answers, and to a less safe place.

    To another host the token does not go along.
    """
    where = answer.headers.get("Location")
    if answer.status not in _REDIRECTS or not where:
        return None
    url = request.url.join(where)
    if request.url.scheme == "https" and url.scheme != "https":
        return None
    same = (url.scheme, url.host, url.port) == (
        request.url.scheme,
        request.url.host,
        request.url.port,
    )
    headers = {k: v for k, v in request.headers.items() if k in _KEPT or (same and k in _TOKEN)}
    return httpx.Request("GET", url, headers=headers)


_SEGMENTS = {"prod": "", "latest": "dev."}


def bases_for(stage: str | None, endpoint: str | None) -> dict[str, str]:
    """Where `service` and `press` are (docs/platform.md, 1.1); an endpoint stands for both."""
    names = ("service", "press")
    if endpoint:
        return {name: f"{endpoint.rstrip('/')}/{name}" for name in names}
    segment = _SEGMENTS.get(stage or "prod", f"{stage}.")
    return {name: f"https://{name}.{segment}peak.ai" for name in names}


SPOKE_HOST = re.compile(r"service\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def spoke_base(service: str, name: str) -> str:
    """The address of `service.LABEL`, which a spoke has beside `service`; as SPOKE_HOST has it.

    Where another server stands for the platform, it stands for its spokes, too.
    """
    found = re.fullmatch(r"https://service\.((?:[a-z]+\.)?peak\.ai)", service)
    return f"https://{name}.{found[1]}" if found else service


def socket_transport(limits: Limits, network: Network | None = None) -> httpx.AsyncBaseTransport:
    """The transport over real sockets, with the certificates and proxies of `network`."""
    # Imported here: a run on the emulator needs no sockets.
    from peakctl.api.sockets import SocketTransport

    return SocketTransport(limits, network)


@dataclass(frozen=True, slots=True)
class _Failed:
    failure: failures.Failure
    status: int | None = None
    body: bytes = b""
    note: str = ""
    advice: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A listing that was asked for ahead; `taken` is set once somebody waits for it."""

    task: asyncio.Task[list[JsonDict]]
    taken: asyncio.Event


class Api:
    """The platform's API. `bases` has an address for "service" and one for "press".

    Methods raise NotAuthenticated (401, 403) or ApiError. Paths begin with "service/" or "press/".
    `chance` gives numbers from 0 to 1; `on_request` hears of every request, once it has ended.
    `redact` masks the secrets of the run in what the server says; it learns the token, and what
    each request sends.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport,
        bases: Mapping[str, str],
        token: Secret,
        clock: Clock,
        limits: Limits | None = None,
        chance: Callable[[], float] = random.random,
        on_request: Callable[[Sent], None] | None = None,
        redact: Redactor | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self.redact = redact or Redactor()
        self.redact.add([str(token.reveal())])
        self._bases = bases
        self._token = token
        self._clock = clock
        self._chance = chance
        self._in_flight = ConcurrencyLimit(self._limits.in_flight, self._limits.grow_after)
        self._pause = Pause(clock)
        self._exchange = Exchange(transport, token, clock, self._limits, on_request)
        self._ahead: dict[tuple[str, Query], _Ahead] = {}
        self._goes_first = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        left = [ahead.task for ahead in self._ahead.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._exchange.close()

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repetitions and redirects included."""
        return self._exchange.requests

    @property
    def server_time(self) -> float | None:
        """The platform's own time at its last answer, in seconds since 1970."""
        return self._exchange.server_time

    def going_first(self) -> Api:
        """The same, but its requests leave before all others that wait for their turn."""
        other = copy(self)
        other._goes_first = True
        return other

    async def get(self, path: str, query: Query = ()) -> Any:
        """The decoded JSON; `{}` for an empty body."""
        return await self._perform(self._call("GET", path, query, Body(), _decode_strictly))

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        parts: Sequence[Part] | None = None,
        query: Query = (),
    ) -> Any:
        """Write JSON or multipart (DELETE: no body). Gives `{}` for an answer without JSON."""
        body = Body() if method == "DELETE" else encode_body(json, parts)
        return await self._perform(self._call(method, path, query, body, _decode_leniently))

    async def download(self, path: str) -> bytes:
        """The bytes at `path`, redirects followed; a whole `https://` address has no token."""
        call = self._call("GET", path, (), Body(), bytes)
        return bytes(await self._perform(replace(call, size=self._limits.answer_size)))

    async def save(self, path: str, file: BinaryIO) -> None:
        """As `download`, into a file, however large it is. Raises OSError, too."""
        call = self._call("GET", path, (), Body(), bytes)
        await self._perform(replace(call, size=self._limits.answer_size, into=file))

    async def pages(self, path: str, items: tuple[str, ...], query: Query = ()) -> list[JsonDict]:
        """Every item of a listing, from all its pages; `items` are the keys that may hold them.

        Raises ApiError (api/incomplete-listing) when its pages go on contradicting each other.
        """
        ahead = self._ahead.pop((path, tuple(query)), None)
        if ahead is None:
            return await self._listing(path, items, query).all()
        ahead.taken.set()
        return await ahead.task

    def ask_ahead(self, path: str, items: tuple[str, ...], query: Query = ()) -> None:
        """Begin to read a listing, once. The next `pages` of it gets that one, and no other does.

        What the server says of a failure is not looked at before then: secrets of the run, which
        are masked in it, may not be known yet.
        """
        if (path, tuple(query)) in self._ahead:
            return
        taken = asyncio.Event()
        task = asyncio.create_task(self._listing(path, items, query, taken).all())
        self._ahead[path, tuple(query)] = _Ahead(task, taken)

    async def first_page(
        self, path: str, items: tuple[str, ...], query: Query = ()
    ) -> tuple[list[JsonDict], bool]:
        """The items of the first page of a listing, and whether they are all of it."""
        return await self._listing(path, items, query).first()

    async def pages_within(
        self, path: str, items: tuple[str, ...], query: Query, most: int
    ) -> tuple[list[JsonDict], int]:
        """The items of a listing of at most `most` pages, else of its first; and how many it has.

        It is not checked that none is missing.
        """
        return await self._listing(path, items, query).within(most)

    def _listing(
        self,
        path: str,
        items: tuple[str, ...],
        query: Query,
        may_fail: asyncio.Event | None = None,
    ) -> Listing:
        size = ("pageSize", str(self._limits.page_size))

        async def fetch(number: int) -> object:
            page = (*query, size, ("pageNumber", str(number)))
            call = self._call("GET", path, page, Body(), _decode_strictly)
            return await self._perform(call, may_fail)

        asked = self._asked("GET", path)
        return Listing(asked, fetch, items, self._limits, self._clock.sleep)

    def _asked(self, method: str, path: str, secrets: Sequence[str] = ()) -> failures.Asked:
        self.redact.add(secrets)
        return failures.Asked(method, path.partition("?")[0], self.redact)

    def _call(
        self, method: str, path: str, query: Query, body: Body, decode: Callable[[bytes], object]
    ) -> Call:
        asked, size = self._asked(method, path, body.secrets), len(body.content)
        if path.startswith(("http://", "https://")):
            return Call(asked, path, body, decode, size, with_token=False)
        name, _, rest = path.partition("/")
        suffix = f"?{urlencode(query)}" if query else ""
        base = self._bases.get(name) or spoke_base(self._bases["service"], name)
        return Call(asked, f"{base}/{rest}{suffix}", body, decode, size)

    async def _perform(self, call: Call, may_fail: asyncio.Event | None = None) -> Any:
        """The decoded answer. A failure is told once `may_fail` is set."""
        deadline = self._clock.now() + self._limits.total
        backoff = Backoff(self._limits, deadline, self._chance)
        while isinstance(got := await self._attempt(call), _Failed):
            now, write = self._clock.now(), call.asked.write
            wait = backoff.wait(got.failure, write=write, now=now, retry_after=got.retry_after)
            if wait is None:
                if may_fail is not None:
                    await may_fail.wait()
                raise failures.problem(
                    call.asked,
                    got.failure,
                    status=got.status,
                    body=got.body,
                    note=got.note,
                    advice=got.advice,
                )
            await self._clock.sleep(wait)
        if not call.asked.write and self._in_flight.is_waited_for:
            for _ in range(2):  # the next request leaves before this answer is worked on
                await asyncio.sleep(0)
        return got

    async def _attempt(self, call: Call) -> object:
        """The decoded answer, or `_Failed`."""
        async with self._in_flight.one(first=self._goes_first) as round_:
            await self._pause.over()
            try:
                async with asyncio.timeout(self._limits.whole_attempt(call.size)):
                    answer = await self._exchange.perform(call)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                note, advice = _note(error), advice_on(error)
                return _Failed(failures.failure_of_error(error), note=note, advice=advice)
            if answer.status == httpx.codes.TOO_MANY_REQUESTS:
                self._in_flight.throttled(round_)
            return self._judge(call, answer)

    def _judge(self, call: Call, answer: Answer) -> object:
        if not httpx.codes.is_success(answer.status):
            return self._failed(answer)
        self._in_flight.succeeded()
        try:
            return call.decode(answer.body)
        except (ValueError, RecursionError):
            # Not the text itself: it may hold what must not be shown.
            note = f"{len(answer.body)} bytes that are not JSON"
            return _Failed(failures.Failure.GARBLED, answer.status, note=note)

    def _failed(self, answer: Answer) -> _Failed:
        failure = failures.failure_of_status(answer.status)
        now = parse_http_date(answer.headers.get("Date", "")) or self._clock.now()
        after = parse_retry_after(answer.headers.get("Retry-After", ""), now)
        if failure is failures.Failure.THROTTLED and after is not None:
            self._pause.until(self._clock.now() + min(after, self._limits.longest_retry_after))
        return _Failed(failure, answer.status, answer.body, retry_after=after)


def _note(error: Exception) -> str:
    """What happened, without the query of any address: a signed one is as good as a password."""
    return re.sub(r"\?\S*", "?…", str(error)) or type(error).__name__


def _decode_strictly(body: bytes) -> object:
    return json.loads(body) if body.strip() else {}


def _decode_leniently(body: bytes) -> object:
    try:
        return _decode_strictly(body)
    except (ValueError, RecursionError):
        return {}
