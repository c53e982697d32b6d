"""Help that fits the terminal: examples in columns, or below each other where it is narrow.

click wraps prose, and leaves what stands below `\\b` as it is. There a line is a command, or a part
of a file, with a note beside it after two spaces or more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import click
from click.formatting import wrap_text

_UNWRAPPED = "\b\n"
_HANG = 4
_GAP = 2
_LEAST = 24
"""Columns that notes need beside commands; with less they go below them."""
_NOTED = re.compile(r"( *\S.*?\S) {2,}(\S.*)")
_GOES_ON = re.compile(r" \\\n *")
_WORD = re.compile(r"""(?:--?[\w-]+ (?![-\\|>]))?(?:'[^']*'|"[^"]*"|\S)+""")
"""What is not broken: a word with its quotes, and an option with its value."""
_COMMAND = "peakctl "


class Row(NamedTuple):
    """A line of an example: what is typed, and the note beside it, if there is one."""

    typed: str
    note: str = ""


def fit_examples(text: str, width: int) -> str:
    """The text with no line of an example wider than `width`, unless a word of it is."""
    return "\n\n".join(
        _UNWRAPPED + "\n".join(_fit(part.removeprefix(_UNWRAPPED).splitlines(), width))
        if part.startswith(_UNWRAPPED)
        else part
        for part in text.split("\n\n")
    )


def _fit(lines: Sequence[str], width: int) -> Sequence[str]:
    if all(len(each) <= width for each in lines):
        return lines
    whole = _GOES_ON.sub(" ", "\n".join(lines)).splitlines()
    rows = [Row(*found.groups()) if (found := _NOTED.match(each)) else Row(each) for each in whole]
    column = max((len(row.typed) for row in rows if row.note), default=0) + _GAP
    beside = width - column >= _LEAST
    return [each for row in rows for each in _lay_out(row, column if beside else 0, width)]


def _lay_out(row: Row, column: int, width: int) -> Iterator[str]:
    """The lines of a row: its note at `column`, or below what is typed where that is 0."""
    if not row.note:
        yield from _broken(row.typed, width)
        return
    if column:
        note = wrap_text(row.note, width, " " * column, " " * column)
        yield row.typed.ljust(column) + note.lstrip()
        return
    below = " " * (_margin(row.typed) + _HANG)
    yield from _broken(row.typed, width)
    yield wrap_text(row.note, width, below, below)


def _broken(typed: str, width: int) -> Iterator[str]:
    """What is typed, broken where no quotes are; a command goes on after a backslash."""
    margin = _margin(typed)
    hang = margin + _HANG if margin else 0
    end = " \\" if typed.lstrip().startswith(_COMMAND) else ""
    row = " " * margin
    for word in _WORD.findall(typed):
        if row.strip() and len(row) + len(word) + len(end) > width:
            yield row.rstrip() + end
            row = " " * hang
        row += f"{word} "
    yield row.rstrip()


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


class Formatter(click.HelpFormatter):
    """click's, which fits examples too."""

    def write_text(self, text: str) -> None:
        super().write_text(fit_examples(text, self.width - self.current_indent))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        super().write_dl(list(rows), min(col_max, self.width * 2 // 5), col_spacing)


class Context(click.Context):
    """That of a command with such help."""

    formatter_class = Formatter


class Command(click.Command):
    """A command with such help."""

    context_class = Context


class Group(click.Group):
    """A group whose help shows the whole first sentence of each command, wrapped and never cut."""

    context_class = Context
    command_class = Command
    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, each.get_short_help_str(limit=1000)) for name, each in found if each]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
