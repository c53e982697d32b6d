"""The bench of the preflight: refusals are predicted, and nothing that the platform takes is."""

from __future__ import annotations

import pytest
from bench import preflight


@pytest.fixture(scope="module")
def found() -> dict[str, preflight.Found]:
    return {each.name: each for each in preflight.measure()}


def test_no_prediction_is_false_and_most_refusals_are_predicted(
    found: dict[str, preflight.Found],
) -> None:
    words = [each.word for each in found.values()]
    assert words.count("FALSE") == 0
    assert words.count("hit") / (words.count("hit") + words.count("missed")) >= 0.7
    assert words.count("quiet") >= 8


@pytest.mark.parametrize("case", preflight.CASES, ids=lambda case: case.name)
def test_what_a_plan_predicts_is_what_the_platform_refuses(
    found: dict[str, preflight.Found], case: preflight.Case
) -> None:
    each = found[case.name]
    if each.predicted:
        assert each.refused
