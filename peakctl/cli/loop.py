"""The event loop of a command, and what signals do to it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, TypeVar

from peakctl.cli.exits import Exit, Interrupted
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.cli.session import Session

T = TypeVar("T")

_CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


def run_async(session: Session, work: Coroutine[object, object, T]) -> T:
    """The one event loop. A first signal ends it, unless `graceful` is in force."""

    async def main() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio.run always makes one
        with _on_signals(session, task.cancel):
            return await work

    try:
        with contextlib.closing(main()) as whole:
            return asyncio.run(whole)
    except asyncio.CancelledError:
        raise Interrupted(session.interrupted or Exit.INTERRUPTED) from None


@contextlib.contextmanager
def graceful(
    session: Session, stop: Callable[[], None], tell: Callable[[Line], None]
) -> Iterator[None]:
    """While it lasts: the first Ctrl-C or SIGTERM calls `stop`, a second one cancels the task."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - only called from inside run_async

    def ask() -> None:
        if session.interrupted is not None:
            task.cancel()
            return
        stop()
        words = (
            "nothing new is started; requests in flight are finished, builds and deployments go on"
            " at the platform. Press Ctrl-C again to end at once"
        )
        tell(line(("stopping: ", "warning"), words))

    with _on_signals(session, ask):
        yield
    _listen(session, task.cancel)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """While it lasts a signal raises Interrupted, for a call that keeps the event loop from it."""

    def interrupt(number: int, _: object) -> None:
        raise Interrupted(_CODES[signal.Signals(number)])

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = {number: signal.signal(number, interrupt) for number in _CODES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextlib.contextmanager
def _on_signals(session: Session, act: Callable[[], object]) -> Iterator[None]:
    _listen(session, act)
    try:
        yield
    finally:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)


def _listen(session: Session, act: Callable[[], object]) -> None:
    def heard(code: Exit) -> None:
        act()
        session.interrupted = session.interrupted or code

    loop = asyncio.get_running_loop()
    for number, code in _CODES.items():
        # Not on Windows, not outside the main thread (tests): there the defaults stay.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, heard, code)
