"""A write whose answer was lost is looked for, a few times and with pauses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peakctl.api.lost_answers import LOOK_PAUSES, find_lost_write
from peakctl.errors import ApiError, Diagnostic, NotAuthenticated, PeakctlError


def failing(kind: type[PeakctlError]) -> PeakctlError:
    return kind(Diagnostic("api/test", "no"))


def settle(clock: Any, looks: list[Any], **more: Any) -> Any:
    async def look() -> Any:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return asyncio.run(find_lost_write(look, clock, **more))


@pytest.mark.parametrize(("misses", "passed"), [(0, 0), (1, 2), (2, 7), (3, 17)])
def test_the_first_look_that_finds_it_is_the_answer(clock: Any, misses: int, passed: int) -> None:
    started = clock.now()
    assert settle(clock, [*[None] * misses, "found", "more"]) == "found"
    assert clock.now() - started == passed


def test_what_no_look_finds_is_not_there(clock: Any) -> None:
    looks = [None] * 5
    assert settle(clock, looks) is None
    assert len(looks) == 5 - len(LOOK_PAUSES)


def test_a_finding_may_be_empty(clock: Any) -> None:
    assert settle(clock, [None, 0]) == 0


def test_a_look_that_fails_tells_nothing(clock: Any) -> None:
    assert settle(clock, [failing(ApiError), "found"]) == "found"
    assert settle(clock, [failing(ApiError)], pauses=(0.0,)) is None


def test_which_failures_tell_nothing_is_for_the_caller_to_say(clock: Any) -> None:
    with pytest.raises(NotAuthenticated):
        settle(clock, [failing(NotAuthenticated), "found"])
    assert settle(clock, [failing(NotAuthenticated), 1], ignored=PeakctlError) == 1
