"""Digests of what must not be written down: strict, salted, without a trace of a secret."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import Any

import pytest

from peakctl.ledger.digests import LIGHT, Digests, with_fields
from peakctl.model import MISSING, Key, Secret, Unknown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        ("1", 1),
        (None, MISSING),
        ({}, MISSING),
        ({}, []),
        ("a", Secret("a")),
        (Secret(1), Secret(True)),
        (Secret("1"), Secret(1)),
        ({"a": Secret("x")}, {"a": Secret("y")}),
        (Unknown(Key("Image", "a"), "id"), Unknown(Key("Image", "b"), "id")),
    ],
)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    digests = Digests("salt")
    assert digests.of(one) != digests.of(other)
    assert digests.of(one) == Digests("salt").of(one)
    assert digests.of(one) != Digests("pepper").of(one)


def test_the_order_and_the_sort_of_a_map_do_not_matter() -> None:
    digests = Digests("salt")
    other = MappingProxyType({"b": (2, Secret("x")), "a": 1})
    assert digests.of({"a": 1, "b": [2, Secret("x")]}) == digests.of(other)


@pytest.fixture
def worked_on(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What scrypt was asked for."""
    calls: list[bytes] = []
    slow = hashlib.scrypt

    def counted(text: bytes, **more: Any) -> bytes:
        calls.append(text)
        return slow(text, **more)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    return calls


def test_a_secret_is_worked_on_once(worked_on: list[bytes]) -> None:
    digests = Digests("worked on once")
    digests.of([Secret("x"), {"a": Secret("x")}])
    Digests("worked on once").of(Secret("x"))
    assert worked_on == [b'"x"']
    digests.of([Secret(str(n % 3)) for n in range(100)])
    assert len(worked_on) == 4
    assert "x" not in repr(digests).split()


@pytest.mark.usefixtures("full_scrypt")
def test_what_is_written_costs_whoever_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[int] = []

    def counted(_: bytes, *, n: int, r: int, p: int, **__: Any) -> bytes:
        costs.append(n * r * p)
        return b"slow"

    monkeypatch.setattr(hashlib, "scrypt", counted)
    Digests("costs").of({"a": [{"b": Secret("pin")}]})
    Digests("costs", LIGHT).of(Secret("pin"))
    assert costs == [2**14 * 8, LIGHT * 8]


def test_what_may_hold_a_secret_is_digested_slowly_as_a_whole(worked_on: list[bytes]) -> None:
    digests = Digests("as a whole")
    one = digests.of_whole({"a": "pin 1", "b": Secret(7)})
    assert worked_on == [b'{"a": "pin 1", "b": 7}']
    assert one != digests.of_whole({"a": "pin 2", "b": Secret(7)})
    assert one != digests.of_whole({"a": "pin 1", "b": Secret(8)})


def test_fields_are_written_anew_or_stay() -> None:
    known = {"spec/env/A": "a", "field:spec/env": "b"}
    assert with_fields(known, {}) == known
    assert with_fields(known, {"field:spec/type": "c"}) == {
        "spec/env/A": "a",
        "field:spec/type": "c",
    }
