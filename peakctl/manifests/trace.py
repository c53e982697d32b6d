"""From a line and column of rendered text back to the template that wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.manifests.marks import LINE_MARK
from peakctl.model import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a run of template text begins, `length` characters before something computed.

    `at` is the column of the rendered line (from 0) where it begins.
    """

    at: int
    file: int
    line: int
    column: int
    length: int


class Tracer:
    """The map of one rendered text, made the first time that it is asked.

    `render_marked` renders again with marks; None when the result is not the same text.
    """

    def __init__(
        self, render_marked: Callable[[], str | None], name: Callable[[int], str], display: str
    ) -> None:
        self._render_marked = render_marked
        self._name = name
        self._display = display
        self._rows: list[list[Mark]] | None = None

    def __call__(self, line: int, column: int) -> Location:
        """The place that wrote the character; of an expression, the place where it begins."""
        if self._rows is None:
            self._rows = _rows(self._render_marked() or "")
        found = self._last_mark(line, column)
        if found is None:
            return Location(self._display, 1, 1)
        mark, offset = found
        return Location(self._name(mark.file), mark.line, mark.column + min(offset, mark.length))

    def _last_mark(self, line: int, column: int) -> tuple[Mark, int] | None:
        """The last mark before a character, and how far it is from there."""
        rows = self._rows or []
        for mark in reversed(rows[line] if line < len(rows) else []):
            if mark.at <= column:
                return mark, column - mark.at
        for row in reversed(rows[:line]):
            if row:
                return row[-1], row[-1].length
        return None


def _rows(marked: str) -> list[list[Mark]]:
    return [list(_marks(row)) for row in marked.split("\n")]


def _marks(row: str) -> Iterator[Mark]:
    hidden = 0
    for found in LINE_MARK.finditer(row):
        numbers = map(int, found[0][1:-1].split(":"))
        yield Mark(found.start() - hidden, *numbers)
        hidden += len(found[0])
