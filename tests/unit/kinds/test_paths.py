"""Fields and values by path."""

from __future__ import annotations

from peakctl.kinds.paths import field_at, value_at
from peakctl.kinds.store import load_kinds
from peakctl.model import MISSING


def test_a_value_is_found_through_maps_and_lists_or_is_missing() -> None:
    tree = {"a": [{"b": 1}]}
    assert value_at(tree, ("a", 0, "b")) == 1
    assert value_at(tree, ("a", 1)) is MISSING
    assert value_at(tree, ("a", "b")) is MISSING
    assert value_at(tree, ("a", 0, "b", "c")) is MISSING


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
