"""A tenant in this process that commands run against, copied from one state to the next."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpx

from chaos.blows import Blow, Killed, Wire, fault_of
from chaos.clock import FakeClock
from chaos.compare import picture_of
from peakctl.cli import cli
from peakctl.emulator import Emulator, Options, emulator_transport
from peakctl.operations import platform, project

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

KILLED = 137
UNSET = ("PEAK_AUTH_TOKEN", "API_KEY", "PEAK__STAGE", "STAGE", "PEAKCTL_ENDPOINT", "PEAKCTL_DEBUG")


@dataclass(frozen=True)
class Run:
    """What one command did; the code of one that was killed is 137."""

    code: int
    out: str
    err: str
    asked: tuple[str, ...]

    @property
    def crashed(self) -> bool:
        return "internal/" in self.err + self.out or "Traceback" in self.err + self.out


@dataclass
class Tenant:
    """An emulator, its clock, and the project that is applied to it.

    `alive` is what a run finds out of the runs before it: False says that they are dead.
    """

    project: Path
    options: dict[str, Any] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    alive: bool | None = False

    def __post_init__(self) -> None:
        chosen = Options(**{"provided_images": True, **self.options})
        self.emulator = Emulator(clock=self.clock.now, options=chosen)
        self.close = self.emulator.close
        self.emulator.close = lambda: None  # type: ignore[method-assign]  # commands close theirs
        self.wire = Wire(emulator_transport(self.emulator), self.clock.now)

    @property
    def _db(self) -> sqlite3.Connection:
        return self.emulator.store._db

    def copy(self) -> Tenant:
        """Another tenant in the same state."""
        copied = Tenant(self.project, self.options, FakeClock(self.clock.time), self.alive)
        self._db.backup(copied._db)
        return copied

    def strike(self, blow: Blow, **where: Any) -> None:
        """Let `blow` hit the requests that the fields of a `Fault` choose."""
        if blow.rule is not None:
            self.emulator.faults.append(fault_of(blow, **where))
        else:
            self.wire.blows.append((blow, fault_of(blow, **where)))

    def calm(self, seconds: float = 3600.0) -> None:
        """End all faults, and let everything that is under way come to its end."""
        self.emulator.faults.clear()
        self.wire.blows.clear()
        self.wire.dead = False
        self.clock.time += seconds
        asyncio.run(self._settle())

    async def _settle(self) -> None:
        await self.wire.deliver_late()
        self.clock.time += 60
        for _ in range(3):  # what ends may start something else
            request = httpx.Request(
                "GET",
                "http://emulator.localhost/service/artifacts/api/v1/artifacts/",
                headers={"Authorization": "x"},
            )
            await self.wire.inner.handle_async_request(request)
            self.clock.time += 60

    def run(self, *args: str) -> Run:
        """A command line, in this process, on this tenant."""
        self.wire.seen.clear()
        self.wire.sent.clear()
        out, err = io.StringIO(), io.StringIO()
        with self._in_place(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main(list(args))
                code: Any = 0
            except SystemExit as left:
                code = left.code
            except BaseException as error:
                if not _is_death(error):
                    raise
                code = KILLED
        return Run(int(code or 0), out.getvalue(), err.getvalue(), tuple(self.wire.seen))

    @contextlib.contextmanager
    def _in_place(self) -> Iterator[None]:
        def now(_: Any) -> float:
            return self.clock.now()

        async def sleep(_: Any, seconds: float) -> None:
            await self.clock.sleep(seconds)

        with contextlib.ExitStack() as stack:
            put = stack.enter_context
            put(contextlib.chdir(self.project))
            put(mock.patch.dict("os.environ"))
            for name in UNSET:
                os.environ.pop(name, None)
            put(mock.patch.object(platform, "open_emulator", return_value=self.emulator))
            put(mock.patch("peakctl.emulator.emulator_transport", return_value=self.wire))
            put(mock.patch("peakctl.operations.actor.alive", return_value=self.alive))
            put(mock.patch.object(project.SystemClock, "now", now))
            put(mock.patch.object(project.SystemClock, "sleep", sleep))
            yield

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What SQL finds on the platform, or does to it."""
        return self._db.execute(sql, values).fetchall()

    def picture(self) -> str:
        """Everything on the platform, without what differs between equal runs."""
        return picture_of(self._db)


def _is_death(error: BaseException) -> bool:
    """Whether it is the end of the process, by itself or among what task groups gathered."""
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return isinstance(error, Killed) or any(_is_death(each) for each in inner)
