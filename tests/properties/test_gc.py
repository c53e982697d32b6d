"""Old versions: whatever there is, what must stay stays, and no number comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.gc import IN_USE, GcLimits, KeptFor, Verdict, is_lower, judge_versions
from peakctl.engine.plan.steps import Verdict as Decided
from peakctl.engine.plan.steps import decide, next_patch
from peakctl.model import KeptVersion, State
from peakctl.model.resources import Edit

NOW = 1_000_000.0
PARTS = st.integers(0, 3)
SUFFIX = st.sampled_from(["", "-python3.9", "-rc.1"])
SEMANTIC = st.builds(lambda a, b, c, end: f"{a}.{b}.{c}{end}", PARTS, PARTS, PARTS, SUFFIX)
NUMBERS = st.one_of(
    SEMANTIC, SEMANTIC, st.integers(1, 12).map(str), st.sampled_from(["old", "a.1"])
)
MADE = st.one_of(st.none(), st.floats(0, NOW).map(Edit), st.just(Edit(None)))
VERSIONS = st.lists(
    st.builds(
        KeptVersion,
        number=NUMBERS,
        state=st.sampled_from([State.READY, State.READY, State.PENDING, State.FAILED]),
        status=st.sampled_from(["", "ready", IN_USE, "In-Use"]),
        made=MADE,
    ),
    max_size=9,
    unique_by=lambda version: version.number,
)
LIMITS = st.builds(
    GcLimits, st.integers(1, 6), st.one_of(st.none(), st.floats(0, NOW, allow_nan=False))
)


@st.composite
def cases(draw: Any) -> tuple[list[KeptVersion], GcLimits, frozenset[str], frozenset[str]]:
    versions = draw(VERSIONS)
    some = st.sets(st.sampled_from([v.number for v in versions] or ["1"]), max_size=3)
    return versions, draw(LIMITS), frozenset(draw(some)), frozenset(draw(some))


def judged(
    versions: list[KeptVersion], limits: GcLimits, used: frozenset[str], latest: frozenset[str]
) -> tuple[Verdict, ...]:
    return judge_versions(
        versions,
        limits,
        latest=latest,
        users=lambda version: ("Workflow/w",) if version.number in used else (),
        now=NOW,
    )


def gone(verdicts: tuple[Verdict, ...]) -> list[KeptVersion]:
    return [each.version for each in verdicts if each.kept is None]


@given(cases())
def test_what_must_stay_stays(case: Any) -> None:
    versions, limits, used, latest = case
    verdicts = judged(versions, limits, used, latest)
    assert [each.version for each in verdicts] == versions
    for rank, each in enumerate(versions):
        if each not in gone(verdicts):
            continue
        assert rank >= max(1, limits.keep)
        assert each.number not in used
        assert each.number not in latest
        assert each.status.lower() != IN_USE
        assert each.state is not State.PENDING
        if limits.older_than is not None:
            assert each.made is not None
            assert each.made.at is not None
            assert NOW - each.made.at >= limits.older_than


@given(cases())
def test_no_number_is_freed_that_auto_would_take_again(case: Any) -> None:
    versions, limits, used, latest = case
    deleted = {each.number for each in gone(judged(versions, limits, used, latest))}
    for newest in {versions[0].number, *latest} if versions else ():
        number = newest
        for _ in range(20):
            for flavours in (True, False):
                decided = decide(None, number, number, differs=True, flavours=flavours)
                assert decided.verdict is Decided.MAKE
                assert decided.version not in deleted
            number = next_patch(number, flavours=True)


@given(cases())
def test_the_version_that_a_reference_without_one_takes_stays(case: Any) -> None:
    versions, limits, used, latest = case
    stays = [v for v in versions if v not in gone(judged(versions, limits, used, latest))]
    ready = [each.number for each in versions if each.state is State.READY]
    still = [each.number for each in stays if each.state is State.READY]
    assert ready[:1] == still[:1]
    top = [n for n in ready if "." in n and not any(is_lower(n, other) for other in ready)]
    assert not top or {*top} & {*still}


@given(cases())
def test_a_second_time_there_is_nothing_to_do(case: Any) -> None:
    versions, limits, used, latest = case
    left = [v for v in versions if v not in gone(judged(versions, limits, used, latest))]
    assert gone(judged(left, limits, used, latest)) == []


@given(cases(), st.integers(0, 4), st.floats(0, NOW))
def test_who_asks_to_keep_more_keeps_more(case: Any, more: int, longer: float) -> None:
    versions, limits, used, latest = case
    wider = replace(limits, keep=limits.keep + more, older_than=(limits.older_than or 0.0) + longer)
    assert {v.number for v in gone(judged(versions, wider, used, latest))} <= {
        v.number for v in gone(judged(versions, limits, used, latest))
    }


@given(NUMBERS, NUMBERS)
def test_one_number_is_lower_at_most(one: str, two: str) -> None:
    assert not (is_lower(one, two) and is_lower(two, one))
    assert not is_lower(one, one)


def test_every_reason_has_a_sentence() -> None:
    assert all(each.sentence for each in KeptFor)
