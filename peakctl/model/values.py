"""Values as they walk through the rooms: JSON whose leaves may also be secret or unknown."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Path = tuple[str | int, ...]


Value = Any


Tree = Mapping[str, Value]


MASK = "(sensitive)"


SHORTEST_SECRET = 4
"""Characters of a secret that is masked in any text; a shorter one is a part of too many words."""


def is_masked(value: Value) -> bool:
    """Whether a value is what the platform shows in place of one that it hides (`********`)."""
    return isinstance(value, str) and len(value) > 2 and not value.strip("*•")


KNOWN_AFTER_APPLY = "(known after apply)"


MAPS = (dict, MappingProxyType)
"""The maps that values are made of: asking for these is ten times as quick as for a Mapping."""


EMPTY: Tree = MappingProxyType({})


def empty_tree() -> Tree:
    """`EMPTY`, as the factory that dataclass fields want."""
    return EMPTY


def dotted(path: Path) -> str:
    """`("spec", "steps", 0, "a.b")` -> `spec.steps[0]."a.b"`, the form that users read and type."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            word = f'"{part}"' if not part or set(part) & set('."[] ') else part
            out += f".{word}" if out else word
    return out


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Identity in manifests: kind and name. Prints as `Image/forecast`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a source file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Secret:
    """A value that must never reach a byte we write, except inside a request body.

    Two secrets are equal when their values are; `reveal` is called by the API client alone.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    def reveal(self) -> Value:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        # Equal secrets hash the same: 2 equals 2.0, and maps are equal in any order.
        return hash(self._value) if isinstance(self._value, str) else hash(Secret)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True)
class Unknown:
    """The `attribute` (`id` or `version`) of a resource that an action of this run will make."""

    of: Key
    attribute: str

    def __str__(self) -> str:
        return KNOWN_AFTER_APPLY


def reveal(value: Value) -> Value:
    """The tree with every `Secret` opened. Only for request bodies and for the schema check."""
    match value:
        case Secret():
            return reveal(value.reveal())
        case Mapping():
            return {k: reveal(v) for k, v in value.items()}
        case list() | tuple():
            return [reveal(v) for v in value]
        case _:
            return value


_TYPES = {bool: "boolean", str: "string", list: "list", int: "integer", float: "number"}


def type_of(value: Value) -> str:
    """The type of a JSON value as users are told it: mapping, list, string, integer, ..."""
    return "null" if value is None else _TYPES.get(type(value), "mapping")


class _Missing(enum.Enum):
    MISSING = "missing"


MISSING = _Missing.MISSING
"""Stands for "no such key", where None would mean an explicit null."""


class _Unseen(enum.Enum):
    UNSEEN = "(not shown)"

    def __str__(self) -> str:
        return self.value


UNSEEN = _Unseen.UNSEEN
"""Stands for a live value that no read shows: there is one, and it is not the wanted one."""
