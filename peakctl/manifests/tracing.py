"""From a line and column of rendered text back to the template that wrote it.

The template is rendered again, its text rewritten so that every piece begins with a mark of its
place. Only the sandbox that traces plants marks; whatever a template does there has to come out as
it does without them, so text that holds some (`TracedText`) behaves as the text without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, SupportsIndex

from peakctl.model import Location
from peakctl.model.records import dataclass

LINE_OPEN, LINE_CLOSE = "\ue002", "\ue003"
LINE_MARK: Final = re.compile(f"{LINE_OPEN}[^{LINE_CLOSE}]*{LINE_CLOSE}")


class TracedText(str):
    """Text with marks in it, which behaves as the text without them."""

    plain: str

    def __new__(cls, text: str) -> TracedText:
        self = super().__new__(cls, text)
        self.plain = LINE_MARK.sub("", text)
        return self

    @property
    def text(self) -> str:
        """With the marks."""
        return str.__str__(self)

    def __eq__(self, other: object) -> bool:
        return bool(self.plain == untraced(other))

    def __ne__(self, other: object) -> bool:
        return bool(self.plain != untraced(other))

    def __lt__(self, other: str) -> bool:
        return self.plain < str(untraced(other))

    def __le__(self, other: str) -> bool:
        return self.plain <= str(untraced(other))

    def __gt__(self, other: str) -> bool:
        return self.plain > str(untraced(other))

    def __ge__(self, other: str) -> bool:
        return self.plain >= str(untraced(other))

    def __hash__(self) -> int:
        return hash(self.plain)

    def __len__(self) -> int:
        return len(self.plain)

    def __bool__(self) -> bool:
        return bool(self.plain)

    def __contains__(self, part: object) -> bool:
        return str(untraced(part)) in self.plain

    def __iter__(self) -> Iterator[str]:
        return iter(self.plain)

    def __getitem__(self, at: SupportsIndex | slice) -> str:
        return self.plain[at]

    def __repr__(self) -> str:
        return repr(self.plain)

    def __format__(self, spec: str) -> str:
        return format(self.plain, spec) if spec else self.text


def untraced(value: object) -> Any:
    """`value` with every traced text in it as plain text."""
    match value:
        case TracedText():
            return value.plain
        case list() | tuple():
            return type(value)(untraced(item) for item in value)
        case dict() if value.__class__ is dict:
            return {untraced(key): untraced(item) for key, item in value.items()}
        case _:
            return value


_BREAK = re.compile(r"\r\n|\r")
Lexed = Callable[[str, str | None, str | None], Iterable[tuple[int, str, str]]]


def rewrite(
    source: str, lex: Lexed, name: str | None, filename: str | None, number: int | None
) -> str:
    """`source`, each include indented by the text before it (docs/platform.md, 1.9).

    With a `number` for the file, each piece of its text also begins with a mark that tells where it
    was written. Raises jinja2's TemplateSyntaxError.
    """
    text = _BREAK.sub("\n", source)
    return "".join(_Rewriting(text, number).pieces(lex(text, name, filename)))


class _Rewriting:
    def __init__(self, text: str, number: int | None) -> None:
        self._text = text
        self._number = number
        self._pieces: list[str] = []
        self._begin: tuple[int, int] | None = None
        self._including = False

    def pieces(self, tokens: Iterable[tuple[int, str, str]]) -> list[str]:
        """The source again: what jinja2's lexer skips (white space), and each token, changed."""
        end = 0
        for _, kind, value in tokens:
            start = self._text.index(value, end)
            self._look(kind, value, start)
            self._pieces += [self._text[end:start], self._changed(kind, value, start)]
            end = start + len(value)
        return [*self._pieces, self._text[end:]]

    def _look(self, kind: str, value: str, start: int) -> None:
        """Put a filter around a block whose first word is `include`."""
        if kind == "block_begin":
            self._begin = (len(self._pieces) + 1, start)
        elif self._begin is not None and kind != "whitespace":
            piece, begin = self._begin
            self._begin = None
            width = begin - self._text.rfind("\n", 0, begin) - 1
            self._including = value == "include" and width > 0
            if self._including:
                self._pieces[piece] += f" filter inset({width}) %}}{{%"

    def _changed(self, kind: str, value: str, start: int) -> str:
        if kind == "block_end" and self._including:
            self._including = False
            return f" %}}{{% endfilter {value}"
        if kind == "data" and self._number is not None:
            return self._with_places(value, start)
        return value

    def _with_places(self, value: str, start: int) -> str:
        line = self._text.count("\n", 0, start) + 1
        column = start - self._text.rfind("\n", 0, start)
        pieces = []
        for number, run in enumerate(value.split("\n")):
            place = (self._number, line + number, 1 if number else column, len(run))
            pieces.append(f"{LINE_OPEN}{':'.join(map(str, place))}{LINE_CLOSE}{run}")
        return "\n".join(pieces)


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

    `render_traced` renders again with marks; None when the result is not the same text.
    """

    def __init__(
        self, render_traced: Callable[[], str | None], name: Callable[[int], str], display: str
    ) -> None:
        self._render_traced = render_traced
        self._name = name
        self._display = display
        self._rows: list[list[Mark]] | None = None

    def __call__(self, line: int, column: int) -> Location:
        """The place that wrote the character; of an expression, the place where it begins."""
        if self._rows is None:
            self._rows = _rows(self._render_traced() or "")
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


def _rows(traced: str) -> list[list[Mark]]:
    return [list(_marks(row)) for row in traced.split("\n")]


def _marks(row: str) -> Iterator[Mark]:
    hidden = 0
    for found in LINE_MARK.finditer(row):
        numbers = map(int, found[0][1:-1].split(":"))
        yield Mark(found.start() - hidden, *numbers)
        hidden += len(found[0])
