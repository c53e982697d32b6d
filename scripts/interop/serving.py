"""An emulator on a socket of this process, and which of its endpoints were asked."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peakctl.emulator import Emulator, Options
from peakctl.emulator.endpoints import ENDPOINTS
from peakctl.emulator.serve import serve_async

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 0.6


@dataclass
class Served:
    """`address` is known once it answers; `emulator` belongs to its own thread."""

    address: str = ""
    emulator: Emulator | None = None
    ready: threading.Event = field(default_factory=threading.Event)

    def reached(self) -> set[str]:
        """`METHOD path` of the endpoints that were asked and answered well at least once."""
        assert self.emulator is not None
        good = [entry for entry in list(self.emulator.journal) if entry.status < 300]
        asked = {(entry.method, entry.path) for entry in good}
        return {name for method, path in asked for name in _endpoints(method, path)[:1]}


def platform_endpoints() -> set[str]:
    """The contract's endpoints; `/files/` is the emulator's own."""
    names = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
    return {name for name in names if " /files/" not in name}


def _endpoints(method: str, path: str) -> list[str]:
    """Names of the endpoints that a request fits, the one with the fewest placeholders first."""
    fits = [
        endpoint.path
        for endpoint in ENDPOINTS
        if endpoint.method == method
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", endpoint.path), path)
    ]
    return [f"{method} {each}" for each in sorted(fits, key=lambda each: each.count("{"))]


@contextmanager
def serve_emulator(**options: Any) -> Iterator[Served]:
    """A fresh emulator in a thread, with short durations; it stops at the end."""
    served = Served()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(served, loop, options), daemon=True)
    thread.start()
    if not served.ready.wait(30):
        raise TimeoutError("the emulator does not answer")
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(_cancel_all, loop)
        thread.join(10)


def _run(served: Served, loop: asyncio.AbstractEventLoop, options: dict[str, Any]) -> None:
    names = ("build_seconds", "deploy_seconds", "service_seconds", "delete_seconds")
    served.emulator = Emulator(options=Options(**dict.fromkeys(names, SECONDS), **options))

    def announce(address: str) -> None:
        served.address = address
        served.ready.set()

    asyncio.set_event_loop(loop)
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(serve_async(served.emulator, "127.0.0.1", 0, announce))


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
