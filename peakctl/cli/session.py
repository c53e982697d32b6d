"""Composition root: settings to a connection, one event loop, and what a command gives to a report.

The transport is chosen here and nowhere else: an emulator environment runs in process, then
PEAKCTL_ENDPOINT, then the hosts of the stage.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from peakctl.cli.answer import answer, debug
from peakctl.cli.exits import Exit, Interrupted, diagnostics_of, exit_code
from peakctl.model import Secret
from peakctl.present.report import Report
from peakctl.present.terminal import Terminal, open_terminal
from peakctl.present.text import line
from peakctl.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    import httpx

    from peakctl.api.client import Api
    from peakctl.api.limits import Limits
    from peakctl.cli.options import Flags
    from peakctl.errors import Diagnostic
    from peakctl.kinds.fields import Kind
    from peakctl.manifests.project import Environment, Project
    from peakctl.model import Adapter, Plan

T = TypeVar("T")
STATE_FOLDER = ".peakctl"
_EMULATED = "http://emulator.localhost"
_EMULATOR_TOKEN = "peakctl-emulator"  # noqa: S105 - opens nothing but the emulator


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class Session:
    """One command under way. `project` and `environment` are filled in once they are known.

    `interrupted` is the exit code of the signal that asked the run to stop, if one did; `plan` what
    was shown before, should an error end the run.
    """

    command: str
    flags: Flags
    settings: Settings
    terminal: Terminal
    project: Project | None = None
    environment: Environment | None = None
    warnings: list[Diagnostic] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)
    interrupted: Exit | None = None
    plan: Plan | None = None
    requests: int = 0

    def report(self, **parts: Any) -> Report:
        """A report of this command; warnings gathered on the way come first."""
        found = Report(
            command=self.command,
            project=self.project.name if self.project else None,
            environment=self.environment.name if self.environment else None,
            **parts,
        )
        return replace(found, diagnostics=(*self.warnings, *found.diagnostics))

    def again(self, command: str | None = None) -> str:
        """What to type to run this (or another command) on the same environment again."""
        words = ["peakctl", command or self.command]
        words += [w for name in self.flags.filename for w in ("-f", name)]
        words += ["-e", self.flags.env] if self.flags.env else []
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Connection:
    """The platform, ready to be asked."""

    api: Api
    kinds: Mapping[str, Kind]
    adapters: Mapping[str, Adapter]


def run_command(command: str, flags: Flags, body: Callable[[Session], Report]) -> int:
    """Run `body`, tell its report or its error in the form asked for, and give the exit code."""
    settings = read_settings()
    color = "never" if flags.no_color else flags.color
    terminal = open_terminal(settings, sys.stdout, sys.stderr, sys.stdin, color=color)
    terminal.quiet = flags.quiet
    session = Session(command, flags, settings, terminal)
    try:
        report = body(session)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        debug(error, settings, terminal)
        code = session.interrupted or exit_code(error)
        told = diagnostics_of(error)
        report = session.report(exit_code=code, diagnostics=told, plan=session.plan)
    if flags.verbose and session.requests:
        terminal.tell([line((f"{session.requests} requests were sent", "dim"))])
    return answer(report, terminal, flags.output)


def run_async(session: Session, work: Coroutine[Any, Any, T]) -> T:
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
def graceful(session: Session, stop: Callable[[], None]) -> Any:
    """While it lasts: the first Ctrl-C or SIGTERM calls `stop`, a second one cancels the task."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - only called from inside run_async

    def ask() -> None:
        if session.interrupted is not None:
            task.cancel()
            return
        stop()
        words = "nothing new is started; what is in flight is finished. Once more to cancel that"
        session.terminal.warn([line(("stopping: ", "warning"), words)])

    with _on_signals(session, ask):
        yield
    _listen(session, task.cancel)


@contextlib.contextmanager
def _on_signals(session: Session, act: Callable[[], Any]) -> Any:
    _listen(session, act)
    try:
        yield
    finally:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)


def _listen(session: Session, act: Callable[[], Any]) -> None:
    def heard(code: Exit) -> None:
        act()
        session.interrupted = session.interrupted or code

    loop = asyncio.get_running_loop()
    codes = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
    for number, code in codes.items():
        # Not on Windows, not outside the main thread (tests): there the defaults stay.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, heard, code)


@asynccontextmanager
async def connect(session: Session) -> AsyncIterator[Connection]:
    """A connection to the environment of the session; closed at the end."""
    from peakctl.api.client import Api
    from peakctl.api.limits import Limits
    from peakctl.catalog import load_catalog

    limits = Limits(in_flight=session.flags.parallelism)
    transport, bases, token = _reach(session, limits)
    async with Api(
        transport=transport, bases=bases, token=token, clock=session.clock, limits=limits
    ) as api:
        catalog = load_catalog(api)
        try:
            yield Connection(
                api,
                {name: kind for name, (kind, _) in catalog.items()},
                {name: adapter for name, (_, adapter) in catalog.items()},
            )
        finally:
            session.requests += api.requests


def is_emulated(session: Session) -> bool:
    """Whether the run goes to the emulator in process.

    An emulator environment that was asked for wins over PEAKCTL_ENDPOINT; one that is only the
    default does not.
    """
    environment = session.environment
    if environment is None or not environment.emulator:
        return False
    return session.flags.env is not None or session.settings.endpoint is None


def place_of(session: Session) -> str:
    """Where the run goes, for people."""
    if is_emulated(session):
        return "the emulator on this machine"
    from peakctl.api.client import bases_for

    return bases_for(stage_of(session), endpoint_of(session))["service"]


def stage_of(session: Session) -> str | None:
    environment = session.environment
    return (environment.stage if environment else None) or session.settings.stage


def endpoint_of(session: Session) -> str | None:
    environment = session.environment
    return session.settings.endpoint or (environment.endpoint if environment else None)


def emulator_state(session: Session) -> Path:
    """The file that keeps the emulator's state for the environment; its folder is git-ignored."""
    root = Path(session.project.root) if session.project else Path.cwd()
    name = session.environment.name if session.environment else "local"
    folder = root / STATE_FOLDER
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder / f"emulator-{name}.sqlite"


def _reach(
    session: Session, limits: Limits
) -> tuple[httpx.AsyncBaseTransport, Mapping[str, str], Secret]:
    from peakctl.api.client import bases_for, socket_transport

    if is_emulated(session):
        from peakctl.emulator import Emulator, emulator_transport

        transport = emulator_transport(Emulator(emulator_state(session)))
        return transport, bases_for(None, _EMULATED), Secret(_EMULATOR_TOKEN)
    token = session.settings.require_token()
    bases = bases_for(stage_of(session), endpoint_of(session))
    return socket_transport(limits), bases, token
