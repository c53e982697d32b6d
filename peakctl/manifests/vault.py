"""Values of the environment inside templates: they compare as what they are, and print as tokens.

A token is a number between two private-use characters. Whatever a template does to such a value
natively moves tokens around, never the text; operations that must see the text (filters, methods,
operators) open it and hide what comes out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from peakctl.manifests.rendered import CLOSE, OPEN
from peakctl.manifests.scalars import reveal_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_OPEN, LINE_CLOSE = "\ue002", "\ue003"
"""Around a mark that tells where a piece of template text was written."""

LINE_MARK: Final = re.compile(f"{LINE_OPEN}[^{LINE_CLOSE}]*{LINE_CLOSE}")
RESERVED: Final = re.compile("[\ue000-\ue003]")


class Vault:
    """The texts of all secrets of a run, by number; equal texts have one number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def hide(self, text: str) -> Marked:
        """`text` as a secret: a token for each line, so that indentation can still be added."""
        return Marked("\n".join(self._token(line) for line in text.split("\n")), self)

    def open(self, text: str) -> str:
        """`text` as its reader would see it: without marks, and with secrets for tokens."""
        plain = LINE_MARK.sub("", text)
        shown = reveal_tokens(plain, self.texts)
        return plain if shown is None else shown

    def wrap(self, value: Any) -> Any:
        """A text with tokens or marks in it becomes `Marked`, jinja2's markup plain text."""
        if not isinstance(value, str) or isinstance(value, Marked):
            return value
        text = str.__str__(value)
        return Marked(text, self) if RESERVED.search(text) else text

    def hide_value(self, value: Any) -> Any:
        """`value` with every text and number in it secret. Raises TypeError for what is no data."""
        match value:
            case bool() | None:
                return value
            case str():
                return self.hide(str(value))
            case int():
                return SecretInt.of(value, self)
            case float():
                return SecretFloat.of(value, self)
            case list() | tuple():
                return [self.hide_value(item) for item in value]
            case _:
                raise TypeError(f"a secret cannot be made into {type(value).__name__}")

    def _token(self, line: str) -> str:
        if not line:
            return ""
        number = self._numbers.setdefault(line, len(self.texts))
        if number == len(self.texts):
            self.texts.append(line)
        return f"{OPEN}{number}{CLOSE}"


class Marked(str):
    """Text with tokens or marks in it, which behaves as the text without them."""

    plain: str
    vault: Vault

    def __new__(cls, text: str, vault: Vault) -> Marked:
        self = super().__new__(cls, text)
        self.plain = vault.open(text)
        self.vault = vault
        return self

    @property
    def secret(self) -> bool:
        return str.__contains__(self, OPEN)

    @property
    def text(self) -> str:
        """With the tokens and marks."""
        return str.__str__(self)

    def rewrap(self, plain: str) -> str:
        """A text derived from this one."""
        return self.vault.hide(plain) if self.secret else plain

    def __eq__(self, other: object) -> bool:
        return self.plain == _plain(other)

    def __ne__(self, other: object) -> bool:
        return self.plain != _plain(other)

    def __lt__(self, other: str) -> bool:
        return self.plain < str(_plain(other))

    def __le__(self, other: str) -> bool:
        return self.plain <= str(_plain(other))

    def __gt__(self, other: str) -> bool:
        return self.plain > str(_plain(other))

    def __ge__(self, other: str) -> bool:
        return self.plain >= str(_plain(other))

    def __hash__(self) -> int:
        return hash(self.plain)

    def __len__(self) -> int:
        return len(self.plain)

    def __contains__(self, part: object) -> bool:
        return str(_plain(part)) in self.plain

    def __iter__(self) -> Iterator[str]:
        return map(self.rewrap, self.plain)

    def __getitem__(self, at: Any) -> str:
        return self.rewrap(self.plain[at])

    def __repr__(self) -> str:
        return str.__str__(self.rewrap(repr(self.plain)))

    def __format__(self, spec: str) -> str:
        return str.__str__(self.rewrap(format(self.plain, spec)) if spec else self)


class SecretInt(int):
    """A whole number made of a secret: counts as what it is, prints as a token."""

    marked: Marked

    @classmethod
    def of(cls, value: int, vault: Vault) -> SecretInt:
        self = cls(value)
        self.marked = vault.hide(repr(value))
        return self

    def __repr__(self) -> str:
        return self.marked.text

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return self.marked.vault.hide(format(int(self), spec)).text


class SecretFloat(float):
    """A number made of a secret: counts as what it is, prints as a token."""

    marked: Marked

    @classmethod
    def of(cls, value: float, vault: Vault) -> SecretFloat:
        self = cls(value)
        self.marked = vault.hide(repr(value))
        return self

    def __repr__(self) -> str:
        return self.marked.text

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return self.marked.vault.hide(format(float(self), spec)).text


def opened(value: Any) -> Any:
    """`value` with every marked text and secret number in it as it is."""
    match value:
        case Marked():
            return value.plain
        case SecretInt():
            return int(value)
        case SecretFloat():
            return float(value)
        case list() | tuple():
            return type(value)(opened(item) for item in value)
        case dict():
            return {opened(key): opened(item) for key, item in value.items()}
        case _:
            return value


def holds_secret(value: Any) -> bool:
    """Whether anything in `value` is a secret."""
    match value:
        case Marked():
            return value.secret
        case SecretInt() | SecretFloat():
            return True
        case list() | tuple():
            return any(map(holds_secret, value))
        case dict():
            return any(map(holds_secret, value)) or any(map(holds_secret, value.values()))
        case _:
            return False


def _plain(value: object) -> object:
    return value.plain if isinstance(value, Marked) else value
