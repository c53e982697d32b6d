"""Two commands at once on one tenant, each request of either where a schedule has it.

Each request of either run waits at a gate. A schedule says who goes first and for how many
requests, then how many the other one sends, and so on; whoever has the turn then ends first.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import itertools
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpx

from peakctl.cli import session
from peakctl.cli.answer import answer
from peakctl.cli.commands.apply import _apply
from peakctl.cli.commands.destroy import _destroy
from peakctl.cli.exits import diagnostics_of, exit_code
from peakctl.cli.options import Flags
from peakctl.emulator import emulator_transport
from peakctl.operations import platform, project
from peakctl.present.terminal import open_terminal
from peakctl.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from chaos.clock import FakeClock
    from chaos.tenant import Tenant

RUNNER: contextvars.ContextVar[int] = contextvars.ContextVar("RUNNER")
COMMANDS = {"apply": _apply, "destroy": _destroy}


@dataclass(frozen=True)
class Racer:
    """One of the two runs: a project, and `apply` or `destroy` of it."""

    project: Path
    command: str = "apply"


@dataclass(frozen=True)
class Schedule:
    """Who goes first, and after how many requests the turn changes, each time.

    With `edges` it is beginnings and ends of writes that are counted: 1 is right before the first
    write, 2 right after it. `pace` is how many seconds of the platform's time each request takes.
    """

    first: int
    turns: tuple[int, ...]
    pace: float = 0.0
    edges: bool = False

    def __str__(self) -> str:
        turns, what = ", ".join(map(str, self.turns)), "edges" if self.edges else "requests"
        return f"{'AB'[self.first]} first, turns after {turns} {what}, {self.pace:g} s each"


@dataclass(frozen=True)
class Ended:
    """How one of the two runs ended; `asked` are the requests that it sent."""

    code: int
    said: str
    asked: tuple[str, ...]


@dataclass
class Waiting:
    """A request at a gate; `begun` when its beginning has been counted."""

    opened: asyncio.Future[None]
    write: bool
    begun: bool = False


class Referee:
    """Opens the gate when nothing else is to be done; lets time pass when nobody waits there."""

    def __init__(self, schedule: Schedule, clock: FakeClock, runners: int = 2) -> None:
        self.clock, self.pace, self.edges = clock, schedule.pace, schedule.edges
        self.turn, self.left = schedule.first, list(schedule.turns)
        self.waiting: list[list[Waiting]] = [[] for _ in range(2)]
        self.sleeping: list[tuple[float, int, asyncio.Future[None]]] = []
        self.running = runners
        self._numbers = itertools.count()

    async def gate(self, runner: int, *, write: bool) -> None:
        """Return when it is the turn of a request of `runner`."""
        waiting = Waiting(asyncio.get_running_loop().create_future(), write)
        self.waiting[runner].append(waiting)
        await waiting.opened

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` of the tenant's time later."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleeping.append((self.clock.time + seconds, next(self._numbers), woken))
        await woken

    async def watch(self) -> None:
        """Open the gate, or let time pass, whenever everything waits; until both have ended."""
        loop: Any = asyncio.get_running_loop()
        while self.running:
            await asyncio.sleep(0)
            if not loop._ready and not self._wake(self.clock.time) and not self._open():
                self._wake()

    def _open(self) -> bool:
        if not any(self.waiting):
            return False
        while self.left and not self._may_go_on():
            self.left.pop(0)
            self.turn = 1 - self.turn
        chosen = self.turn if self.waiting[self.turn] else 1 - self.turn
        first = self.waiting[chosen].pop(0)
        if self.left and chosen == self.turn and (first.write or not self.edges):
            self.left[0] -= 1
        self.clock.time += self.pace
        if not first.opened.done():
            first.opened.set_result(None)
        return True

    def _may_go_on(self) -> bool:
        """Whether the turn stays where it is for one more request; a write begins with an edge."""
        queue = self.waiting[self.turn]
        if self.edges and self.left[0] and queue and queue[0].write and not queue[0].begun:
            queue[0].begun = True
            self.left[0] -= 1
        return self.left[0] > 0

    def _wake(self, until: float = math.inf) -> bool:
        """End the pause that is the first to end, if that is due by then."""
        self.sleeping = sorted(each for each in self.sleeping if not each[2].done())
        if not self.sleeping or self.sleeping[0][0] > until:
            return False
        at, _, woken = self.sleeping.pop(0)
        self.clock.time = max(self.clock.time, at)
        woken.set_result(None)
        return True


@dataclass
class Gate(httpx.AsyncBaseTransport):
    """Carries the requests of one run, each when its turn comes."""

    inner: httpx.AsyncBaseTransport
    referee: Referee
    runner: int
    seen: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.referee.gate(self.runner, write=request.method != "GET")
        self.seen.append(f"{request.method} {request.url.path}")
        return await self.inner.handle_async_request(request)


def race(tenant: Tenant, racers: Sequence[Racer], schedule: Schedule) -> list[Ended]:
    """One or two runs on `tenant` at once, as `schedule` says."""
    referee = Referee(schedule, tenant.clock, len(racers))
    gates = [Gate(emulator_transport(tenant.emulator), referee, n) for n in range(len(racers))]
    with _in_place(tenant, referee, gates):
        ends = asyncio.run(_all(referee, racers))
    return [
        Ended(code, said, tuple(gate.seen)) for (code, said), gate in zip(ends, gates, strict=True)
    ]


async def _all(referee: Referee, racers: Sequence[Racer]) -> list[tuple[int, str]]:
    watching = asyncio.create_task(referee.watch())
    try:
        return await asyncio.gather(*(_one(referee, n, r) for n, r in enumerate(racers)))
    finally:
        watching.cancel()


async def _one(referee: Referee, runner: int, racer: Racer) -> tuple[int, str]:
    RUNNER.set(runner)
    said, none = io.StringIO(), io.StringIO()
    settings = read_settings({})
    terminal = open_terminal(settings, none, said, none, color="never")
    flags = Flags(env="local", yes=True, parallelism=1)
    run = session.Session(racer.command, flags, settings, terminal)
    os.chdir(racer.project)  # read before the first request, and nothing comes in between
    try:
        report = await COMMANDS[racer.command](run)
    except Exception as error:  # noqa: BLE001 - what a command line would make of it
        report = run.report(exit_code=exit_code(error), diagnostics=diagnostics_of(error))
    finally:
        referee.running -= 1
    return answer(report, terminal, "text"), said.getvalue()


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
        put(mock.patch.object(platform, "open_emulator", return_value=tenant.emulator))
        put(mock.patch("peakctl.emulator.emulator_transport", transport))
        put(mock.patch("peakctl.operations.actor._head", return_value=""))  # costs a process each
        put(mock.patch("peakctl.cli.loop._listen"))
        put(mock.patch.object(project.SystemClock, "now", now))
        put(mock.patch.object(project.SystemClock, "sleep", sleep))
        yield
