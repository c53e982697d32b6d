"""What a resource refers to, by name or by id: all that must outlive it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.engine.ignored import is_ignored
from peakctl.engine.references import targets
from peakctl.engine.tree import child, variant
from peakctl.kinds.paths import value_at
from peakctl.model import MAPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Key, Live, Path, Resource, Tree, Value


@dataclass(frozen=True, slots=True)
class Mention:
    """One field that names another resource: `word` is its name, or its id with `by_id`."""

    at: Path
    kinds: tuple[str, ...]
    word: str
    by_id: bool = False


def mentions(
    resource: Resource, kind: Kind, declared: Mapping[Key, Resource], live: Live | None = None
) -> Iterator[Mention]:
    """What a manifest refers to beyond `declared`.

    Where its changes are ignored, what is `live` stays, so that counts there.
    """
    for reference in resource.references:
        if not targets(reference, declared):
            yield Mention(reference.at, reference.kinds, reference.name)
    yield from _ids(kind.root, resource.values, (), resource.values)
    if live is not None and resource.ignore_changes:
        for mention in _ids(kind.root, live.values, (), live.values):
            if is_ignored(mention.at, resource.ignore_changes):
                yield mention


def _ids(rule: Field, value: Value, path: Path, whole: Tree) -> Iterator[Mention]:
    """References that give an id where others give a name."""
    rule = variant(rule, value)
    for part, below in _parts(rule, value):
        inner = child(rule, part)
        if inner is None:
            continue
        here = (*path, part)
        if inner.ref and "object" in inner.types:
            at = _absolute(here, inner.ref.id_to)
            id_ = value_at(whole, at)
            if isinstance(id_, str | int):
                yield Mention(at, inner.ref.kinds, str(id_), by_id=True)
        yield from _ids(inner, below, here, whole)


def _parts(rule: Field, value: Value) -> Iterator[tuple[str | int, Value]]:
    """The entries of a value, and what is not there but might be a reference (its id may be)."""
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, MAPS):
        yield from value.items()
        for word, inner in rule.properties.items():
            if inner.ref and word not in value:
                yield word, None


def _absolute(base: Path, steps: Path) -> Path:
    for step in steps:
        base = base[:-1] if step == ".." else (*base, step)
    return base
