"""Plans, actions and outcomes: what one run will do, may do without asking, and did."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import NamedTuple, Self

from peakctl.model.ledger import Owner
from peakctl.model.records import dataclass
from peakctl.model.resources import Live, Resource
from peakctl.model.values import Key, Location, Path, Tree, Value, empty_tree


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many changes of what exists need no consent: up to `count`, or up to `percent` of it.

    More than `limit` need consent whatever their share (None: no such limit).
    """

    count: int
    percent: int
    limit: int | None = None

    def exceeded(self, changed: int, exist: int) -> bool:
        """Whether `changed` of `exist` is more than what needs no consent."""
        if self.limit is not None and changed > self.limit:
            return True
        return changed > self.count and changed * 100 > exist * self.percent

    def __str__(self) -> str:
        most = "" if self.limit is None else f", and no more than {self.limit},"
        return f"{self.count} or {self.percent} % of what exists{most}"


@dataclass(frozen=True, slots=True)
class Guards:
    """The thresholds of the mass-change guard.

    `changes` is for the changes and deletes of each kind, `deletes` for the deletes of all kinds
    together: ten resources of three kinds are gone as surely as ten of one.
    """

    changes: Threshold = Threshold(5, 30)
    deletes: Threshold = Threshold(2, 30, 20)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What a service has to answer, as peakctl.yaml or a person says it.

    `status` None is any 2xx; `contains` is a text that a good answer has in it. For `within`
    seconds it is asked again until the answer is good. `environments` are those that it is for,
    none for all.
    """

    service: str
    method: str = "get"
    path: str = "/"
    payload: Value = None
    status: int | None = None
    contains: str = ""
    within: float = 0.0
    environments: tuple[str, ...] = ()
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One rule of peakctl.yaml that the working tree changes; `before` is the one in force.

    Both are texts for people, and `path` is that of the field in peakctl.yaml.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Which commit the rules in force come from, and what the working tree changes of them."""

    revision: str
    commit: str
    changes: tuple[PolicyChange, ...] = ()


class Verb(enum.StrEnum):
    """What an action does, as users are told; a resource counts under its most severe verb."""

    CREATE = "create"
    BUILD = "build"
    RELEASE = "release"
    REVISE = "revise"
    EDIT = "edit"
    REDEPLOY = "redeploy"
    REPLACE = "replace"
    DELETE = "delete"
    KEEP = "unchanged"


class _WithSentence(enum.StrEnum):
    """Words for machines, with a sentence each for people."""

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member


class ActionClass(_WithSentence):
    """What somebody may be allowed to do, from the mildest to the gravest."""

    READ = "read", "nothing is changed, or only waited for"
    BUILD = "build", "a new version of an image or an artifact, or a new release of a spec"
    CREATE = "create", "something that was not there, with its first version"
    EDIT = "edit", "fields of what is there, a new revision of a deployment among them"
    RESTART = "restart", "what runs is started again"
    DELETE = "delete", "what is there is deleted or stopped for good"
    SHARE = "share", "who else may use it: the scope and the tenants of a spec"


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


class Cause(_WithSentence):
    """Why an action is in the plan: to be read, nothing is decided by it."""

    FIRST_APPLY = "first-apply", "nothing of its name is on the platform, and this project had none"
    MANIFEST_CHANGED = "manifest-changed", "the manifest is not what was last applied"
    CHANGED_OUTSIDE = "changed-outside", "the platform does not have what was last applied"
    DIFFERS = "differs", "the manifest and the platform differ"
    FOLLOWS = "follows", "it uses what another resource has become"
    DELETED_OUTSIDE = "deleted-outside", "this project owned it, and it is on the platform no more"
    RENAMED_OUTSIDE = "renamed-outside", "what this project owned has another name now"
    RENAMED = "renamed", "it is live under one of its previous names"
    ADOPTED = "adopted", "it is live, and no project owned it"
    TAKEN_OVER = "taken-over", "it is live, and another project owned it"
    FAILED = "failed", "its live state is a failure"
    UNDER_WAY = "under-way", "the platform is still at work on it"
    UNDECLARED = "undeclared", "this project owns it, and no manifest names it"
    DESTROYED = "destroyed", "everything that the manifests name is to be deleted"
    ROLLED_BACK = "rolled-back", "somebody goes back to what was there before"


class Effect(_WithSentence):
    """What a change does to people and things beside the resource itself."""

    RESTARTS = "restarts", "what runs is started again"
    STOPS = "stops", "what runs is stopped for good"
    CALLERS = "callers", "whoever calls its webhook must take the new address"
    FOLLOWED = "followed", "others take the new version in this run"


