"""Rows in columns as wide as they need to be, within reason; names are never cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.present.text import Line, line, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence


WIDEST = 80
"""Of a column; what is longer stands over, so that one long name does not pad every row."""


def table_lines(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Line, ...]:
    """A title row and the rows, left-aligned, two spaces between columns."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [
        min(WIDEST, max(len(title), *(len(row[i]) for row in cells))) if cells else len(title)
        for i, title in enumerate(titles)
    ]
    head = "  ".join(
        title.upper().ljust(width) for title, width in zip(titles, widths, strict=True)
    )
    return (
        line((head.rstrip(), "dim")),
        *(
            line("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
            for row in cells
        ),
    )
