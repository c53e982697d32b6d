"""The operations for callers without an event loop, and for those inside of one (notebooks)."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def run_blocking(work: Coroutine[object, object, T]) -> T:
    """The result of `work`, from a loop of its own.

    Where a loop runs in this thread already, that is in a thread of its own. Ctrl-C cancels the
    work, and is raised once it has ended.
    """
    return _Worker(work).result() if _in_loop() else asyncio.run(work)


def _in_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Worker(Generic[T]):
    """A thread with a loop that runs one coroutine."""

    def __init__(self, work: Coroutine[object, object, T]) -> None:
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(work)
        self._thread = threading.Thread(target=self._run, name="peakctl")

    def result(self) -> T:
        self._thread.start()
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join()
            raise
        return self._task.result()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(asyncio.wait([self._task]))


def as_blocking(operation: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
    """`operation` as a function that returns when it is done."""

    @functools.wraps(operation)
    def run(*args: P.args, **named: P.kwargs) -> T:
        return run_blocking(operation(*args, **named))

    run.__name__ = run.__qualname__ = operation.__name__.removesuffix("_async")
    del run.__wrapped__  # else it passes for a coroutine function
    return run
