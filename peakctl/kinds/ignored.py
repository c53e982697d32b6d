"""`lifecycle.ignoreChanges`: which fields it names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from peakctl.model import Path, Value, dotted, value_at

ANY_KEY = r'(?:"[^"]*"|[^.\["\]]*)'


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
