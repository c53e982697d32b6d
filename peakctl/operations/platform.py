"""The platform of one project, ready to be asked: transport, kinds with their adapters, ledgers.

The transport is chosen here and nowhere else: an emulator environment runs in process, then
PEAKCTL_ENDPOINT, then the hosts of the stage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, GuardRefused
from peakctl.kinds.fields import Kind
from peakctl.model import Actor, Adapter, LedgerStore, Secret
from peakctl.model.records import dataclass
from peakctl.operations.local_emulator import (
    check_emulator,
    emulator_options,
    emulator_state,
    open_emulator,
)
from peakctl.operations.project import Project, endpoint_of, is_emulated, stage_of
from peakctl.settings import ALLOW_ENDPOINT, OTHERWISE, may_be_endpoint

if TYPE_CHECKING:
    from peakctl.api.client import Api
    from peakctl.api.http import httpx
    from peakctl.api.limits import Limits


PARALLELISM = 16
"""Requests in flight at most, where nothing else is said."""
_EMULATED = "http://emulator.localhost"
_EMULATOR_TOKEN = "any"  # noqa: S105 - no secret, and too short to be redacted


@dataclass(frozen=True, slots=True)
class Platform:
    """An open connection for one project. `ended` are runs that are over, whoever says so.

    `asked_ahead` has the moment when a listing was asked for before the manifests were read, by the
    project's clock, until the first look at the tenant takes it: that began then.
    """

    project: Project
    api: Api
    kinds: Mapping[str, Kind]
    adapters: Mapping[str, Adapter]
    ledgers: LedgerStore
    histories: LedgerStore
    spoke: list[str | None] = field(default_factory=list)
    """The domain of the tenant's spoke, once it was asked for."""
    ended: set[Actor] = field(default_factory=set)
    asked_ahead: list[float] = field(default_factory=list)


@asynccontextmanager
async def connect(project: Project, parallelism: int = PARALLELISM) -> AsyncIterator[Platform]:
    """A connection to the environment of the project; closed at the end.

    Raises UsageError (no emulator installed), GuardRefused (an endpoint that nobody allowed),
    NotAuthenticated (no token).
    """
    from peakctl.adapters.ledger_store import HISTORIES, ArtifactLedgers
    from peakctl.api.client import Api
    from peakctl.api.limits import Limits
    from peakctl.catalog import load_catalog

    limits = Limits(in_flight=parallelism)
    with ExitStack() as stack:
        transport, bases, token = _reach(project, limits, stack)
        api = Api(
            transport=transport,
            bases=bases,
            token=token,
            clock=project.clock,
            limits=limits,
            redact=project.redact,
        )
        async with api:
            catalog = load_catalog(api)
            kinds = {name: kind for name, (kind, _) in catalog.items()}
            adapters = {name: adapter for name, (_, adapter) in catalog.items()}
            ledgers = ArtifactLedgers(api, project.clock)
            histories = ArtifactLedgers(api, project.clock, HISTORIES)
            yield Platform(project, api, kinds, adapters, ledgers, histories)


def check_endpoint(project: Project) -> None:
    """Return unless peakctl.yaml sends the token where nobody has allowed it.

    Whoever can change that file could else have the token sent to a host of theirs. Raises
    GuardRefused.
    """
    environment, settings = project.environment, project.settings
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
    project: Project, limits: Limits, stack: ExitStack
) -> tuple[httpx.AsyncBaseTransport, Mapping[str, str], Secret]:
    from peakctl.api.client import bases_for, socket_transport

    if is_emulated(project):
        check_emulator()
        chosen = emulator_options(project)
        emulator = open_emulator(str(emulator_state(project)), **chosen)
        stack.callback(emulator.close)
        from peakctl.emulator import emulator_transport

        return emulator_transport(emulator), bases_for(None, _EMULATED), Secret(_EMULATOR_TOKEN)
    check_endpoint(project)
    otherwise = OTHERWISE if project.file else "go to your project: there is no peakctl.yaml here"
    token = project.settings.require_token(otherwise)
    bases = bases_for(stage_of(project), endpoint_of(project))
    return socket_transport(limits, project.settings.network), bases, token
