"""Value trees as users may see them: secrets masked, unknowns named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from peakctl.model import MAPS, MASK, MISSING, UNSEEN, Secret, Unknown, Value, holds_secret
from peakctl.model.text import printable

_PLAIN_WORD = re.compile(r"[A-Za-z_./][\w./@:+-]*(?<!:)\Z")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_COLLECTIONS = (*MAPS, list, tuple)
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{12,}\Z")


def to_json(value: Value) -> Any:
    """The tree as JSON holds it: `Secret` as `(sensitive)`, `Unknown` as `{"unknown": ...}`.

    A live value that no read shows is `(not shown)`.
    """
    match value:
        case Secret():
            return MASK
        case Unknown():
            return {"unknown": f"{value.of}.{value.attribute}"}
        case Mapping():
            return {str(key): to_json(each) for key, each in value.items()}
        case list() | tuple():
            return [to_json(each) for each in value]
        case float() if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def masked(value: Value) -> Value:
    """A side of a sensitive change without what must not be shown.

    Where the secrets among its leaves are known, they are masked and the rest is shown; else all of
    it is.
    """
    if value is MISSING or value in ({}, []) or isinstance(value, Secret):
        return value
    return value if isinstance(value, Mapping | list) and holds_secret(value) else Secret(value)


def inline(value: Value) -> str:
    """The tree on one line, in YAML's flow form; never a secret."""
    match value:
        case Secret() | Unknown():
            return str(value)
        case _ if value is UNSEEN:
            return str(value)
        case dict() | MappingProxyType():
            return "{" + ", ".join(f"{_word(str(k))}: {inline(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(inline(each) for each in value) + "]"
        case str():
            return _word(value)
        case _ if value is MISSING:
            return "(absent)"
        case _:
            return json.dumps(to_json(value), ensure_ascii=False)


def block(value: Value) -> list[str]:
    """The tree on lines of its own, in YAML's block form; never a secret."""
    match value:
        case dict() | MappingProxyType() if value:
            return [row for key, each in value.items() for row in _entry(str(key), each)]
        case list() | tuple() if value:
            return [row for each in value for row in _item(each)]
        case str() if "\n" in value:
            return ["|", *(f"  {row}" for row in printable(value).splitlines())]
        case _:
            return [inline(value)]


def short_digest(digest: str) -> str:
    """`sha256:ab12cd34…`: enough to compare two by eye."""
    name, colon, rest = digest.rpartition(":")
    return f"{name}{colon}{rest[:8]}…" if len(rest) > 12 else digest


def digest_of(value: Value) -> str | None:
    """The digest of an artifact value (`{"digest": ...}` or the text itself), or None."""
    if isinstance(value, Mapping) and set(value) == {"digest"}:
        value = value["digest"]
    return value if isinstance(value, str) and _DIGEST.match(value) else None


def _entry(key: str, value: Value) -> list[str]:
    if value and isinstance(value, _COLLECTIONS) and len(flat := inline(value)) <= 60:
        return [f"{_word(key)}: {flat}"]
    rows = block(value)
    if len(rows) == 1 and not (value and isinstance(value, _COLLECTIONS)):
        return [f"{_word(key)}: {rows[0]}"]
    if isinstance(value, str):
        return [f"{_word(key)}: {rows[0]}", *rows[1:]]
    return [f"{_word(key)}:", *(f"  {row}" for row in rows)]


def _item(value: Value) -> list[str]:
    if isinstance(value, _COLLECTIONS) and len(flat := inline(value)) <= 60:
        return [f"- {flat}"]
    first, *rest = block(value)
    return [f"- {first}", *(f"  {row}" for row in rest)]


@lru_cache(1024)  # a plan repeats the same few words
def _word(text: str) -> str:
    """`text` bare where nobody could misread it, else in the quotes that it does not hold."""
    if _PLAIN_WORD.match(text) and text.lower() not in _RESERVED:
        return text
    words = printable(text)
    if '"' in words and not set(words) & set("'\\\n\t"):
        return f"'{words}'"
    return json.dumps(words, ensure_ascii=False)
