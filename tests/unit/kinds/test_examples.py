"""A value made from a schema is one that the schema takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from peakctl.kinds.examples import example_of
from peakctl.kinds.schemas import Compiler, load_kinds, load_project_schema

SCHEMAS = {**{k.name: k.schema for k in load_kinds().values()}, "p": load_project_schema().schema}


def nodes(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every node of a schema that describes a value, each with the name of its field."""
    yield name, node
    for word in ("properties", "$defs"):
        for key, inner in node.get(word, {}).items():
            yield from nodes(inner, key)
    for word in ("items", "additionalProperties"):
        if node.get(word):
            yield from nodes(node[word], name)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_has_an_example_that_is_valid(kind: str) -> None:
    schema = SCHEMAS[kind]
    compiler = Compiler(schema)
    wrong = {}
    for name, node in nodes(schema, ""):
        value = example_of(compiler, node, name, {})
        whole = {
            **{k: v for k, v in node.items() if k != "$defs"},
            "$defs": schema.get("$defs", {}),
        }
        problems = list(jsonschema.Draft202012Validator(whole).iter_errors(value))
        if problems:
            wrong[name] = (value, problems[0].message)
    assert wrong == {}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 9}, 3),
        ({"type": "integer", "maximum": 0}, 0),
        ({"type": "number", "minimum": 2}, 2),
        ({"type": "boolean", "default": False}, False),
        ({"type": "string", "enum": ["b", "a"], "default": "a"}, "a"),
        ({"type": "string", "default": ""}, "text"),
        ({"type": "null"}, None),
        ({"type": ["string", "object"], "properties": {}}, {}),
        ({"type": "array"}, ["text"]),
    ],
    ids=str,
)
def test_what_a_schema_says_is_in_the_example(node: Any, value: object) -> None:
    assert example_of(Compiler({}), node, "", {}) == value


def test_a_branch_that_was_chosen_is_the_one_of_the_example() -> None:
    compiler = Compiler(SCHEMAS["Workflow"])
    node = {"$ref": "#/$defs/step"}
    assert example_of(compiler, node, "", {"type": "sql"})["type"] == "sql"
    assert example_of(compiler, node, "", {})["type"] == "standard"


def test_a_field_that_needs_another_one_is_not_the_first_of_an_example() -> None:
    only = {"type": "string", "x-peakctl-only-if": {"b": [1]}}
    node = {"type": "object", "properties": {"a": only, "b": {"type": "integer"}}}
    assert example_of(Compiler({}), node, "", {}) == {"b": 1}
    assert example_of(Compiler({}), {**node, "properties": {"a": only}}, "", {}) == {"a": "text"}


def test_what_lies_too_deep_is_left_out() -> None:
    node: Any = {"type": "string"}
    for _ in range(9):
        node = {"type": "object", "properties": {"a": node}, "required": ["a"]}
    text = str(example_of(Compiler({}), node, "", {}))
    assert text == "{'a': " * 6 + "{}" + "}" * 6
