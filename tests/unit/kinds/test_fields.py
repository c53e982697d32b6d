"""Values, walked beside their fields."""

from __future__ import annotations

import pytest

from peakctl.kinds.fields import Absent, Field, field_at, variant
from peakctl.kinds.schemas import load_kinds
from peakctl.model import MISSING, Key, Secret, Unknown
from peakctl.model.values import (
    copy_tree,
    drop_at,
    fill,
    seal_at,
    seal_beside,
    sealed,
    set_at,
    unknowns,
    value_at,
)

TEXT = Field(frozenset({"string"}), Absent.SERVER)
BRANCH = Field(frozenset({"object"}), Absent.REQUIRED, properties={"a": TEXT})
NEW = Unknown(Key("Image", "a"), "id")


def test_values_are_found_by_path() -> None:
    tree = {"a": [{"b": 1}]}
    assert value_at(tree, ("a", 0, "b")) == 1
    assert value_at(tree, ("a", 1)) is MISSING
    assert value_at(tree, ("a", "b")) is MISSING
    assert value_at(tree, ("a", 0, "b", "c")) is MISSING
    assert value_at(tree, ()) == tree


def test_values_are_put_and_dropped_by_path() -> None:
    tree = {"a": [{"b": 1}], "s": "text"}
    set_at(tree, ("a", 0, "c", "d"), 2)
    set_at(tree, ("s", "x"), 3)
    assert tree == {"a": [{"b": 1, "c": {"d": 2}}], "s": {"x": 3}}
    drop_at(tree, ("a", 0, "b"))
    drop_at(tree, ("a", 0))
    drop_at(tree, ("none", "such"))
    assert tree == {"a": [{"c": {"d": 2}}], "s": {"x": 3}}


def test_a_copy_shares_no_containers() -> None:
    tree = {"a": ({"b": [1]},)}
    copied = copy_tree(tree)
    assert copied == {"a": [{"b": [1]}]}
    assert copied["a"][0]["b"] is not tree["a"][0]["b"]


def test_a_branch_is_chosen_by_the_first_value_that_says() -> None:
    field = Field(
        frozenset({"object"}),
        Absent.CLEAR,
        discriminator="kind",
        variants={"one": BRANCH, "uno": BRANCH, "two": TEXT},
    )
    assert variant(field, {}, {"kind": "one"}) is BRANCH
    assert variant(field, {"kind": "uno"}, {"kind": "two"}) is BRANCH
    assert variant(field, {"kind": "none"}, {"kind": 3}, "text") is field
    assert variant(TEXT, {"kind": "one"}) is TEXT


def test_a_path_outside_the_schema_has_no_field() -> None:
    assert field_at(BRANCH, ("b", "c")) is None
    assert field_at(BRANCH, ("a",)) is TEXT
    assert field_at(BRANCH, ("a", 0)) is None


def test_unknowns_are_found_and_filled() -> None:
    tree = {"a": [NEW, 1], "b": {"c": NEW}}
    assert list(unknowns(tree)) == [NEW, NEW]
    assert fill(tree, {NEW: 7}) == {"a": [7, 1], "b": {"c": 7}}
    with pytest.raises(KeyError):
        fill(tree, {})


def test_leaves_are_sealed_once() -> None:
    assert sealed("x") == Secret("x")
    for value in (Secret("x"), NEW, {}, [], None, MISSING):
        assert sealed(value) is value


def test_leaves_are_sealed_where_they_are() -> None:
    tree = {"a": {"b": "x"}}
    assert seal_at(tree, [("a", "b"), ("a", "c")]) == {"a": {"b": Secret("x")}}
    assert tree == {"a": {"b": "x"}}
    assert seal_at(tree, ()) is tree


def test_everything_in_what_is_sealed_is_sealed() -> None:
    tree = {"a": {"b": ["x", {"c": 1}], "d": None}, "e": 2}
    sealed_a = {"b": [Secret("x"), {"c": Secret(1)}], "d": None}
    assert seal_at(tree, [("a",)]) == {"a": sealed_a, "e": 2}


def test_what_is_secret_beside_is_sealed() -> None:
    other = {"a": Secret("new"), "b": [{"k": Secret("x")}, {"m": 1}], "c": {"d": "e"}, "z": 1}
    live = {"a": {"was": ["old"]}, "b": [{"k": 1, "m": 2}, {"k": None}], "c": "text", "d": [1]}
    assert seal_beside(live, [other]) == {
        "a": {"was": [Secret("old")]},
        "b": [{"k": Secret(1), "m": 2}, {"k": None}],
        "c": "text",
        "d": [1],
    }


def test_a_field_is_found_through_branches_maps_and_lists() -> None:
    root = load_kinds()["Workflow"].root
    value = {"spec": {"steps": {"s": {"type": "http"}}}}
    method = field_at(root, ("spec", "steps", "s", "method"), value)
    assert method is not None
    assert method.description == "The HTTP method."
    assert field_at(root, ("spec", "steps", "other", "method"), value) is None
    cron = field_at(root, ("spec", "triggers", 0, "cron"), value)
    assert cron is not None
    assert cron.check == "cron"
