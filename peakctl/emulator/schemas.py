"""What requests and answers hold, as JSON Schema, and the check that refuses a value.

A schema is written once: the check reads it, and the OpenAPI document shows it. Keys that no schema
names are ignored, as nothing says that the platform refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from peakctl.emulator.problems import invalid
from peakctl.model import JsonDict, JsonObject

Schema = JsonDict
PARAMETER = re.compile(r"@param:(.+)")


def text(*choices: str, pattern: str = "", empty: bool = False) -> Schema:
    schema: Schema = {"type": "string"}
    if choices:
        schema["enum"] = list(choices)
    elif not empty:
        schema["minLength"] = 1
    return {**schema, "pattern": f"^{pattern}$"} if pattern else schema


def whole(low: int | None = None, high: int | None = None) -> Schema:
    return {"type": "integer", **_given(minimum=low, maximum=high)}


def items(schema: Schema, high: int | None = None, low: int = 0) -> Schema:
    return {"type": "array", "items": schema, **_given(minItems=low or None, maxItems=high)}


def mapping(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """A map with known keys; null in an optional one counts as absent."""
    known = {key: schema or NOT_NULL for key, schema in required.items()}
    known |= {key: nullable(s) for key, s in (optional or {}).items() if key not in known}
    return form(known, required)


def optional(**known: Schema) -> Schema:
    """A map of which nothing is required."""
    return record({}, known)


def form(known: Mapping[str, Schema], required: JsonObject | tuple[str, ...]) -> Schema:
    """A map, or the parts of a request, of which some are required."""
    schema: Schema = {"type": "object", "properties": dict(known)}
    return {**schema, "required": list(required)} if required else schema


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, NULL]} if schema else {}


def texts(*names: str) -> dict[str, Schema]:
    """Several texts of a map."""
    return dict.fromkeys(names, TEXT)


def json_text(schema: Schema | None = None) -> Schema:
    """A text that holds JSON."""
    content = {} if schema is None else schema
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": content}


def _given(**bounds: int | None) -> dict[str, int]:
    return {name: value for name, value in bounds.items() if value is not None}


NULL: Schema = {"type": "null"}
NOT_NULL: Schema = {"not": NULL}
ANYTHING: Schema = {}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
LIST: Schema = {"type": "array"}
MAP: Schema = {"type": "object"}
WHOLE = whole()
LINE = text()
TEXT = text(empty=True)
FILE: Schema = {"type": "string", "contentMediaType": "application/zip"}
TAGS = items(record({"name": LINE}))
METADATA: dict[str, Schema] = {
    **texts("title", "summary", "description", "imageUrl"),
    "descriptionContentType": text("text/plain", "text/markdown"), "tags": TAGS,
}  # fmt: skip


def check(schema: Schema, value: object, at: str = "", *, lenient: bool = False) -> None:
    """Raise a 422 that names the first field at fault.

    `lenient` lets the text `@param:NAME` stand for any value, as in the config of a block.
    """
    if lenient and isinstance(value, str) and PARAMETER.fullmatch(value):
        return
    if "anyOf" in schema:
        if value is not None:
            check(schema["anyOf"][0], value, at, lenient=lenient)
    elif "type" in schema:
        is_type, words, look_inside = TYPES[schema["type"]]
        if not is_type(value):
            raise invalid(at or "body", words)
        if look_inside is not None:
            look_inside(schema, value, at, lenient)


def refuse_change(sent: JsonObject, **values: str) -> None:
    """Raise a 422 for a field that may be sent but keeps the value that it has."""
    for field, value in values.items():
        if sent.get(field) not in (None, value):
            raise invalid(field, f"cannot change from {value} to {sent[field]}")


def _text(schema: Schema, value: str, at: str, lenient: bool) -> None:  # noqa: FBT001
    choices, pattern = schema.get("enum"), schema.get("pattern", "")
    if choices and value not in choices:
        raise invalid(at, f"{value!r} is not one of {', '.join(choices)}")
    if not value and "minLength" in schema:
        raise invalid(at, "must not be empty")
    if pattern and not re.fullmatch(pattern[1:-1], value):
        raise invalid(at, f"{value!r} does not have the form {pattern[1:-1]}")


def _whole(schema: Schema, value: int, at: str, lenient: bool) -> None:  # noqa: FBT001
    low, high = schema.get("minimum"), schema.get("maximum")
    if (low is not None and value < low) or (high is not None and value > high):
        raise invalid(at, f"must lie between {low} and {high}")


def _list(schema: Schema, value: list[object], at: str, lenient: bool) -> None:  # noqa: FBT001
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < low or (high is not None and len(value) > high):
        raise invalid(at, f"must have {low} to {high or 'any number of'} items")
    for index, item in enumerate(value):
        check(schema.get("items", ANYTHING), item, f"{at}[{index}]", lenient=lenient)


def _map(schema: Schema, value: JsonDict, at: str, lenient: bool) -> None:  # noqa: FBT001
    required = schema.get("required", ())
    prefix = f"{at}." if at else ""
    for key, inner in schema.get("properties", {}).items():
        if value.get(key) is not None:
            check(inner, value[key], f"{prefix}{key}", lenient=lenient)
        elif key in required:
            raise invalid(f"{prefix}{key}", "is required")
    if "additionalProperties" in schema:
        for key, item in value.items():
            check(schema["additionalProperties"], item, f"{prefix}{key}", lenient=lenient)


def is_number(value: object) -> bool:
    """Whether it is one; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def texts_in(value: object) -> Iterator[str]:
    """All texts of a value; names of keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_in(item)


TYPES: dict[str, tuple[Callable[[object], bool], str, Any]] = {
    "string": (lambda value: isinstance(value, str), "must be text", _text),
    "integer": (
        lambda value: is_number(value) and isinstance(value, int), "must be a whole number", _whole
    ),
    "number": (is_number, "must be a number", None),
    "boolean": (lambda value: isinstance(value, bool), "must be true or false", None),
    "array": (lambda value: isinstance(value, list), "must be a list", _list),
    "object": (lambda value: isinstance(value, dict), "must be a mapping", _map),
}  # fmt: skip
