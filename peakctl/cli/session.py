"""Composition root: settings to a connection, and what a command gives to a report.

The transport is chosen here and nowhere else: an emulator environment runs in process, then
PEAKCTL_ENDPOINT, then the hosts of the stage.
"""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from peakctl.cli.answer import answer, answer_lost, debug
from peakctl.cli.emulator_opening import (
    check_emulator,
    emulator_options,
    emulator_state,
    open_emulator,
)
from peakctl.cli.exits import diagnostics_of, exit_code
from peakctl.errors import Diagnostic, GuardRefused, OutputFailed
from peakctl.model import Secret
from peakctl.model.text import Redactor
from peakctl.present.policy_text import policy_lines
from peakctl.present.report import Report
from peakctl.present.terminal import Terminal, open_terminal
from peakctl.present.text import counted, line
from peakctl.settings import ALLOW_ENDPOINT, Settings, may_be_endpoint, read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import httpx

    from peakctl.api.client import Api
    from peakctl.api.limits import Limits
    from peakctl.cli.exits import Exit
    from peakctl.cli.options import Flags
    from peakctl.kinds.fields import Kind
    from peakctl.manifests.project import Environment, Project
    from peakctl.model import Adapter, Clock, LedgerStore, Plan, Policy

T = TypeVar("T")
_EMULATED = "http://emulator.localhost"
_EMULATOR_TOKEN = "any"  # noqa: S105 - no secret: it opens the emulator alone, and is too short to be redacted


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        import asyncio

        await asyncio.sleep(seconds)


@dataclass(slots=True)
class Session:
    """One command under way. `project` and `environment` are filled in once they are known.

    `interrupted` is the exit code of the signal that asked the run to stop, if one did; `plan` what
    was shown before, should an error end the run. `redact` masks secrets in others' texts.
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
    policy: Policy | None = None
    requests: int = 0
    redact: Redactor = field(default_factory=Redactor)

    def report(self, **parts: Any) -> Report:
        """A report of this command; warnings gathered on the way come first."""
        found = Report(
            command=self.command,
            project=self.project.name if self.project else None,
            environment=self.environment.name if self.environment else None,
            policy=self.policy,
            **parts,
        )
        return replace(found, diagnostics=(*self.warnings, *found.diagnostics))

    def again(self, command: str | None = None) -> str:
        """What to type to run this (or another command) again; values of -p may be secrets."""
        flags = self.flags
        typed = {
            "-f": flags.filename,
            "-e": (flags.env,) if flags.env else (),
            "-v": flags.params_file,
            "-p": [f"{pair.partition('=')[0]}=…" for pair in flags.param],
            "--select": flags.select,
            "--exclude": flags.exclude,
            "--take-over": flags.take_over,
            "--policy-from": (flags.policy_from,) if flags.policy_from else (),
        }
        words = [word for flag, values in typed.items() for each in values for word in (flag, each)]
        switches = {
            "--prune": flags.prune,
            "--prune-history": flags.prune_history,
            "--adopt": flags.adopt,
        }
        words += [flag for flag, given in switches.items() if given]
        if flags.allow_mass_change is not None:
            words += ["--allow-mass-change", str(flags.allow_mass_change)]
        return shlex.join(["peakctl", *(command or self.command).split(), *words])


@dataclass(frozen=True, slots=True)
class Connection:
    """The platform, ready to be asked."""

    api: Api
    kinds: Mapping[str, Kind]
    adapters: Mapping[str, Adapter]
    ledgers: LedgerStore
    spoke: list[str | None] = field(default_factory=list)
    """The domain of the tenant's spoke, once it was asked for."""


LISTING = frozenset({"get", "ledger show", "ledger unlock", "ledger rebuild"})
"""Commands whose results are the platform's own words: names, owners, texts of earlier runs."""


def run_command(command: str, flags: Flags, body: Callable[[Session], Report]) -> int:
    """Run `body`, tell its report or its error in the form asked for, and give the exit code."""
    settings = read_settings()
    color = "never" if flags.no_color else flags.color
    terminal = open_terminal(settings, sys.stdout, sys.stderr, sys.stdin, color=color)
    terminal.quiet = flags.quiet
    session = Session(command, flags, settings, terminal)
    session.redact.add(settings.passwords())
    try:
        report = body(session)
    except OutputFailed as lost:  # what was to be shown before anything is done
        return answer_lost(lost, session.report(), terminal)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
        debug(error, settings, terminal)
        report = session.report(
            exit_code=session.interrupted or exit_code(error),
            diagnostics=diagnostics_of(error),
            plan=session.plan,
            lines=policy_lines(session.policy) if session.plan is None else (),
        )
    if command in LISTING:
        report = report.redacted(session.redact)
    code = answer(report, terminal, flags.output)
    if flags.verbose and session.requests:
        terminal.tell([line((f"{counted(session.requests, 'request')} sent", "dim"))])
    return code


@asynccontextmanager
async def connect(session: Session) -> AsyncIterator[Connection]:
    """A connection to the environment of the session; closed at the end."""
    from peakctl.api.client import Api
    from peakctl.api.limits import Limits

    limits = Limits(in_flight=session.flags.parallelism)
    with ExitStack() as stack:
        transport, bases, token = _reach(session, limits, stack)
        api = Api(
            transport=transport,
            bases=bases,
            token=token,
            clock=session.clock,
            limits=limits,
            redact=session.redact,
        )
        try:
            async with api:
                yield _connection(api, session.clock)
        finally:
            session.requests += api.requests


def _connection(api: Api, clock: Clock) -> Connection:
    from peakctl.adapters.ledger_store import ArtifactLedgers
    from peakctl.catalog import load_catalog

    catalog = load_catalog(api)
    return Connection(
        api,
        {name: kind for name, (kind, _) in catalog.items()},
        {name: adapter for name, (_, adapter) in catalog.items()},
        ArtifactLedgers(api, clock),
    )


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


def check_endpoint(session: Session) -> None:
    """Return unless peakctl.yaml sends the token where nobody has allowed it.

    Whoever can change that file could else have the token sent to a host of theirs. Raises
    GuardRefused.
    """
    environment, settings = session.environment, session.settings
    if environment is None or environment.endpoint is None or settings.endpoint is not None:
        return
    if may_be_endpoint(environment.endpoint, settings.environment.get(ALLOW_ENDPOINT, "")):
        return
    raise GuardRefused(
        Diagnostic(
            code="guard/endpoint",
            summary=f'the endpoint "{environment.endpoint}" of the environment is not allowed',
            path=("environments", environment.name, "endpoint"),
            detail="the token goes to this host, and peakctl.yaml alone may not say where it goes",
            fix=f"if it is right, set {ALLOW_ENDPOINT} to its host, or PEAKCTL_ENDPOINT to it",
        )
    )


def _reach(
    session: Session, limits: Limits, stack: ExitStack
) -> tuple[httpx.AsyncBaseTransport, Mapping[str, str], Secret]:
    from peakctl.api.client import bases_for, socket_transport

    if is_emulated(session):
        check_emulator()
        chosen = emulator_options(session.project, session.environment)
        emulator = open_emulator(str(emulator_state(session)), **chosen)
        stack.callback(emulator.close)
        from peakctl.emulator import emulator_transport

        return emulator_transport(emulator), bases_for(None, _EMULATED), Secret(_EMULATOR_TOKEN)
    check_endpoint(session)
    token = session.settings.require_token()
    bases = bases_for(stage_of(session), endpoint_of(session))
    return socket_transport(limits, session.settings.network), bases, token
