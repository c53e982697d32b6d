"""Numbers back into the text they were written as, where the schema wants text.

YAML makes a number of `version: 1.10`; the text is still in the file (`Document.source_text`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peakctl.kinds.walk import child, variant

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Document, Path, Value

NUMERIC = frozenset({"integer", "number"})


def as_text_where_wanted(kind: Kind, document: Document) -> Value:
    """The document's value with each number that stands for a text as that text."""
    value = dict(document.value)
    for word in ("metadata", "spec"):
        if word in value:
            inner = kind.root.properties[word]
            value[word] = _restored(inner, value[word], (word,), document)
    return value


def _restored(field: Field | None, value: Value, path: Path, document: Document) -> Value:
    if field is None:
        return value
    field = variant(field, value)
    if isinstance(value, Mapping):
        return {k: _restored(child(field, k), v, (*path, k), document) for k, v in value.items()}
    if isinstance(value, list):
        return [_restored(field.items, v, (*path, i), document) for i, v in enumerate(value)]
    if _is_number(value) and "string" in field.types and not field.types & NUMERIC:
        text = document.source_text(path)
        return value if text is None else text
    return value


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
