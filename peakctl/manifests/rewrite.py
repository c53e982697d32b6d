"""What is done to a template's source before jinja2 reads it; lines stay where they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from peakctl.manifests.marks import LINE_CLOSE, LINE_OPEN

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
            return self._marked(value, start)
        return value

    def _marked(self, value: str, start: int) -> str:
        line = self._text.count("\n", 0, start) + 1
        column = start - self._text.rfind("\n", 0, start)
        pieces = []
        for number, run in enumerate(value.split("\n")):
            place = (self._number, line + number, 1 if number else column, len(run))
            pieces.append(f"{LINE_OPEN}{':'.join(map(str, place))}{LINE_CLOSE}{run}")
        return "\n".join(pieces)
