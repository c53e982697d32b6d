"""The nodes of a schema file -> `Field`s: references followed, branches told apart."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from peakctl.kinds import words
from peakctl.kinds.fields import Absent, Field
from peakctl.kinds.nodes import (
    TOUCHING,
    DialectError,
    Node,
    allow_only,
    check_closed,
    check_words,
    compile_ref,
    list_key,
    or_param,
    types_of,
)
from peakctl.kinds.words import PREFIX
from peakctl.model import MISSING

DIGEST = Field(
    types=frozenset({"string"}), absent=Absent.SERVER, description="Digest of the files."
)
"""What stands in `Resource.values` and `Live.values` in place of a folder's path."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a field hands down to those below it."""

    call: str = ""
    sensitive: bool = False
    immutable: str = ""
    redeploys: bool = False

    def over(self, node: Node) -> Inherited:
        """The same for what lies below `node`."""
        return Inherited(
            call=node.get(f"{PREFIX}call", self.call),
            sensitive=node.get(f"{PREFIX}sensitive", self.sensitive),
            immutable=node.get(f"{PREFIX}immutable", self.immutable),
            redeploys=node.get(f"{PREFIX}redeploys", self.redeploys),
        )


class Compiler:
    """Compiles the nodes of one schema; knows its `$defs`."""

    def __init__(self, schema: Node) -> None:
        self._defs: Node = schema.get("$defs", {})

    def field(self, raw: Node, at: str, absent: Absent, above: Inherited | None = None) -> Field:
        """The field that `raw` describes; `above` comes from its parent. Raises DialectError."""
        node = self.resolve(raw, at)
        check_words(node, at)
        passed = (above or Inherited()).over(node)
        if len(at) > 2000:
            raise DialectError(at, "definitions lead back to themselves")
        parts = _own(node)
        parts |= dataclasses.asdict(passed)
        parts |= self._branches(node, at, passed) if is_choice(node) else {}
        parts |= self._below(node, at, passed)
        parts |= {"types": types_of(node, at), "absent": absent}
        parts["touches"] = (
            absent in (Absent.LOCAL, Absent.READ_ONLY)
            or any(parts.get(word) for word in TOUCHING)
            or _touched_below(parts)
        )
        return Field(**parts)

    def absence(self, parent: Node, word: str, at: str) -> Absent:
        """What it means that `word` is missing from an object like `parent`."""
        pointer = f"{at}/properties/{word}"
        node = self.resolve(parent["properties"][word], pointer)
        if not node.get("description"):
            raise DialectError(pointer, "a field has a description")
        rules = [rule for key, rule in words.ABSENCE.items() if key in node]
        if word in parent.get("required", ()):
            if rules:
                raise DialectError(pointer, "a required field is never absent: drop its rule")
            return Absent.REQUIRED
        if len(rules) != 1:
            raise DialectError(pointer, f"one rule must say what absence means, not {len(rules)}")
        return rules[0]

    def resolve(self, node: Node, at: str) -> Node:
        """`node` with what it refers to, and with the value half of "or a parameter", merged in."""
        allow_only(node, words.KEYWORDS, at)
        seen: set[str] = set()
        while "$ref" in node or "anyOf" in node:
            if "anyOf" in node:
                node = or_param(node, at)
                continue
            ref = node["$ref"]
            if ref in seen:
                raise DialectError(at, f"{ref} leads back to itself")
            seen.add(ref)
            node = {**self._definition(ref, at), **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def _definition(self, ref: str, at: str) -> Node:
        name = ref.removeprefix("#/$defs/")
        if name == ref:
            raise DialectError(f"{at}/$ref", f"{ref} does not point into $defs of this file")
        if name not in self._defs:
            raise DialectError(f"{at}/$ref", f"{ref} does not exist")
        found: Node = self._defs[name]
        allow_only(found, words.KEYWORDS, f"/$defs/{name}")
        return found

    def _below(self, node: Node, at: str, passed: Inherited) -> dict[str, Any]:
        """Properties, values of free keys and items."""
        check_closed(node, at)
        parts: dict[str, Any] = {}
        properties: Node = node.get("properties", {})
        parts["properties"] = {
            word: self.field(inner, f"{at}/properties/{word}", self.absence(node, word, at), passed)
            for word, inner in properties.items()
        }
        if node.get(f"{PREFIX}archive"):
            parts["properties"]["digest"] = dataclasses.replace(DIGEST, call=passed.call)
        extra = node.get("additionalProperties", False)
        if extra:
            pointer = f"{at}/additionalProperties"
            parts["extra"] = self.field(extra, pointer, Absent.CLEAR, passed)
        if "items" in node:
            parts["items"] = self.field(node["items"], f"{at}/items", Absent.REQUIRED, passed)
        _check_siblings(node, parts, at)
        return parts

    def _branches(self, node: Node, at: str, passed: Inherited) -> dict[str, Any]:
        """The discriminator, and the tree for each of its values."""
        word, constants, default = choices_of(self, node, at)
        variants: dict[str, Field] = {}
        aliases: dict[str, str] = {}
        for i, (raw, values) in enumerate(zip(node["oneOf"], constants, strict=True)):
            compiled = self.field(raw, f"{at}/oneOf/{i}", Absent.REQUIRED, passed)
            variants |= dict.fromkeys(values, compiled)
            aliases |= compiled.properties[word].aliases
        return {
            "discriminator": word,
            "variants": variants,
            "default_variant": default or "",
            "aliases": aliases,
        }


def _own(node: Node) -> dict[str, Any]:
    """What our own words say of one field."""
    own = {word: node.get(PREFIX + word) for word in words.OWN}
    return {
        "default": node.get("default", MISSING),
        "unseen": bool(own["unseen"]),
        "deferred": own["deferred"] or "",
        "after_create": bool(own["after-create"]),
        "unordered": bool(own["unordered"]),
        "list_key": list_key(own["list-key"]),
        "ref": compile_ref(own["ref"]) if own["ref"] else None,
        "archive": bool(own["archive"]),
        "file_for": own["file"] or "",
        "check": own["check"] or "",
        "only_if": {k: tuple(v) for k, v in (own["only-if"] or {}).items()},
        "aliases": own["alias"] or {},
        "short_for": own["short-for"] or "",
        "one_of": () if is_choice(node) else _alternatives(node),
        "description": node.get("description", ""),
    }


def choices_of(
    compiler: Compiler, node: Node, at: str = ""
) -> tuple[str, list[list[str]], str | None]:
    """The discriminator of a choice, its values for each branch, and the default one."""
    nodes = [compiler.resolve(raw, f"{at}/oneOf/{i}") for i, raw in enumerate(node["oneOf"])]
    word = _discriminator(nodes, at)
    choosers: list[Node] = [branch["properties"][word] for branch in nodes]
    default = next((chooser["default"] for chooser in choosers if "default" in chooser), None)
    return word, [_constants(chooser) for chooser in choosers], default


def is_choice(node: Node) -> bool:
    """Whether `oneOf` chooses a branch, and not just one of several required fields."""
    return "oneOf" in node and any(set(branch) != {"required"} for branch in node["oneOf"])


def _alternatives(node: Node) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(branch["required"]) for branch in node.get("oneOf", ()))


