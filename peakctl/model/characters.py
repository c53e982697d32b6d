"""Characters that nobody can see, or that turn the direction of a text, or steer a terminal.

Control characters, marks of direction, spaces other than the usual one, and what has no width: none
belongs into a name. What others wrote is made printable here before anybody sees it.
"""

from __future__ import annotations

import re
import unicodedata

UNSEEN = (
    "\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3000\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff"
)
"""For a class of a regular expression."""

STEERING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
"""For a class of a regular expression: what steers a terminal or turns a text, but no tab or line
feed."""

_STEERING = re.compile(f"[{STEERING}]")
_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b(?:\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\^_])"
)
_UNSEEN = re.compile(f"[{UNSEEN}]")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def first_unseen(text: str, *, spaces: bool = False) -> str:
    """The first such character, empty if there is none; with `spaces`, wide ones are let pass."""
    found = _UNSEEN.search(_SPACES.sub("", text) if spaces else text)
    return found[0] if found else ""


def named_character(character: str) -> str:
    """A character by its number and its name: `U+200B (ZERO WIDTH SPACE)`."""
    name = "BYTE ORDER MARK" if character == "\ufeff" else unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def shown_text(text: str) -> str:
    """`text` with what nobody can see spelled out: `a\\u200bb`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def printable(text: str) -> str:
    """`text` without escape sequences, control characters and marks that turn its direction.

    Tabs and line feeds stay; carriage returns go. What the platform or a build wrote is passed
    through here before a terminal sees it.
    """
    return _STEERING.sub("", _SEQUENCES.sub("", text))


def bare_text(text: str) -> str:
    """`text` as `printable` gives it, and without any other character that nobody can see.

    Wide spaces stay. A secret with such characters in between is whole again, and can be found.
    """
    words = _SEQUENCES.sub("", text)
    return _UNSEEN.sub(lambda found: found[0] if found[0].isspace() else "", words)


def spelled_text(text: str) -> str:
    """`text` with the characters spelled out that `printable` takes away: `a\\u001b[31mb`."""
    return _STEERING.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def normal_form(text: str) -> str:
    """`text` as two writings of it are compared: `é` is one character or two."""
    return unicodedata.normalize("NFC", text)
