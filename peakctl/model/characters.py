"""Characters that nobody can see, or that turn the direction of a text: none belongs into a name.

Control characters, marks of direction, spaces other than the usual one, and what has no width.
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


def normal_form(text: str) -> str:
    """`text` as two writings of it are compared: `é` is one character or two."""
    return unicodedata.normalize("NFC", text)
