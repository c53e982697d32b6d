"""The fields of a ledger's text, each of the one type that it may have.

Every function raises ValueError (or KeyError, TypeError) for anything else.
"""

from __future__ import annotations

from typing import Any

from peakctl.model import Actor, CiJob, Intent, Key, Lease, Ledger, Owned, Owner, PastRun

LONGEST_TEXT = 10_000
LONGEST_WORD = 200
LARGEST_NUMBER = 2**53
LAST_MOMENT = 253_402_300_799.0
"""Seconds from 1970 to the end of the year 9999, the last that can be shown as a date."""
OWNED_1 = "kind name id protect uses digests"
"""What an entry has in format 1."""
NEW_IN_2 = {"secret": None, "claimed": False, "created": False}
"""What format 2 adds, with what is read where it is not there."""


def parse_body(body: dict[str, Any], format_: int) -> Ledger:
    """The ledger of the body of a text of `format_`, without what frames it."""
    got = _record(
        body,
        "project environment salt writer base seen lease owned intents runs",
    )
    owned = [_owned(item, format_) for item in _list(got["owned"])]
    if len({each.key for each in owned}) < len(owned):
        raise ValueError("a resource stands twice")
    return Ledger(
        owner=Owner(_name(got["project"]), _name(got["environment"])),
        salt=_word(got["salt"]),
        writer=_text(got["writer"], LONGEST_WORD),
        base=_number(got["base"]),
        seen=_number(got["seen"]),
        owned={each.key: each for each in owned},
        intents=tuple(_intent(item) for item in _list(got["intents"])),
        lease=None if got["lease"] is None else _lease(got["lease"]),
        runs=tuple(_past(item) for item in _list(got["runs"])),
    )


def _owned(item: object, format_: int) -> Owned:
    known = dict(_map(item))
    if format_ == 1:
        _record(known, OWNED_1)
        known |= NEW_IN_2
    got = _record(known, f"{OWNED_1} {' '.join(NEW_IN_2)}")
    digests = _map(got["digests"]).items()
    return Owned(
        key=_key(got["kind"], got["name"]),
        id=_id(got["id"]),
        protect=_flag(got["protect"]),
        uses=tuple(_key(*_list(pair)) for pair in _list(got["uses"])),
        digests={_text(path): _word(digest) for path, digest in digests},
        secret=None if got["secret"] is None else tuple(_text(p) for p in _list(got["secret"])),
        claimed=_flag(got["claimed"]),
        created=_flag(got["created"]),
    )


def _intent(item: object) -> Intent:
    got = _record(item, "kind name verb version id run")
    return Intent(
        key=_key(got["kind"], got["name"]),
        verb=_word(got["verb"]),
        version=None if got["version"] is None else _text(got["version"]),
        id=None if got["id"] is None else _id(got["id"]),
        run=_text(got["run"]),
    )


def _lease(item: object) -> Lease:
    got = _record(item, "run actor since until")
    since, until = _moment(got["since"]), _moment(got["until"])
    return Lease(_name(got["run"]), _actor(got["actor"]), since, until)


def _past(item: object) -> PastRun:
    got = _record(item, "run actor command started ended outcome counts")
    return PastRun(
        run=_name(got["run"]),
        actor=_actor(got["actor"]),
        command=_text(got["command"]),
        started=_moment(got["started"]),
        ended=_moment(got["ended"]),
        outcome=_text(got["outcome"]),
        counts={_text(word): _number(n) for word, n in _map(got["counts"]).items()},
    )


def _actor(item: object) -> Actor:
    got = _record(item, "who host process commit ci")
    who, host = _text(got["who"]), _text(got["host"])
    process, commit = _text(got["process"]), _text(got["commit"])
    return Actor(who, host, process, commit, None if got["ci"] is None else _ci(got["ci"]))


def _ci(item: object) -> CiJob:
    got = _record(item, "run job attempt url")
    return CiJob(_text(got["run"]), _text(got["job"]), _number(got["attempt"]), _text(got["url"]))


def _key(kind: object, name: object) -> Key:
    return Key(_word(kind), _name(name))


def _id(value: object) -> str | int:
    return _word(value) if isinstance(value, str) else _number(value)


def _name(value: object) -> str:
    return _text(value, least=1)


def _word(value: object) -> str:
    """A text that is there, and short."""
    return _text(value, LONGEST_WORD, least=1)


def _text(value: object, most: int = LONGEST_TEXT, *, least: int = 0) -> str:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise ValueError("no text, or too long")
    value.encode()  # half a character of two is no text
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise ValueError("no count")
    return value


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no moment")
    if not 0 <= value <= LAST_MOMENT:
        raise ValueError("no moment")
    return float(value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _map(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no map")
    return value


def _record(value: object, names: str) -> dict[str, Any]:
    """A map with exactly these keys."""
    got = _map(value)
    if got.keys() != set(names.split()):
        raise ValueError("other fields than a ledger has")
    return got