def _constants(node: Node) -> list[str]:
    """The values of a property that may tell branches apart; empty when it cannot."""
    if "const" in node:
        return [node["const"]]
    return list(node["enum"]) if f"{PREFIX}alias" in node else []


def _discriminator(branches: list[Node], at: str) -> str:
    """The property with other constants (or an enum with its aliases) in every branch."""
    for word in branches[0].get("properties", {}):
        found = [_constants(branch.get("properties", {}).get(word, {})) for branch in branches]
        values = [value for constants in found for value in constants]
        if all(found) and len(set(values)) == len(values):
            return str(word)
    raise DialectError(f"{at}/oneOf", "branches are told apart by one constant property")


def _check_siblings(node: Node, parts: dict[str, Any], at: str) -> None:
    """What a field says of its siblings and items must be there."""
    properties: dict[str, Field] = parts["properties"]
    for word, inner in properties.items():
        for other in (inner.file_for, *(path.split(".")[0] for path in inner.only_if)):
            if other and other not in properties:
                raise DialectError(f"{at}/properties/{word}", f"there is no sibling {other}")
    for alternative in () if is_choice(node) else _alternatives(node):
        if not set(alternative) <= properties.keys():
            raise DialectError(f"{at}/oneOf", f"there is no property {alternative[0]}")
    item = parts.get("items")
    for key in list_key(node.get(f"{PREFIX}list-key")):
        if item is None or not (item.variants or key[0] in item.properties):
            raise DialectError(f"{at}/{PREFIX}list-key", f"items have no {key[0]}")


def _touched_below(parts: dict[str, Any]) -> bool:
    below = [*parts["properties"].values(), *parts.get("variants", {}).values()]
    below += [field for field in (parts.get("extra"), parts.get("items")) if field is not None]
    return any(field.touches for field in below)
