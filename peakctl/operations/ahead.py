"""What a run does while the platform is waited for: read manifests, import what comes next.

An answer is some fifty milliseconds away, a first connection two or three times as much, and a run
has work of its own for as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from peakctl.errors import PeakctlError
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project, is_emulated

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import Listings
    from peakctl.model import Key, Resource

T = TypeVar("T")
TellKinds = Callable[[frozenset[str]], None]
Load = Callable[[TellKinds | None], T]
"""Reads the manifests; what it is given, if anything, hears the kinds that they name early on."""

_STACK = 16 * 1024 * 1024
"""Bytes of the stack that manifests are read on: some systems give a thread very little."""
_STACK_IS_SET = threading.Lock()
"""Held while new threads of the whole process get that stack."""


@asynccontextmanager
async def connect_and_load(
    project: Project, load: Load[T], connection: AbstractAsyncContextManager[Platform]
) -> AsyncIterator[tuple[Platform, T]]:
    """The `connection` of the project, opened, and what `load` gives, which reads the manifests.

    Where a ledger is kept, the listing that it stands in needs no manifest: it is asked for before
    they are read, and those of the kinds that they name before they are checked. Raises what `load`
    and opening the connection raise, the former where both would.
    """
    if is_emulated(project):
        loaded = load(None)
        async with connection as platform:
            yield platform, loaded
        return
    async with AsyncExitStack() as stack:
        try:
            platform = await stack.enter_async_context(connection)
        except PeakctlError:
            load(None)
            raise
        yield platform, await _load_beside(platform, load)


async def _load_beside(platform: Platform, load: Load[T]) -> T:
    """What `load` gives; beside the listings that are needed whatever else it finds."""
    from peakctl.adapters import ledger_store

    project = platform.project
    reads_stdin = "-" in project.options.manifests  # nobody could end a thread that waits for it
    if reads_stdin:
        return load(None)
    platform.asked_ahead.append(project.clock.now())
    if project.owner is not None:
        platform.api.ask_ahead(ledger_store.PATH, ledger_store.ITEMS)
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()

    def list_ahead(kinds: frozenset[str]) -> None:
        if not is_over.is_set():  # else nobody waits for the thread, and the connection is closed
            _list_ahead(platform, kinds)

    def tell_kinds(kinds: frozenset[str]) -> None:
        loop.call_soon_threadsafe(list_ahead, kinds)

    try:
        return await in_thread(lambda: load(tell_kinds))
    finally:
        is_over.set()


def _list_ahead(platform: Platform, kinds: frozenset[str]) -> None:
    """Ask for the listings of kinds that manifests name."""
    for kind in sorted(kinds & platform.adapters.keys()):
        if platform.kinds[kind].schema:
            platform.adapters[kind].ask_ahead()


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` gives or raises, while the event loop goes on.

    When the caller is cancelled, nobody waits for the thread: Ctrl-C ends the run at once.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
            future.set_exception(error)

    if not _start(run):
        run()
    return await asyncio.wrap_future(future)


def _start(run: Callable[[], None]) -> bool:
    """Start a thread with enough of a stack; False where the system allows no more threads."""
    with _STACK_IS_SET:
        before = threading.stack_size(_STACK)
        try:
            threading.Thread(target=run, daemon=True).start()
        except RuntimeError:
            return False
        finally:
            threading.stack_size(before)
    return True


def begin_look(platform: Platform, resources: Mapping[Key, Resource]) -> Listings:
    """Ask for the listings of a second look, which a first ledger makes necessary in any case.

    That is safe as soon as the lease is written: who writes one later sees it.
    """
    from peakctl.engine.observe.live_state import LedgerQuery, begin_listings

    owner = platform.project.owner
    if owner is None:
        return {}
    query = LedgerQuery(platform.ledgers, owner, others=True)
    return begin_listings(resources, platform.kinds, platform.adapters, query)


class BetweenEvents:
    """Calls that are made one by one, each after whatever else the event loop has to do by then.

    So an answer that comes is read, and the next request sent, before any of them. They only
    prepare something: one that fails is left out, and whoever needs its result meets the error.
    """

    def __init__(self) -> None:
        self._calls: deque[Callable[[], None]] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, call: Callable[[], None]) -> None:
        """Make the call soon, unless `drop` comes first."""
        self._calls.append(call)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def drop(self) -> None:
        """Leave out what was not called so far."""
        self._calls.clear()

    async def _run(self) -> None:
        while self._calls:
            await asyncio.sleep(0)
            if self._calls:
                call = self._calls.popleft()
                with contextlib.suppress(Exception):
                    call()


def import_ahead(*modules: str) -> None:
    """Import modules beside what the event loop does; whoever needs one meanwhile waits for it.

    One that cannot be imported is passed over: whoever needs it meets the error.
    """
    missing = [name for name in modules if name not in sys.modules]
    if missing:
        _start(lambda: _import_all(missing))


def _import_all(modules: list[str]) -> None:
    from importlib import import_module

    for name in modules:
        with contextlib.suppress(Exception):
            import_module(name)
