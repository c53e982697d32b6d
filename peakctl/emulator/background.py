"""The emulator on a socket of this process, beside whatever else runs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from peakctl.emulator.serve import serve_async

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peakctl.emulator.platform import Emulator


@contextmanager
def serve_in_thread(emulator: Emulator) -> Iterator[str]:
    """The address of the emulator on a free loopback port; it stops serving at the end.

    Raises `PeakctlError` when it cannot listen.
    """
    thread = _Thread(emulator)
    thread.start()
    thread.begun.wait()
    try:
        if thread.error is not None:
            raise thread.error
        yield thread.address
    finally:
        thread.stop()


class _Thread(threading.Thread):
    def __init__(self, emulator: Emulator) -> None:
        super().__init__(name="peak-emulator", daemon=True)
        self._emulator = emulator
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self.begun = threading.Event()
        self.address = ""
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            self.error = error
        finally:
            self._loop.close()
            self.begun.set()

    async def _serve(self) -> None:
        self._task = asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError):
            await serve_async(self._emulator, "127.0.0.1", 0, self._announce)

    def _announce(self, address: str) -> None:
        self.address = address
        self.begun.set()

    def stop(self) -> None:
        if self._task is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()
