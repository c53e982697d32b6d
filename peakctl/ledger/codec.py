"""A ledger as the text that is kept: JSON that is checked to the last field when it is read.

`LEDGER` declares the fields once; reading and writing both walk it. The history of a project is
made of the same types of values. Their readers take nothing but what a writer makes, and raise
ValueError, KeyError or TypeError for anything else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from peakctl.errors import Diagnostic, LedgerUnusable, PeakctlError
from peakctl.model import EMPTY, JsonDict, Key
from peakctl.model.ledger import Actor, CiJob, Flaw, Intent, Lease, Ledger, Owned, Owner, PastRun
from peakctl.model.records import dataclass

T = TypeVar("T")

KIND = "peakctl-ledger"
FORMAT = 2
"""What is written. Format 1, whose entries lack what `NEW_IN_2` names, is read as well."""
OLDEST_FORMAT = 1
NEW_IN_2: Mapping[str, object] = {"secret": None, "claimed": False, "created": False}
"""What format 2 adds to an entry, with what is read where it is not there."""
LARGEST = 16 * 2**20
"""Bytes of a text; a resource takes about 300."""


def write_ledger(ledger: Ledger) -> bytes:
    """The text of `ledger`. Raises PeakctlError for one that could not be read again."""
    try:
        fields = LEDGER.write(ledger)
        LEDGER.read(fields)
        text = seal_record(KIND, FORMAT, fields)
    except BROKEN as error:
        raise PeakctlError(_unfit(ledger.owner, str(error))) from error
    if len(text) > LARGEST:
        raise PeakctlError(_unfit(ledger.owner, f"it would take {len(text):,} bytes"))
    return text


def read_ledger(text: bytes, owner: Owner | None) -> Ledger:
    """The ledger in `text`; `owner` is the one that it must be of (None: anybody).

    Raises LedgerUnusable for anything else, and no other error, whatever the bytes are.
    """
    if len(text) > LARGEST:
        raise _corrupt(owner)
    try:
        format_, body = open_record(text, KIND, range(OLDEST_FORMAT, FORMAT + 1))
        ledger = LEDGER.read(_upgraded(body) if format_ == 1 else body)
    except Unreadable as error:
        raise _UNUSABLE[error.flaw](owner) from error
    except BROKEN as error:
        raise _corrupt(owner) from error
    if owner is not None and ledger.owner != owner:
        raise _foreign(owner, ledger.owner)
    return ledger


def _upgraded(body: JsonDict) -> JsonDict:
    """The body of a text of format 1 as one of format 2."""
    entries = [as_mapping(item) for item in as_list(body["owned"])]
    if any(entry.keys() & NEW_IN_2.keys() for entry in entries):
        raise ValueError("fields of format 2 in format 1")
    return {**body, "owned": [{**entry, **NEW_IN_2} for entry in entries]}


def _by_key(entries: Iterable[Owned]) -> dict[Key, Owned]:
    entries = tuple(entries)
    found = {each.key: each for each in entries}
    if len(found) < len(entries):
        raise ValueError("a resource is there twice")
    return found


# --- a record as text ----------------------------------------------------------------------------

BROKEN = (ValueError, KeyError, TypeError, RecursionError)
"""What reading of a wrong value may raise."""


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


# --- types of values -----------------------------------------------------------------------------

LONGEST_TEXT = 10_000
LONGEST_WORD = 200
LARGEST_NUMBER = 2**53
LAST_MOMENT = 253_402_300_799.0
"""Seconds from 1970 to the end of the year 9999, the last that can be shown as a date."""


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


# --- the fields of a ledger ----------------------------------------------------------------------

PAIR = Codec(
    lambda value: KEY.read(dict(zip(("kind", "name"), as_list(value), strict=True))),
    lambda key: [key.kind, key.name],
)
LEASE = record_of(Lease, run=NAME, actor=ACTOR, since=MOMENT, until=MOMENT)
OWNED = record_of(
    Owned,
    {"key": KEY},
    id=ID,
    protect=FLAG,
    uses=list_of(PAIR),
    digests=mapping_to(WORD),
    secret=optional(list_of(TEXT)),
    claimed=FLAG,
    created=FLAG,
)
INTENT = record_of(
    Intent,
    {"key": KEY},
    verb=WORD,
    version=optional(TEXT),
    id=optional(ID),
    run=TEXT,
)
PAST_RUN = record_of(
    PastRun,
    run=NAME,
    actor=ACTOR,
    command=TEXT,
    started=MOMENT,
    ended=MOMENT,
    outcome=TEXT,
    counts=mapping_to(COUNT),
)
ENTRIES = Codec(
    lambda value: _by_key(list_of(OWNED).read(value)),
    lambda owned: [OWNED.write(owned[key]) for key in sorted(owned)],
)
LEDGER = record_of(
    Ledger,
    {"owner": OWNER},
    salt=WORD,
    writer=text_of(0, LONGEST_WORD),
    base=COUNT,
    seen=COUNT,
    lease=optional(LEASE),
    owned=ENTRIES,
    intents=list_of(INTENT),
    runs=list_of(PAST_RUN),
)


# --- what is wrong ---------------------------------------------------------------------------


def _of(owner: Owner | None) -> str:
    return f"the ledger of {owner}" if owner else "a ledger"


def _in_environment(owner: Owner | None) -> str:
    return f" -e {owner.named}" if owner else ""


def _corrupt(owner: Owner | None) -> LedgerUnusable:
    diagnostic = Diagnostic(
        code="ledger/corrupt",
        summary=f"{_of(owner)} is damaged",
        detail="its newest version is not what a peakctl wrote; no resource was changed",
        fix=f"build it again from what is there: peakctl ledger rebuild{_in_environment(owner)}",
    )
    return LedgerUnusable(diagnostic, Flaw.CORRUPT)


def _foreign(owner: Owner | None, whose: Owner | None = None) -> LedgerUnusable:
    why = "an artifact that is no ledger has its name"
    fix = (
        "rename that artifact, or give the project in peakctl.yaml another name;"
        " if it was the ledger before: peakctl ledger rebuild"
    )
    if whose is not None:
        why = f"it belongs to {whose}, whose name is spelt the same"
        fix = "give the project or the environment in peakctl.yaml another name"
    diagnostic = Diagnostic("ledger/foreign", f"{_of(owner)} is not ours", detail=why, fix=fix)
    return LedgerUnusable(diagnostic, Flaw.FOREIGN)


def _newer(owner: Owner | None) -> LedgerUnusable:
    diagnostic = Diagnostic(
        code="ledger/newer",
        summary=f"{_of(owner)} was written by a newer peakctl",
        detail=f"this one knows formats up to {FORMAT}",
        fix="upgrade peakctl",
    )
    return LedgerUnusable(diagnostic, Flaw.NEWER)


_UNUSABLE = {Flaw.CORRUPT: _corrupt, Flaw.FOREIGN: _foreign, Flaw.NEWER: _newer}


def _unfit(owner: Owner, why: str) -> Diagnostic:
    return Diagnostic(
        code="ledger/unfit",
        summary=f"the ledger of {owner} cannot hold what this run would write",
        detail=f"{why}; at most {LARGEST:,} bytes, and texts of {LONGEST_TEXT:,} characters",
        fix="shorten the longest names, or split the project in two",
    )
