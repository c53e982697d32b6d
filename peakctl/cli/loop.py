"""The event loop of a command: what signals do to it, and what is shown while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, TypeVar

from peakctl.cli.exits import Exit, Interrupted
from peakctl.model import Clock, Event, Key, Outcome
from peakctl.operations.apply import RunEvent, RunNotice, StageStarted, Stop
from peakctl.operations.stages import CarryOut
from peakctl.present.progress import HEARTBEAT, Progress, open_progress
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.cli.session import Session

T = TypeVar("T")


def run_async(session: Session, work: Coroutine[object, object, T]) -> T:
    """The one event loop. A first signal ends it, unless `graceful` is in force."""

    async def main() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio.run always makes one
        with _on_signals(session, task.cancel):
            return await work

    try:
        return asyncio.run(main())
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
    codes = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
    for number, code in codes.items():
        # Not on Windows, not outside the main thread (tests): there the defaults stay.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, heard, code)


class RunView:
    """Shows a run on the terminal, and lets signals stop it, from its first call to its end.

    `began` is when the first call was due, `outcomes` how actions have ended so far.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self.stop = Stop()
        self._session, self._clock = session, clock
        self._stack = contextlib.ExitStack()
        self._progress: Progress | None = None
        self.began: float | None = None
        self.outcomes: dict[Key, Outcome] = {}

    def __enter__(self) -> RunView:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def emit(self, event: RunEvent) -> None:
        """Show one event."""
        match event:
            case Event() if self._progress is not None:
                if event.outcome is not None:
                    self.outcomes[event.key] = event.outcome
                self._progress.emit(event)
                for stream in self._session.streams:
                    stream.progress(event, self.began or event.at)
            case RunNotice():
                self._session.terminal.tell([line((event.message, "dim"))])
            case StageStarted(CarryOut(actions)):
                self._begin(actions)
            case _:
                pass

    def _begin(self, actions: int) -> None:
        terminal, now = self._session.terminal, self._clock.now
        terminal.tell([()])
        self.began = now()
        self._progress = progress = open_progress(terminal, self.began, now, actions)
        self._stack.callback(progress.close)
        beating = asyncio.create_task(self._beat(progress))
        self._stack.callback(beating.cancel)
        self._stack.enter_context(graceful(self._session, self.stop.request, progress.say))

    async def _beat(self, progress: Progress) -> None:
        while True:
            await self._clock.sleep(HEARTBEAT / 10)
            progress.beat(self._clock.now())
