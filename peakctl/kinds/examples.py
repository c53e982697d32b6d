"""A value that a field may have, made from its schema: for people, in `explain`.

What a schema fixes (a constant, a default, one of its values) is taken from it; the rest is a text
or a number of the right form. The result is valid for the schema of the field.
"""

from __future__ import annotations

from peakctl.kinds.schemas import Compiler, Node, choices_of, is_choice, types_of
from peakctl.model import Tree, Value

PREFIX = "x-peakctl-"
_DEEPEST = 6
_TEXTS = {
    "name": "forecast",
    "title": "Forecast",
    "summary": "Demand forecast",
    "description": "Forecasts demand for each shop",
    "command": "python train.py",
    "path": "../src/forecast",
    "context": ".",
    "dockerfilePath": "Dockerfile",
    "instanceType": "Small (1CPU, 2GB RAM)",
    "url": "https://example.com/hook",
    "imageUrl": "https://example.com/forecast.png",
    "descriptionFile": "forecast.md",
    "notesFile": "notes.md",
    "notes": "Faster training",
    "email": "team@example.com",
    "user": "ana@example.com",
    "branch": "main",
    "repository": "https://example.com/team/forecast.git",
    "healthCheckURL": "/health",
    "apiVersion": "peakctl/v1",
}
_PATTERNS = {
    "^[0-9]+GB$": "10GB",
    "^[A-Za-z]+/.+$": "Image/forecast",
    "^@param:[^\\s]+$": "@param:command",
    '^[^\\s@,;<>"]+@[^\\s@,;<>"]+$': "team@example.com",
}
_CHECKS = {"cron": "0 2 * * *", "semver": "1.4.0"}
_NUMBERS = ("integer", "number")


def example_of(compiler: Compiler, node: Node, name: str, fixed: Tree) -> Value:
    """A value for the field called `name`; of a mapping its required fields, and `fixed`."""
    return _value(compiler, node, name, fixed, _DEEPEST)


def _value(compiler: Compiler, raw: Node, name: str, fixed: Tree, deep: int) -> Value:
    node = compiler.resolve(raw)
    known = _known(node)
    if known is not None:
        return known
    if "oneOf" in node and is_choice(node):
        word, constants, default = choices_of(compiler, node)
        values = [each[0] for each in constants]
        chosen = values.index(str(fixed.get(word) or default or values[0]))
        return _value(compiler, node["oneOf"][chosen], name, {word: values[chosen]}, deep)
    types = types_of(node)
    if "object" in types and (deep == _DEEPEST or "string" not in types):
        return _mapping(compiler, node, fixed, deep)
    if "array" in types:
        return [_value(compiler, node.get("items", {"type": "string"}), name, {}, deep - 1)]
    return _leaf(node, name, types)


def _known(node: Node) -> Value:
    """What the schema itself says: a constant, one of its values, a default that is no map."""
    found: Value = node.get("default")
    if "const" in node:
        found = node["const"]
    elif "enum" in node:
        found = node.get("default", node["enum"][0])
    elif found in ({}, [], ""):
        found = None
    return found


def _mapping(compiler: Compiler, node: Node, fixed: Tree, deep: int) -> dict[str, Value]:
    properties: Node = node.get("properties", {})
    out = {k: v for k, v in fixed.items() if k in properties}
    if deep:
        out |= {
            each: _value(compiler, properties[each], each, {}, deep - 1)
            for each in _needed(node, properties)
            if each not in out
        }
    if not properties and node.get("additionalProperties"):
        inner = node["additionalProperties"]
        out["name"] = _value(compiler, inner, "value", {}, deep - 1)
    return out


def _needed(node: Node, properties: Node) -> list[str]:
    """The fields that it must have: of a choice of some the first, where none is needed any."""
    names = list(node.get("required", ()))
    if node.get("oneOf") and not is_choice(node):
        names += [each for each in node["oneOf"][0]["required"] if each not in names]
    if not names and properties:
        names = [_first(properties)]
    for name in names:  # which grows
        names += [n for n in node.get("dependentRequired", {}).get(name, ()) if n not in names]
    return names


def _first(properties: Node) -> str:
    """The first field that needs no other one beside it."""
    free = (name for name, raw in properties.items() if f"{PREFIX}only-if" not in raw)
    return next(free, next(iter(properties)))


def _leaf(node: Node, name: str, types: frozenset[str]) -> Value:
    """A text comes last: it may be there for a parameter alone."""
    if "boolean" in types:
        return True
    if types & {*_NUMBERS}:
        least, most = node.get("minimum", 1), node.get("maximum", 1)
        number: Value = min(max(1, least), most) if "maximum" in node else max(1, least)
        return number
    if "string" in types:
        return _string(node, name)
    return {} if "object" in types else None


def _string(node: Node, name: str) -> str:
    for word in str(node.get(f"{PREFIX}check", "")).split():
        if word in _CHECKS:
            return _CHECKS[word]
    if node.get("pattern") in _PATTERNS:
        return _PATTERNS[node["pattern"]]
    return _TEXTS.get(name, "text")
