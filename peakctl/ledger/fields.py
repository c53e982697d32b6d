"""What a record on the platform is made of: each type of value with how it is read and written.

A reader takes nothing but what a writer makes, and raises ValueError, KeyError or TypeError for
anything else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from peakctl.model import EMPTY, Actor, CiJob, Flaw, JsonDict, Key, Owner
from peakctl.model.records import dataclass

T = TypeVar("T")

LONGEST_TEXT = 10_000
LONGEST_WORD = 200
LARGEST_NUMBER = 2**53
BROKEN = (ValueError, KeyError, TypeError, RecursionError)
"""What reading of a wrong value may raise."""
LAST_MOMENT = 253_402_300_799.0
"""Seconds from 1970 to the end of the year 9999, the last that can be shown as a date."""


def checksum_of(body: JsonDict) -> str:
    """That of a record without its checksum."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Unreadable(Exception):
    """A text is no record that can be read; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


def seal_record(kind: str, format_: int, fields: JsonDict) -> bytes:
    """The text of a record. Raises ValueError, TypeError for what JSON cannot hold."""
    body = {"kind": kind, "format_version": format_, **fields}
    return json.dumps({**body, "checksum": checksum_of(body)}, allow_nan=False).encode()


def open_record(text: bytes, kind: str, formats: range) -> tuple[int, JsonDict]:
    """The format and the fields of a record of this kind, its checksum compared.

    Raises Unreadable, and no other error, whatever the bytes are.
    """
    try:
        body = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(Flaw.CORRUPT) from error
    if not isinstance(body, dict) or body.get("kind") != kind:
        raise Unreadable(Flaw.FOREIGN)
    format_ = body.get("format_version")
    if not isinstance(format_, int) or isinstance(format_, bool) or format_ < formats.start:
        raise Unreadable(Flaw.CORRUPT)
    if format_ not in formats:
        raise Unreadable(Flaw.NEWER)
    try:
        if body.pop("checksum") != checksum_of(body):
            raise Unreadable(Flaw.CORRUPT)
    except BROKEN as error:
        raise Unreadable(Flaw.CORRUPT) from error
    del body["kind"], body["format_version"]
    return format_, body


def _refuse(word: str) -> None:
    """NaN and infinity are no JSON."""
    raise ValueError(word)


def _same(value: T) -> T:
    return value


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How a type of value is read from JSON and written to it; `names` are the fields of a record.

    `read` raises ValueError, KeyError or TypeError for anything else.
    """

    read: Callable[[object], T]
    write: Callable[[T], Any] = _same
    names: frozenset[str] = frozenset()


def text_of(least: int, most: int) -> Codec[str]:
    """A string of `least` to `most` characters."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise ValueError(f"expected string of {least} to {most:,} characters")
        value.encode()  # half a character of two is no text
        return value

    return Codec(read)


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected boolean")
    return value


def _read_count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise ValueError("expected count")
    return value


def _read_moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected time")
    if not 0 <= value <= LAST_MOMENT:
        raise ValueError("expected time before the year 10000")
    return float(value)


def _read_id(value: object) -> str | int:
    return WORD.read(value) if isinstance(value, str) else _read_count(value)


def as_list(value: object) -> list[object]:
    """The value, if it is a list."""
    if not isinstance(value, list):
        raise TypeError("expected list")
    return value


def as_mapping(value: object) -> JsonDict:
    """The value, if it is a mapping."""
    if not isinstance(value, dict):
        raise TypeError("expected mapping")
    return value


def optional(inner: Codec[T]) -> Codec[T | None]:
    """The same, or null."""
    return Codec(
        lambda value: None if value is None else inner.read(value),
        lambda value: None if value is None else inner.write(value),
    )


def list_of(inner: Codec[T]) -> Codec[tuple[T, ...]]:
    """A list of any length."""
    return Codec(
        lambda value: tuple(inner.read(item) for item in as_list(value)),
        lambda items: [inner.write(item) for item in items],
    )


def mapping_to(inner: Codec[T]) -> Codec[Mapping[str, T]]:
    """A mapping from texts, written in their order."""
    return Codec(
        lambda value: {
            TEXT.read(word): inner.read(item) for word, item in as_mapping(value).items()
        },
        lambda value: {word: inner.write(item) for word, item in sorted(value.items())},
    )


def record_of(
    make: Callable[..., T], inline: Mapping[str, Codec[Any]] = EMPTY, **fields: Codec[Any]
) -> Codec[T]:
    """A mapping with exactly these fields, read as the arguments of `make`.

    The fields of the records in `inline` stand beside the others.
    """
    names = frozenset(fields).union(*(part.names for part in inline.values()))

    def read(value: object) -> T:
        got = as_mapping(value)
        if got.keys() != names:
            raise ValueError("other fields than the record has")
        parts = {
            n: part.read({name: got[name] for name in part.names}) for n, part in inline.items()
        }
        return make(**parts, **{name: field.read(got[name]) for name, field in fields.items()})

    def write(value: T) -> JsonDict:
        out: JsonDict = {}
        for name, part in inline.items():
            out |= part.write(getattr(value, name))
        return out | {name: field.write(getattr(value, name)) for name, field in fields.items()}

    return Codec(read, write, names)


TEXT, NAME, WORD = text_of(0, LONGEST_TEXT), text_of(1, LONGEST_TEXT), text_of(1, LONGEST_WORD)
FLAG, COUNT, MOMENT, ID = map(Codec, (_read_flag, _read_count, _read_moment, _read_id))
OWNER = record_of(Owner, project=NAME, environment=NAME)
KEY = record_of(Key, kind=WORD, name=NAME)
CI = record_of(CiJob, run=TEXT, job=TEXT, attempt=COUNT, url=TEXT)
ACTOR = record_of(Actor, who=TEXT, host=TEXT, process=TEXT, commit=TEXT, ci=optional(CI))
