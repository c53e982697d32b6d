"""Lines laid out for a terminal of some width: hanging indents, no word cut, tables in columns.

Only a terminal wraps. What goes into a pipe or a file keeps one line for each thing that is said,
so that `grep` finds it whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest

from peakctl.present.text import CELL, TITLE, Line, Span, columns, line, one_line

HANG = 4
_WHOLE = frozenset({"added", "removed", "command", "source"})
"""Roles of texts that are not broken at their spaces while they fit on a line of their own."""
_NEVER = frozenset({"command", "source"})
"""Roles of texts that are never broken: the terminal does it, and a copy of it is whole."""
_GAP = 2
_SEAM = re.compile(r"(?<=[./,:=_-])(?=[^./,:=_-])")


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The same lines, none wider than `width` unless a word of it is."""
    for cells, rows in groupby(lines, key=_cells):
        if cells:
            yield from _table(list(rows), width)
            continue
        for row in rows:
            if sum(columns(one_line(text)) for text, _ in row) <= width:
                yield row
            else:
                yield from _wrapped(row, width)


def _cells(item: Line) -> int:
    """How many cells a row of a table has; 0 for any other line."""
    return len(item) if all(role in (CELL, TITLE) for _, role in item) else 0


def _wrapped(item: Line, width: int) -> Iterator[Line]:
    """One line as several, all but the first further to the right."""
    plain = "".join(one_line(text) for text, _ in item)
    margin = min(len(plain) - len(plain.lstrip(" ")), width // 2)
    hang = min(margin + HANG, width // 2)
    row: list[Span] = [(" " * margin, "")] if margin else []
    used, is_empty = margin, True
    for space, word in _words(item, width - hang):
        for gap, part in _fitted(space, word, width - hang):
            size = sum(columns(text) for text, _ in part)
            if not is_empty and used + len(gap) + size > width:
                yield tuple(row)
                row, used, gap = [(" " * hang, "")], hang, ""
            row += [(gap, ""), *part] if gap and not is_empty else part
            used += size + (len(gap) if not is_empty else 0)
            is_empty = False
    yield tuple(row)


def _words(item: Line, room: int) -> Iterator[tuple[str, list[Span]]]:
    """What may stand at the start of a line, each with the spaces before it."""
    space, word = "", list[tuple[str, str]]()
    for text, role in item:
        said = one_line(text)
        whole = role in _NEVER or (role in _WHOLE and columns(said) <= room)
        for part in [said] if whole and said.strip() else re.split(r"( +)", said):
            if part.strip(" "):
                word.append((part, role))
            elif part and word:
                yield space, word
                space, word = part, []
            elif part:
                space += part
    if word:
        yield space, word


def _fitted(space: str, word: list[Span], room: int) -> Iterator[tuple[str, list[Span]]]:
    """A word, in parts only where it is a path or an address that is wider than the room."""
    size = sum(columns(text) for text, _ in word)
    if size <= room or any(role in _NEVER for _, role in word):
        yield space, word
        return
    for text, role in word:
        for part in _SEAM.split(text):
            yield space, [(part, role)]
            space = ""


def _table(rows: list[Line], width: int) -> Iterator[Line]:
    """A table whose columns fit, empty ones left out; below each other where they cannot."""
    cells = [[text.rstrip() for text, _ in row] for row in rows]
    widths = [max(columns(row[i]) for row in cells) for i in range(len(cells[0]))]
    if len(rows) == 1 or sum(widths) + _GAP * (len(widths) - 1) <= width:
        yield from rows
        return
    filled = [i for i in range(len(widths)) if any(row[i] for row in cells[1:])]
    cells, widths = [[row[i] for i in filled] for row in cells], [widths[i] for i in filled]
    least = [
        max(columns(word) for row in cells for word in (row[i].split() or [""]))
        for i in range(len(widths))
    ]
    spare = width - _GAP * (len(widths) - 1) - sum(least)
    if spare < 0:
        yield from _stacked(cells, width)
        return
    for row, fitted in zip(rows, _fill(cells, widths, least, spare), strict=True):
        role = row[0][1]
        yield from (line((text, role)) for text in fitted)


def _fill(
    cells: list[list[str]], widths: list[int], least: list[int], spare: int
) -> Iterator[list[str]]:
    """The rows of each row, in columns that share what is spare, the narrow ones first."""
    fitted = list(least)
    for left, i in enumerate(sorted(range(len(widths)), key=lambda i: widths[i] - least[i])):
        share = min(widths[i] - least[i], spare // (len(widths) - left))
        fitted[i] += share
        spare -= share
    broken = [[_broken(cell, fitted[i]) for i, cell in enumerate(row)] for row in cells]
    used = [max(columns(part) for row in broken for part in row[i]) for i in range(len(widths))]
    for row in broken:
        rows = zip_longest(*row, fillvalue="")
        yield [(" " * _GAP).join(map(_padded, each, used)).rstrip() for each in rows]


def _broken(cell: str, width: int) -> list[str]:
    rows = [""]
    for word in re.split(r"(?<= )(?! )", cell):
        if rows[-1] and columns(rows[-1]) + columns(word.rstrip()) > width:
            rows.append("")
        rows[-1] += word
    return [row.rstrip() for row in rows]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def _stacked(cells: list[list[str]], width: int) -> Iterator[Line]:
    """Each row as a block: its first cell, then the others below their titles."""
    titles = [title.lower() for title in cells[0]]
    wide = max((columns(title) for title in titles[1:]), default=0)
    for first, *others in cells[1:]:
        yield from wrapped([line(first)], width)
        for title, cell in zip(titles[1:], others, strict=True):
            if cell:
                row = line("    ", (f"{_padded(title, wide)}  ", "dim"), cell)
                yield from wrapped([row], width)
