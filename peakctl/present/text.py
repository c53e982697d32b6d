"""Lines of text with roles, and the one way from them to characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from peakctl.errors import counted as counted
from peakctl.model.text import printable

Span = tuple[str, str]
"""Text and its role: a verb's word, or one of `ROLES`; an empty role is plain."""
Line = tuple[Span, ...]

CELL, TITLE = "cell", "title"
"""Roles of the cells of a table; a row of them is laid out again where it is too wide."""
ROLES = {
    TITLE: "2",
    "create": "32",
    "build": "36",
    "release": "36",
    "revise": "36",
    "edit": "33",
    "redeploy": "34",
    "replace": "35",
    "delete": "35",
    "unchanged": "2",
    "added": "32",
    "removed": "35",
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "good": "32",
    "dim": "2",
    "bold": "1",
    "command": "32",
}
"""The colours of a terminal. Red is for what failed, and for nothing else."""

_ASCII = str.maketrans({"…": "...", "→": "->", "·": "-", "’": "'", "“": '"', "”": '"'})


def line(*parts: str | Span) -> Line:
    """A line of plain text and `(text, role)` spans; empty parts are left out."""
    spans = (part if isinstance(part, tuple) else (part, "") for part in parts)
    return tuple(span for span in spans if span[0])


def indent(lines: Iterable[Line], by: int) -> tuple[Line, ...]:
    """The same lines, `by` columns to the right."""
    return tuple(((" " * by, ""), *each) if each else each for each in lines)


def one_line(text: str) -> str:
    """`text` made printable, with line feeds and tabs spelled out, so that it stays on its line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def columns(text: str) -> int:
    """How many columns of a terminal a text takes that is fit to be shown."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def to_plain(lines: Iterable[Line]) -> str:
    """The characters alone, each line ended by a line feed."""
    return "".join("".join(one_line(text) for text, _ in each).rstrip() + "\n" for each in lines)


def to_ansi(lines: Iterable[Line]) -> str:
    """The same characters with colours; says nothing that the plain text does not."""
    return "".join("".join(_painted(*span) for span in each) + "\n" for each in lines)


def fit_encoding(text: str, encoding: str | None) -> str:
    """`text` in characters that `encoding` has: ours as ASCII, those of others escaped."""
    name = encoding or "utf-8"
    try:
        text.encode(name)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(name, "backslashreplace").decode(name)
    return text


def _painted(text: str, role: str) -> str:
    code = ROLES.get(role)
    words = one_line(text)
    return f"\x1b[{code}m{words}\x1b[0m" if code and words.strip() else words


WIDEST_COLUMN = 80
"""Of a column; what is longer stands over, so that one long name does not pad every row."""


def table_lines(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Line, ...]:
    """A title row and the rows, left-aligned, two spaces between columns."""
    cells = [
        [title.upper() for title in titles],
        *([one_line(c).strip() for c in row] for row in rows),
    ]
    widths = [min(WIDEST_COLUMN, max(columns(row[i]) for row in cells)) for i in range(len(titles))]
    return tuple(_row(row, widths, CELL if n else TITLE) for n, row in enumerate(cells))


def _row(cells: Sequence[str], widths: Sequence[int], role: str) -> Line:
    """A span for each cell, all but the last filled with spaces up to the next column."""
    last = len(cells) - 1
    return tuple(
        (cell if i == last else cell + " " * (max(widths[i] - columns(cell), 0) + 2), role)
        for i, cell in enumerate(cells)
    )


def first_names(names: Sequence[str], most: int = 20) -> str:
    """The names in a row, the first `most` of them with a count of the rest."""
    rest = len(names) - most
    return ", ".join((*names[:most], *([f"and {rest} more"] if rest > 0 else ())))
