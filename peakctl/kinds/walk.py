"""The one walk over values beside the fields that describe them, by property, branch and path.

Also which paths `lifecycle.ignoreChanges` names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from peakctl.kinds.fields import Field
from peakctl.model import MAPS, MISSING, Path, Value, dotted, sealed, value_at

ANY_KEY = r'(?:"[^"]*"|[^.\["\]]*)'


def variant(field: Field, *values: Value) -> Field:
    """`field` itself, or the branch that the discriminator in the first of `values` chooses.

    The default branch where none of them says, or says a word that no branch has.
    """
    if not field.variants:
        return field
    for value in values:
        word = value.get(field.discriminator) if isinstance(value, MAPS) else None
        chosen = field.variants.get(word) if isinstance(word, str) else None
        if chosen is not None:
            return chosen
    return field.variants.get(field.default_variant, field)


def child(field: Field, part: str | int) -> Field | None:
    """The field of one property, map value or list item; None where the schema has none.

    Items of lists with keys are named by their key, so a word may be that of an item.
    """
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


def said(field: Field, value: Value, path: Path) -> Value:
    """What `value` says at `path`, defaults included; MISSING where neither says anything."""
    for part in path:
        inner = child(variant(field, value), part)
        if inner is None:
            return MISSING
        found = value_at(value, (part,))
        field, value = inner, inner.default if found is MISSING else found
    return value


def holds_sensitive(field: Field) -> bool:
    """Whether a value of this field may be, or contain, something never to be shown."""
    below = [*field.properties.values(), *field.variants.values(), field.extra, field.items]
    return field.sensitive or any(holds_sensitive(f) for f in below if f is not None)


def is_free(rule: Field) -> bool:
    """Whether the schema says nothing about what is inside: any JSON, compared as it is."""
    return not (rule.properties or rule.extra or rule.items or rule.variants)


def free(value: Value, *, secret: bool) -> Value:
    """A value without rules of its own; a null in a map is a key that is not there."""
    if isinstance(value, MAPS):
        return {k: free(v, secret=secret) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [free(v, secret=secret) for v in value]
    return sealed(value) if secret else _number(value)


def _number(value: Value) -> Value:
    """2.0 and 2 are one number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def seal_all(rule: Field, value: Value) -> Value:
    """A live value with its sensitive leaves wrapped."""
    if isinstance(value, MAPS):
        chosen = variant(rule, value)
        if not is_free(chosen):
            return {w: seal_all(inner, v) for w, v in value.items() if (inner := child(chosen, w))}
    if isinstance(value, list) and rule.items is not None:
        return [seal_all(rule.items, v) for v in value]
    return free(value, secret=rule.sensitive)


def is_ignored(path: Path, ignored: tuple[str, ...]) -> bool:
    """Whether `path` is one of the named fields or lies below one; `*` stands for any key."""
    text = dotted(path)
    return any(re.fullmatch(_pattern(words), text) for words in ignored)


def _pattern(words: str) -> str:
    keys = ANY_KEY.join(re.escape(part) for part in words.split("*"))
    return rf"{keys}(?:[.\[].*)?"


def ignored_of(manifest: Value) -> tuple[str, ...]:
    """The fields that a manifest ignores; none where what it says of them is no list of texts."""
    named = value_at(manifest, ("lifecycle", "ignoreChanges"))
    if not isinstance(manifest, Mapping) or not isinstance(named, list):
        return ()
    return tuple(each for each in named if isinstance(each, str))
