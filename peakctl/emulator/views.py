"""What reads show of rows: each field once, with its schema and where its value comes from."""

from __future__ import annotations

from collections.abc import Callable

from peakctl.emulator import schemas as s
from peakctl.emulator.rows import AUTHOR, Body, Row, stamp
from peakctl.model.records import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an answer."""

    schema: s.Schema
    value: Callable[[Row], object]


class View(dict[str, Field]):
    """The fields that are shown of a row, by name; called with a row it shows it."""

    def __call__(self, row: Row) -> Body:
        return {name: field.value(row) for name, field in self.items()}

    @property
    def fields(self) -> dict[str, s.Schema]:
        """The schemas of the fields."""
        return {name: field.schema for name, field in self.items()}

    @property
    def schema(self) -> s.Schema:
        return s.record(self.fields)


def column(name: str, schema: s.Schema = s.TEXT) -> Field:
    """A field that is an attribute of the row."""
    return Field(schema, lambda row: getattr(row, name))


def stored(name: str, schema: s.Schema = s.TEXT, default: object = None) -> Field:
    """A field that is kept in the body of the row."""
    return Field(schema, lambda row: row.body.get(name, default))


def time(name: str) -> Field:
    """A field that is a time among the attributes of the row."""
    return Field(s.TEXT, lambda row: stamp(getattr(row, name)))


NULLABLE = s.nullable(s.TEXT)
ID, NUMBER, NAME, STATUS = column("id"), column("number", s.WHOLE), column("name"), column("status")
AUTHORED = Field(s.TEXT, lambda row: AUTHOR)
METADATA = Field(s.MAP, lambda row: {**row.body["metadata"], "status": row.status})
MADE = View(createdAt=time("created"), createdBy=AUTHORED)
CHANGED = View(updatedAt=time("updated"), updatedBy=AUTHORED)
