"""Values of manifests and of live resources: JSON whose leaves may also be secret or unknown."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Never, TypeAlias, overload

from peakctl.model.records import dataclass

Path = tuple[str | int, ...]


Value: TypeAlias = (
    "bool | int | float | str | Secret | Unknown | _Missing | _Unseen"
    " | list[Value] | Mapping[str, Value] | None"
)
"""A value of a manifest or of a live resource; a `Secret` passes nowhere as a text."""

Tree: TypeAlias = Mapping[str, Value]

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object of the platform as it came: only who reads a field knows what it is."""
JsonDict: TypeAlias = dict[str, Any]
"""A JSON object under construction, for a body or from an answer."""


MASK = "(sensitive)"


SHORTEST_SECRET = 4
"""Characters of a secret that is masked in any text; a shorter one is a part of too many words."""


MASKING = frozenset("*•")
"""What the platform writes in place of the characters of a value that it hides."""


def is_masked(value: Value) -> bool:
    """Whether a value is what the platform shows in place of one that it hides (`********`)."""
    if not isinstance(value, str) or len(value) < 3 or value[0] not in MASKING:
        return False
    return MASKING.issuperset(value)


KNOWN_AFTER_APPLY = "(known after apply)"


MAPS = (dict, MappingProxyType)
"""The maps that values are made of: asking for these is ten times as quick as for a Mapping."""


EMPTY: Mapping[str, Never] = MappingProxyType({})


def empty_tree() -> Mapping[str, Never]:
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


class UnsetSecret(Secret):
    """A secret that nobody knows here: `variable`, which would give it, is not set.

    It stands for some value, is compared with nothing, and is never sent.
    """

    __slots__ = ("variable",)

    def __init__(self, variable: str) -> None:
        super().__init__(unset_text(variable))
        self.variable = variable

    def __repr__(self) -> str:
        return str(self.reveal())

    __str__ = __repr__


UNSET = "(unknown: "
"""How the text begins that stands for the value of a variable that is not set."""


def unset_text(variable: str) -> str:
    """What stands for the value of a variable that is not set."""
    return f"{UNSET}{variable} is not set)"


def is_unset(value: Value) -> bool:
    """Whether a value is one that nobody knows here, sealed again or not."""
    while isinstance(value, Secret) and not isinstance(value, UnsetSecret):
        value = value.reveal()
    return isinstance(value, UnsetSecret)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The `attribute` (`id` or `version`) of a resource that an action of this run will make."""

    of: Key
    attribute: str

    def __str__(self) -> str:
        return KNOWN_AFTER_APPLY


@overload
def reveal(value: Tree) -> dict[str, Value]: ...
@overload
def reveal(value: Value) -> Value: ...
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


def value_at(value: Value, path: Path) -> Value:
    """The value at `path`, or MISSING."""
    for part in path:
        if isinstance(value, list):
            found = value[part] if isinstance(part, int) and part < len(value) else MISSING
        else:
            found = value.get(part, MISSING) if isinstance(value, MAPS) else MISSING
        if found is MISSING:
            return MISSING
        value = found
    return value


def mapping_at(value: Value, path: Path = ()) -> Tree:
    """The mapping at `path`, `EMPTY` where there is none."""
    found = value_at(value, path)
    return found if isinstance(found, MAPS) else EMPTY


def list_at(value: Value, path: Path = ()) -> list[Value]:
    """The list at `path`, an empty one where there is none."""
    found = value_at(value, path)
    return found if isinstance(found, list) else []


def set_at(tree: Any, path: Path, value: Value) -> None:
    """Put `value` at `path`, making maps (and replacing scalars) on the way."""
    for part in path[:-1]:
        inner = tree.get(part) if isinstance(tree, dict) else tree[part]
        if not isinstance(inner, dict | list):
            inner = {}
            tree[part] = inner
        tree = inner
    tree[path[-1]] = value


def drop_at(tree: Value, path: Path) -> None:
    """Remove what is at `path`; nothing happens when it is not there."""
    parent = value_at(tree, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)


def put_at(tree: Any, path: Path, value: Value) -> None:
    """As `set_at`; an item that a list does not have goes to its end, of a new list if need be."""
    parent = value_at(tree, path[:-1])
    if parent is MISSING and isinstance(path[-1], int):
        set_at(tree, path[:-1], [value])
    elif isinstance(parent, list) and path[-1] == len(parent):
        parent.append(value)
    else:
        set_at(tree, path, value)


def take_at(tree: Value, path: Path) -> None:
    """As `drop_at`, for an item of a list too."""
    parent = value_at(tree, path[:-1])
    if isinstance(parent, list):
        at = int(path[-1])
        del parent[at : at + 1]
    else:
        drop_at(tree, path)


@overload
def copy_tree(value: Tree) -> dict[str, Value]: ...
@overload
def copy_tree(value: Value) -> Value: ...
def copy_tree(value: Value) -> Value:
    """A deep copy with plain dicts and lists; leaves are shared."""
    if isinstance(value, MAPS):
        return {k: copy_tree(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [copy_tree(v) for v in value]
    return value


def map_texts(value: Value, change: Callable[[str], str]) -> Value:
    """The tree with `change` applied to each text, those of secrets left out, and to each key."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, MAPS):
        return {change(k): map_texts(v, change) for k, v in value.items()}
    if isinstance(value, list):
        return [map_texts(v, change) for v in value]
    return value


