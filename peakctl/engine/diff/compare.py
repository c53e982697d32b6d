"""What differs between desired and live, field by field; the only importer of deepdiff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from peakctl.engine.diff.align import Alignment, why_unseen
from peakctl.engine.diff.unseen import Recall, still_secret
from peakctl.kinds.fields import Field, Kind, below, child, field_at, is_free, is_ignored, variant
from peakctl.ledger.digests import NO_DIGESTS, StoredDigests
from peakctl.model import MAPS, MISSING, UNSEEN, Change, Path, Secret, Skipped, Tree, Unknown, Value
from peakctl.model.records import dataclass
from peakctl.model.values import dotted, holds_secret, holds_unseen, value_at

IGNORED = "lifecycle.ignoreChanges"
IGNORED_UNSEEN = f"{IGNORED}; what is live is not shown, so the manifest's value goes out"


@dataclass(frozen=True, slots=True)
class Diff:
    """Changes that plan something, and differences that do not, each with its reason."""

    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]


def compare(
    kind: Kind,
    desired: Tree,
    live: Tree,
    *,
    shown: Callable[[Path], bool] = lambda _: False,
    hidden: frozenset[Path] = frozenset(),
    ignored: tuple[str, ...] = (),
    memory: StoredDigests = NO_DIGESTS,
) -> Diff:
    """Compare two value trees of one kind. Reflexive: a tree does not differ from itself.

    `memory` stands in for live values that the read does not show.
    """
    alignment = Alignment(partial(why_unseen, shown, hidden), Recall(memory, hidden))
    wanted, found = alignment.align(kind.root, desired, live)
    changes: list[Change] = []
    skipped = alignment.skipped
    paths = [_whole(kind.root, path, found, wanted) for path in differing_paths(found, wanted)]
    for path in dict.fromkeys(paths):
        for each in _split(kind.root, path, found, wanted):
            change = _hide_former_secret(each, memory)
            rule = field_at(kind.root, change.path, wanted, found)
            if is_ignored(change.path, ignored):
                reason = IGNORED_UNSEEN if holds_unseen(change.before) else IGNORED
                skipped.append(Skipped(change.path, reason))
            elif rule is not None and rule.deferred:
                skipped.append(Skipped(change.path, rule.deferred))
            else:
                changes.append(change)
    changes.sort(key=lambda c: dotted(c.path))
    return Diff(tuple(changes), tuple(sorted(skipped, key=lambda s: dotted(s.path))))


def _whole(root: Field, path: Path, found: Value, wanted: Value) -> Path:
    """`path`, or that of the free value around it: such a value is sent as one."""
    for length in range(1, len(path)):
        rule = field_at(root, path[:length], wanted, found)
        if rule is not None and is_free(rule):
            return path[:length]
    return path


def _split(root: Field, path: Path, found: Value, wanted: Value) -> Iterator[Change]:
    """One change, or one for each entry where different calls or rules apply to them."""
    rule = field_at(root, path, wanted, found)
    before, after = value_at(found, path), value_at(wanted, path)
    words = _keys(before, after)
    if rule is not None and words and not _is_one(rule, before, after):
        for word in words:
            yield from _split(root, (*path, word), found, wanted)
        return
    yield Change(
        path=path,
        before=_listed(rule, before),
        after=_listed(rule, after),
        call=rule.call if rule else "",
        sensitive=holds_secret(before) or holds_secret(after) or bool(rule and rule.sensitive),
        redeploys=bool(rule and rule.redeploys),
        immutable=rule.immutable if rule else "",
    )


def _hide_former_secret(change: Change, memory: StoredDigests) -> Change:
    """The change, sealed where its live value was applied as a secret that no manifest has now."""
    before = still_secret(change.before, memory, change.path)
    if holds_secret(before) and not change.sensitive:
        return replace(change, before=before, sensitive=True)
    return change


def _listed(rule: Field | None, value: Value) -> Value:
    """A value with its lists as lists again: those with keys are compared as maps."""
    if rule is None or not isinstance(value, (*MAPS, list)):
        return value
    if isinstance(value, list) or rule.items is not None:
        items = value if isinstance(value, list) else value.values()
        return [_listed(rule.items, item) for item in items]
    chosen = variant(rule, value)
    return {word: _listed(child(chosen, word), each) for word, each in value.items()}


def _is_one(rule: Field, *values: Value) -> bool:
    """Whether one call carries everything in these values, under the same rules."""
    return all(
        _rules(inner) == _rules(rule) and _is_one(inner, *(value_at(v, (word,)) for v in values))
        for word in _keys(*values)
        if (inner := below(rule, word, *values)) is not None
    )


def _rules(rule: Field) -> tuple[str, str, str, bool]:
    return rule.call, rule.immutable, rule.deferred, rule.redeploys


def _keys(*values: Value) -> list[str]:
    """The keys of some maps, in order; none where a value is no map."""
    return list(dict.fromkeys(w for value in values if isinstance(value, MAPS) for w in value))


def differing_paths(before: Value, after: Value) -> list[Path]:
    """The paths at which two trees differ, each as short as possible.

    Equality is strict: 1 is not true. Maps are compared here, which is quick; deepdiff gets the
    lists that differ, and tells which items. What is unseen differs from everything.
    """
    if isinstance(before, MAPS) and isinstance(after, MAPS):
        return [
            (word, *path)
            for word in dict.fromkeys((*before, *after))
            if not same(before.get(word, MISSING), after.get(word, MISSING))
            for path in differing_paths(before.get(word, MISSING), after.get(word, MISSING))
        ]
    if same(before, after):
        return []
    if isinstance(before, list) and isinstance(after, list):
        return _differing_items(before, after)
    return [()]


def same(one: Value, two: Value) -> bool:
    """Whether two values are the same in type and content."""
    if isinstance(one, str) and one is two:  # most values: an alignment gives equal ones once
        return True
    if isinstance(one, MAPS) and isinstance(two, MAPS):
        return one.keys() == two.keys() and all(map(same, one.values(), map(two.get, one)))
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and one is not UNSEEN and one == two


def _differing_items(before: list[Value], after: list[Value]) -> list[Path]:
    from deepdiff import DeepDiff
    from deepdiff.operator import BaseOperatorPlus

    class SkipSame(BaseOperatorPlus):
        """Ends the walk at equal subtrees: deepdiff spends 3 ms on an equal pair otherwise."""

        def match(self, level: Any) -> bool:
            return isinstance(level.t1, dict | list) and isinstance(level.t2, dict | list)

        def give_up_diffing(self, level: Any, diff_instance: object) -> bool:
            return same(level.t1, level.t2)

        def normalize_value_for_hashing(self, parent: object, obj: object) -> object:
            return obj  # pragma: no cover - asked for only when order is ignored

    words: dict[object, str] = {}
    report = DeepDiff(
        _plain(before, words),
        _plain(after, words),
        view="tree",
        threshold_to_diff_deeper=0,
        zip_ordered_iterables=True,
        ignore_private_variables=False,  # else keys that start with "__" are passed over
        custom_operators=[SkipSame()],
    )
    paths = {
        tuple(level.path(output_format="list")) for levels in report.values() for level in levels
    }
    return sorted(paths, key=dotted)


def _plain(value: Value, words: dict[object, str]) -> Value:
    """`value` with opaque words for what deepdiff must not look into."""
    if isinstance(value, Secret | Unknown):
        return words.setdefault(value, f"\0{len(words)}")
    if value is UNSEEN:
        return words.setdefault(object(), f"\0{len(words)}")
    if isinstance(value, MAPS):
        return {k: _plain(v, words) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v, words) for v in value]
    return value
