"""Values as they were written: maps that know the places and comments of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Location, Path, Value
from peakctl.model.records import dataclass

NOWHERE = Location("", 1, 1)


class Map(dict[str, Value]):
    """A mapping of a body. `places` and `notes` have where each key stands, and the comments."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, Location] = {}
        self.notes: dict[str, str] = {}

    def put(self, key: str, value: Value, place: Location | None = None, note: str = "") -> None:
        """Set a key, with its place and comments."""
        self[key] = value
        if place is not None:
            self.places[key] = place
        if note:
            self.note(key, note)

    def note(self, key: str, text: str) -> None:
        """Add a comment above a key."""
        self.notes[key] = "\n".join(filter(None, (self.notes.get(key), text)))

    def take(self, key: str, other: Map, name: str | None = None) -> None:
        """Move a key of `other` here, under another name if one is given."""
        value = other.pop(key)
        self.put(name or key, value, other.places.get(key), other.notes.pop(key, ""))

    def map_at(self, key: str) -> Map:
        """The mapping at `key`; an empty one is put there if there is none."""
        found = self.get(key)
        if not isinstance(found, Map):
            found = Map()
            self.put(key, found, self.places.get(key))
        return found

    def place(self, *keys: str) -> Location:
        """Where the key below these stands, or the nearest above it that is known."""
        here: Value = self
        found = next(iter(self.places.values()), NOWHERE)
        for key in keys:
            if not isinstance(here, Map) or key not in here:
                break
            found = here.places.get(key, found)
            here = here[key]
        return found


class Piece(str):
    """A part of a file that stays as it was written, for the templates in it.

    As a text it is a word that nothing else says, which the written manifest has in its place.
    """

    text: str
    value: str
    place: Location
    column: int = 0
    is_block: bool = False
    names: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A scalar within a `Piece`: where it stands in its text, its path and what it says."""

    start: int
    end: int
    path: Path
    value: str


@dataclass(slots=True)
class Pieces:
    """Makes pieces, each with a word of its own."""

    made: list[Piece] = field(default_factory=list)

    def piece(
        self,
        text: str,
        place: Location,
        *,
        value: str = "",
        column: int = 0,
        is_block: bool = False,
        names: tuple[str, ...] = (),
        parts: tuple[Part, ...] = (),
    ) -> Piece:
        """A part that is kept. `column` is where its first line begins in its file.

        `is_block`: whole lines, not one scalar. `names` are the keys in it, if it is entries of a
        mapping; `parts` its scalars.
        """
        found = Piece(f"peakctlPiece{len(self.made):05}x")
        found.text, found.value, found.place = text, value, place
        found.column, found.is_block, found.names, found.parts = column, is_block, names, parts
        self.made.append(found)
        return found

    def template(self, text: str, place: Location) -> Piece:
        """A value that is the template `text`."""
        return self.piece(text, place, value=text)


def told(
    code: str,
    summary: str,
    *places: Location,
    fix: str = "",
    detail: str = "",
    severity: Severity = Severity.WARNING,
) -> Diagnostic:
    """A diagnostic of a conversion."""
    locations = tuple(place for place in places if place.file)
    return Diagnostic(code, summary, locations=locations, fix=fix, detail=detail, severity=severity)


def walk(value: Value, path: Path = ()) -> Iterator[tuple[Map, str, Path]]:
    """Every key of every mapping in a tree, with its path."""
    if isinstance(value, Map):
        for key in list(value):
            yield value, key, (*path, key)
            yield from walk(value.get(key), (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from walk(item, (*path, number))


def pieces_in(tree: Map) -> Iterator[Piece]:
    """Every part of a tree that is kept as it was written, be it a key, a value or an item."""
    seen: set[str] = set()
    for holder, key, _ in walk(tree):
        value = holder.get(key)
        for each in (key, *(value if isinstance(value, list) else (value,))):
            if isinstance(each, Piece) and each not in seen:
                seen.add(each)
                yield each
