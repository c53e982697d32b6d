"""What libyaml refuses, told with a place and a next step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yaml import MarkedYAMLError
from yaml.reader import ReaderError

from peakctl.errors import Diagnostic
from peakctl.manifests.compose import MAX_DEPTH, TooDeep
from peakctl.manifests.rendered import OPEN
from peakctl.model.text import named_character

if TYPE_CHECKING:
    from peakctl.manifests.build import Place
    from peakctl.model import Location

_OPENED = ("quoted scalar", "flow sequence", "flow mapping")
"""Where libyaml runs on to the end and the mistake is at the beginning."""

_FIXES = {
    "mapping values are not allowed": "quote the value if it holds a colon and a space",
    "cannot start any token": "quote the value",
    "did not find expected": "check the indentation of this line and of the one before",
    "could not find expected ':'": "write a colon and a space after the key",
    "undefined alias": "define the anchor before it is used, or quote the value if it is text",
}
_SPACES = "\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
"""Characters that look like a space or like nothing, and are a part of words to YAML."""
_MISPLACED = re.compile(rf"^[ \t-]*([{_SPACES}])|[:-]([{_SPACES}])")
_VALUE = re.compile(r"[^\n#]*")


def tell_fault(error: Exception, text: str, place: Place) -> Diagnostic:
    """The diagnostic for what `compose` raised for `text`."""
    if isinstance(error, TooDeep):
        return Diagnostic(
            code="manifest/too-deep",
            summary=f"more than {MAX_DEPTH} lists and mappings within each other",
            locations=(place(error.mark),),
            fix="flatten the document",
        )
    if isinstance(error, MarkedYAMLError):
        return _tell_marked(error, text, place)
    return _tell_character(error, text, place)


def _tell_marked(error: MarkedYAMLError, text: str, place: Place) -> Diagnostic:
    problem = str(error.problem)
    mark: Any = error.problem_mark
    if text[mark.index :].startswith("\t"):
        return Diagnostic(
            code="manifest/tab",
            summary="a tab is used for indentation",
            locations=(place(mark),),
            fix="indent with spaces",
        )
    odd = tell_odd_space(text, mark.line, place)
    if odd is not None:
        return odd
    detail = str(error.context or "")
    if "alias" in detail:
        return _tell_alias(error.context_mark, text, place)
    return Diagnostic(
        code="manifest/syntax",
        summary=problem,
        locations=_ordered(error, text, place),
        detail=detail,
        fix=next((fix for word, fix in _FIXES.items() if word in problem), ""),
    )


def tell_odd_space(text: str, line: int, place: Place) -> Diagnostic | None:
    """The character that looks like a space and is none, on a line (from 0) or the one before."""
    lines = text.split("\n")
    for number in range(max(line - 1, 0), min(line + 1, len(lines))):
        found = _MISPLACED.search(lines[number])
        if found:
            column = found.end() - 1
            return Diagnostic(
                code="manifest/character",
                summary=f"{named_character(lines[number][column])} stands where YAML wants a space",
                locations=(place(_At(number, column)),),
                fix="replace it by a space",
            )
    return None


def _tell_alias(mark: Any, text: str, place: Place) -> Diagnostic:
    """A value like `*/5 * * * *`, where YAML sees the name of an anchor and finds none."""
    found = _VALUE.match(text, mark.index)
    value = found[0].strip() if found else ""
    quoted = "" if OPEN in value else f', like "{value.rstrip("}],")}"'
    return Diagnostic(
        code="manifest/syntax",
        summary="a value that begins with * is an alias to YAML, and this one is none",
        locations=(place(mark),),
        fix=f'quote the value{quoted}; around a template: "{{{{ name }}}}"',
    )


def _ordered(error: MarkedYAMLError, text: str, place: Place) -> tuple[Location, ...]:
    problem = place(_within(error.problem_mark, text))
    if error.context_mark is None:
        return (problem,)
    context = place(_within(error.context_mark, text))
    opened = any(word in str(error.context) for word in _OPENED)
    return (context, problem) if opened else (problem, context)


def _within(mark: Any, text: str) -> Any:
    """At the end of the text libyaml points to a line that is not there."""
    end = len(text.rstrip())
    return _Index(text, end) if mark.index >= end else mark


def _tell_character(error: Exception, text: str, place: Place) -> Diagnostic:
    """A character that YAML does not allow, or that is no character: half a surrogate pair."""
    if isinstance(error, ReaderError):
        code = int(error.character)
        index = text.find(chr(code))
    else:
        index = getattr(error, "start", 0)
        code = ord(text[index])
    return Diagnostic(
        code="manifest/character",
        summary=f"the character U+{code:04X} is not allowed in YAML",
        locations=(place(_Index(text, index)),),
        fix="remove it, or write it as an escape within double quotes",
    )


@dataclass(frozen=True, slots=True)
class _At:
    """A mark made of a line and a column, both from 0."""

    line: int
    column: int


class _Index:
    """A mark made of an index."""

    def __init__(self, text: str, index: int) -> None:
        before = text[: max(index, 0)]
        self.line = before.count("\n")
        self.column = len(before) - before.rfind("\n") - 1


def index_of(error: Exception) -> int:
    """Where in the text `compose` stopped; a search for the next document begins there."""
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "mark", None)
    return 0 if mark is None else int(mark.index)
