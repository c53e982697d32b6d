"""Lists as maps by the keys of their items."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from peakctl.kinds.walk import free, seal_all
from peakctl.model import MASK, MISSING, Secret, Unknown, Value, dotted, reveal
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field


def by_keys(
    rule: Field, desired: list[Value], other: list[Value]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Keyed lists or sets as maps; a key that stands twice gets a number.

    Items are matched by their keys as they are, but a key that is a secret is shown as a mask. What
    is live alone may then have an older secret, and is sealed.
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
