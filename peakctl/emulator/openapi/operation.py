"""What the description says of one call beyond its endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.emulator.shapes import Shape

Schema = dict[str, Any]
POSITIVE: Schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
TEXT: Schema = {"type": "string"}
WORD: Schema = {"type": "string", "minLength": 1}
WORDS: Schema = {"type": "array", "items": TEXT}
# An empty value of a filter counts as absent.
DATE: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]}
FILE: Schema = {"type": "string", "contentMediaType": "application/zip"}
PAGES = {"pageSize": POSITIVE, "pageNumber": POSITIVE}
DATES = {"dateFrom": DATE, "dateTo": DATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`row` is that of the contract's section 2, 0 for calls of the emulator alone.

    `answer` is in the notation of `notation`, empty for bytes; `needs` names the query parameters
    that must be there; `body` is sent as JSON, `parts` as multipart; `also` are further statuses.
    """

    row: int
    summary: str
    answer: str | None
    query: Mapping[str, Schema] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    body: Shape | None = None
    parts: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    also: tuple[int, ...] = ()


Table = dict[tuple[str, str], Operation]


def any_of(*choices: str) -> Schema:
    """Some of several words: the key repeated, or commas between them."""
    return {"type": "array", "items": {"type": "string", "enum": [*choices, ""]}}


def word_of(*choices: str) -> Schema:
    return {"type": "string", "enum": list(choices)}


def sorted_by(*fields: str) -> Schema:
    """`field`, `field:asc` or `field:desc`, several of them."""
    pattern = f"^(({'|'.join(fields)})(:(asc|desc))?)?$"
    return {"type": "array", "items": {"type": "string", "pattern": pattern}}


def json_text(shape: Shape | None = None) -> Schema:
    """A part or a value that holds JSON as text."""
    content = shape.schema if shape else {}
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": content}
