"""A tenant of its own for each test: an emulator, a clock that passes by itself, a command line."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import io
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings

# The same examples every time, however slow the machine; HYPOTHESIS_PROFILE=default draws new ones.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


class FakeClock:
    """Time that passes only while everything on the event loop waits for it."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self._loop: Any = None
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._sleepers = loop, []
        woken: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._numbers), woken))
        if len(self._sleepers) == 1:
            loop.call_soon(self._pass)
        await woken

    def _pass(self) -> None:
        if not self._loop._ready:
            at, _, woken = heapq.heappop(self._sleepers)
            if not woken.cancelled():
                self.time = max(self.time, at)
                woken.set_result(None)
        if self._sleepers:
            self._loop.call_soon(self._pass)


@dataclass(frozen=True)
class Run:
    """What one command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make_emulator(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fresh emulator on the fake clock; takes the fields of its `Options`. Closed at the end."""
    from peakctl.emulator import Emulator, Options

    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Emulator:
            chosen = Options(**{"provided_images": True, "record_bodies": True, **options})
            emulator = Emulator(clock=clock.now, options=chosen)
            stack.callback(emulator.close)
            monkeypatch.setattr(emulator, "close", lambda: None)  # commands close what they open
            return emulator

        yield make


@pytest.fixture
def peakctl(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Callable[..., Run]:
    """Runs a command line in this process, emulator environments on the emulator given."""
    from peakctl.cli import cli, session

    for name in ("PEAK_AUTH_TOKEN", "API_KEY", "PEAK__STAGE", "STAGE", "PEAKCTL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session.SystemClock, "now", lambda _: clock.now())
    monkeypatch.setattr(session.SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))

    def run(*args: str, emulator: Any = None) -> Run:
        monkeypatch.setattr(session, "open_emulator", lambda *_, **__: emulator)
        out, err = io.StringIO(), io.StringIO()
        told = (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err))
        with told[0], told[1], pytest.raises(SystemExit) as left:
            cli.main(list(args))
        return Run(int(left.value.code or 0), out.getvalue(), err.getvalue())

    return run
