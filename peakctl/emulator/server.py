"""The emulator on a socket: for a command of its own, or in a thread beside whatever else runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from peakctl.emulator.faults import Dropped
from peakctl.emulator.platform import Emulator
from peakctl.errors import Diagnostic, PeakctlError
from peakctl.settings import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Connections = dict[object, asyncio.Transport]
BACKLOG = 2048


async def serve(
    emulator: Emulator,
    host: str,
    port: int,
    announce: Callable[[str], None],
    *,
    allow_remote: bool = False,
) -> None:
    """Answer until cancelled; `announce` gets `http://HOST:PORT` once requests are accepted.

    Port 0 takes a free one. Raises `PeakctlError` when the address cannot be used, or is not of
    this machine alone and `allow_remote` was not given.
    """
    if not allow_remote and not is_loopback(host):
        raise _unusable(host, port, "other machines could reach it; that needs --allow-remote")
    listener = _listen(host, port)
    connections: Connections = {}
    config = uvicorn.Config(
        _dropping(emulator.app, connections), http=_remembering(connections), ws="none",
        lifespan="off", log_config=None, log_level="critical", access_log=False,
        server_header=False,
        date_header=False,  # the emulator's own clock is shown
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    with listener:
        await _Server(config, announce).serve(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends at once instead of waiting for the client's ack.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise _unusable(host, port, str(error)) from error
    return listener


def _unusable(host: str, port: int, why: str) -> PeakctlError:
    summary = f"the emulator cannot listen on {host}:{port}: {why}"
    return PeakctlError(Diagnostic(code="emulator/address", summary=summary))


def _remembering(connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's protocol, which also notes each connection under the client's address."""

    class Remembering(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen at run time
        def connection_made(self, transport: asyncio.Transport) -> None:
            connections[transport.get_extra_info("peername")[:2]] = transport
            self._peer = transport.get_extra_info("peername")[:2]
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self._peer, None)
            super().connection_lost(exc)

    return Remembering


def _dropping(app: ASGIApp, connections: Connections) -> ASGIApp:
    """A dropped request closes its connection without an answer."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Dropped:
            transport = connections.get(tuple(scope.get("client") or ()))
            if transport is not None:
                transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass

    return guarded


@contextmanager
def serve_in_thread(emulator: Emulator) -> Iterator[str]:
    """The address of the emulator on a free loopback port; it stops serving at the end.

    Raises `PeakctlError` when it cannot listen.
    """
    address: Future[str] = Future()

    async def run() -> None:
        try:
            await serve(emulator, "127.0.0.1", 0, address.set_result)
        except Exception as error:
            if address.done():
                raise
            address.set_exception(error)  # raised in the thread that waits

    loop = asyncio.new_event_loop()
    task = loop.create_task(run())
    thread = threading.Thread(target=_finish, args=(loop, task), name="peak-emulator", daemon=True)
    thread.start()
    try:
        yield address.result()
    finally:
        with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


def _finish(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
