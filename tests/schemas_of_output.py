"""What commands print, held to schemas/output, and to nothing that they do not name."""

from __future__ import annotations

import functools
import json
from typing import Any

import jsonschema

from peakctl.kinds.schemas import output_schemas


def check_output(command: str, document: Any) -> None:
    """Raise ValidationError where a document of a command, or an event, has another shape."""
    _validator(command).validate(document)


def check_event(row: Any) -> None:
    """The same of one line of `-o jsonl`."""
    schema = json.loads(output_schemas()["events"].read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(row)
    fields = {word: value for word, value in row.items() if word != "event"}
    cases = {case["if"]["properties"]["event"]["const"]: case["then"] for case in schema["allOf"]}
    whole = strict({**cases[row["event"]], "$defs": schema["$defs"]})
    jsonschema.Draft202012Validator(whole).validate(fields)


@functools.cache
def _validator(command: str) -> Any:
    schema = json.loads(output_schemas()[command].read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(strict(schema))


def strict(schema: Any) -> Any:
    """The schema without room for fields of later releases."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {word: strict(each) for word, each in schema.items()}
    if schema.get("properties") and "required" in schema and "allOf" not in schema:
        found.setdefault("unevaluatedProperties", False)
    return found
