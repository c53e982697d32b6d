"""Values as users may see them."""

from __future__ import annotations

from datetime import date

import pytest

from peakctl.model import MISSING, UNSEEN, Key, Secret, Unknown, Value
from peakctl.present.values import block, digest_of, inline, short_digest, to_json

UNKNOWN = Unknown(Key("Image", "a"), "id")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Secret("x"), "(sensitive)"),
        (UNKNOWN, {"unknown": "Image/a.id"}),
        ({"a": UNSEEN}, {"a": "(not shown)"}),
        ({1: (Secret(1), 2.5)}, {"1": ["(sensitive)", 2.5]}),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (date(2026, 1, 2), "2026-01-02"),
        (None, None),
    ],
)
def test_values_become_json(value: Value, expected: Value) -> None:
    assert to_json(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MISSING, "(absent)"),
        ({"a b": [1, None, True]}, '{"a b": [1, null, true]}'),
        ("plain-word", "plain-word"),
        ("true", '"true"'),
        ("1.10", '"1.10"'),
        ("a: b", '"a: b"'),
        ("", '""'),
        ('say "hi"', "'say \"hi\"'"),
        ('it\'s "so"', '"it\'s \\"so\\""'),
        ({}, "{}"),
        (1.5, "1.5"),
    ],
)
def test_values_fit_on_a_line(value: Value, expected: str) -> None:
    assert inline(value) == expected


def test_values_fit_in_a_block() -> None:
    nested = {"deep": {f"key{n}": "x" * 20 for n in range(4)}, "empty": [], "text": "a\nb"}
    assert block(nested) == [
        "deep:",
        *(f"  key{n}: {'x' * 20}" for n in range(4)),
        "empty: []",
        "text: |",
        "  a",
        "  b",
    ]
    assert block([1, ["y" * 40, "z" * 40]]) == ["- 1", f"- - {'y' * 40}", f"  - {'z' * 40}"]


def test_digests_are_recognised_and_shortened() -> None:
    assert digest_of({"digest": "sha256:" + "ab" * 32}) == "sha256:" + "ab" * 32
    assert digest_of({"digest": "short"}) is None
    assert digest_of({"digest": "sha256:" + "ab" * 32, "more": 1}) is None
    assert digest_of(5) is None
    assert short_digest("sha256:" + "ab" * 32) == "sha256:abababab…"
    assert short_digest("abc") == "abc"
