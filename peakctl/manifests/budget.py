"""How much a template may do: bounds on output, loops, and widths that would fill the memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_TEXT = 32 * 2**20
MAX_TURNS = 1_000_000
MAX_WIDTH = 100_000
MAX_BITS = 10_000

_WIDE = re.compile(r"[0-9]{6,}|%[^a-zA-Z%]*\*|\{[^{}]*\{")


class BudgetExceeded(Exception):
    """A template asked for too much; the text says of what."""


class Budget:
    """What one template has left."""

    def __init__(self) -> None:
        self.turns = 0
        self.written = 0

    def reset(self) -> None:
        self.turns = self.written = 0

    def turn(self, count: int = 1) -> None:
        self.turns += count
        if self.turns > MAX_TURNS:
            raise BudgetExceeded(f"its loops turn more than {MAX_TURNS:,} times")

    def write(self, size: int) -> None:
        self.written += size
        if self.written > MAX_TEXT:
            raise BudgetExceeded(f"it writes more than {MAX_TEXT // 2**20} MiB")

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, each one a turn: every `for` of a template runs through this."""
        for item in items:
            self.turn()
            yield item


def check_size(value: Any) -> Any:
    """`value` itself. Raises BudgetExceeded for a text, list or number that is too large."""
    large = (
        value.bit_length() > MAX_BITS
        if isinstance(value, int)
        else isinstance(value, str | list | tuple) and len(value) > MAX_TEXT
    )
    if large:
        raise BudgetExceeded("it makes a value that is too large")
    return value


def check_widths(values: Iterable[Any]) -> None:
    """Refuse whole numbers that could be widths and would fill the memory."""
    for value in values:
        if isinstance(value, int) and value > MAX_WIDTH:
            raise BudgetExceeded(f"it asks for a width or count over {MAX_WIDTH:,}")


def check_format(text: str) -> None:
    """Refuse widths inside of a format: long ones, and those that come from elsewhere."""
    if _WIDE.search(text):
        raise BudgetExceeded("it asks for a width that is computed or too large")


def check_operator(operator: str, left: Any, right: Any) -> None:
    """Refuse products and powers before they are computed."""
    if operator == "*":
        for text, count in ((left, right), (right, left)):
            repeats = isinstance(text, str | list | tuple) and isinstance(count, int)
            if repeats and len(text) * count > MAX_TEXT:
                raise BudgetExceeded("it repeats a value too often")
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * right > MAX_BITS:
            raise BudgetExceeded("it raises a number to too high a power")
    elif operator == "%" and isinstance(left, str):
        check_format(left)
