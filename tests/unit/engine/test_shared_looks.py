"""Waits for one kind that share looks at its listing: what they ask for, and what they end with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from chaos.clock import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.waiting import SharedLooks, Stop, WaitLimits, wait_until_settled
from peakctl.errors import ApiError, Diagnostic
from peakctl.model import CallResult, Key, PendingInListing, Readiness, State

REFUSED = ApiError(Diagnostic("api/refused", "no listing", fix="look"), status=500)
BUILDING = Readiness(State.PENDING, "building")
LATENCY = 0.05


@dataclass
class Builds:
    """An adapter over builds that end at given times; `hidden` ones show in no listing."""

    clock: FakeClock
    ends: dict[str, float]
    hidden: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    requests: int = 1
    broken_after: int = 1000
    polls: list[str] = field(default_factory=list)
    listings: list[int] = field(default_factory=list)

    async def poll(self, result: CallResult) -> Readiness:
        self.polls.append(result.key.name)
        return await self._answer(Readiness(State.READY, "ready") if self._over(result) else None)

    async def pending_in_listing(self, results: Sequence[CallResult], most: int) -> Any:
        self.listings.append(len(results))
        if len(self.listings) > self.broken_after:
            raise REFUSED
        read = results if self.requests <= most else results[:1]
        shown = (r for r in read if r.key.name not in self.hidden)
        pending = {r.key: BUILDING for r in shown if r.key.name in self.stale or not self._over(r)}
        return await self._answer(PendingInListing(pending, self.requests))

    def _over(self, result: CallResult) -> bool:
        return self.clock.now() >= self.ends[result.key.name]

    async def _answer(self, answer: Any) -> Any:
        await self.clock.sleep(LATENCY)
        return answer or BUILDING


def wait_for(
    builds: Builds,
    starts: dict[str, float] | None = None,
    *,
    stop: Stop | None = None,
    stop_at: float = 0.0,
    limit: float = 1e6,
    look: Any = None,
    usual: dict[Key, int] | None = None,
) -> dict[str, tuple[Readiness, float]]:
    """How each wait ended, and when."""
    clock, limits = builds.clock, WaitLimits({"build": limit})
    shared = SharedLooks(builds, clock, limits, usual or {})  # type: ignore[arg-type]
    ended: dict[str, tuple[Readiness, float]] = {}

    async def one(name: str, start: float) -> None:
        await clock.sleep(start)
        reading = await wait_until_settled(
            builds,  # type: ignore[arg-type]
            CallResult(Key("Image", name), name, watch={}),
            clock=clock,
            limits=limits,
            what="build",
            stop=stop or Stop(),
            report=lambda _: None,
            look=look,
            shared=shared,
        )
        ended[name] = reading, clock.now()

    async def interrupt(stop: Stop) -> None:
        await clock.sleep(stop_at)
        stop.request()

    async def go() -> None:
        async with asyncio.TaskGroup() as group:
            if stop and stop_at:
                group.create_task(interrupt(stop))
            for name in builds.ends:
                group.create_task(one(name, (starts or {}).get(name, 0.0)))

    asyncio.run(go())
    assert not shared.waits
    assert not shared.seen
    return ended


def builds_of(count: int, seconds: float = 60.0, **more: Any) -> Builds:
    return Builds(FakeClock(0.0), {f"i{n}": seconds for n in range(count)}, **more)


def test_many_waits_cost_a_look_and_a_read_at_each_end() -> None:
    builds = builds_of(20)
    ended = wait_for(builds)
    assert {reading.state for reading, _ in ended.values()} == {State.READY}
    assert max(at for _, at in ended.values()) <= 60 * 1.1 + 1
    assert len(builds.polls) == 20 + 20  # the first look, and the end
    assert len(builds.listings) < 30


@pytest.mark.parametrize("count", [1, 20])
def test_an_end_about_the_usual_time_is_noticed_at_once(count: int) -> None:
    times = {Key("Image", f"i{n}"): 602 for n in range(count)}
    for usual, late in (({}, 15.0), (times, 2.5)):
        builds = builds_of(count, 600.0)
        ended = wait_for(builds, usual=usual)
        found = max(at for _, at in ended.values()) - 600
        assert found <= late
    assert len(builds.listings) + len(builds.polls) < 65 + 2 * count


@pytest.mark.parametrize(("count", "requests", "looks"), [(2, 1, 0), (3, 1, 30), (3, 3, 1)])
def test_a_listing_is_read_where_it_saves_requests(count: int, requests: int, looks: int) -> None:
    builds = builds_of(count, requests=requests)
    wait_for(builds)
    assert (len(builds.listings) > 1) is (looks > 1)
    assert len(builds.listings) <= looks


def test_a_kind_whose_listing_tells_nothing_is_read_one_by_one() -> None:
    builds = builds_of(5, requests=0, hidden=frozenset({"i0", "i1", "i2", "i3", "i4"}))
    wait_for(builds)
    assert len(builds.listings) == 1
    assert len(builds.polls) > 5 * 20


def test_what_a_listing_does_not_show_is_read_by_itself() -> None:
    builds = builds_of(6, hidden=frozenset({"i1"}))
    wait_for(builds)
    assert builds.polls.count("i1") > 20
    assert {builds.polls.count(f"i{n}") for n in (0, 2, 3, 4, 5)} == {2}


def test_what_a_listing_does_not_show_is_no_reason_to_read_it() -> None:
    builds = builds_of(4, hidden=frozenset({"i1", "i2"}))
    wait_for(builds)
    assert len(builds.listings) == 1


def test_a_new_wait_is_looked_at_as_often_as_it_needs() -> None:
    builds = builds_of(5, seconds=1000.0)
    builds.ends["i4"] = 502.5
    ended = wait_for(builds, {"i4": 500.0})
    assert ended["i4"][1] <= 503.5 + 5 * LATENCY


def test_a_listing_that_takes_too_many_requests_is_read_once_there_are_more_waits() -> None:
    builds = builds_of(6, requests=4)
    wait_for(builds, {"i3": 10.0, "i4": 10.0, "i5": 10.0})
    assert builds.listings[:2] == [3, 6]
    assert builds.polls.count("i0") < 15


def test_an_interrupt_asks_no_listing() -> None:
    builds, stop = builds_of(5), Stop()
    wait_for(builds, stop=stop, stop_at=30.5)
    before = builds_of(5, seconds=30.5)  # without the looks that are left out
    wait_for(before)
    assert len(builds.listings) == len(before.listings) - 1


def test_a_listing_that_fails_is_not_asked_again() -> None:
    builds = builds_of(6, broken_after=2)
    assert {reading.state for reading, _ in wait_for(builds).values()} == {State.READY}
    assert len(builds.listings) == 3


def test_at_the_time_limit_its_own_read_decides() -> None:
    builds = builds_of(4, stale=frozenset({"i2"}))
    ended = wait_for(builds, limit=120.0)
    assert {reading.state for reading, _ in ended.values()} == {State.READY}
    assert ended["i2"][1] > 60
    unfinished = builds_of(4, seconds=1000.0)
    ended = wait_for(unfinished, limit=120.0)
    assert {reading for reading, _ in ended.values()} == {BUILDING}
    assert max(at for _, at in ended.values()) <= 121
    assert len(unfinished.polls) == 8


def test_an_interrupt_ends_every_wait_with_its_own_read() -> None:
    builds, stop = builds_of(5), Stop()

    async def look(_: Readiness) -> None:
        if builds.clock.now() > 30:
            stop.request()

    ended = wait_for(builds, stop=stop, look=look)
    assert {reading for reading, _ in ended.values()} == {BUILDING}
    assert max(at for _, at in ended.values()) < 36
    assert len(builds.polls) == 10


def test_a_next_wait_for_the_same_does_not_see_the_look_for_the_one_before() -> None:
    builds = builds_of(3, seconds=50.0)
    limits = WaitLimits()
    shared = SharedLooks(builds, builds.clock, limits)  # type: ignore[arg-type]
    results = [CallResult(Key("Image", name), name) for name in builds.ends]

    async def go() -> None:
        with shared.joined(results[1]), shared.joined(results[2]):
            with shared.joined(results[0]):
                await builds.clock.sleep(1.0)
                looking = asyncio.create_task(shared.look(results[1].key))
                await asyncio.sleep(0)
            with shared.joined(results[0]):
                assert await looking == BUILDING
                assert await shared.look(results[0].key) is None
                assert set(shared.seen) == {results[1].key, results[2].key}

    asyncio.run(go())


NAMES = [f"i{n}" for n in range(8)]
TIMES = st.floats(0.0, 400.0)


@given(
    st.dictionaries(st.sampled_from(NAMES), st.tuples(TIMES, TIMES), min_size=1),
    st.frozensets(st.sampled_from(NAMES)),
    st.integers(0, 9),
    st.integers(0, 40),
)
def test_each_end_is_noticed_in_time_whatever_the_listing_does(
    drawn: dict[str, tuple[float, float]], hidden: frozenset[str], requests: int, broken_after: int
) -> None:
    starts = {name: start for name, (start, _) in drawn.items()}
    ends = {name: start + took for name, (start, took) in drawn.items()}
    builds = Builds(
        FakeClock(0.0), ends, hidden=hidden, requests=requests, broken_after=broken_after
    )
    ended = wait_for(builds, starts)
    for name, (_, took) in drawn.items():
        reading, at = ended[name]
        assert reading.state is State.READY
        assert at - ends[name] <= max(1.0, 0.1 * took) * 1.05 + 5 * LATENCY
        assert builds.polls.count(name) >= 1
