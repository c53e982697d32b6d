"""Text to YAML nodes with libyaml, and plain scalars as the YAML 1.2 core schema reads them.

The only users of the parser's inner interface. PyYAML's C composer recurses without a limit and
dies on 100,000 brackets, so the depth is bounded in `descend_resolver`, which it calls at each
level; the calls are saved where the text cannot be deep. libyaml has a bound of its own since
0.2.6, and its scanner, which looks ahead, may meet that one first: whichever does, the error is
`TooDeep`, at the same place. `resolve` decides a scalar's type and hands it on as the node's tag.
"""

from __future__ import annotations

import operator
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from yaml import MarkedYAMLError, Node, ScalarNode
from yaml._yaml import CParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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


MAX_DEPTH = 100
NULL = object()
"""Tag of a null, since None as a tag says: the text itself."""

_FEW = MAX_DEPTH // 2
_DEEP_BLOCK = re.compile(rf"^[ \t?:-]{{{_FEW // 2 - 1}}}", re.MULTILINE)
"""A block collection adds a column, a list in a mapping may add none: two levels a column."""


class Point(Protocol):
    """A place in a text; both numbers are from 0."""

    @property
    def line(self) -> int:
        """Which line."""

    @property
    def column(self) -> int:
        """Which character of it."""


class TooDeep(ValueError):
    """Collections within collections, more than `MAX_DEPTH` of them. `mark` is the last's."""

    def __init__(self, mark: Point) -> None:
        super().__init__("too deep")
        self.mark = mark


class _Shallow(CParser):
    """For texts that cannot be deep: C functions that do nothing stand in for the hooks."""

    descend_resolver = operator.is_
    ascend_resolver = tuple

    def resolve(self, kind: type[Node], value: str, implicit: Sequence[bool]) -> object:
        if kind is not ScalarNode or not implicit[0]:
            return None
        if value and value[0] not in STARTS:
            return None
        typed = read_plain(value)
        if typed is None:
            return NULL
        return None if typed.__class__ is str else typed


class _Counted(_Shallow):
    """Bounds the depth."""

    _level = 0

    def descend_resolver(self, parent: Node | None, _index: object) -> None:  # type: ignore[override]
        self._level += 1
        if self._level > MAX_DEPTH and parent is not None:
            raise TooDeep(parent.start_mark)

    def ascend_resolver(self) -> None:  # type: ignore[override]
        self._level -= 1


class _Careful(_Counted):
    """Lets a document be read to its end: a refused number becomes its scalar's tag."""

    def resolve(self, kind: type[Node], value: str, implicit: Sequence[bool]) -> object:
        try:
            return super().resolve(kind, value, implicit)
        except NumberRefused as refused:
            return refused


def compose(text: str, *, careful: bool = False) -> Iterator[Node]:
    """The root node of each document. Typed scalars have their value as tag, texts None.

    Raises YAMLError and TooDeep; NumberRefused unless `careful`, which puts it into the tag.
    """
    parser: Any = _Careful(text) if careful else _fast_parser(text)
    try:
        while parser.check_node():
            yield parser.get_node()
    except MarkedYAMLError as error:
        if careful:
            _check_depth(text[: error.problem_mark.index if error.problem_mark else 0])
        raise


def _check_depth(text: str) -> None:
    """Raise TooDeep if `text`, the part before a fault, is too deep: then that is the fault."""
    parser = _Careful(text)
    with suppress(MarkedYAMLError):
        while parser.check_node():
            parser.get_node()


def _fast_parser(text: str) -> object:
    deep = _DEEP_BLOCK.search(text) or any(
        document.count("[") + document.count("{") >= _FEW for document in text.split("\n---")
    )
    return _Counted(text) if deep else _Shallow(text)
