from __future__ import annotations

from typing import Any

import pytest

from peakctl.engine.plan.parameters import ParameterSet, without_implied
from peakctl.model import Secret

AT = ("spec", "parameters")
DECLARED = {
    "run": [{"name": "days", "type": "number", "defaultValue": 7}, {"name": "shop"}],
    "build": None,
}


def manifest(**run: Any) -> dict[str, Any]:
    return {"spec": {"parameters": {"run": run}}}


def test_a_default_that_a_read_repeats_is_left_out() -> None:
    assert (
        without_implied(manifest(days=7), {"spec": {}}, [ParameterSet(AT, DECLARED)]) == manifest()
    )


@pytest.mark.parametrize(
    ("live", "given"),
    [
        (manifest(days=8), manifest()),
        (manifest(days=7), manifest(days=7)),
        (manifest(shop="x"), manifest()),
        (manifest(other=1), manifest()),
        ({"spec": {}}, manifest()),
        ({"spec": {"parameters": {"run": "odd"}}}, manifest()),
    ],
)
def test_everything_else_stays(live: dict[str, Any], given: dict[str, Any]) -> None:
    assert without_implied(live, given, [ParameterSet(AT, DECLARED)]) is live


@pytest.mark.parametrize("value", ["north", Secret("north")])
def test_a_value_inherited_from_the_whole_is_left_out(value: Any) -> None:
    one = ParameterSet(AT, DECLARED, inherited={"run": {"shop": value}})
    live = manifest(shop="north", days=1)
    assert without_implied(live, {}, [one]) == manifest(days=1)
    assert live == manifest(shop="north", days=1)
