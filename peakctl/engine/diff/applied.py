"""What was last applied, field by field: which side of a difference has changed since.

An apply writes a short digest of each field of `metadata` and `spec` into the ledger. If a plan
finds the digest again once some of its changes are undone, then the manifest made those, and
somebody else the rest.
"""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from peakctl.engine.diff.align import MAY_SAY_NOTHING, keys_of, says_no_more
from peakctl.engine.diff.unseen import Recall, is_unseen, seen_values
from peakctl.kinds.fields import Absent, Field, Kind, child, field_at, is_ignored, variant
from peakctl.ledger.digests import Digests, StoredDigests, field_digest, field_entry
from peakctl.model import Action, Change
from peakctl.model.values import (
    MAPS,
    MISSING,
    UNSEEN,
    Path,
    Secret,
    Tree,
    Value,
    copy_tree,
    leaf_places,
    mapping_at,
    put_at,
    take_at,
    unknowns,
    value_at,
)

_MOST = 6
"""Changes of one field of which every selection is tried; of more only the likely ones."""


class Side(enum.Enum):
    """What has changed since the last apply."""

    MANIFEST = "manifest"
    PLATFORM = "platform"
    BOTH = "both"
    UNKNOWN = "unknown"


def field_digests(kind: Kind, action: Action, sent: Tree, digests: Digests) -> dict[str, str]:
    """Entries for the ledger, one for each field of `sent`; none while an id in it is not known."""
    return digest_fields(field_values(kind, action, sent, seen_values(kind, sent)), digests)


def digest_fields(values: Mapping[Path, Value], digests: Digests) -> dict[str, str]:
    """Entries for the ledger, one for each of the values that `field_values` gives."""
    return {field_entry(path): field_digest(value, digests) for path, value in values.items()}


def field_values(kind: Kind, action: Action, sent: Tree, seen: Tree) -> dict[Path, Value]:
    """What `field_digests` digests, by its path; `seen` is what `seen_values` gives of `sent`."""
    if any(unknowns(sent)):
        return {}
    values = _comparable(action, sent, seen)
    fields = [(part, word) for part in values for word in mapping_at(values, (part,))]
    found = {
        path: _bare(field_at(kind.root, path, values), value_at(values, path)) for path in fields
    }
    return {path: value for path, value in found.items() if value is not MISSING}


def changed_sides(
    kind: Kind,
    action: Action,
    changes: Iterable[Change],
    memory: StoredDigests,
    following: Container[Path] = (),
    *,
    may_be_both: bool = True,
) -> dict[Path, Side]:
    """Which side made each of `changes`, which are those of `action`, by its path.

    `following` are the paths of those that put what this run makes where a reference stands: what
    is live there counts as what was applied. Without `may_be_both` it is known that nobody has
    changed the platform.
    """
    out: dict[Path, Side] = {}
    by_field: dict[Path, list[Change]] = {}
    for change in changes:
        side = _by_digest(kind, action, change, memory)
        if side is None and not memory.has_fields:
            side = Side.UNKNOWN
        if side is not None:
            out[change.path] = side
        else:
            by_field.setdefault(change.path[:2], []).append(change)
    unclear = Side.BOTH if may_be_both else Side.MANIFEST
    desired = action.desired
    values = _comparable(action, desired, seen_values(kind, desired)) if by_field else {}
    for path, each in by_field.items():
        loose = [change for change in each if change.path not in following]
        bound = [change for change in each if change.path in following]
        made = _made_by_manifest(kind, action, values, path, (loose, bound), memory)
        for change in loose:
            side = Side.MANIFEST if made and change in made else Side.PLATFORM
            out[change.path] = unclear if made is None else side
    return out


def _by_digest(kind: Kind, action: Action, change: Change, memory: StoredDigests) -> Side | None:
    """The side of a value of which the ledger keeps a digest of its own; None for all others."""
    path = change.path
    above = [path[:length] for length in range(len(path), 1, -1)]
    rules = {each: field_at(kind.root, each, action.desired) for each in above}
    whole = next((each for each in above if memory.has(each)), None)
    hidden = any(rule is not None and is_unseen(rule) for rule in rules.values())
    nothing = visible_part(change.before) is MISSING and change.before is not MISSING
    if not (whole or hidden or nothing):
        return None
    if not memory.has_fields:
        return Side.UNKNOWN
    if not memory.knows(path) and whole is None:
        return Side.PLATFORM if change.after is MISSING else Side.MANIFEST
    at = whole if whole and not memory.knows(path) else path
    rule = rules[at]
    wanted = change.after if at == path else value_at(action.desired, at)
    if rule is not None and Recall(memory).is_as_applied(rule, wanted, at):
        return Side.PLATFORM
    both = at == path and change.before is not UNSEEN and memory.same(path, change.before) is False
    return Side.BOTH if both else Side.MANIFEST


