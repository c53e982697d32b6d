"""Guards over a whole plan: what must not happen without somebody's saying so.

A broken template or a wrong parameter file shows as many changes at once, each of them plausible.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from peakctl.engine.diff.lists import keys_of
from peakctl.engine.graph import targets
from peakctl.engine.plan.references import NEW
from peakctl.errors import Diagnostic
from peakctl.kinds.walk import child, variant
from peakctl.model import MAPS, MISSING, Action, Guards, Key, Plan, Unknown, Value, Verb
from peakctl.model.values import list_at, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Change, Path, Tree

DEFAULT = Guards()


def mass_change(
    plan: Plan, kinds: Mapping[str, Kind], *, allowed: int | None, limits: Guards = DEFAULT
) -> tuple[Diagnostic, ...]:
    """An error when the plan changes or deletes unusually much of what exists, else nothing.

    Unusual is what exceeds `limits`: the changes and deletes of one kind, or the deletes of all
    kinds together. A replacement is a delete. What only follows something that this run makes (the
    new version of an image) does not count. `allowed` is the number of all that count, from whoever
    has read the plan. Not for a destroy, which asks with its own number.
    """
    made = {action.key: action for action in plan.actions if action.verb in NEW}
    exist = Counter(a.key.kind for a in plan.actions if a.live or a.verb is Verb.DELETE)
    counted = [a for a in plan.actions if _counts(a, kinds, made)]
    changed = Counter(action.key.kind for action in counted)
    deleted = sum(action.deletes for action in counted)
    words = [
        f"{number} of {exist[kind]} {kind}"
        for kind, number in sorted(changed.items())
        if limits.changes.exceeded(number, exist[kind])
    ]
    if limits.deletes.exceeded(deleted, exist.total()):
        words.append(f"{deleted} of {exist.total()} resources of all kinds deleted")
    if not words or allowed == changed.total():
        return ()
    return (_refusal(", ".join(words), changed.total(), allowed, limits),)


def _refusal(words: str, count: int, allowed: int | None, limits: Guards) -> Diagnostic:
    summary = f"the plan changes or deletes unusually many: {words}"
    if allowed is not None:
        summary = f"--allow-mass-change {allowed} was given, but {count} change: {words}"
    return Diagnostic(
        code="guard/mass-change",
        summary=summary,
        detail=(
            f"of each kind, {limits.changes} may change at once\n"
            f"of all kinds together, {limits.deletes} may be deleted at once\n"
            f"in all {count} would change, not counting what only follows a new version"
        ),
        fix=f"read the plan; if that is what you want, add --allow-mass-change {count}",
    )


def _counts(action: Action, kinds: Mapping[str, Kind], made: Mapping[Key, Action]) -> bool:
    """Whether the action changes or deletes what exists, by somebody's wish."""
    if action.verb in (Verb.CREATE, Verb.KEEP):
        return False
    return action.deletes or not _only_follows(action, kinds[action.key.kind], made)


def _only_follows(action: Action, kind: Kind, made: Mapping[Key, Action]) -> bool:
    if not action.changes:
        return False
    places = dict(_places(action, kind, made))
    return all(_follows(change, places) for change in action.changes)


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
