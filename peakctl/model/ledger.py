"""What live state cannot tell: who owns what, who runs now, and what every run did.

The last is the history, a record beside the ledger, which plans do not read.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from peakctl.model.records import dataclass
from peakctl.model.resources import Listed, LiveId
from peakctl.model.values import EMPTY, Key, empty_tree

LEDGER_PREFIX = "peakctl-ledger-"


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """A project in one of its environments: what owns resources. Prints as `retail/prod`.

    Where the environment has a prefix of names, each prefix is an owner: `retail/preview.pr-7-`.
    `declared` is then what peakctl.yaml calls the environment.
    """

    project: str
    environment: str
    declared: str = field(default="", compare=False)

    @property
    def named(self) -> str:
        """The environment as peakctl.yaml has it, and a command line takes it."""
        return self.declared or self.environment

    @property
    def is_of_prefix(self) -> bool:
        """Whether it is one of several that an environment has, each for a while."""
        return self.named != self.environment

    def __str__(self) -> str:
        return f"{self.project}/{self.environment}"


def ledger_name(owner: Owner) -> str:
    """The name of the ledger of `owner` on the platform."""
    return f"{LEDGER_PREFIX}{owner.project}-{owner.environment}"


@dataclass(frozen=True, slots=True)
class CiJob:
    """A job of a CI run. A later attempt of the same `run` and `job` has a higher `attempt`."""

    run: str
    job: str
    attempt: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who runs. `host` and `process` tell whether a run on this machine is alive; "" is unknown."""

    who: str
    host: str = ""
    process: str = ""
    commit: str = ""
    ci: CiJob | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way: its id in the history, who runs, and the command."""

    id: str
    actor: Actor
    command: str

    def ended(
        self,
        at: float,
        outcome: str,
        counts: Mapping[str, int] = EMPTY,
        *,
        started: float | None = None,
    ) -> PastRun:
        """What the history says of it; one without a start took no time."""
        since = at if started is None else started
        return PastRun(self.id, self.actor, self.command, since, at, outcome, counts)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to apply, until a moment of the platform's clock (seconds since 1970)."""

    run: str
    actor: Actor
    since: float
    until: float

    def ended(self, at: float, outcome: str) -> PastRun:
        """What the history says of the run that had it and did not report itself."""
        return PastRun(self.run, self.actor, "", self.since, at, outcome)


@dataclass(frozen=True, slots=True)
class Owned:
    """One resource that the project owns, as it was last applied.

    `uses` are the resources that it refers to: they outlive it when both are pruned. `digests` are
    those of values that reads do not show, by place (`spec/parameters/env/A`). `secret` are the
    places among them whose value was a secret when it was applied; None is unknown: format 1 did
    not record it. `claimed` is a resource that `ledger rebuild` added by its name and that no apply
    has confirmed since. `created` says that a run of this project made this very id; False is
    unknown for entries that format 1 wrote.
    """

    key: Key
    id: str | int
    protect: bool = False
    uses: tuple[Key, ...] = ()
    digests: Mapping[str, str] = field(default_factory=empty_tree)
    secret: tuple[str, ...] | None = None
    claimed: bool = False
    created: bool = False

    @property
    def live_id(self) -> LiveId:
        return LiveId.of(self.key.kind, self.id)

    @property
    def was_ready(self) -> bool:
        """Whether a run of this project has ever found it ready: only then is `secret` known."""
        return self.secret is not None


