"""Why each action is in the plan, as far as the plan, the platform and the ledger show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from peakctl.engine.diff.applied import Side, changed_sides
from peakctl.engine.graph import targets
from peakctl.engine.observe.identity import NAME, lost_item
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.places import folder_of, keyed, shown_path, source_path
from peakctl.kinds.fields import Kind
from peakctl.ledger.digests import StoredDigests
from peakctl.model import Action, Cause, Change, Ledger, Live, Reason, Resource, State, Step, Verb
from peakctl.model.ledger import PastRun
from peakctl.model.records import dataclass
from peakctl.model.resources import Edit
from peakctl.model.text import status_word
from peakctl.model.values import MAPS, MISSING, Key, Path, Unknown, Value, dotted, value_at


def find_reasons(
    action: Action,
    kind: Kind,
    made: Mapping[Key, Action],
    observed: LiveState,
    memory: Callable[[Live], StoredDigests],
) -> tuple[Reason, ...]:
    """Every reason for an action of a declared resource; none where nothing is done.

    `made` are the actions before it that make something that references may follow; `memory` gives
    what the ledger knows of a live resource.
    """
    found = [*_of_owner(action, observed), *_of_state(action)]
    if action.verb is Verb.CREATE and action.live is None:
        found.append(_of_create(action, observed))
    elif action.verb not in (Verb.CREATE, Verb.REPLACE, Verb.KEEP):
        assert action.resource is not None  # noqa: S101 - it is declared
        assert action.live is not None  # noqa: S101 - what is changed is there
        changes = _Changes(action, kind, action.resource, action.live, made, observed)
        found += changes.reasons(memory(action.live))
    return tuple(found)


def _of_owner(action: Action, observed: LiveState) -> Iterator[Reason]:
    live, owners = action.live, observed.owners
    if live is None or owners.is_ours(live):
        return
    other = owners.owner(live)
    if other is not None:
        yield Reason(Cause.TAKEN_OVER, detail=str(other))
    elif not owners.unread:
        yield Reason(Cause.ADOPTED)


def _of_state(action: Action) -> Iterator[Reason]:
    live = action.live
    if live is None or not action.steps:
        return
    if live.state is State.FAILED or (
        live.state is State.STUCK and Step.CREATE_REVISION in action.steps
    ):
        yield Reason(Cause.FAILED, detail=status_word(live.status))
    elif Step.WAIT in action.steps:
        yield Reason(Cause.UNDER_WAY, detail=status_word(live.status))


def _of_create(action: Action, observed: LiveState) -> Reason:
    resource, ledger = action.resource, observed.ledger
    if resource is None or ledger is None:
        return Reason(Cause.FIRST_APPLY)
    item = lost_item(resource, observed)
    if item is not None:
        return Reason(Cause.RENAMED_OUTSIDE, detail=item.name)
    names = (resource.key.name, *resource.previous_names)
    keys = (Key(resource.key.kind, name) for name in names)
    owned = [ledger.owned[key] for key in keys if key in ledger.owned]
    live = {each.live_id for each in observed.live.values()}
    gone = any(each.live_id not in live for each in owned)
    if not gone:
        return Reason(Cause.FIRST_APPLY)
    return Reason(Cause.DELETED_OUTSIDE, detail="; ".join(run_words(last_run(ledger))))


@dataclass(frozen=True, slots=True)
class LastEdit:
    """The last change that the platform tells of, beside the last run of this project."""

    edited: Edit | None
    run: PastRun | None

    @property
    def may_be_later(self) -> bool:
        """Whether somebody may have changed it after the run."""
        at = self.edited.at if self.edited else None
        return at is None or self.run is None or at >= self.run.ended

    def words(self) -> str:
        """Who changed it and when, as far as that is known; then the run."""
        parts = []
        if self.edited is not None and self.may_be_later:
            by, at = self.edited.by, self.edited.at
            who = [f"by {by}"] if by else []
            parts.append(", ".join((*who, *([moment(at)] if at is not None else []))))
        return "; ".join((*parts, *run_words(self.run)))


def last_run(ledger: Ledger | None) -> PastRun | None:
    """The last run that the ledger tells of."""
    return ledger.runs[-1] if ledger and ledger.runs else None


def run_words(run: PastRun | None) -> tuple[str, ...]:
    """Who ran last, when and from which commit; nothing where that is not known."""
    if run is None:
        return ()
    commit = f", commit {run.actor.commit[:12]}" if run.actor.commit else ""
    return (f"last run {moment(run.ended)} by {run.actor.who}{commit}",)


def moment(seconds: float) -> str:
    """`2026-10-01 12:04:05 UTC`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


_IN_MANIFEST = {
    Cause.MANIFEST_CHANGED: (Side.MANIFEST, Side.BOTH),
    Cause.DIFFERS: (Side.UNKNOWN,),
}
_OUTSIDE = (Side.PLATFORM, Side.BOTH)


