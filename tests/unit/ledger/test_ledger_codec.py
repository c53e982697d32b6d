"""A ledger's text: what is written is read again, and everything else is told by one error."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from peakctl.errors import LedgerUnusable, PeakctlError
from peakctl.ledger import codec as texts
from peakctl.ledger.codec import NEW_IN_2, read_ledger, write_ledger
from peakctl.model import (
    Actor,
    CiJob,
    Flaw,
    Intent,
    Key,
    Lease,
    Ledger,
    Owned,
    Owner,
    PastRun,
)

OWNER = Owner("retail", "prod")
IMAGE, BLOCK = Key("Image", "forecast"), Key("BlockSpec", "näme")
CI = Actor("ada", "runner", "77:1", "1a2b3c", CiJob("123", "deploy", 2, "https://ci/123"))
WHOLE = Ledger(
    OWNER,
    salt="salt",
    writer="w1",
    base=3,
    seen=4,
    owned={
        BLOCK: Owned(
            BLOCK,
            "uuid",
            protect=True,
            uses=(IMAGE,),
            digests={"spec/x": "sha256:1"},
            secret=("spec/x",),
            claimed=True,
            created=True,
        ),
        IMAGE: Owned(IMAGE, 17),
    },
    intents=(Intent(IMAGE, "create", "1.0.0"), Intent(BLOCK, "delete", id="uuid", run="run-1")),
    lease=Lease("run-2", CI, 1_800_000_000.25, 1_800_000_900.0),
    runs=(PastRun("run-1", Actor("bob"), "apply", 1.0, 2.5, "done", {"create": 2}),),
)


def body_of(ledger: Ledger = WHOLE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(write_ledger(ledger))
    del body["checksum"]
    return body


def sealed(body: Any) -> bytes:
    """A text whose checksum is right, whatever is in it."""
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return json.dumps({**body, "checksum": hashlib.sha256(plain.encode()).hexdigest()}).encode()


def flaw_of(text: bytes, owner: Owner | None = OWNER) -> str:
    with pytest.raises(LedgerUnusable) as caught:
        read_ledger(text, owner)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == f"ledger/{caught.value.flaw}"
    assert diagnostic.fix
    return caught.value.flaw.value


@pytest.mark.parametrize("ledger", [WHOLE, Ledger(OWNER, salt="s"), replace(WHOLE, lease=None)])
def test_what_is_written_is_read_again(ledger: Ledger) -> None:
    text = write_ledger(ledger)
    assert read_ledger(text, OWNER) == ledger
    assert read_ledger(text, None) == ledger
    assert write_ledger(read_ledger(text, OWNER)) == text


def test_the_order_in_which_resources_are_found_does_not_count() -> None:
    turned = replace(WHOLE, owned=dict(reversed(WHOLE.owned.items())))
    assert write_ledger(turned) == write_ledger(WHOLE)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"kind": NaN}',
        b"9" * 10_000,
        write_ledger(WHOLE)[:-1],
        write_ledger(WHOLE).replace(b"forecast", b"forecost"),
    ],
    ids=["empty", "text", "not-utf8", "deep", "nan", "long-number", "cut", "changed"],
)
def test_what_is_damaged_is_corrupt(text: bytes) -> None:
    assert flaw_of(text) == Flaw.CORRUPT
    assert flaw_of(text, None) == Flaw.CORRUPT


def test_a_text_too_large_is_corrupt_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LARGEST", 10)
    assert flaw_of(write_ledger_anyway()) == Flaw.CORRUPT
    with pytest.raises(PeakctlError) as caught:
        write_ledger(WHOLE)
    assert caught.value.diagnostics[0].code == "ledger/unfit"


def write_ledger_anyway() -> bytes:
    return sealed({"kind": "peakctl-ledger"})


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b"{}", b'{"kind": "peakctl-plan"}'])
def test_what_is_no_ledger_is_foreign(text: bytes) -> None:
    assert flaw_of(text) == Flaw.FOREIGN


def test_the_ledger_of_another_owner_is_foreign() -> None:
    assert flaw_of(write_ledger(WHOLE), Owner("retail-prod", "x")) == Flaw.FOREIGN


def old_text(ledger: Ledger = WHOLE) -> dict[str, Any]:
    """The body of `ledger` as format 1 had it."""
    body = body_of(ledger)
    owned = [{k: v for k, v in item.items() if k not in NEW_IN_2} for item in body["owned"]]
    return {**body, "format_version": 1, "owned": owned}


def test_format_1_says_nothing_of_what_it_lacks() -> None:
    found = read_ledger(sealed(old_text()), OWNER)
    told = {
        key: replace(e, secret=None, claimed=False, created=False) for key, e in WHOLE.owned.items()
    }
    assert found == replace(WHOLE, owned=told)


@pytest.mark.parametrize("name", sorted(NEW_IN_2))
def test_a_field_of_format_2_is_not_one_of_format_1(name: str) -> None:
    body = old_text()
    body["owned"][0][name] = NEW_IN_2[name]
    assert flaw_of(sealed(body)) == Flaw.CORRUPT


def test_a_newer_format_is_newer_whatever_else_it_has() -> None:
    assert flaw_of(b'{"kind": "peakctl-ledger", "format_version": 3, "a": {}}') == Flaw.NEWER
    assert flaw_of(b'{"kind": "peakctl-ledger", "format_version": 3}', None) == Flaw.NEWER


@pytest.mark.parametrize("version", [None, "1", True, 0, -1, 1.0, [1]])
def test_a_format_that_is_no_number_from_one_is_corrupt(version: Any) -> None:
    assert flaw_of(sealed({**body_of(), "format_version": version})) == Flaw.CORRUPT


def test_a_text_without_a_checksum_is_corrupt() -> None:
    assert flaw_of(json.dumps(body_of()).encode()) == Flaw.CORRUPT


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    deeper = [
        place
        for word, each in inner
        if isinstance(each, dict | list)
        for place in places(each, (*path, word))
    ]
    return [
        *((*path, word) for word in (value if isinstance(value, dict) else range(len(value)))),
        *deeper,
    ]


def changed(path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> bytes:
    body = copy.deepcopy(body_of())
    at: Any = body
    for part in path[:-1]:
        at = at[part]
    change(at, path[-1])
    return sealed(body)


PLACES = [path for path in places(body_of()) if path[0] not in ("kind", "format_version")]
INTENT_IDS = {("intents", 0, "id"), ("intents", 1, "id")}
MAY_BE_NULL = {("lease",), ("lease", "actor", "ci"), ("runs", 0, "actor", "ci"), *INTENT_IDS}
FLAGS = ("protect", "claimed", "created")
NEW = INTENT_IDS | {("intents", 0, "run"), ("intents", 1, "run")}
"""Older ledgers do not have these."""
WRONG = [True, -1, 10**400, 1.5e300, [[]], {"a": None}, "\ud800", "x" * 10_001, None]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_a_field_of_another_type_is_corrupt(path: tuple[Any, ...]) -> None:
    for wrong in WRONG:

        def put(at: Any, word: Any, wrong: Any = wrong) -> None:
            at[word] = wrong

        fits = (
            (path[-1] in FLAGS and wrong is True)
            or (wrong is None and path in MAY_BE_NULL)
            or (wrong is None and path[-1] in ("version", "secret"))
            or (wrong is None and path[0] == "intents" and path[-1] == "id")
        )
        if not fits:
            assert flaw_of(changed(path, put)) in (Flaw.CORRUPT,), wrong


@pytest.mark.parametrize(
    "path", [p for p in PLACES if p not in NEW], ids=lambda path: ".".join(map(str, path))
)
def test_a_field_that_is_missing_is_corrupt(path: tuple[Any, ...]) -> None:
    if isinstance(path[-1], int) and path[-2] != "uses" and path[:-1] != ("owned", 0, "uses", 0):
        return  # an item of a list may be missing
    if path[-2:-1] in (("digests",), ("counts",), ("uses",), ("secret",)):
        return

    def drop(at: Any, word: Any) -> None:
        del at[word]

    assert flaw_of(changed(path, drop)) == Flaw.CORRUPT


@pytest.mark.parametrize(
    "path", [("zebra",), ("lease", "zebra"), ("owned", 0, "zebra"), ("runs", 0, "actor", "zebra")]
)
def test_a_field_that_no_ledger_has_is_corrupt(path: tuple[Any, ...]) -> None:
    assert flaw_of(changed(path, lambda at, word: at.update({word: 1}))) == Flaw.CORRUPT


def test_a_resource_that_is_there_twice_is_corrupt() -> None:
    text = changed(("owned",), lambda at, word: at.update({word: [at[word][0]] * 2}))
    assert flaw_of(text) == Flaw.CORRUPT


@pytest.mark.parametrize("path", [("salt",), ("project",), ("owned", 0, "name")])
def test_a_text_that_must_be_there_may_not_be_empty(path: tuple[Any, ...]) -> None:
    assert flaw_of(changed(path, lambda at, word: at.update({word: ""}))) == Flaw.CORRUPT


@pytest.mark.parametrize(
    "ledger",
    [
        replace(WHOLE, owned={IMAGE: Owned(IMAGE, "x" * 500)}),
        replace(WHOLE, lease=Lease("r", Actor("\ud800"), 0, 1)),
        replace(WHOLE, lease=Lease("r", Actor("a"), 0, float("nan"))),
    ],
    ids=["long-id", "half-a-character", "no-moment"],
)
def test_what_could_not_be_read_again_is_not_written(ledger: Ledger) -> None:
    with pytest.raises(PeakctlError, match="cannot hold") as caught:
        write_ledger(ledger)
    assert caught.value.diagnostics[0].code == "ledger/unfit"
