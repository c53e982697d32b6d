"""Numbers of versions: which one comes next, and when a fixed one is refused."""

from __future__ import annotations

import pytest

from peakctl.engine.plan.steps import Decision, Verdict, decide, is_newer, newest, next_patch


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.0.1", "0.0.2"),
        ("1.2.9", "1.2.10"),
        ("0.0.1-python3.9", "0.0.2"),
        ("1.0.0+build", "1.0.1"),
        ("latest", "latest.1"),
    ],
)
def test_the_next_patch_number(version: str, expected: str) -> None:
    assert next_patch(version) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.0.1-python3.9", "0.0.2-python3.9"),
        ("1.2.9", "1.2.10"),
        ("1.0.0+gpu", "1.0.1+gpu"),
        ("1.0.0-python3.9+gpu", "1.0.1-python3.9+gpu"),
        ("latest", "latest.1"),
    ],
)
def test_the_next_patch_number_keeps_its_flavour(version: str, expected: str) -> None:
    assert next_patch(version, flavours=True) == expected


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("1.10.0", "1.9.0", True),
        ("1.0.0", "1.0.0", False),
        ("1.0.0-rc.1", "1.0.0", False),
        ("weird", "1.0.0", True),
        ("weird", "weird", False),
    ],
)
def test_the_order_of_numbers(version: str, than: str, expected: bool) -> None:
    assert is_newer(version, than) is expected


def test_the_newest_of_some() -> None:
    assert newest(["1.9.0", "1.10.0", "1.2.0"]) == "1.10.0"
    assert newest([]) is None


@pytest.mark.parametrize(
    ("fixed", "told", "latest", "differs", "expected"),
    [
        (None, "1.0.0", "1.0.0", False, Decision(Verdict.KEEP, "1.0.0")),
        (None, "1.0.0", "1.0.0", True, Decision(Verdict.MAKE, "1.0.1")),
        (None, "1.0.0", "2.0.0", True, Decision(Verdict.MAKE, "2.0.1")),
        (None, "1.0.0", None, True, Decision(Verdict.MAKE, "1.0.1")),
        (None, None, None, False, Decision(Verdict.MAKE, "0.0.1")),
        ("1.0.0", "1.0.0", "1.0.0", False, Decision(Verdict.KEEP, "1.0.0")),
        ("1.0.0", "1.0.0", "2.0.0", True, Decision(Verdict.REUSED, "1.0.0", "2.0.1")),
        ("1.0.0", "1.0.0", None, True, Decision(Verdict.REUSED, "1.0.0", "1.0.1")),
        ("1.1.0", "1.0.0", "1.0.0", False, Decision(Verdict.MAKE, "1.1.0")),
        ("0.9.0", "1.0.0", "1.0.0", True, Decision(Verdict.TOO_LOW, "0.9.0", "1.0.1")),
        ("0.9.0", None, None, True, Decision(Verdict.MAKE, "0.9.0")),
    ],
)
def test_what_a_number_and_the_live_ones_ask_for(
    fixed: str | None,
    told: str | None,
    latest: str | None,
    differs: bool,
    expected: Decision,
) -> None:
    assert decide(fixed, told, latest, differs=differs) == expected


@pytest.mark.parametrize(
    ("fixed", "told", "latest", "expected"),
    [
        (None, "1.0.0-a", "1.0.0-a", Decision(Verdict.MAKE, "1.0.1-a")),
        ("1.0.0-a", "1.0.0-a", "1.0.0-a", Decision(Verdict.REUSED, "1.0.0-a", "1.0.1-a")),
        ("0.9.0", "1.0.0-a", "1.0.0-a", Decision(Verdict.LOWER, "0.9.0", "1.0.1-a")),
        ("1.0.0-b", "1.0.0-a", "1.0.0-a", Decision(Verdict.MAKE, "1.0.0-b")),
    ],
)
def test_numbers_with_flavours_need_not_rise(
    fixed: str | None, told: str, latest: str, expected: Decision
) -> None:
    decision = decide(fixed, told, latest, differs=True, flavours=True)
    assert decision == expected
    assert decision.makes is (expected.verdict is not Verdict.REUSED)
