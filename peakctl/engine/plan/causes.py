"""Why each action is in the plan, as far as the plan, the platform and the ledger show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from peakctl.engine.diff.align import keys_of
from peakctl.engine.graph import targets
from peakctl.engine.observe.identity import NAME, lost_name
from peakctl.engine.observe.live_state import LiveState
from peakctl.kinds.fields import Field, Kind
from peakctl.kinds.walk import child, variant
from peakctl.model import Action, Cause, Change, State, Step, Verb
from peakctl.model.values import MAPS, MISSING, Key, Path, Tree, Unknown, Value, list_at, value_at


def find_causes(
    action: Action, kind: Kind, made: Mapping[Key, Action], observed: LiveState
) -> tuple[Cause, ...]:
    """Every cause of an action of a declared resource; none where nothing is done.

    `made` are the actions before it that make something that references may follow.
    """
    found = [*_of_owner(action, observed), *_of_state(action)]
    if action.verb is Verb.CREATE and action.live is None:
        found.append(_of_create(action, observed))
    elif action.verb not in (Verb.CREATE, Verb.REPLACE, Verb.KEEP):
        found += _of_changes(action, kind, made)
    return tuple(found)


def _of_owner(action: Action, observed: LiveState) -> Iterator[Cause]:
    live, owners = action.live, observed.owners
    if live is None or owners.is_ours(live):
        return
    if owners.owner(live) is not None:
        yield Cause.TAKEN_OVER
    elif not owners.unread:
        yield Cause.ADOPTED


def _of_state(action: Action) -> Iterator[Cause]:
    if action.live is None or not action.steps:
        return
    state = action.live.state
    if state is State.FAILED or (state is State.STUCK and Step.CREATE_REVISION in action.steps):
        yield Cause.FAILED
    elif Step.WAIT in action.steps:
        yield Cause.UNDER_WAY


def _of_create(action: Action, observed: LiveState) -> Cause:
    resource, ledger = action.resource, observed.ledger
    if resource is None or ledger is None:
        return Cause.FIRST_APPLY
    if lost_name(resource, observed):
        return Cause.RENAMED_OUTSIDE
    names = (resource.key.name, *resource.previous_names)
    keys = (Key(resource.key.kind, name) for name in names)
    owned = [ledger.owned[key] for key in keys if key in ledger.owned]
    live = {each.live_id for each in observed.live.values()}
    gone = any(each.live_id not in live for each in owned)
    return Cause.DELETED_OUTSIDE if gone else Cause.FIRST_APPLY


def _of_changes(action: Action, kind: Kind, made: Mapping[Key, Action]) -> Iterator[Cause]:
    left = [change for change in action.changes if change.path != NAME]
    if len(left) < len(action.changes):
        yield Cause.RENAMED
    follow = _each_follows(left, action, kind, made)
    if not all(follow):
        yield Cause.DIFFERS
    if any(follow):
        yield Cause.FOLLOWS


def only_follows(action: Action, kind: Kind, made: Mapping[Key, Action]) -> bool:
    """Whether all changes of an action only put what this run makes where references stand."""
    return bool(action.changes) and all(_each_follows(action.changes, action, kind, made))


def _each_follows(
    changes: Iterable[Change], action: Action, kind: Kind, made: Mapping[Key, Action]
) -> list[bool]:
    """For each of `changes`, whether it only puts what this run makes where a reference stands."""
    places = dict(_places(action, kind, made))
    return [_follows(change, places) for change in changes]


def _follows(change: Change, places: Mapping[Path, frozenset[Value]]) -> bool:
    """Whether the change does no more than put what this run makes where a reference stands."""
    after = dict(_leaves(change.path, change.after))
    before = dict(_leaves(change.path, change.before))
    return (
        bool(after)
        and before.keys() <= places.keys()
        and all(path in places and _is_among(v, places[path]) for path, v in after.items())
    )


def _is_among(value: Value, good: frozenset[Value]) -> bool:
    return isinstance(value, str | Unknown) and value in good


def _leaves(path: Path, value: Value) -> Iterator[tuple[Path, Value]]:
    if isinstance(value, MAPS) and value:
        for word, inner in value.items():
            yield from _leaves((*path, word), inner)
    elif value is not MISSING:
        yield path, value


def _places(
    action: Action, kind: Kind, made: Mapping[Key, Action]
) -> Iterator[tuple[Path, frozenset[Value]]]:
    """Where references to what this run makes have their ids and versions, and which ones.

    The paths are those of changes, in which the items of some lists go by a key.
    """
    references = action.resource.references if action.resource else ()
    for reference in references:
        if not reference.edge:
            continue
        for key in targets(reference, made):
            yield (
                _keyed(kind.root, action.desired, reference.id_at),
                frozenset([Unknown(key, "id")]),
            )
            if reference.version_at is not None:
                versions = frozenset([Unknown(key, "version"), made[key].version])
                yield _keyed(kind.root, action.desired, reference.version_at), versions


def _keyed(root: Field, values: Tree, path: Path) -> Path:
    """`path` with keys for the positions in lists that are compared by key."""
    rule: Field | None = root
    here: Value = values
    out: list[str | int] = []
    for part in path:
        rule = variant(rule, here) if rule else None
        keyed = rule is not None and (rule.list_key or rule.unordered) and isinstance(here, list)
        out.append(keys_of(rule, list_at(here))[int(part)] if rule and keyed else part)
        rule = child(rule, part) if rule else None
        here = value_at(here, (part,))
    return tuple(out)
