"""The nouns that walk through the rooms; data only, so every room may import them.

    Source -> Rendered -> Document -> Resource (+ Live) -> Plan -> Outcome

A value tree is JSON (dict, list, str, int, float, bool, None) whose leaves may also be `Secret`
(known, never shown) or `Unknown` (known only after another action).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

Path = tuple[str | int, ...]
Value = Any
Tree = Mapping[str, Value]
MASK = "(sensitive)"
KNOWN_AFTER_APPLY = "(known after apply)"
EMPTY: Tree = MappingProxyType({})


def _empty() -> Tree:
    return EMPTY


def dotted(path: Path) -> str:
    """`("spec", "steps", 0, "a.b")` -> `spec.steps[0]."a.b"`, the form that users read and type."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            word = f'"{part}"' if not part or set(part) & set('."[] ') else part
            out += f".{word}" if out else word
    return out


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Identity in manifests: kind and name. Prints as `Image/forecast`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a source file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Secret:
    """A value that must never reach a byte we write, except inside a request body.

    Two secrets are equal when their values are; `reveal` is called by the API client alone.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    def reveal(self) -> Value:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        # Equal secrets hash the same: 2 equals 2.0, and maps are equal in any order.
        return hash(self._value) if isinstance(self._value, str) else hash(Secret)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True)
class Unknown:
    """The `attribute` (`id` or `version`) of a resource that an action of this run will make."""

    of: Key
    attribute: str

    def __str__(self) -> str:
        return KNOWN_AFTER_APPLY


def reveal(value: Value) -> Value:
    """The tree with every `Secret` opened. Only for request bodies and for the schema check."""
    match value:
        case Secret():
            return reveal(value.reveal())
        case Mapping():
            return {k: reveal(v) for k, v in value.items()}
        case list() | tuple():
            return [reveal(v) for v in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Source:
    """One manifest file as read. `path` is absolute; `display` is what users are shown."""

    path: str
    display: str
    text: str


def _no_source_text(_path: Path) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document after rendering: untrusted, every node with a place.

    `locate(path)` gives the place of the key (or list item) at `path`, or of its nearest parent
    that exists. It may parse the file again: call it only to tell of a problem.
    `folder` is the absolute folder of the manifest; paths in it are relative to that.
    `source_text(path)` gives the scalar at `path` as it was written (`1.10`, where `value` has the
    number 1.1), None for anything else; it costs as much as `locate`.
    """

    value: Tree
    display: str
    folder: str
    locate: Callable[[Path], Location] = field(repr=False, compare=False)
    source_text: Callable[[Path], str | None] = field(
        default=_no_source_text, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of an artifact folder, ready to be zipped.

    `digest` is `sha256:<hex>` over sorted relative paths, executable bits and bytes. `encode()`
    gives the zip. `size` is the number of files.
    """

    digest: str
    size: int
    encode: Callable[[], bytes] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names another resource (or an instance type), found through the schema.

    `at` is the object that holds `name`, or the text that is it (`instanceType`); the id goes to
    `id_at` and the version to `version_at` (absolute paths in the values), replacing the by-name
    form. `edge` is false for references that order nothing. `scope` narrows a lookup (the entity
    type of an instance type).
    """

    at: Path
    kinds: tuple[str, ...]
    name: str
    version: str | None
    id_at: Path
    version_at: Path | None
    kind_at: Path | None = None
    edge: bool = True
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """Valid desired state of one thing.

    `values` is `{"metadata": {...}, "spec": {...}}` in manifest shape: files filled in, sensitive
    leaves wrapped, references still by name. `archives` maps the path of each `artifact` field to
    its files.
    """

    key: Key
    values: Tree
    document: Document = field(compare=False)
    references: tuple[Reference, ...] = ()
    archives: Mapping[Path, Archive] = field(default_factory=dict)
    depends_on: tuple[Key, ...] = ()
    previous_names: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()


class State(enum.StrEnum):
    """What a status word of the platform means to a plan (the words are in the schemas)."""

    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"
    STUCK = "stuck"  # a failed end that a redeploy does not mend: rolled back, resource error
    WARNING = "warning"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of a listing: `item` is the platform's own summary of it.

    `ours` is false for what can be referred to but never managed (platform-wide images).
    """

    id: str | int
    name: str
    item: Tree = field(default_factory=_empty, compare=False)
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Live:
    """One resource as the platform has it now, already in manifest shape.

    `version` is the image version, release or revision that `values` tell of; `latest` the newest
    there is. `attributes` are what references to it receive (`id`, `version`). `private` is the
    adapter's own (version ids, build ids, webhook ids) and is handed back to it untouched.
    `foreign` says why the resource is not ours to change, if so (design, section 3).
    """

    key: Key
    id: str | int
    values: Tree
    status: str = ""
    state: State = State.READY
    version: str | None = None
    latest: str | None = None
    attributes: Tree = field(default_factory=_empty)
    private: Tree = field(default_factory=_empty)
    foreign: str | None = None
    notes: tuple[str, ...] = ()


class Verb(enum.StrEnum):
    """What an action does, as users are told; a resource counts under its most severe verb."""

    CREATE = "create"
    BUILD = "build"
    RELEASE = "release"
    REVISE = "revise"
    EDIT = "edit"
    REDEPLOY = "redeploy"
    DELETE = "delete"
    KEEP = "unchanged"


class Step(enum.StrEnum):
    """One platform call."""

    CREATE = "create"
    CREATE_VERSION = "create-version"
    UPDATE_VERSION = "update-version"
    CREATE_RELEASE = "create-release"
    CREATE_REVISION = "create-revision"
    PATCH_PARAMETERS = "patch-parameters"
    UPDATE_METADATA = "update-metadata"
    UPDATE = "update"
    REDEPLOY = "redeploy"
    DELETE = "delete"
    WAIT = "wait"


STEP_VERBS: Mapping[Step, Verb] = MappingProxyType(
    {
        Step.CREATE: Verb.CREATE,
        Step.CREATE_VERSION: Verb.BUILD,
        Step.UPDATE_VERSION: Verb.BUILD,
        Step.CREATE_RELEASE: Verb.RELEASE,
        Step.CREATE_REVISION: Verb.REVISE,
        Step.PATCH_PARAMETERS: Verb.EDIT,
        Step.UPDATE_METADATA: Verb.EDIT,
        Step.UPDATE: Verb.EDIT,
        Step.REDEPLOY: Verb.REDEPLOY,
        Step.DELETE: Verb.DELETE,
        Step.WAIT: Verb.KEEP,
    }
)


class _Missing(enum.Enum):
    MISSING = "missing"


MISSING = _Missing.MISSING
"""Stands for "no such key", where None would mean an explicit null."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. `before`/`after` are `MISSING` where the key is not there.

    `call` is the schema's word for the call that carries it; `redeploys` restarts something;
    `immutable` says why the change is refused, if it is.
    """

    path: Path
    before: Value
    after: Value
    call: str
    sensitive: bool = False
    redeploys: bool = False
    immutable: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A difference that plans nothing, and why (`--show-ignored`)."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Action:
    """What one run will do about one resource: a node of the plan.

    `after` are the actions that must be ready before it starts. `version` is the number that the
    action makes, or keeps. `desired` has ids for names, `Unknown` where a run has yet to make them.
    """

    key: Key
    verb: Verb
    steps: tuple[Step, ...] = ()
    changes: tuple[Change, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    after: frozenset[Key] = frozenset()
    version: str | None = None
    desired: Tree = field(default_factory=_empty, repr=False)
    live: Live | None = field(default=None, repr=False)
    resource: Resource | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered actions (topological, then by key): pure data, the same for shuffled input."""

    actions: tuple[Action, ...]

    @property
    def pending(self) -> tuple[Action, ...]:
        """The actions that would call the platform to change something."""
        return tuple(a for a in self.actions if a.verb is not Verb.KEEP)

    def count(self, verb: Verb) -> int:
        return sum(a.verb is verb for a in self.actions)


@dataclass(frozen=True, slots=True)
class Order:
    """One call that an adapter is asked to make.

    `desired` holds no `Unknown`; `changes` are those that this call carries; `clear` are paths
    whose removal a first attempt did not achieve, now to be sent as explicit nulls.
    """

    step: Step
    key: Key
    desired: Tree
    live: Live | None = None
    version: str | None = None
    changes: tuple[Change, ...] = ()
    archives: Mapping[Path, Archive] = field(default_factory=dict)
    clear: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a call answered: the id, what references receive, and what to poll (None: nothing)."""

    key: Key
    id: str | int
    attributes: Tree = field(default_factory=_empty)
    watch: Tree | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One reading of something under way. `logs` are the last lines, for a failure."""

    state: State
    status: str = ""
    message: str = ""


class Phase(enum.StrEnum):
    STARTED = "started"
    WAITING = "waiting"
    FINISHED = "finished"


class Status(enum.StrEnum):
    """How an action ended."""

    DONE = "done"
    ALREADY_RIGHT = "already right"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    IN_PROGRESS = "still in progress"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one action ended. `cause` is the root failure that blocked it; `took` is in seconds."""

    key: Key
    verb: Verb
    status: Status
    took: float = 0.0
    message: str = ""
    detail: tuple[str, ...] = ()
    cause: Key | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What progress listens to. `at` is in seconds of the run's clock."""

    phase: Phase
    key: Key
    verb: Verb
    step: Step | None
    message: str
    at: float
    outcome: Outcome | None = None


class Clock(Protocol):
    """Time as the engine and the API client see it; tests drive a fake one."""

    def now(self) -> float:
        """Seconds since 1970."""

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""


class Adapter(Protocol):
    """One kind's calls. One request per method where the API allows it; no waiting inside."""

    async def index(self, resources: Sequence[Resource] = ()) -> tuple[Listed, ...]:
        """Every resource of the kind in the tenant: all pages of its listing.

        `resources` are those of the run that are of this kind or refer to it: an adapter may leave
        out listings that none of them needs.
        """

    async def find(self, name: str) -> tuple[Listed, ...]:
        """What bears exactly this name, looked up again (names are not unique everywhere)."""

    async def read(self, listed: Listed, resource: Resource | None) -> Live | None:
        """The live resource in manifest shape, or None when it is gone (404).

        `resource`, when given, narrows what is read: its fixed version, its archive, its declared
        parameters.
        """

    async def pin(self, listed: Listed, version: str | None) -> Tree | None:
        """`{"id", "version"}` as a reference to `version` (None: the newest ready one) needs them.

        None when there is no such version.
        """

    async def call(self, order: Order) -> Receipt:
        """Make one call. Raises `ApiError`: `doubtful` tells whether it may have taken effect."""

    async def poll(self, receipt: Receipt) -> Readiness:
        """Read once how the thing that `call` started fares."""

    async def logs(self, receipt: Receipt) -> tuple[str, ...]:
        """The last lines of the log of a failed build; empty where the platform keeps none."""