@dataclass(frozen=True, slots=True)
class Intent:
    """An action that a run set out to do; what it made is ours even if the run never reported.

    `id` is that of what it was to change or delete, None of what it was to make. `run` is the one
    that set out; "" is unknown.
    """

    key: Key
    verb: str
    version: str | None = None
    id: str | int | None = None
    run: str = ""

    @property
    def live_id(self) -> LiveId | None:
        """That of what it was to change or delete."""
        return None if self.id is None else LiveId.of(self.key.kind, self.id)


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run that ended (or was found dead). Times are the platform's, in seconds since 1970."""

    run: str
    actor: Actor
    command: str
    started: float
    ended: float
    outcome: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One version of a ledger.

    It is in force when `base` was the newest version in force as it was written; `seen` is the
    newest of all that its writer knew of. `writer` is a word of its own for each write, by which a
    writer knows its version again. `salt` makes the digests this ledger's own.
    """

    owner: Owner
    salt: str
    writer: str = ""
    base: int = 0
    seen: int = 0
    owned: Mapping[Key, Owned] = field(default_factory=dict)
    intents: tuple[Intent, ...] = ()
    lease: Lease | None = None
    runs: tuple[PastRun, ...] = ()


class Flaw(enum.StrEnum):
    """Why a ledger cannot be used."""

    CORRUPT = "corrupt"
    FOREIGN = "foreign"
    NEWER = "newer"


class LedgerStore(Protocol):
    """Numbered texts on the platform, under a name. Methods raise ApiError or NotAuthenticated."""

    kind: str
    """The kind in whose listing ledgers appear; they are never managed as resources."""

    def now(self) -> float:
        """The platform's own time, in seconds since 1970: that of its last answer."""

    async def list(self) -> tuple[Listed, ...]:
        """Every ledger of the tenant, of all projects, the oldest first."""

    def pick(self, listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
        """The ledgers among a listing of `kind`, the oldest first."""

    async def numbers(self, id: str | int) -> tuple[int, ...]:  # noqa: A002
        """The numbers of all versions that are there, ascending; none when the ledger is gone."""

    async def read(self, id: str | int, number: int | None = None) -> bytes | None:  # noqa: A002
        """The text of a version (None: of the newest), None when it is gone.

        A damaged archive is given as the bytes `b""`, which are read as corrupt; a whole one of
        something else as `b"null"`, which is read as foreign.
        """

    async def create(self, name: str, text: bytes) -> str | int:
        """Make a ledger with its first version; its id."""

    async def append(self, id: str | int, text: bytes) -> int:  # noqa: A002
        """Add a version; the number that the platform gave it."""

    async def drop(self, id: str | int, number: int) -> None:  # noqa: A002
        """Delete one version, if it is there and may be."""

    async def remove(self, id: str | int) -> None:  # noqa: A002
        """Delete a whole ledger, if it is there."""


# --- the history ---------------------------------------------------------------------------------

HISTORY_PREFIX = "peakctl-history-"
RECORD_PREFIXES = {LEDGER_PREFIX: "ledger", HISTORY_PREFIX: "history"}
"""How the names of peakctl's own artifacts begin, and what each is: they are not resources."""


def record_word(name: str) -> str | None:
    """`ledger` or `history` for the name of one, None for that of any other artifact."""
    found = (word for prefix, word in RECORD_PREFIXES.items() if name.startswith(prefix))
    return next(found, None)


def history_name(owner: Owner) -> str:
    """The name of the history of `owner` on the platform."""
    return f"{HISTORY_PREFIX}{owner.project}-{owner.environment}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where what a run applied came from; "" and None are unknown.

    `dirty` says whether the working tree differed from the commit. `pull_request` is the number or
    the address of the pull or merge request, `approver` who let the job go on. `consents` are those
    that were given on requests, a line each: who, to what, when and where.
    """

    branch: str = ""
    dirty: bool | None = None
    pull_request: str = ""
    approver: str = ""
    consents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryResource:
    """What a run did, or meant to do, about one resource.

    `verb` and `status` are words of `Verb` (or `adopt`) and of `Status`. `before` and `after` are
    the versions that it had and was to get; None for what has none.
    """

    key: Key
    verb: str
    status: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryRun:
    """One run that ended. Times are the platform's, in seconds since 1970.

    `number` counts the runs of the history, `id` is the word that the ledger has for it. `outcome`
    is one of `done`, `partial`, `failed`, `interrupted`, `stopped` (before it changed anything),
    `died` and `unlocked`. `plan` is a digest of the plan that was carried out. `left_out` are
    resources that are counted alone. `recovered` is a run that wrote no record itself: the ledger
    knew of it.
    """

    number: int
    id: str
    actor: Actor
    command: str
    started: float
    ended: float
    outcome: str
    counts: Mapping[str, int] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    plan: str = ""
    peakctl: str = ""
    resources: tuple[HistoryResource, ...] = ()
    left_out: int = 0
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a project, the first one first.

    `version` is the number that its writer expected this version of the artifact to get.
    """

    owner: Owner
    version: int = 0
    runs: tuple[HistoryRun, ...] = ()
