"""One node of a schema file: what it may hold, and the small facts read off it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peakctl.kinds import words
from peakctl.kinds.fields import RefRule
from peakctl.kinds.words import PREFIX, split_path
from peakctl.model import MISSING, Path

Node = Mapping[str, Any]
PARAM = {"$ref": "#/$defs/param"}
TYPE_WORDS = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
TOUCHING = (
    "sensitive",
    "ref",
    "archive",
    "file_for",
    "check",
    "only_if",
    "aliases",
    "short_for",
)


class DialectError(ValueError):
    """A schema file says something that the dialect has no place for. `pointer` is where."""

    def __init__(self, pointer: str, problem: str) -> None:
        super().__init__(f"{pointer or '#'}: {problem}")
        self.pointer = pointer


def allow_only(node: Node, allowed: frozenset[str] | set[str], at: str) -> None:
    """Refuse the first word of `node` that is not allowed."""
    for word in node:
        if word not in allowed:
            raise DialectError(f"{at}/{word}", f'the dialect has no word "{word}" here')


def check_closed(node: Node, at: str) -> None:
    """An object with properties says what else it takes."""
    if "properties" in node and "additionalProperties" not in node:
        raise DialectError(at, "an object says additionalProperties")
    unknown = set(node.get("required", ())) - set(node.get("properties", ()))
    if unknown:
        raise DialectError(f"{at}/required", f"there is no property {min(unknown)}")


def check_call(word: str, at: str) -> str:
    """`word` itself, when it names a call."""
    if word not in words.CALLS:
        raise DialectError(at, f'there is no call "{word}"')
    return word


def check_words(node: Node, at: str) -> None:
    """Each of our own words is followed by what it must be followed by."""
    for word, type_ in words.OWN.items():
        value = node.get(PREFIX + word, MISSING)
        if value is not MISSING and (not isinstance(value, type_) or not value):
            raise DialectError(f"{at}/{PREFIX}{word}", "not what this word must be followed by")
    check_call(node.get(f"{PREFIX}call", "edit"), f"{at}/{PREFIX}call")
    allow_only(node.get(f"{PREFIX}ref", {}), words.REF, f"{at}/{PREFIX}ref")
    for check in node.get(f"{PREFIX}check", "").split():
        if check not in words.CHECKS:
            raise DialectError(f"{at}/{PREFIX}check", f'there is no check "{check}"')


def or_param(node: Node, at: str) -> Node:
    """`anyOf: [X, param]` as X that may also be a text."""
    halves = node["anyOf"]
    if len(halves) != 2 or halves[1] != PARAM:
        raise DialectError(f"{at}/anyOf", "anyOf is only for a value or $defs/param")
    rest = {k: v for k, v in node.items() if k != "anyOf"}
    inner = halves[0]
    return {**inner, "type": sorted({*types_of(inner, f"{at}/anyOf/0"), "string"}), **rest}


def types_of(node: Node, at: str) -> frozenset[str]:
    """The JSON types that `node` takes."""
    if "type" in node:
        said = node["type"]
        return frozenset([said] if isinstance(said, str) else said)
    if "const" in node or "enum" in node:
        values = node.get("enum", [node.get("const")])
        return frozenset(TYPE_WORDS[type(value)] for value in values)
    if "oneOf" in node:
        return frozenset({"object"})
    raise DialectError(at, "a field has a type")


def list_key(rule: Any) -> tuple[Path, ...]:
    """The paths in an item of which the first that is there identifies it."""
    keys = [rule] if isinstance(rule, str) else rule or ()
    return tuple(split_path(key) for key in keys)


def compile_ref(rule: Node) -> RefRule:
    """The rule behind `x-peakctl-ref`."""
    return RefRule(
        kinds=tuple(rule["kinds"]),
        id_to=split_path(rule["id"]),
        version=split_path(rule["version"]) if "version" in rule else None,
        version_to=split_path(rule["version-id"]) if "version-id" in rule else None,
        kind_to=split_path(rule["kind"]) if "kind" in rule else None,
        kind_words=rule.get("kind-words", {}),
        edge=rule.get("edge", True),
        scope=rule.get("scope"),
        scope_by=rule.get("scope-by"),
        scope_words=rule.get("scope-words", {}),
    )
