"""What every run of a project did: a record beside the ledger, which plans do not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from peakctl.model.ledger import LEDGER_PREFIX, Actor, Owner
from peakctl.model.records import dataclass
from peakctl.model.values import Key

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
