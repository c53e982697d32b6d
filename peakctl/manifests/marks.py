"""Marks in rendered text that tell where template text was written, and text that holds some.

Only the sandbox that traces places plants them; whatever a template does there has to come out as
it does without them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_OPEN, LINE_CLOSE = "\ue002", "\ue003"
LINE_MARK: Final = re.compile(f"{LINE_OPEN}[^{LINE_CLOSE}]*{LINE_CLOSE}")


class Marked(str):
    """Text with marks in it, which behaves as the text without them."""

    plain: str

    def __new__(cls, text: str) -> Marked:
        self = super().__new__(cls, text)
        self.plain = LINE_MARK.sub("", text)
        return self

    @property
    def text(self) -> str:
        """With the marks."""
        return str.__str__(self)

    def __eq__(self, other: object) -> bool:
        return bool(self.plain == unmarked(other))

    def __ne__(self, other: object) -> bool:
        return bool(self.plain != unmarked(other))

    def __lt__(self, other: str) -> bool:
        return self.plain < str(unmarked(other))

    def __le__(self, other: str) -> bool:
        return self.plain <= str(unmarked(other))

    def __gt__(self, other: str) -> bool:
        return self.plain > str(unmarked(other))

    def __ge__(self, other: str) -> bool:
        return self.plain >= str(unmarked(other))

    def __hash__(self) -> int:
        return hash(self.plain)

    def __len__(self) -> int:
        return len(self.plain)

    def __bool__(self) -> bool:
        return bool(self.plain)

    def __contains__(self, part: object) -> bool:
        return str(unmarked(part)) in self.plain

    def __iter__(self) -> Iterator[str]:
        return iter(self.plain)

    def __getitem__(self, at: Any) -> str:
        return self.plain[at]

    def __repr__(self) -> str:
        return repr(self.plain)

    def __format__(self, spec: str) -> str:
        return format(self.plain, spec) if spec else self.text


def unmarked(value: Any) -> Any:
    """`value` with every marked text in it as plain text."""
    match value:
        case Marked():
            return value.plain
        case list() | tuple():
            return type(value)(unmarked(item) for item in value)
        case dict() if value.__class__ is dict:
            return {unmarked(key): unmarked(item) for key, item in value.items()}
        case _:
            return value
