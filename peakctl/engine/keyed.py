"""Lists as maps by the keys of their items, and live values as secretive as their fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from peakctl.engine.tree import child, sealed, variant
from peakctl.kinds.paths import value_at
from peakctl.model import MAPS, MASK, MISSING, Secret, Unknown, Value, dotted, reveal

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field


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


def by_keys(
    rule: Field, desired: list[Value], other: list[Value]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Keyed lists or sets as maps; a key that stands twice gets a number.

    Items are matched by their keys as they are, but a key that is a secret is shown as a mask. What
    is live alone may then bear an older secret, and is sealed.
    """
    shown, real = keys_of(rule, desired), keys_of(rule, [reveal(item) for item in desired])
    names, live = dict(zip(real, shown, strict=True)), keys_of(rule, other)
    wanted, found = dict(zip(shown, desired, strict=True)), dict(zip(live, other, strict=True))
    if shown == real:
        return wanted, found
    hidden: dict[str, Value] = {}
    for count, (name, item) in enumerate(found.items(), 2):
        known = name in names
        word = names[name] if known else f"{MASK} ({count}, live)"
        hidden[word] = item if known else free(item, secret=True)
    return wanted, hidden


def keys_of(rule: Field, items: list[Value]) -> list[str]:
    """The key of each item, none twice. Secrets have no part in it: keys are shown."""
    out: dict[str, None] = {}
    for item in items:
        name = _key_of(rule, item if rule.items is None else seal_all(rule.items, item))
        unique, count = name, 2
        while unique in out:
            unique, count = f"{name} ({count})", count + 1
        out[unique] = None
    return list(out)


def _key_of(rule: Field, item: Value) -> str:
    for path in rule.list_key:
        value = value_at(item, path)
        if value is not MISSING and value is not None:
            return f"({dotted(path)})" if value is True else _text(value)
    return _text(item)


def _text(value: Value) -> str:
    if isinstance(value, str | Secret):
        return str(value)
    if isinstance(value, Unknown):
        return value.of.name
    return json.dumps(value, sort_keys=True, default=str)
