"""How much a template may do: bounds that count, so that they are the same on any machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from jinja2.utils import Namespace

MAX_TEXT = 32 * 2**20
"""Characters that one template writes, or that one value has."""
MAX_MADE = 128 * 2**20
"""Characters of all values that a template makes, whether it keeps them or not."""
MAX_ITEMS = 1_000_000
"""Items of one list or mapping."""
MAX_TURNS = 1_000_000
MAX_CALLS = 200_000
MAX_INCLUDES = 10_000
MAX_STEPS = 20_000_000
"""Expressions that are computed and values that are looked at, all together."""
MAX_TOKENS = 200_000
"""Words and signs in the expressions and tags of one file."""
MAX_SECRETS = 2_000
"""Places of one file where a secret is put in: by count, since its length must not show."""
MAX_WIDTH = 100_000
MAX_BITS = 10_000
MAX_SEARCH = 100_000_000
_ITEM = 8
_CHARACTERS_A_STEP = 64

_WIDE = re.compile(r"[0-9]{6,}|%[^a-zA-Z%]*\*|\{[^{}]*\{")
_WIDTH = re.compile(r"[0-9]{2,5}")
_CONTAINERS: Any = (
    list,
    tuple,
    dict,
    set,
    frozenset,
    type({}.keys()),
    type({}.values()),
)
_PAIRS: type = type({}.items())
_SMALL = frozenset((int, float, bool, type(None)))


T = TypeVar("T")


class BudgetExceeded(Exception):
    """A template asked for too much; the text says of what."""


class Budget:
    """What one template has left."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.turns = self.calls = self.includes = self.steps = self.made = 0

    def turn(self, count: int = 1) -> None:
        self.turns += count
        if self.turns > MAX_TURNS:
            raise BudgetExceeded(f"its loops turn more than {MAX_TURNS:,} times")

    def call(self) -> None:
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise BudgetExceeded(f"it calls macros and functions more than {MAX_CALLS:,} times")

    def include(self) -> None:
        self.includes += 1
        if self.includes > MAX_INCLUDES:
            raise BudgetExceeded(f"it includes files more than {MAX_INCLUDES:,} times")

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            raise BudgetExceeded(f"it takes more than {MAX_STEPS:,} steps")

    def check_output(self, text: str, secrets: int) -> None:
        """Raise BudgetExceeded for the text of a file with so many places of secrets."""
        if len(text) > MAX_TEXT:
            raise BudgetExceeded(f"it writes more than {MAX_TEXT // 2**20} MiB")
        if secrets > MAX_SECRETS:
            raise BudgetExceeded(f"it puts in values of os_env at more than {MAX_SECRETS:,} places")

    def make(self, size: int) -> None:
        """Account for a value of `size` characters, before it is made where that is known."""
        if size > MAX_TEXT:
            raise BudgetExceeded("it makes a value that is too large")
        self.made += size
        if self.made > MAX_MADE:
            raise BudgetExceeded(f"it makes values of more than {MAX_MADE // 2**20} MiB together")

    def made_value(self, value: object) -> object:
        """`value` itself, which was just made. Raises BudgetExceeded when it is too large."""
        if isinstance(value, str):
            self.make(len(value))
        elif isinstance(value, int):
            if value.bit_length() > MAX_BITS:
                raise BudgetExceeded("it makes a number that is too large")
        elif isinstance(value, _CONTAINERS):
            self.reserve(len(value))
        return value

    def reserve(self, items: int) -> None:
        """Account for a list or mapping of so many items."""
        if items > MAX_ITEMS:
            raise BudgetExceeded(f"it makes a list of more than {MAX_ITEMS:,} items")
        self.make(items * _ITEM)

    def counted(self, items: Iterable[T], steps: int = 1) -> Iterator[T]:
        """The items, each one a turn of `steps`: every `for` of a template runs through this."""
        for item in items:
            self.turn()
            self.step(max(steps, 1))
            yield item

    def listed(self, value: Any) -> object:
        """`value`, generators of filters made into lists, so that what is in them can be seen."""
        if hasattr(value, "__next__"):
            value = list(islice(value, MAX_TURNS + 1))
            self.made_value(value)
        if isinstance(value, list | tuple | range):
            self.turn(len(value))
        return value

    def measure(self, value: object) -> int:
        """The characters of `value` with all that is in it, as often as it is in it.

        To look is work too: every operation that walks a value as a whole measures it before.
        """
        if value.__class__ in _SMALL:
            return _ITEM
        if isinstance(value, str):
            self.step(len(value) // _CHARACTERS_A_STEP)
            return len(value)
        if isinstance(value, range):
            self.step(len(value))  # Python looks at each number for one that is not whole
            return _ITEM
        stack, size = [value], 0
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                size += len(item)
                self.step(1 + len(item) // _CHARACTERS_A_STEP)
                continue
            size += _ITEM
            inner = _inner(item)
            self.step(1 + len(inner))
            stack += inner
            if size > MAX_TEXT:
                raise BudgetExceeded("it makes a value that is too large")
        return size


def _inner(value: object) -> list[object]:
    """What a value holds directly."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, Namespace):
        return [*value._Namespace__attrs.values()]
    if isinstance(value, _CONTAINERS):
        return list(value)
    if isinstance(value, _PAIRS):
        pairs: Any = value
        return [part for pair in pairs for part in pair]
    return []


def check_widths(values: Iterable[object]) -> None:
    """Refuse whole numbers that could be widths and would fill the memory."""
    for value in values:
        if isinstance(value, int) and value > MAX_WIDTH:
            raise BudgetExceeded(f"it asks for a width or count over {MAX_WIDTH:,}")


def check_format(text: str, budget: Budget, values: Iterable[object]) -> None:
    """Refuse widths inside of a format: long ones, and those that come from elsewhere.

    Accounts for the result: each place may take all of the values, and be as wide as it says.
    """
    if _WIDE.search(text):
        raise BudgetExceeded("it asks for a width that is computed or too large")
    places = text.count("%") + text.count("{")
    widths = sum(map(int, _WIDTH.findall(text))) if places else 0
    budget.make(len(text) + widths + places * sum(map(budget.measure, values)))


def check_operator(operator: str, left: object, right: object, budget: Budget) -> None:
    """Account for what an operator makes before it is computed."""
    budget.step()
    if operator == "*":
        for many, count in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and isinstance(count, int):
                size = max(len(many) * count, 0)
                budget.make(size) if isinstance(many, str) else budget.reserve(size)
    elif operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
        budget.reserve(len(left) + len(right))
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * right > MAX_BITS:
            raise BudgetExceeded("it raises a number to too high a power")
    elif operator == "%" and isinstance(left, str):
        check_format(left, budget, [right])


def check_method(owner: Any, name: str, args: list[object], budget: Budget) -> None:
    """Account for what a method of a text, list or mapping makes or walks through."""
    check_widths(args)
    inside = sum(map(budget.measure, args))
    if isinstance(owner, str):
        budget.measure(owner)
        _check_text_method(owner, name, args, budget)
    elif name in _MOVING:
        budget.make(_ITEM)
        budget.step(len(owner) // _CHARACTERS_A_STEP)
    elif name in _GROWING:
        grown = (len(arg) for arg in args if isinstance(arg, _CONTAINERS))
        budget.reserve(len(owner) + max(grown, default=1)) if name in _LONG else budget.make(_ITEM)
    elif name in _WALKING:
        budget.measure(owner)
        budget.step(inside)


_LONG = frozenset(("extend", "update"))
_GROWING = _LONG | {"append", "setdefault"}
_MOVING = frozenset(("insert", "pop"))
_WALKING = frozenset(("index", "count", "remove", "sort", "copy", "reverse"))
_SPLITTING = frozenset(("split", "rsplit", "splitlines"))
_BACKWARDS = frozenset(("rfind", "rindex", "rsplit", "rpartition"))


def _check_text_method(owner: str, name: str, args: list[Any], budget: Budget) -> None:
    if name == "replace" and len(args) > 1 and all(isinstance(a, str) for a in args[:2]):
        budget.make(len(owner) + owner.count(args[0]) * len(args[1]))
    elif name == "expandtabs":
        width = next((a for a in args if isinstance(a, int)), 8)
        budget.make(len(owner) + owner.count("\t") * max(width, 0))
    if name in _SPLITTING:
        budget.reserve(len(owner))
    if name in _BACKWARDS and sum(len(a) for a in args if isinstance(a, str)) * len(owner) > (
        MAX_SEARCH
    ):
        raise BudgetExceeded(f"it searches too long a text with {name}")