@dataclass(slots=True)
class _Changes:
    """The changes of one action, sorted by what made them."""

    action: Action
    kind: Kind
    resource: Resource
    live: Live
    made: Mapping[Key, Action]
    observed: LiveState

    @property
    def edit(self) -> LastEdit:
        return LastEdit(self.live.edited, last_run(self.observed.ledger))

    def reasons(self, memory: StoredDigests) -> Iterator[Reason]:
        """One for each cause and, in the manifest, for each folder; one for each key followed."""
        changes = [change for change in self.action.changes if change.path != NAME]
        if len(changes) < len(self.action.changes):
            yield Reason(Cause.RENAMED, detail=str(value_at(self.live.values, NAME)))
        found = _each_follows(changes, self.action, self.kind, self.made)
        follow = {c.path: key for c, key in zip(changes, found, strict=True) if key is not None}
        sides = changed_sides(
            self.kind, self.action, changes, memory, follow, may_be_both=self.edit.may_be_later
        )
        ours = {path for path, side in sides.items() if side not in _OUTSIDE}
        follow |= {p: key for p, key in self._latest(changes) if p in ours and p not in follow}
        left = [path for path in sides if path not in follow]
        for cause, wanted in _IN_MANIFEST.items():
            yield from self._in_manifest(cause, [path for path in left if sides[path] in wanted])
        outside = [path for path in left if sides[path] in _OUTSIDE]
        if outside:
            detail = self.edit.words()
            yield Reason(Cause.CHANGED_OUTSIDE, paths=self._shown(outside), detail=detail)
        for key in dict.fromkeys(follow.values()):
            paths = [path for path, each in follow.items() if each == key]
            yield Reason(
                Cause.FOLLOWS, follows=key, version=self._version(key), paths=self._shown(paths)
            )

    def _in_manifest(self, cause: Cause, paths: Sequence[Path]) -> Iterator[Reason]:
        """One reason for changed fields, and one for each folder whose files changed."""
        archives, locate = self.resource.archives, self.resource.document.locate
        fields = [path for path in paths if path not in archives]
        if fields:
            places = [locate(source_path(path, self.action, self.kind)) for path in fields]
            yield Reason(cause, place=min(places), paths=self._shown(fields))
        for path in [path for path in paths if path in archives]:
            folder = folder_of(self.resource, path)
            yield Reason(cause, place=locate(path), paths=self._shown([path]), detail=folder)

    def _shown(self, paths: Iterable[Path]) -> tuple[str, ...]:
        shown = (dotted(shown_path(path, self.action, self.kind)) for path in paths)
        return tuple(dict.fromkeys(shown))

    def _latest(self, changes: Sequence[Change]) -> Iterator[tuple[Path, Key]]:
        """Changes of the version alone, where the manifest names none and takes the latest."""
        root, values = self.kind.root, self.action.desired
        changed = {change.path for change in changes}
        for reference in self.resource.references:
            if not reference.edge or reference.version is not None or reference.version_at is None:
                continue
            place = keyed(root, values, reference.version_at)
            if place in changed and keyed(root, values, reference.id_at) not in changed:
                yield place, Key(reference.kinds[0], reference.name)

    def _version(self, key: Key) -> str | None:
        live = self.observed.live.get(key)
        action = self.made.get(key)
        return action.version if action else live.version if live else None


# --- what follows ------------------------------------------------------------------------------


def only_follows(action: Action, kind: Kind, made: Mapping[Key, Action]) -> bool:
    """Whether all changes of an action only put what this run makes where references stand."""
    changes = action.changes
    return bool(changes) and None not in _each_follows(changes, action, kind, made)


def _each_follows(
    changes: Iterable[Change], action: Action, kind: Kind, made: Mapping[Key, Action]
) -> list[Key | None]:
    """For each change what it follows, if it only puts that where a reference stands, else None."""
    places = dict(_places(action, kind, made))
    return [_followed(change, places) for change in changes]


@dataclass(frozen=True, slots=True)
class _Made:
    """What a place of a reference receives when it follows `key`."""

    key: Key
    values: frozenset[Value]

    def gives(self, value: Value) -> bool:
        return isinstance(value, str | Unknown) and value in self.values


def _followed(change: Change, places: Mapping[Path, _Made]) -> Key | None:
    """What the change follows, if it does no more than that."""
    after = dict(_leaves(change.path, change.after))
    before = dict(_leaves(change.path, change.before))
    follows = (
        bool(after)
        and before.keys() <= places.keys()
        and all(path in places and places[path].gives(value) for path, value in after.items())
    )
    return places[next(iter(after))].key if follows else None


def _leaves(path: Path, value: Value) -> Iterator[tuple[Path, Value]]:
    if isinstance(value, MAPS) and value:
        for word, inner in value.items():
            yield from _leaves((*path, word), inner)
    elif value is not MISSING:
        yield path, value


def _places(action: Action, kind: Kind, made: Mapping[Key, Action]) -> Iterator[tuple[Path, _Made]]:
    """Where references to what this run makes have their ids and versions, and which ones.

    The paths are those of changes, in which the items of some lists go by a key.
    """
    root, values = kind.root, action.desired
    references = action.resource.references if action.resource else ()
    for reference in references:
        for key in targets(reference, made) if reference.edge else ():
            yield keyed(root, values, reference.id_at), _Made(key, frozenset([Unknown(key, "id")]))
            if reference.version_at is not None:
                versions = frozenset([Unknown(key, "version"), made[key].version])
                yield keyed(root, values, reference.version_at), _Made(key, versions)
