"""What goes out in place of an ignored field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from peakctl.engine.diff.ignored import keep_live
from peakctl.kinds.fields import Absent, Field, Kind

TEXT = Field(frozenset({"string"}), Absent.REQUIRED)
LIST = Field(frozenset({"array"}), Absent.CLEAR, items=TEXT)


@pytest.mark.parametrize(
    ("desired", "live", "path", "expected"),
    [
        (["a", "b"], ["x", "y"], (1,), ["a", "y"]),
        (["a"], ["x", "y"], (1,), ["a", "y"]),
        (["a", "b"], ["x"], (1,), ["a"]),
        (["a"], ["x"], (4,), ["a"]),
    ],
)
def test_ordered_lists_keep_what_is_live_in_its_place(
    desired: Any, live: Any, path: Any, expected: Any
) -> None:
    keep_live(LIST, desired, live, path)
    assert desired == expected


def test_a_container_that_the_manifest_leaves_to_its_default_is_made(
    kinds: Mapping[str, Kind],
) -> None:
    desired: dict[str, Any] = {"spec": {"type": "api"}}
    live = {"spec": {"buildDetails": {"useCache": False}}}
    keep_live(kinds["Image"].root, desired, live, ("spec", "buildDetails", "useCache"))
    assert desired["spec"]["buildDetails"] == {"useCache": False}


def test_fields_that_no_schema_knows_stay_out(kinds: Mapping[str, Kind]) -> None:
    desired: dict[str, Any] = {"spec": {}}
    keep_live(kinds["Image"].root, desired, {"spec": {"zzz": 1}}, ("spec", "zzz"))
    assert desired == {"spec": {}}