def leaves(value: Value) -> Iterator[Value]:
    """Everything in a tree but its maps and lists."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, MAPS):
            waiting += [*item.values()][::-1]
        elif isinstance(item, list):
            waiting += item[::-1]
        else:
            yield item


def leaf_places(value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Every leaf of a tree with its place, in the order of the tree."""
    if isinstance(value, MAPS):
        for word, item in value.items():
            yield from leaf_places(item, (*path, word))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaf_places(item, (*path, i))
    else:
        yield path, value


def unknowns(value: Value) -> Iterator[Unknown]:
    """Every `Unknown` leaf of a tree."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, Unknown))


def holds_secret(value: Value) -> bool:
    """Whether any leaf of a tree is a `Secret`."""
    return any(isinstance(leaf, Secret) for leaf in leaves(value))


def holds_unset(value: Value) -> bool:
    """Whether any leaf of a tree is a value that nobody knows here."""
    return any(is_unset(leaf) for leaf in leaves(value))


def holds_unseen(value: Value) -> bool:
    """Whether any leaf of a tree stands for a value that is not shown."""
    return any(leaf is UNSEEN for leaf in leaves(value))


@overload
def fill(value: Tree, known: Mapping[Unknown, Value]) -> dict[str, Value]: ...
@overload
def fill(value: Value, known: Mapping[Unknown, Value]) -> Value: ...
def fill(value: Value, known: Mapping[Unknown, Value]) -> Value:
    """The tree with each `Unknown` replaced; KeyError when one is not known."""
    if isinstance(value, Unknown):
        return known[value]
    if isinstance(value, MAPS):
        return {k: fill(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, known) for v in value]
    return value


def sealed(value: Value) -> Value:
    """A leaf as a `Secret`; containers, nothing, and what no read shows stay as they are."""
    if isinstance(value, Secret | Unknown | dict | list) or value in (None, MISSING, UNSEEN):
        return value
    return Secret(value)


def sealed_below(value: Value) -> Value:
    """The tree with every leaf sealed."""
    if isinstance(value, MAPS):
        return {k: sealed_below(v) for k, v in value.items()}
    if isinstance(value, list):
        return [sealed_below(v) for v in value]
    return sealed(value)


def seal_at(tree: Tree, paths: Iterable[Path]) -> Tree:
    """The tree with everything at `paths` sealed, where something is there."""
    found = [(path, value_at(tree, path)) for path in paths]
    tree = copy_tree(tree) if found else tree
    for path, value in found:
        if value is not MISSING:
            set_at(tree, path, sealed_below(value))
    return tree


@overload
def seal_beside(value: Tree, others: Sequence[Value]) -> dict[str, Value]: ...
@overload
def seal_beside(value: Value, others: Sequence[Value]) -> Value: ...
def seal_beside(value: Value, others: Sequence[Value]) -> Value:
    """The tree with everything sealed that is a `Secret` in one of `others`.

    Items of lists are not told apart: what is secret in one is so in all.
    """
    if any(isinstance(other, Secret) for other in others):
        return sealed_below(value)
    if isinstance(value, MAPS):
        maps = [other for other in others if isinstance(other, MAPS)]
        return {k: seal_beside(v, [m[k] for m in maps if k in m]) for k, v in value.items()}
    if isinstance(value, list):
        items = [item for other in others if isinstance(other, list) for item in other]
        return [seal_beside(v, items) for v in value]
    return value
