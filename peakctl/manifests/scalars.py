"""YAML 1.2 core schema: what a plain scalar is."""

from __future__ import annotations

import re
from typing import Final

MAX_DIGITS = 400

_WORDS: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
STARTS: Final = frozenset("0123456789-+.~nNtTfF")
"""First characters of plain scalars that may be no text; the empty one may not either."""

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


class NumberRefused(ValueError):
    """A number that JSON cannot carry: not a number, infinite, or too long."""


def read_plain(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar. Raises NumberRefused."""
    if text in NULLS:
        return None
    word = _WORDS.get(text)
    if word is not None:
        return word
    return text if text[0] not in STARTS else _number(text)


def _number(text: str) -> str | int | float:
    if _INTEGER.match(text):
        return int(_bounded(text))
    if _FLOAT.match(text):
        return _finite(text)
    if _OCTAL.match(text):
        return int(_bounded(text)[2:], 8)
    if _HEX.match(text):
        return int(_bounded(text)[2:], 16)
    if _ENDLESS.match(text):
        raise NumberRefused(f'"{text}" is not a number that the platform can take')
    return text


def _bounded(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise NumberRefused(f"a number has more than {MAX_DIGITS} digits")
    return text


def _finite(text: str) -> float:
    value = float(_bounded(text))
    if value in (float("inf"), float("-inf")):
        raise NumberRefused(f'"{text}" is too large a number')
    return value