def visible_part(value: Value) -> Value:
    """What of a value is neither secret nor out of sight; MISSING for nothing."""
    if isinstance(value, MAPS):
        parts = {word: visible_part(each) for word, each in value.items()}
        return {word: each for word, each in parts.items() if each is not MISSING} or MISSING
    if isinstance(value, list):
        return [each for each in map(visible_part, value) if each is not MISSING] or MISSING
    return MISSING if isinstance(value, Secret) or value is UNSEEN else value


def _made_by_manifest(
    kind: Kind,
    action: Action,
    values: Tree,
    path: Path,
    changes: tuple[Sequence[Change], Sequence[Change]],
    memory: StoredDigests,
) -> tuple[Change, ...] | None:
    """Those of the changes in one field that the manifest made; None where both sides made some.

    `changes` are those that it may have made, and those that are to be undone in any case. What has
    digests of its own has no part in that of the field, though reads may show it by now.
    """
    loose, bound = changes
    apart = memory.places_below(path)
    readings = list(_readings(kind, action, values, (*loose, *bound)))
    for chosen in _selections(loose):
        for before in readings:
            tree = _undone(values, {c.path: before[c.path] for c in (*bound, *chosen)})
            for each in apart:
                take_at(tree, each)
            if memory.was_field(path, _bare(field_at(kind.root, path, tree), value_at(tree, path))):
                return chosen
    return None


def _readings(
    kind: Kind, action: Action, values: Tree, changes: Sequence[Change]
) -> Iterator[dict[Path, Value]]:
    """What the manifest may have had where live values differ now, by the paths of changes.

    That is what is live. But the platform has some values by itself, and what goes with its parent
    is not told in full.
    """
    seen = {change.path: visible_part(change.before) for change in changes}
    yield seen
    alone = [path for path in seen if _comes_by_itself(kind, values, path)]
    if alone:
        yield seen | dict.fromkeys(alone, MISSING)
    gone = [c.path for c in changes if c.after is MISSING and isinstance(seen[c.path], MAPS)]
    if gone:
        there = action.live.values if action.live else {}
        live = _comparable(action, there, seen_values(kind, there))
        whole = {path: mapping_at(visible_part(value_at(live, path))) for path in gone}
        words = dict.fromkeys(
            w for path in gone for w in whole[path] if w not in mapping_at(seen[path])
        )
        for left in (None, *list(words)[:_MOST]):
            kept = {p: {w: v for w, v in each.items() if w != left} for p, each in whole.items()}
            yield seen | kept


def _comes_by_itself(kind: Kind, values: Tree, path: Path) -> bool:
    """Whether the platform has a value there where a manifest has none."""
    rules = [field_at(kind.root, path[:size], values) for size in range(2, len(path) + 1)]
    return any(rule is not None and rule.absent is Absent.SERVER for rule in rules)


def _selections(changes: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    """All of them, none, and every other selection where there are few."""
    whole = tuple(changes)
    yield whole
    yield ()
    sizes = range(1, len(whole)) if len(whole) <= _MOST else (1, len(whole) - 1)
    for size in sizes:
        yield from combinations(whole, size)


def _undone(values: Tree, before: Mapping[Path, Value]) -> Tree:
    """`values` with what was there before, by paths; MISSING for nothing."""
    tree = copy_tree(values)
    in_order = sorted(before, key=lambda path: [p if isinstance(p, int) else 0 for p in path])
    for path in in_order:
        if before[path] is not MISSING:
            put_at(tree, path, before[path])
    for path in reversed(in_order):
        if before[path] is MISSING:
            take_at(tree, path)
    return tree


def _bare(rule: Field | None, value: Value) -> Value:
    """`value` without what says no more than its absence, lists with keys as maps.

    What goes out with the next version alone is left out too: changing it plans nothing.
    """
    if rule is not None and rule.deferred:
        return MISSING
    if rule is not None and rule.absent is Absent.DEFAULT and value == rule.default:
        return MISSING
    if rule is not None and rule.absent in MAY_SAY_NOTHING and says_no_more(rule, value):
        return MISSING
    if isinstance(value, MAPS):
        chosen = variant(rule, value) if rule else None
        left = {w: _bare(child(chosen, w) if chosen else None, v) for w, v in value.items()}
        return {word: each for word, each in left.items() if each is not MISSING} or MISSING
    if isinstance(value, list) and rule is not None and (rule.list_key or rule.unordered):
        return _bare(rule, dict(zip(keys_of(rule, value), value, strict=True)))
    if isinstance(value, list):
        items = [_bare(rule.items if rule else None, each) for each in value]
        return [None if each is MISSING else each for each in items] or MISSING
    return value


def _comparable(action: Action, values: Tree, seen: Tree) -> dict[str, Value]:
    """`values`, of which reads show what is `seen`, without what the manifest leaves alone."""
    tree = copy_tree(seen)
    resource = action.resource
    for path in resource.archives if resource else ():
        put_at(tree, path, value_at(values, (*path, "digest")))
    if resource and resource.ignore_changes:
        ignored = resource.ignore_changes
        for path in [path for path, _ in leaf_places(tree) if is_ignored(path, ignored)]:
            take_at(tree, path)
    return tree
