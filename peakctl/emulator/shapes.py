"""What a field may hold. A shape raises a 422 that names the field, or says nothing.

`lenient` lets the text `@param:NAME` stand for any value, as in the config of a block (contract,
section 3.4). Keys that no shape names are ignored, as nothing says that the platform refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peakctl.emulator.problems import invalid

Test = Callable[[Any, str, bool], None]
Schema = dict[str, Any]
PARAMETER = re.compile(r"@param:(.+)")


@dataclass(frozen=True, slots=True)
class Shape:
    """`test` refuses wrong values; `schema` says the same as JSON Schema, for the description."""

    test: Test
    schema: Schema = field(default_factory=dict)

    def __call__(self, value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001 - as in `Test`
        if not (lenient and isinstance(value, str) and PARAMETER.fullmatch(value)):
            self.test(value, at, lenient)


def text(*choices: str, pattern: str = "", empty: bool = False) -> Shape:
    def check(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
        if not isinstance(value, str):
            raise invalid(at, "must be text")
        if choices and value not in choices:
            raise invalid(at, f"{value!r} is not one of {', '.join(choices)}")
        if not value and not empty:
            raise invalid(at, "must not be empty")
        if pattern and not re.fullmatch(pattern, value):
            raise invalid(at, f"{value!r} does not have the form {pattern}")

    schema: Schema = {"type": "string"}
    if not empty:
        schema["minLength"] = 1
    if choices:
        schema = {"type": "string", "enum": list(choices)}
    return Shape(check, {**schema, "pattern": f"^{pattern}$"} if pattern else schema)


def whole(low: int | None = None, high: int | None = None) -> Shape:
    def check(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(at, "must be a whole number")
        if (low is not None and value < low) or (high is not None and value > high):
            raise invalid(at, f"must lie between {low} and {high}")

    bounds = {"minimum": low, "maximum": high}
    return Shape(check, {"type": "integer", **{k: v for k, v in bounds.items() if v is not None}})


def _flag(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
    if not isinstance(value, bool):
        raise invalid(at, "must be true or false")


def _number(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(at, "must be a number")


def _anything(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
    """Any JSON."""


def items(shape: Shape, high: int | None = None, low: int = 0) -> Shape:
    def check(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
        if not isinstance(value, list):
            raise invalid(at, "must be a list")
        if len(value) < low or (high is not None and len(value) > high):
            raise invalid(at, f"must have {low} to {high or 'any number of'} items")
        for index, item in enumerate(value):
            shape(item, f"{at}[{index}]", lenient)

    bounds = {"minItems": low or None, "maxItems": high}
    schema = {"type": "array", "items": shape.schema}
    return Shape(check, {**schema, **{k: v for k, v in bounds.items() if v is not None}})


def mapping(shape: Shape) -> Shape:
    def check(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
        if not isinstance(value, dict):
            raise invalid(at, "must be a map")
        for key, item in value.items():
            shape(item, f"{at}.{key}" if at else key, lenient)

    return Shape(check, {"type": "object", "additionalProperties": shape.schema})


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """A map with known keys; null in an optional one counts as absent."""

    def check(value: Any, at: str, lenient: bool) -> None:  # noqa: FBT001
        if not isinstance(value, dict):
            raise invalid(at or "body", "must be a map")
        for key, shape in required.items():
            here = f"{at}.{key}" if at else key
            if value.get(key) is None:
                raise invalid(here, "is required")
            shape(value[key], here, lenient)
        for key, shape in (optional or {}).items():
            if value.get(key) is not None:
                shape(value[key], f"{at}.{key}" if at else key, lenient)

    return Shape(check, _record_schema(required, optional or {}))


def _record_schema(required: Mapping[str, Shape], optional: Mapping[str, Shape]) -> Schema:
    known = {key: shape.schema or NOT_NULL for key, shape in required.items()}
    known |= {key: nullable(shape.schema) for key, shape in optional.items() if key not in known}
    schema: Schema = {"type": "object", "properties": known}
    return {**schema, "required": list(required)} if required else schema


NOT_NULL: Schema = {"not": {"type": "null"}}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


anything = Shape(_anything)
flag = Shape(_flag, {"type": "boolean"})
number = Shape(_number, {"type": "number"})
LINE = text()
TEXT = text(empty=True)
TAGS = items(record({"name": LINE}))
METADATA: dict[str, Shape] = {
    "title": TEXT,
    "summary": TEXT,
    "description": TEXT,
    "descriptionContentType": text("text/plain", "text/markdown"),
    "imageUrl": TEXT,
    "tags": TAGS,
}


def check(shape: Shape, value: Any, at: str = "", *, lenient: bool = False) -> None:
    """Raise the first fault of a value."""
    shape(value, at, lenient)
