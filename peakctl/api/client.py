"""The one door to the platform: paths and bodies in, decoded answers or errors out.

Every request takes a slot, waits for a pause if there is one, carries the token to the platform's
own host only, and is repeated as `retry.RULES` allows.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import httpx

from peakctl.api.bodies import Body, Part, Query, encode_body
from peakctl.api.concurrency import ConcurrencyLimit
from peakctl.api.exchange import Answer, Call, Exchange, Sent
from peakctl.api.limits import Limits
from peakctl.api.pages import Listing
from peakctl.api.problems import Asked, problem
from peakctl.api.retry import (
    Backoff,
    Failure,
    Pause,
    failure_of_error,
    failure_of_status,
    parse_http_date,
    parse_retry_after,
)
from peakctl.api.trust import advice_on
from peakctl.model.text import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from peakctl.model import Clock, Secret
    from peakctl.settings import Network

_SEGMENTS = {"prod": "", "latest": "dev."}


def bases_for(stage: str | None, endpoint: str | None) -> dict[str, str]:
    """Where `service` and `press` are (docs/platform.md, 1.1); an endpoint stands for both."""
    names = ("service", "press")
    if endpoint:
        return {name: f"{endpoint.rstrip('/')}/{name}" for name in names}
    segment = _SEGMENTS.get(stage or "prod", f"{stage}.")
    return {name: f"https://{name}.{segment}peak.ai" for name in names}


def socket_transport(limits: Limits, network: Network | None = None) -> httpx.AsyncBaseTransport:
    """The transport over real sockets, with the certificates and proxies of `network`."""
    # Imported here: aiohttp costs 0.2 s, which a run on the emulator need not pay.
    from peakctl.api.sockets import SocketTransport

    return SocketTransport(limits, network)


@dataclass(frozen=True, slots=True)
class _Failed:
    failure: Failure
    status: int | None = None
    body: bytes = b""
    note: str = ""
    advice: str = ""
    retry_after: float | None = None


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
        self._slots = ConcurrencyLimit(self._limits.in_flight, self._limits.grow_after)
        self._pause = Pause(clock)
        self._exchange = Exchange(transport, token, clock, self._limits, on_request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exchange.close()

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repetitions and redirects included."""
        return self._exchange.requests

    @property
    def server_time(self) -> float | None:
        """The platform's own time at its last answer, in seconds since 1970."""
        return self._exchange.server_time

    async def get(self, path: str, query: Query = ()) -> Any:
        """The decoded JSON; `{}` for an empty body."""
        return await self._perform(self._call("GET", path, query, Body(), _decode_strictly))

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
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

    async def pages(
        self, path: str, items: tuple[str, ...], query: Query = ()
    ) -> list[dict[str, Any]]:
        """Every item of a listing, from all its pages; `items` are the keys that may hold them.

        Raises ApiError (api/incomplete-listing) when its pages go on contradicting each other.
        """
        size = ("pageSize", str(self._limits.page_size))

        async def fetch(number: int) -> Any:
            return await self.get(path, (*query, size, ("pageNumber", str(number))))

        asked = self._asked("GET", path)
        return await Listing(asked, fetch, items, self._limits, self._clock.sleep).all()

    def _asked(self, method: str, path: str, secrets: Sequence[str] = ()) -> Asked:
        self.redact.add(secrets)
        return Asked(method, path.partition("?")[0], self.redact)

    def _call(
        self, method: str, path: str, query: Query, body: Body, decode: Callable[[bytes], Any]
    ) -> Call:
        asked, size = self._asked(method, path, body.secrets), len(body.content)
        if path.startswith(("http://", "https://")):
            return Call(asked, path, body, decode, size, with_token=False)
        name, _, rest = path.partition("/")
        suffix = f"?{urlencode(query)}" if query else ""
        return Call(asked, f"{self._bases[name]}/{rest}{suffix}", body, decode, size)

    async def _perform(self, call: Call) -> Any:
        deadline = self._clock.now() + self._limits.total
        patience = Backoff(self._limits, deadline, self._chance)
        while isinstance(got := await self._attempt(call), _Failed):
            now, write = self._clock.now(), call.asked.write
            wait = patience.wait(got.failure, write=write, now=now, retry_after=got.retry_after)
            if wait is None:
                raise problem(
                    call.asked,
                    got.failure,
                    status=got.status,
                    body=got.body,
                    note=got.note,
                    advice=got.advice,
                )
            await self._clock.sleep(wait)
        return got

    async def _attempt(self, call: Call) -> Any:
        """The decoded answer, or `_Failed`."""
        async with self._slots.one() as round_:
            await self._pause.over()
            try:
                async with asyncio.timeout(self._limits.whole_attempt(call.size)):
                    answer = await self._exchange.perform(call)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                note, advice = _note(error), advice_on(error)
                return _Failed(failure_of_error(error), note=note, advice=advice)
            if answer.status == httpx.codes.TOO_MANY_REQUESTS:
                self._slots.throttled(round_)
            return self._judge(call, answer)

    def _judge(self, call: Call, answer: Answer) -> Any:
        if not httpx.codes.is_success(answer.status):
            return self._failed(answer)
        self._slots.succeeded()
        try:
            return call.decode(answer.body)
        except (ValueError, RecursionError):
            # Not the text itself: it may hold what must not be shown.
            note = f"{len(answer.body)} bytes that are not JSON"
            return _Failed(Failure.GARBLED, answer.status, note=note)

    def _failed(self, answer: Answer) -> _Failed:
        failure = failure_of_status(answer.status)
        now = parse_http_date(answer.headers.get("Date", "")) or self._clock.now()
        after = parse_retry_after(answer.headers.get("Retry-After", ""), now)
        if failure is Failure.THROTTLED and after is not None:
            self._pause.until(self._clock.now() + min(after, self._limits.longest_retry_after))
        return _Failed(failure, answer.status, answer.body, retry_after=after)


def _note(error: Exception) -> str:
    """What happened, without the query of any address: a signed one is as good as a password."""
    text = str(error).replace(" ssl:default", "")  # the library's word for "no setting of our own"
    return re.sub(r"\?\S*", "?…", text) or type(error).__name__


def _decode_strictly(body: bytes) -> Any:
    return json.loads(body) if body.strip() else {}


def _decode_leniently(body: bytes) -> Any:
    try:
        return _decode_strictly(body)
    except (ValueError, RecursionError):
        return {}
