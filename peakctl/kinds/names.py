"""Names that are not what they look like: characters that nobody can see, two writings of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from peakctl.model.text import first_unseen, named_character, shown_text

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints
    from peakctl.model import Path

NAMES = frozenset(
    ("name", "stepName", "imageRef", "parents", "previousNames", "dependsOn", "instanceType")
)
"""Fields whose texts are names, whatever the kind; so are the texts in a list of that name."""
TITLES = frozenset(("title",))

_TURNING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a title may not hold: controls, and what turns the direction of all that follows it."""


def check_names(value: Mapping[str, Any], complaints: Complaints) -> None:
    """Complain of each name with a control, zero-width or bidirectional character.

    Keys were looked at when the file was parsed. Such characters show as escapes in the text that
    Python itself makes of a value, which is much quicker than to visit each value.
    """
    if "\\" in repr(value):
        for path, text in _texts(value, ()):
            _check(path, text, complaints)


def _check(path: Path, text: str, complaints: Complaints) -> None:
    word = next((part for part in reversed(path) if isinstance(part, str)), "")
    found = ""
    if word in NAMES:
        found = first_unseen(text, spaces=True)
    elif word in TITLES:
        turning = _TURNING.search(text)
        found = turning[0] if turning else ""
    if path == ("metadata", "name") and "\\" in text:
        _tell_backslash(path, text, complaints)
    elif found:
        complaints.add(
            "name-character",
            path,
            f'the {"title" if word in TITLES else "name"} "{shown_text(text)}"'
            f" holds {named_character(found)}",
            detail="it cannot be seen, or it changes how the text around it is shown",
            fix="write it without that character",
        )


def _tell_backslash(path: Path, text: str, complaints: Complaints) -> None:
    complaints.add(
        "name-character",
        path,
        f'the name "{shown_text(text)}" holds a backslash',
        detail="it reads as an escape sequence, here or where the name is shown",
        fix="write it without the backslash",
    )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text below `value` with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for word, inner in value.items():
            yield from _texts(inner, (*path, word))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts(inner, (*path, position))
