"""Fields and values by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peakctl.model import MISSING, Value

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field
    from peakctl.model import Path


def branch(field: Field, value: Value) -> Field:
    """`field` itself, or the variant that `value` chooses; the default one for an unknown word."""
    if not field.variants:
        return field
    word = value.get(field.discriminator) if isinstance(value, Mapping) else None
    chosen = field.variants.get(word) if isinstance(word, str) else None
    return chosen or field.variants.get(field.default_variant, field)


def child(field: Field, part: str | int) -> Field | None:
    """The field of one property, map value or list item; None where there is none."""
    if isinstance(part, int):
        return field.items
    return field.properties.get(part) or field.extra


def field_at(root: Field, path: Path, value: Value) -> Field | None:
    """The field at `path`, variants chosen by what `value` holds on the way."""
    here = root
    for part in path:
        inner = child(branch(here, value), part)
        if inner is None:
            return None
        here, value = inner, value_at(value, (part,))
    return here


def value_at(value: Value, path: Path) -> Value:
    """The value at `path`, or MISSING."""
    for part in path:
        if isinstance(value, list):
            found = value[part] if isinstance(part, int) and part < len(value) else MISSING
        else:
            found = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
        if found is MISSING:
            return MISSING
        value = found
    return value


def said(field: Field, value: Value, path: Path) -> Value:
    """What `value` says at `path`, defaults included; MISSING where neither says anything."""
    for part in path:
        inner = child(branch(field, value), part)
        if inner is None:
            return MISSING
        found = value_at(value, (part,))
        field, value = inner, inner.default if found is MISSING else found
    return value


def holds_sensitive(field: Field) -> bool:
    """Whether a value of this field may be, or contain, something never to be shown."""
    below = [*field.properties.values(), *field.variants.values(), field.extra, field.items]
    return field.sensitive or any(holds_sensitive(f) for f in below if f is not None)
