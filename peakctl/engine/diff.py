"""What differs between desired and live, field by field; the only importer of deepdiff."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from peakctl.engine.align import Alignment
from peakctl.engine.tree import field_at, value_at
from peakctl.model import MISSING, Change, Path, Secret, Skipped, Unknown, Value, dotted

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Tree

IGNORED = "lifecycle.ignoreChanges"


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
) -> Diff:
    """Compare two value trees of one kind. Reflexive: a tree does not differ from itself."""
    alignment = Alignment(shown=shown, hidden=hidden)
    wanted, found = alignment.align(kind.root, desired, live)
    changes: list[Change] = []
    skipped = alignment.skipped
    for path in differing_paths(found, wanted):
        for change in _split(kind.root, path, value_at(found, path), value_at(wanted, path)):
            rule = _rule(kind.root, change.path, wanted, found)
            if is_ignored(change.path, ignored):
                skipped.append(Skipped(change.path, IGNORED))
            elif rule is not None and rule.deferred:
                skipped.append(Skipped(change.path, rule.deferred))
            else:
                changes.append(change)
    changes.sort(key=lambda c: dotted(c.path))
    return Diff(tuple(changes), tuple(sorted(skipped, key=lambda s: dotted(s.path))))


def is_ignored(path: Path, ignored: tuple[str, ...]) -> bool:
    """Whether `path` is one of the named fields or lies below one; `*` stands for any key."""
    text = dotted(path)
    return any(fnmatchcase(text, p) or fnmatchcase(text, f"{p}[.[]*") for p in ignored)


def _rule(root: Field, path: Path, *trees: Value) -> Field | None:
    return field_at(root, path, *trees)


def _split(root: Field, path: Path, before: Value, after: Value) -> Iterator[Change]:
    """One change, or one for each entry where no single call carries the whole."""
    rule = field_at(root, path, *_trees(path, before, after))
    words = _words(before, after)
    if rule is not None and (rule.properties or rule.extra) and not rule.call and words:
        for word in words:
            yield from _split(
                root, (*path, word), value_at(before, (word,)), value_at(after, (word,))
            )
        return
    yield Change(
        path=path,
        before=before,
        after=after,
        call=rule.call if rule else "",
        sensitive=_holds_secret(before) or _holds_secret(after),
        redeploys=bool(rule and rule.redeploys),
    )


def _words(*values: Value) -> list[str]:
    """The keys of some maps, in order; none where a value is no map."""
    return list(dict.fromkeys(w for value in values if isinstance(value, Mapping) for w in value))


def _trees(path: Path, *values: Value) -> list[Value]:
    """Trees that hold each value at `path`, for choosing the branches on the way."""
    trees: list[Value] = []
    for value in values:
        tree = value
        for part in reversed(path):
            tree = {part: tree}
        trees.append(tree)
    return trees


def _holds_secret(value: Value) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(v) for v in value.values())
    if isinstance(value, list):
        return any(_holds_secret(v) for v in value)
    return isinstance(value, Secret)


def differing_paths(before: Value, after: Value) -> list[Path]:
    """The paths at which two trees differ, the shortest that tell it.

    Equality is strict (1 is not true) and decided on canonical JSON, which is fast; only what
    differs is handed to deepdiff. Secrets and unknowns take part as opaque words.
    """
    words: dict[Any, str] = {}
    left, right = _plain(before, words), _plain(after, words)
    if _canonical(left) == _canonical(right):
        return []
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return [()]
    out: list[Path] = []
    for word in dict.fromkeys((*left, *right)):
        one, two = left.get(word, MISSING), right.get(word, MISSING)
        if one is MISSING or two is MISSING:
            out.append((word,))
        elif _canonical(one) != _canonical(two):
            out += [(word, *path) for path in _deep(one, two)]
    return out


def _plain(value: Value, words: dict[Any, str]) -> Value:
    if isinstance(value, Secret | Unknown):
        return words.setdefault(value, f"\0{len(words)}")
    if isinstance(value, Mapping):
        return {k: _plain(v, words) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v, words) for v in value]
    return value


def _canonical(value: Value) -> str:
    return json.dumps(value, sort_keys=True) if value is not MISSING else ""


def _deep(before: Value, after: Value) -> list[Path]:
    from deepdiff import DeepDiff
    from deepdiff.operator import BaseOperatorPlus

    class SkipEqual(BaseOperatorPlus):
        """Ends the walk at equal subtrees: deepdiff spends 3 ms on an equal pair otherwise."""

        def match(self, level: Any) -> bool:
            return isinstance(level.t1, dict | list) and isinstance(level.t2, dict | list)

        def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:
            return _canonical(level.t1) == _canonical(level.t2)

        def normalize_value_for_hashing(self, parent: Any, obj: Any) -> Any:
            return obj

    report = DeepDiff(
        before,
        after,
        view="tree",
        threshold_to_diff_deeper=0,
        zip_ordered_iterables=True,
        custom_operators=[SkipEqual()],
    )
    paths = {
        tuple(level.path(output_format="list")) for levels in report.values() for level in levels
    }
    return sorted(paths, key=dotted)
