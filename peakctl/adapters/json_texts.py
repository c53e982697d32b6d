"""JSON as a text inside JSON, which one call of the platform wants (docs/platform.md, 2.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from peakctl.model import Secret, Value, reveal


def json_text(value: Value) -> str | Secret:
    """JSON as a text inside JSON (docs/platform.md, 2.5); sealed again when it holds a secret."""
    text = json.dumps(reveal(value))
    return Secret(text) if any(_secrets(value)) else text


def _secrets(value: Value) -> Iterator[bool]:
    if isinstance(value, Secret):
        yield True
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner)
