"""One HTTP/1.1 connection: one request at a time, and its answer as it comes in.

Takes the bytes of a request, gives status, headers and the parts of the body. llhttp (httptools)
reads the answer. Errors are httpx's. Only what fails before the first byte of a request is written
may be called unsent, and that is for whoever opens the connection: from `send` on, every error says
that the request may have arrived.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from typing import cast

import httptools

from peakctl.api.http import httpx

_MOST_WAITING = 1024 * 1024
"""Bytes of a body that may wait here before the server is held back."""
_LONGEST_HEAD = 256 * 1024
"""Bytes of headers: of the answer, of those before it (1xx), and after its body."""
_CLOSED = "the server closed the connection before its answer was whole"


class Connection(asyncio.Protocol):
    """A connection that is open. `silence` is how many seconds may pass between two parts."""

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._held_back = False
        self._begin()
        self._complete = True  # nothing was asked yet

    def _begin(self) -> None:
        """Forget the answer before, and expect the next."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._status = 0
        self._head = 0
        self._until_closed = True
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._complete = False
        self._whole_request = False
        self._error: httpx.TransportError | None = None

    @property
    def is_reusable(self) -> bool:
        """Whether another request may go out: the last answer is whole, and both sides go on."""
        transport = self._transport
        return (
            self._complete
            and self._error is None
            and transport is not None
            and not transport.is_closing()
        )

    async def send(
        self, head: bytes, content: AsyncIterable[bytes]
    ) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Send one request; the status and headers of its answer, as soon as they are there.

        Raises httpx.TransportError; whatever it is, the request may have arrived.
        """
        self._begin()
        transport = self.open_transport()
        transport.write(head)
        async for part in content:
            while self._held_back and not self._status and self._error is None:
                await self._change(httpx.WriteTimeout("the server does not take the request"))
            if self._status or self._error is not None:
                break  # it has answered before it had everything: nobody waits for the rest
            transport.write(part)
        else:
            self._whole_request = True
        while not self._status:
            self._raise_error()
            await self._change(httpx.ReadTimeout("no answer"))
        return self._status, self._headers

    async def part(self) -> bytes:
        """The next part of the body; empty at its end. Raises httpx.TransportError."""
        while not self._parts:
            if self._complete:
                return b""
            self._raise_error()
            await self._change(httpx.ReadTimeout("the rest of the answer does not come"))
        part = self._parts.popleft()
        self._waiting -= len(part)
        if self._waiting <= _MOST_WAITING and self._transport is not None:
            self._transport.resume_reading()
        return part

    def close(self) -> None:
        """Close at once; whatever was not sent is not sent."""
        if self._transport is not None:
            self._transport.abort()

    def open_transport(self) -> asyncio.Transport:
        """What it writes to. Raises httpx.ReadError once it is closed."""
        if self._transport is None or self._transport.is_closing():
            raise httpx.ReadError(_CLOSED)
        return self._transport

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    async def _change(self, otherwise: httpx.TimeoutException) -> None:
        """Return when anything came in or ended. Raises `otherwise` when nothing does in time."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(self._silence, _expire, waiter, otherwise)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        """The end of this connection, and of the answer if it is not whole."""
        if not self._complete and self._error is None:
            self._error = error
        self.close()
        self._wake()

    # --- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._complete:  # nothing was asked: whatever this is, it is no answer
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"the answer is not HTTP/1.1: {error}"))
        self._head += 0 if self._status else len(data)
        if self._head > _LONGEST_HEAD:
            self._fail(httpx.RemoteProtocolError("the headers of the answer have no end"))
        if self._waiting > _MOST_WAITING and not self._complete:
            cast("asyncio.Transport", self._transport).pause_reading()
        self._wake()

    def eof_received(self) -> None:
        if self._status and self._until_closed:
            self._complete = True
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(httpx.ReadError(str(exc) if exc else _CLOSED))

    def pause_writing(self) -> None:
        self._held_back = True

    def resume_writing(self) -> None:
        self._held_back = False
        self._wake()

    # --- what httptools calls --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:  # a second answer to one request
            self.close()
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._until_closed = False
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= httpx.codes.OK:
            self._status = status

    def on_body(self, data: bytes) -> None:
        if not self._complete:
            self._parts.append(data)
            self._waiting += len(data)

    def on_message_complete(self) -> None:
        if not self._status:  # 1xx: the answer itself is still to come
            self._until_closed = True
            return
        self._complete = True
        if not self._whole_request or not self._parser.should_keep_alive():
            self.close()


def _expire(waiter: asyncio.Future[None], error: httpx.TimeoutException) -> None:
    if not waiter.done():
        waiter.set_exception(error)
