"""Properties of the bound on requests and of waiting times."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from peakctl.api.failures import Failure
from peakctl.api.limits import Backoff, ConcurrencyLimit, Limits, parse_retry_after
from peakctl.model import MASK
from peakctl.model.text import Redactor, safe_line

STEPS = st.lists(
    st.tuples(st.sampled_from(["ok", "throttle", "cancel"]), st.integers(0, 3)), max_size=30
)


@given(st.integers(1, 6), st.integers(1, 4), STEPS)
def test_the_bound_holds_whatever_happens_and_no_slot_is_lost(
    most: int, grow_after: int, steps: list[tuple[str, int]]
) -> None:
    async def main() -> None:
        slots, highest = ConcurrencyLimit(most, grow_after), 0

        async def work(end: str, turns: int) -> None:
            nonlocal highest
            async with slots.one() as round_:
                highest = max(highest, slots.held)
                for _ in range(turns):
                    await asyncio.sleep(0)
                if end == "throttle":
                    slots.throttled(round_)
                else:
                    slots.succeeded()
            assert 1 <= slots.limit <= most

        tasks = [asyncio.create_task(work(*step)) for step in steps]
        for number, (end, turns) in enumerate(steps):
            if end == "cancel":
                for _ in range(turns):
                    await asyncio.sleep(0)
                tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert highest <= most
        assert slots.held == 0
        async with slots.one():
            assert slots.held == 1

    asyncio.run(main())


@given(st.integers(0, 10**6))
def test_seconds_and_dates_mean_the_same(seconds: int) -> None:
    now = 1_700_000_000.0
    assert parse_retry_after(str(seconds), now) == seconds
    assert parse_retry_after(formatdate(now + seconds, usegmt=True), now) == seconds


@given(st.text())
def test_any_retry_after_is_a_wait_or_nothing(text: str) -> None:
    wait = parse_retry_after(text, 0.0)
    assert wait is None or 0 <= wait < float("inf")


@given(
    st.lists(st.sampled_from(Failure), max_size=40),
    st.booleans(),
    st.floats(0, 1),
    st.none() | st.floats(0, 10**7),
)
def test_patience_ends_and_never_waits_beyond_its_time(
    failures: list[Failure], write: bool, chance: float, retry_after: float | None
) -> None:
    limits, now = Limits(), 0.0
    patience = Backoff(limits, limits.total, lambda: chance)
    for count, failure in enumerate(failures, 1):
        wait = patience.wait(failure, write=write, now=now, retry_after=retry_after)
        if wait is None:
            return
        now += wait
        assert now <= limits.total
        assert count < limits.throttled_attempts


SECRETS = st.text('0123456789XYZ -é"\\', min_size=4).filter(lambda s: s == " ".join(s.split()))


@given(SECRETS, st.text())
def test_no_secret_is_shown(secret: str, around: str) -> None:
    for form in (secret, json.dumps(secret), "\u200b".join(secret)):
        shown = safe_line(around + form + around, Redactor([secret]))
        assert secret not in shown.replace(MASK, "|")
