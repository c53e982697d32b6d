"""The settable fields of a kind: each with its place, its compiled rule and its schema's digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakctl.kinds.fields import Absent
from peakctl.kinds.schemas import load_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peakctl.kinds.fields import Field, Kind

Node = dict[str, Any]
FACTS = ("call", "immutable", "sensitive", "redeploys", "deferred")
"""What a field inherits: it belongs to the field's schema though it stands above it."""


@dataclass(frozen=True)
class Variant:
    """A step of a path that goes nowhere: the map here is the one with this discriminator."""

    word: str
    value: str


Step = str | Variant
EACH, ITEM = "*", "[]"
"""Any key of a map with free keys, and any item of a list."""


@dataclass(frozen=True)
class SettableField:
    """One row of the matrix. `steps` leads from the document to the field; `above` are the maps and
    lists on the way, the nearest last."""

    kind: str
    steps: tuple[Step, ...]
    rule: Field
    node: Node
    defs: Node
    above: tuple[tuple[tuple[Step, ...], Field], ...] = ()

    @property
    def name(self) -> str:
        """`spec.steps.*[type=http].url`"""
        out = ""
        for step in self.steps:
            if isinstance(step, Variant):
                out += f"[{step.word}={step.value}]"
            else:
                out += step if step == ITEM or not out else f".{step}"
        return out

    @property
    def word(self) -> str:
        """The property's own name."""
        return str(self.steps[-1])

    @property
    def digest(self) -> str:
        """Of all that the schema says of it and of what lies below, its prose left out."""
        told = [_bare(self.node, self.defs), [str(getattr(self.rule, each)) for each in FACTS]]
        text = json.dumps(told, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def settable_fields(kind: Kind) -> list[SettableField]:
    """Every field that a manifest of `kind` may have under metadata and spec, parents first."""
    defs: Node = dict(kind.schema.get("$defs", {}))
    found = []
    for room in ("metadata", "spec"):
        node = kind.schema["properties"][room]
        walk = _below((room,), kind.root.properties[room], node, defs)
        found += [SettableField(kind.name, *each, defs, above) for *each, above in walk]
    return found


def all_fields() -> list[SettableField]:
    """The rows of the whole matrix, in the order of kinds and schemas."""
    return [field for kind in load_kinds().values() for field in settable_fields(kind)]


def resolved(node: Node, defs: Node) -> Node:
    """`node` with references and "or a parameter" merged in; `param` tells of the latter."""
    while "$ref" in node or "anyOf" in node:
        if "anyOf" in node:
            rest = {k: v for k, v in node.items() if k != "anyOf"}
            node = {**node["anyOf"][0], **rest, "param": True}
        else:
            rest = {k: v for k, v in node.items() if k != "$ref"}
            node = {**defs[node["$ref"].removeprefix("#/$defs/")], **rest}
    return node


Above = tuple[tuple[tuple[Step, ...], "Field"], ...]


def _below(
    at: tuple[Step, ...], rule: Field, raw: Node, defs: Node, above: Above = ()
) -> Iterator[tuple[tuple[Step, ...], Field, Node, Above]]:
    node = resolved(raw, defs)
    here = (*above, (at, rule))
    for value, variant in rule.variants.items():
        branch = _branch(node, rule.discriminator, value, defs)
        if branch is not None:
            step = Variant(rule.discriminator, value)
            yield from _below((*at, step), variant, branch, defs, above)
    for word, inner in () if rule.variants else rule.properties.items():
        raw_inner = node.get("properties", {}).get(word)
        if raw_inner is not None and inner.absent is not Absent.READ_ONLY:
            yield (*at, word), inner, resolved(raw_inner, defs), here
            yield from _below((*at, word), inner, raw_inner, defs, here)
    if rule.extra is not None:
        yield from _below((*at, EACH), rule.extra, node["additionalProperties"], defs, here)
    if rule.items is not None:
        yield from _below((*at, ITEM), rule.items, node["items"], defs, here)


def _branch(node: Node, word: str, value: str, defs: Node) -> Node | None:
    """The branch whose constant is `value`; None for a further word for one that was there."""
    for raw in node["oneOf"]:
        branch = resolved(raw, defs)
        told = resolved(branch["properties"][word], defs)
        values = told.get("enum", [told.get("const")])
        if value in values:
            return branch if values[0] == value else None
    raise LookupError(f"no branch for {word}={value}")


def _bare(raw: Node, defs: Node) -> Any:
    """A node without references and descriptions, whole."""
    if isinstance(raw, list):
        return [_bare(each, defs) for each in raw]
    if not isinstance(raw, dict):
        return raw
    node = resolved(raw, defs) if isinstance(raw.get("$ref"), str) or "anyOf" in raw else raw
    return {
        word: _bare(value, defs)
        for word, value in node.items()
        if not (word == "description" and isinstance(value, str))
    }
