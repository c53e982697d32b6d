"""Jinja's complaints about syntax in our words, placed where what is not closed begins."""

from __future__ import annotations

import re

from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from peakctl.errors import nearest_names

_TAGS = ("if", "elif", "else", "for", "set", "macro", "call", "filter", "with", "include", "import")
_TAG = re.compile(r"\{%[-+]?\s*(\w+)")
_UNCLOSED = re.compile(r"(?:unknown tag '(\w+)')?.*needs to be closed is '(\w+)'", re.DOTALL)
_UNKNOWN_TAG = re.compile(r"unknown tag '(\w+)'")
_UNKNOWN_WORD = re.compile(r"No (filter|test) named '(\w+)'")
_ENDLESS = re.compile(r"\bexpected (?:token )?'end of |end of comment")
_ENDS = {"{{": "}}", "{%": "%}", "{#": "#}"}
_JARGON = {"'end of print statement'": "}}", "'end of statement block'": "%}"}

RAW = "put the text between {% raw %} and {% endraw %}"
_FOREIGN = re.compile(r"\$\{\{|\{\{-?\s*\.")
"""`${{ x }}` of GitHub, and `{{ .X }}` of Go's templates."""

Told = tuple[str, str, int | None]
"""Summary, what to do, and the index in the text where it begins (None: jinja's line is right)."""


def word_syntax(message: str, text: str, line: int) -> Told:
    """What to say of the syntax error that jinja found in `line` of `text`."""
    before = "".join(text.splitlines(keepends=True)[:line])
    if found := _UNCLOSED.search(message):
        block = found[2]
        return f'the block "{block}" is not closed', f"add {{% end{block} %}}", _open(before, block)
    if found := _UNKNOWN_TAG.search(message):
        return _unknown_tag(found[1])
    if found := _UNKNOWN_WORD.search(message):
        sort, word = found.groups()
        near = nearest_names(word, FILTERS if sort == "filter" else TESTS)
        return f'there is no {sort} "{word}"', _meant(near) or f'remove "{word}"', None
    if _ENDLESS.search(message):
        return _endless(before)
    for jargon, word in _JARGON.items():
        message = message.replace(jargon, f'"{word}"')
    lines = before.splitlines()
    is_foreign = bool(lines and _FOREIGN.search(lines[-1]))
    fix = f"for another program: {RAW}" if is_foreign else "correct the template"
    return message[:1].lower() + message[1:].rstrip("."), fix, None


def _unknown_tag(word: str) -> Told:
    if word.startswith("end"):
        return f'"{word}" closes nothing', f"remove it, or open {word[3:]} before it", None
    near = _meant(nearest_names(word, _TAGS))
    return f'there is no tag "{word}"', near or f"the tags are {', '.join(_TAGS)}", None


def _meant(near: tuple[str, ...]) -> str:
    return f"did you mean: {', '.join(near)}" if near else ""


def _open(before: str, block: str) -> int | None:
    """Where the innermost `block` that is still open begins."""
    starts: list[int] = []
    for found in _TAG.finditer(before):
        if found[1] == block:
            starts.append(found.start())
        elif found[1] == f"end{block}" and starts:
            starts.pop()
    return starts[-1] if starts else None


def _endless(before: str) -> Told:
    """An expression, tag or comment that goes on where it should have ended."""
    start = max(before.rfind(opening) for opening in _ENDS)
    opening = before[start : start + 2]
    end = _ENDS.get(opening, "}}")
    fix = f"close it with {end}"
    if before[:start].endswith("$"):
        fix = f"for ${opening} of a shell or of another program: {RAW}"
    return f'what begins with "{opening}" does not end', fix, start
