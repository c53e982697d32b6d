"""Walking values beside the fields that describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.kinds.paths import value_at
from peakctl.model import MAPS, MISSING, UNSEEN, Path, Secret, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from peakctl.kinds.fields import Field


def copy_tree(value: Value) -> Value:
    """A deep copy with plain dicts and lists; leaves are shared."""
    if isinstance(value, MAPS):
        return {k: copy_tree(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [copy_tree(v) for v in value]
    return value


def set_at(tree: Any, path: Path, value: Value) -> None:
    """Put `value` at `path`, making maps (and replacing scalars) on the way."""
    for part in path[:-1]:
        inner = tree.get(part) if isinstance(tree, dict) else tree[part]
        if not isinstance(inner, dict | list):
            inner = {}
            tree[part] = inner
        tree = inner
    tree[path[-1]] = value


def drop_at(tree: Value, path: Path) -> None:
    """Remove what is at `path`; nothing happens when it is not there."""
    parent = value_at(tree, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)


def variant(field: Field, *values: Value) -> Field:
    """`field` itself, or the branch that the discriminator in the first of `values` chooses."""
    if not field.variants:
        return field
    for value in values:
        word = value.get(field.discriminator) if isinstance(value, MAPS) else None
        if isinstance(word, str):
            chosen = field.variants.get(field.aliases.get(word, word))
            if chosen is not None:
                return chosen
    return field.variants.get(field.default_variant, field)


def child(field: Field, part: str | int) -> Field | None:
    """The field of one property, map value or list item; None where the schema has none."""
    if isinstance(part, int):
        return field.items
    return field.properties.get(part) or field.extra or field.items


def below(field: Field, part: str | int, *trees: Value) -> Field | None:
    """The field of one entry, in the branches that `trees` choose for `field` and for the entry."""
    inner = child(variant(field, *trees), part)
    if inner is None:
        return None
    return variant(inner, *(value_at(tree, (part,)) for tree in trees))


def field_at(root: Field, path: Path, *trees: Value) -> Field | None:
    """The field at `path`, branches chosen by what `trees` hold on the way."""
    here: Field | None = variant(root, *trees)
    for part in path:
        if here is None:
            return None
        here = below(here, part, *trees)
        trees = tuple(value_at(tree, (part,)) for tree in trees)
    return here


def unknowns(value: Value) -> Iterator[Unknown]:
    """Every `Unknown` leaf of a tree."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, Unknown))


def fill(value: Value, known: Mapping[Unknown, Any]) -> Value:
    """The tree with each `Unknown` replaced; KeyError when one is not known."""
    if isinstance(value, Unknown):
        return known[value]
    if isinstance(value, MAPS):
        return {k: fill(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, known) for v in value]
    return value


def sealed(value: Value) -> Value:
    """A leaf as a `Secret`; containers, nothing, and what no read shows stay as they are."""
    if isinstance(value, Secret | Unknown | dict | list) or value in (None, MISSING, UNSEEN):
        return value
    return Secret(value)


def seal_at(tree: Value, paths: Iterable[Path]) -> Value:
    """The tree with everything at `paths` sealed, where something is there."""
    found = [(path, value_at(tree, path)) for path in paths]
    tree = copy_tree(tree) if found else tree
    for path, value in found:
        if value is not MISSING:
            set_at(tree, path, sealed_below(value))
    return tree


def seal_beside(value: Value, others: Sequence[Value]) -> Value:
    """The tree with everything sealed that is a `Secret` in one of `others`.

    Items of lists are not told apart: what is secret in one is so in all.
    """
    if any(isinstance(other, Secret) for other in others):
        return sealed_below(value)
    if isinstance(value, MAPS):
        maps = [other for other in others if isinstance(other, MAPS)]
        return {k: seal_beside(v, [m[k] for m in maps if k in m]) for k, v in value.items()}
    if isinstance(value, list):
        items = [item for other in others if isinstance(other, list) for item in other]
        return [seal_beside(v, items) for v in value]
    return value


def sealed_below(value: Value) -> Value:
    """The tree with every leaf sealed."""
    if isinstance(value, MAPS):
        return {k: sealed_below(v) for k, v in value.items()}
    if isinstance(value, list):
        return [sealed_below(v) for v in value]
    return sealed(value)


def holds_secret(value: Value) -> bool:
    """Whether any leaf of a tree is a `Secret`."""
    return any(isinstance(leaf, Secret) for leaf in leaves(value))


def holds_unseen(value: Value) -> bool:
    """Whether any leaf of a tree stands for a value that is not shown."""
    return any(leaf is UNSEEN for leaf in leaves(value))


def leaves(value: Value) -> Iterator[Value]:
    """Everything in a tree but its maps and lists."""
    if isinstance(value, MAPS):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value
