"""Why each action is in the plan, as far as the plan, the platform and the ledger show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from peakctl.engine.graph import targets
from peakctl.engine.observe.identity import NAME, lost_item
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.places import folder_of, keyed, shown_path, source_path
from peakctl.kinds.fields import Kind
from peakctl.model import Action, Cause, Change, Reason, State, Step, Verb
from peakctl.model.values import MAPS, MISSING, Key, Path, Unknown, Value, dotted, value_at


def find_reasons(
    action: Action, kind: Kind, made: Mapping[Key, Action], observed: LiveState
) -> tuple[Reason, ...]:
    """Every reason for an action of a declared resource; none where nothing is done.

    `made` are the actions before it that make something that references may follow.
    """
    found = [*_of_owner(action, observed), *_of_state(action)]
    if action.verb is Verb.CREATE and action.live is None:
        found.append(_of_create(action, observed))
    elif action.verb not in (Verb.CREATE, Verb.REPLACE, Verb.KEEP):
        found += _of_changes(action, kind, made)
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
        yield Reason(Cause.FAILED, detail=live.status)
    elif Step.WAIT in action.steps:
        yield Reason(Cause.UNDER_WAY, detail=live.status)


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
    return Reason(Cause.DELETED_OUTSIDE if gone else Cause.FIRST_APPLY)


def _of_changes(action: Action, kind: Kind, made: Mapping[Key, Action]) -> Iterator[Reason]:
    left = [change for change in action.changes if change.path != NAME]
    if len(left) < len(action.changes):
        old = value_at(action.live.values, NAME) if action.live else ""
        yield Reason(Cause.RENAMED, detail=str(old))
    follow = _each_follows(left, action, kind, made)
    rest = [change for change, key in zip(left, follow, strict=True) if key is None]
    yield from _in_manifest(Cause.DIFFERS, rest, action, kind)
    for key in dict.fromkeys(key for key in follow if key is not None):
        paths = [c.path for c, each in zip(left, follow, strict=True) if each == key]
        shown = tuple(dict.fromkeys(dotted(shown_path(p, action, kind)) for p in paths))
        yield Reason(Cause.FOLLOWS, follows=key, version=made[key].version, paths=shown)


def _in_manifest(
    cause: Cause, changes: list[Change], action: Action, kind: Kind
) -> Iterator[Reason]:
    """One reason for changed fields, and one for each folder whose files changed."""
    resource = action.resource
    assert resource is not None  # noqa: S101 - what is changed has a manifest
    fields = [change.path for change in changes if change.path not in resource.archives]
    if fields:
        places = [resource.document.locate(source_path(p, action, kind)) for p in fields]
        shown = dict.fromkeys(dotted(shown_path(p, action, kind)) for p in fields)
        yield Reason(cause, place=min(places), paths=tuple(shown))
    for change in changes:
        if change.path in resource.archives:
            yield Reason(
                cause,
                place=resource.document.locate(change.path),
                paths=(dotted(change.path),),
                detail=folder_of(resource, change.path),
            )


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