@dataclass(frozen=True, slots=True)
class Consequence:
    """An effect of an action; `keys` are the resources that it reaches, its own among them."""

    effect: Effect
    keys: tuple[Key, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of an action, with what is known of it.

    `place` is where the manifest has what changed, `paths` are the fields (manifest form, dotted).
    `follows` and `version` are what it follows; `detail` is more in words: who and when, say.
    """

    cause: Cause
    place: Location | None = None
    paths: tuple[str, ...] = ()
    follows: Key | None = None
    version: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ShownChange:
    """Equal changes of one or several fields, as the manifest writes them.

    `paths` are dotted manifest paths, `path` all of them in one text (`steps.{a,b}.command`; for
    items that say no more than their key, that of their list);
    `before` and `after` manifest values: a name and its version where the wire has ids, `MISSING`
    where the field is not there. `reference` says that both sides are nothing else. `wire` are the
    changes as the platform has them.
    """

    path: str
    before: Value
    after: Value
    paths: tuple[str, ...] = ()
    wire: tuple[Change, ...] = ()
    sensitive: bool = False
    restarts: bool = False
    reference: bool = False


class FileCounts(NamedTuple):
    """How many files an archive gains, changes, loses and calls otherwise."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    renamed: int = 0


class FileTotal(NamedTuple):
    """How many files an archive has, and their bytes before compression."""

    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What a new version of an archive changes: relative paths, in order, each list bounded.

    `renamed` are pairs of an old and a new path of the same content, in neither of the other lists;
    `counts` are all of each sort. `total` is that of the new archive, `before` that of the live
    one where it is known. `complete` is False where the files of the live one are not known: then
    all counts are 0 and `newest` has the files that were written last, the latest first. `at` is
    the place of the archive in the manifest.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    counts: FileCounts = field(default=FileCounts())
    complete: bool = True
    total: FileTotal = field(default=FileTotal())
    before: FileTotal | None = None
    newest: tuple[str, ...] = ()
    at: Path = field(default=(), compare=False)

    def renamed_by(self, words: Callable[[str], str]) -> FileChanges:
        """The same with `words` applied to every path."""
        return replace(
            self,
            added=tuple(map(words, self.added)),
            changed=tuple(map(words, self.changed)),
            removed=tuple(map(words, self.removed)),
            renamed=tuple((words(old), words(new)) for old, new in self.renamed),
            newest=tuple(map(words, self.newest)),
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A difference that plans nothing, and why (`--show-ignored`).

    `path` is that of the comparison; `shown` the manifest's own, dotted, "" while a plan is made.
    """

    path: Path
    reason: str
    shown: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Action:
    """What one run will do about one resource: a node of the plan.

    `after` are the actions that must be ready before it starts. `version` is the number that the
    action makes, or keeps. `desired` has ids for names, `Unknown` where a run has yet to make them.
    `taken_from` is the other project whose ledger has it, when that was agreed to. `asides` are
    notes that do not make an unchanged resource worth showing. `reasons`, `consequences`, `files`
    and `shown` are for readers alone, and `classes` follows from the rest: two actions that differ
    in them are equal. The gravest class comes last.
    """

    key: Key
    verb: Verb
    steps: tuple[Step, ...] = ()
    changes: tuple[Change, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    after: frozenset[Key] = frozenset()
    version: str | None = None
    desired: Tree = field(default_factory=empty_tree, repr=False)
    live: Live | None = field(default=None, repr=False)
    resource: Resource | None = field(default=None, repr=False, compare=False)
    taken_from: Owner | None = None
    asides: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = field(default=(), compare=False)
    consequences: tuple[Consequence, ...] = field(default=(), compare=False)
    files: FileChanges | None = field(default=None, compare=False)
    shown: tuple[ShownChange, ...] = field(default=(), compare=False)
    classes: tuple[ActionClass, ...] = field(default=(ActionClass.READ,), compare=False)

    @property
    def deletes(self) -> bool:
        """Whether something live is deleted, also where it is then created again."""
        return self.verb in (Verb.DELETE, Verb.REPLACE)

    def is_same(self, other: Action) -> bool:
        """Whether they are equal, and so is all that readers are told of them, but for `shown`."""
        told = (other.reasons, other.consequences, other.files, other.classes)
        return self == other and (self.reasons, self.consequences, self.files, self.classes) == told

    @property
    def says_nothing(self) -> bool:
        """Whether nothing differs, and nothing is to be told of it."""
        return self.verb is Verb.KEEP and not (self.changes or self.skipped or self.reasons)


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

    @property
    def good(self) -> bool:
        """Whether the resource is now as the action wanted it."""
        return self in (Status.DONE, Status.ALREADY_RIGHT)


@dataclass(frozen=True, slots=True)
class PartState:
    """Something that a resource is made of, or runs on, and the platform's word for its state.

    `status` is empty where nothing tells it.
    """

    name: str
    status: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What the platform tells of something that ended badly; empty where it tells nothing.

    `what` is the very thing that failed (`revision 3`), `reason` the platform's own words; `log` is
    the end of the log of `log_of` (`build 7`).
    """

    what: str = ""
    reason: str = ""
    parts: tuple[PartState, ...] = ()
    log: tuple[str, ...] = ()
    log_of: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one action ended. `cause` is the root failure that blocked it; `took` is in seconds.

    `id` is that of the resource, if there is one now; `applied` what its calls sent, with ids for
    names, when the platform has taken all of them. `failure` is set where something that was
    started failed, or ended with a warning; `outputs` are what the resource gives to people: its
    address, its webhooks. `number` is that of the version or revision made, where the platform
    numbers them; `waited` how many seconds what was started took to become ready.
    """

    key: Key
    verb: Verb
    status: Status
    took: float = 0.0
    message: str = ""
    detail: tuple[str, ...] = ()
    cause: Key | None = None
    id: str | int | None = None
    applied: Tree = field(default_factory=empty_tree, repr=False, compare=False)
    failure: Failure | None = None
    outputs: Tree = field(default_factory=empty_tree)
    number: str | None = None
    waited: int | None = None

    @property
    def changed(self) -> bool:
        """Whether the resource was changed, or still is being changed."""
        done = self.status is Status.DONE and self.verb is not Verb.KEEP
        return done or self.status is Status.IN_PROGRESS


@dataclass(frozen=True, slots=True)
class Event:
    """What progress listens to. `at` is in seconds of the run's clock.

    `log` is the end of the log of what is being built, where it was asked for. `usual` is how many
    seconds the last good wait took for what is waited for now, where the ledger knows.
    """

    phase: Phase
    key: Key
    verb: Verb
    step: Step | None
    message: str
    at: float
    outcome: Outcome | None = None
    log: tuple[str, ...] = ()
    usual: int | None = None
