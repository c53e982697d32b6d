"""Long values within a budget of lines and characters: the middle goes, and is counted.

Of two long texts that differ, what is around the difference stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peakctl.present.text import Line, line

AROUND = 40
"""Characters that stay on each side of a difference between long texts."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much one change may take: lines, and characters of each line or text."""

    rows: int
    characters: int


ROOM = Room(14, 240)
ROOM_VERBOSE = Room(100, 1_000)


def cut(text: str, most: int) -> str:
    """`text`, without its middle where it is longer than `most`."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} {_left_out(len(text) - 2 * half)} {text[-half:]}"


def cut_rows(rows: Sequence[Line], most: int) -> tuple[Line, ...]:
    """The lines of one change without those in the middle, but for a count."""
    if len(rows) <= most + 1:
        return tuple(rows)
    head, tail = most * 2 // 3, most // 3
    gone = len(rows) - head - tail
    return (
        *rows[:head],
        line(("    ", ""), (f"… {gone:,} lines left out …", "dim")),
        *rows[-tail:],
    )


def around(before: str, after: str, most: int, quote: Callable[[str], str]) -> tuple[str, str]:
    """Two texts that differ: whole where they are short, else what is around the difference.

    `quote` writes a part of them as it is printed.
    """
    if max(len(before), len(after)) <= most:
        return quote(before), quote(after)
    start = max(0, _same(before, after) - AROUND)
    rest = [text[start:] for text in (before, after)]
    end = max(0, _same(rest[0][::-1], rest[1][::-1]) - AROUND)
    head = f"{_left_out(start)} " if start else ""
    tail = f" {_left_out(end)}" if end else ""
    parts = (text[: len(text) - end] for text in rest)
    one, two = (f"{head}{cut_quoted(part, most, quote)}{tail}" for part in parts)
    return one, two


def cut_quoted(text: str, most: int, quote: Callable[[str], str]) -> str:
    """`text` as `quote` prints it, in two parts where it is longer than `most`."""
    if len(text) <= most:
        return quote(text)
    half = most // 2
    return f"{quote(text[:half])} {_left_out(len(text) - 2 * half)} {quote(text[-half:])}"


def _same(one: str, two: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == two[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _left_out(count: int) -> str:
    return f"… {count:,} {'character' if count == 1 else 'characters'} left out …"
