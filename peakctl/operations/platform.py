"""The platform of one project, ready to be asked: transport, kinds with their adapters, ledgers.

The transport is chosen here and nowhere else: an emulator environment runs in process, then
PEAKCTL_ENDPOINT, then the hosts of the stage. The emulator and what it is given stand below.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakctl.errors import Diagnostic, GuardRefused, Severity, UsageError, nearest_names
from peakctl.files import make_private_folder, narrow, reason_of, write_private
from peakctl.kinds.fields import Kind
from peakctl.model import Actor, Adapter, JsonDict, LedgerStore, Secret, Source, Value
from peakctl.model.records import dataclass
from peakctl.operations.project import Project, endpoint_of, is_emulated, stage_of
from peakctl.settings import ALLOW_ENDPOINT, OTHERWISE, may_be_endpoint

if TYPE_CHECKING:
    from peakctl.api.client import Api
    from peakctl.api.http import httpx
    from peakctl.api.limits import Limits
    from peakctl.emulator import Emulator
    from peakctl.manifests.project import Environment


PARALLELISM = 16
"""Requests in flight at most, where nothing else is said."""
STATE_FOLDER = ".peakctl"
_EMULATED = "http://emulator.localhost"
_EMULATOR_TOKEN = "any"  # noqa: S105 - no secret, and too short to be redacted


@dataclass(frozen=True, slots=True)
class Platform:
    """An open connection for one project. `ended` are runs that are over, whoever says so.

    `asked_ahead` has the time, by the project's clock, at which a listing was asked for before the
    manifests were read. The first plan takes it: that is when its look at the tenant began.
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
            # A thousand reads that wait must not hold back the lease, and what says who owns what.
            ledgers = ArtifactLedgers(api.going_first(), project.clock)
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


# --- the emulator in process -------------------------------------------------------------------


def emulator_state(project: Project) -> Path:
    """The file that keeps the emulator's state for the environment; its folder is git-ignored."""
    name = project.environment_name or "local"
    folder = project.root / STATE_FOLDER
    make_private_folder(folder)
    ignore = folder / ".gitignore"
    narrow(ignore)
    if not ignore.exists():
        write_private(ignore, b"*\n")
    return folder / f"emulator-{name}.sqlite"


def open_emulator(data: str, **timing: Any) -> Emulator:
    """An emulator over a state file. Raises UsageError when its libraries are not installed."""
    check_emulator()
    from peakctl.emulator import Emulator, Options

    return Emulator(data, options=Options(**{"provided_images": True} | timing))


def check_emulator() -> None:
    """Raise UsageError when the libraries of the emulator are not installed."""
    try:
        import peakctl.emulator  # noqa: F401 - only to see whether it can be
    except ModuleNotFoundError as error:
        raise UsageError(
            Diagnostic(
                code="emulator/not-installed",
                summary=f"the emulator needs {error.name}, which is not installed",
                fix="pip install 'peakctl[emulator]'",
            )
        ) from None


def emulator_options(project: Project) -> JsonDict:
    """The environment's emulator options by the emulator's names. Raises UsageError."""
    environment = project.environment
    if environment is None:
        return {}
    from peakctl.emulator.options import NAMES, read_option
    from peakctl.emulator.problems import Problem

    values: JsonDict = {}
    problems: list[Diagnostic] = []
    for word, value in environment.emulator_options.items():
        if word not in NAMES:
            near = nearest_names(word, NAMES)
            fix = f"did you mean: {', '.join(near)}" if near else f"use one of {', '.join(NAMES)}"
            summary = f'the emulator has no option "{word}"'
            problems.append(_no_option(environment, word, summary, fix))
            continue
        try:
            values[NAMES[word]] = read_option(word, _from_file(word, value, project.root))
        except Problem as problem:
            problems.append(_no_option(environment, word, problem.detail, "write another value"))
    if problems:
        raise UsageError(*problems)
    return values


def _from_file(word: str, value: object, root: Path) -> object:
    """The lists of instance types may stand in a file of their own, named from the project."""
    if word != "instanceTypes" or not isinstance(value, str):
        return value
    return read_document(root / value, "emulator/option")


def read_instance_types(file: Path) -> object:
    """The lists of instance types in a file. Raises UsageError for what is not one."""
    from peakctl.emulator.options import read_option
    from peakctl.emulator.problems import Problem

    found = read_document(file, "emulator/option")
    try:
        return read_option("instanceTypes", found)
    except Problem as problem:
        summary = f"{file}: {problem.detail}"
        fix = "give a mapping of entity types to lists of types; see docs/emulator.md"
        raise UsageError(Diagnostic("emulator/option", summary, fix=fix)) from None


def _no_option(environment: Environment, word: str, summary: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="emulator/option",
        summary=summary,
        path=("environments", environment.name, "emulator", word),
        locations=(environment.emulator_places[word],),
        fix=fix,
    )


def read_seed(file: Path) -> object:
    """The seed as the emulator takes it: `artifact` is a zip in base64 instead of a path.

    Raises UsageError for a file that cannot be read, or is not YAML.
    """
    document = read_document(file, "usage/seed")
    found = document.get("resources") if isinstance(document, dict) else document
    for resource in found if isinstance(found, list) else ():
        if isinstance(resource, dict) and isinstance(resource.get("artifact"), str):
            resource["artifact"] = _archive(file.parent / resource["artifact"])
    return document


def read_document(file: Path, code: str) -> Value:
    """The one document of a YAML or JSON file.

    Raises UsageError, with `code` for a file that cannot be read, for one that is not YAML too.
    """
    from peakctl.manifests.parse import parse_value
    from peakctl.manifests.render import Rendered

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = reason_of(error, file) if isinstance(error, OSError) else "it is not UTF-8"
        fix = "give the path of a file that can be read"
        raise UsageError(Diagnostic(code, f'"{file}" cannot be read: {why}', fix=fix)) from error
    source = Source(str(file.absolute()), str(file), text)
    document, _, problems = parse_value(Rendered(source, text))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise UsageError(*problems)
    return document


def _archive(path: Path) -> str:
    from peakctl.archives.pack import pack

    if path.is_dir():
        data = pack(path, None, path.parent).encode()
    else:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(Diagnostic("usage/seed", f"artifact: {error}")) from error
    return base64.b64encode(data).decode()
