"""Digests of what must not be written down: strict, salted, without a trace of a secret."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import Any

import pytest

from peakctl.engine.ledger.digests import Digests
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


def test_a_secret_is_worked_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bytes] = []
    slow = hashlib.scrypt

    def counted(text: bytes, **more: Any) -> bytes:
        calls.append(text)
        return slow(text, **more)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    digests = Digests("salt")
    digests.of([Secret("x"), {"a": Secret("x")}])
    digests.of(Secret("x"))
    assert calls == [b'"x"']
    assert "x" not in repr(digests).split()
