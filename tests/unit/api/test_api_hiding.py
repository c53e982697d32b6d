"""Secrets in the words of others, in every form they may take."""

from __future__ import annotations

from peakctl.api.hiding import hide, secret_texts
from peakctl.model import Secret


def test_every_leaf_under_a_secret_is_one() -> None:
    tree = {"a": Secret({"b": ["one", 2, None, True, "", Secret("three")]}), "c": [Secret("four")]}
    assert list(secret_texts(tree)) == ["one", "2", "three", "four"]
    assert list(secret_texts("plain")) == []


def test_a_short_secret_is_masked_as_a_word_alone() -> None:
    assert hide("ab is no cab", ["ab"]) == "(sensitive) is no cab"


def test_a_long_secret_is_masked_in_every_form() -> None:
    assert hide('x "a\\"bcd" y a%22bcd', ['a"bcd']) == 'x "(sensitive)" y (sensitive)'
