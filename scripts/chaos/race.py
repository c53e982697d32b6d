"""Two commands at once on one tenant, in every interleaving that a bounded search reaches.

Each request of either run waits at a gate. A schedule says who goes first and for how many
requests, then how many the other one sends, and so on; the rest is sent in turn. With two changes
of turn every pair of places is tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpx

from peakctl.cli import session
from peakctl.cli.apply import _apply
from peakctl.cli.exits import exit_code
from peakctl.cli.options import Flags
from peakctl.emulator import emulator_transport
from peakctl.present.terminal import open_terminal
from peakctl.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from chaos.clock import QuickClock
    from chaos.tenant import Tenant

RUNNER: contextvars.ContextVar[int] = contextvars.ContextVar("RUNNER")


@dataclass(frozen=True)
class Schedule:
    """Who goes first, and after how many requests the turn changes, each time."""

    first: int
    turns: tuple[int, ...]

    def __str__(self) -> str:
        return f"{'AB'[self.first]} first, turns after {', '.join(map(str, self.turns))}"


@dataclass(frozen=True)
class Ended:
    """How one of the two runs ended; `asked` are the requests that it sent."""

    code: int
    said: str
    asked: tuple[str, ...]

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(each for each in self.asked if not each.startswith("GET"))


class Referee:
    """Opens the gate when nothing else is to be done; lets time pass when nobody waits there."""

    def __init__(self, schedule: Schedule, clock: QuickClock) -> None:
        self.clock = clock
        self.turn, self.left = schedule.first, list(schedule.turns)
        self.waiting: dict[int, list[asyncio.Future[None]]] = {0: [], 1: []}
        self.sleeping: list[tuple[float, int, asyncio.Future[None]]] = []
        self.running = 2
        self._numbers = itertools.count()

    async def gate(self, runner: int) -> None:
        """Return when it is the turn of a request of `runner`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting[runner].append(future)
        await future

    async def watch(self) -> None:
        """Open the gate, or let time pass, whenever everything waits; until both have ended."""
        loop: Any = asyncio.get_running_loop()
        while self.running:
            await asyncio.sleep(0)
            if not loop._ready and not self._open():
                self._pass_time()

    def _open(self) -> bool:
        if not any(self.waiting.values()):
            return False
        while self.left and self.left[0] == 0:
            self.left.pop(0)
            self.turn = 1 - self.turn
        chosen = self.turn if self.waiting[self.turn] else 1 - self.turn
        if self.left and chosen == self.turn:
            self.left[0] -= 1
        self.waiting[chosen].pop(0).set_result(None)
        return True

    def _pass_time(self) -> None:
        self.sleeping.sort(key=lambda sleeper: sleeper[:2])
        while self.sleeping:
            at, _, woken = self.sleeping.pop(0)
            if not woken.done():
                self.clock.time = max(self.clock.time, at)
                woken.set_result(None)
                return

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` of the tenant's time later."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleeping.append((self.clock.time + seconds, next(self._numbers), woken))
        await woken


@dataclass
class Gate(httpx.AsyncBaseTransport):
    """Carries the requests of one run, each when its turn comes."""

    inner: httpx.AsyncBaseTransport
    referee: Referee
    runner: int
    seen: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.referee.gate(self.runner)
        self.seen.append(f"{request.method} {request.url.path}")
        return await self.inner.handle_async_request(request)


def race(tenant: Tenant, projects: Sequence[Path], schedule: Schedule) -> tuple[Ended, Ended]:
    """`apply --yes` of both projects (which may be the same) on `tenant`, as `schedule` says."""
    referee = Referee(schedule, tenant.clock)
    gates = [Gate(emulator_transport(tenant.emulator), referee, n) for n in (0, 1)]
    with _in_place(tenant, referee, gates):
        codes = asyncio.run(_both(referee, projects))
    first, second = (
        Ended(code, said, tuple(gate.seen)) for (code, said), gate in zip(codes, gates, strict=True)
    )
    return first, second


async def _both(referee: Referee, projects: Sequence[Path]) -> list[tuple[int, str]]:
    watching = asyncio.create_task(referee.watch())
    try:
        return await asyncio.gather(*(_one(referee, n, p) for n, p in enumerate(projects)))
    finally:
        watching.cancel()


async def _one(referee: Referee, runner: int, project: Path) -> tuple[int, str]:
    RUNNER.set(runner)
    said = io.StringIO()
    settings = read_settings({})
    terminal = open_terminal(settings, io.StringIO(), said, io.StringIO(), color="never")
    flags = Flags(env="local", yes=True, parallelism=1)
    run = session.Session("apply", flags, settings, terminal)
    os.chdir(project)  # read before the first request, and nothing comes in between
    try:
        report = await _apply(run)
        return report.exit_code, said.getvalue()
    except Exception as error:  # noqa: BLE001 - what a command line would make of it
        return int(exit_code(error)), f"{said.getvalue()}{type(error).__name__}: {error}"
    finally:
        referee.running -= 1


@contextlib.contextmanager
def _in_place(tenant: Tenant, referee: Referee, gates: Sequence[Gate]) -> Iterator[None]:
    async def sleep(_: Any, seconds: float) -> None:
        await referee.sleep(seconds)

    def now(_: Any) -> float:
        return tenant.clock.now()

    def transport(_: Any) -> httpx.AsyncBaseTransport:
        return gates[RUNNER.get()]

    with contextlib.ExitStack() as stack:
        put = stack.enter_context
        put(contextlib.chdir(tenant.project))
        put(mock.patch.object(session, "open_emulator", return_value=tenant.emulator))
        put(mock.patch("peakctl.emulator.emulator_transport", transport))
        put(mock.patch.object(session.SystemClock, "now", now))
        put(mock.patch.object(session.SystemClock, "sleep", sleep))
        put(mock.patch("peakctl.cli.loop.signal.signal"))
        yield


def schedules(most: int, step: int = 1) -> Iterator[Schedule]:
    """Each pair of places for two changes of turn, either run first."""
    for first in (0, 1):
        for one in range(0, most, step):
            for two in range(0, most, step):
                yield Schedule(first, (one, two))
