"""A run that is asked to stop: what waits is woken, from any thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from peakctl.engine.waiting import Stop, StoppableClock, StopReason
from peakctl.operations.project import SystemClock


def test_the_first_reason_to_stop_stands() -> None:
    stop = Stop()
    assert not stop.requested
    stop.request(StopReason.TIME_LIMIT)
    stop.request()
    assert stop.requested
    assert stop.reason is StopReason.TIME_LIMIT


@pytest.mark.parametrize("before", [True, False])
def test_a_request_from_another_thread_ends_a_pause(*, before: bool) -> None:
    stop = Stop()
    if before:
        stop.request()

    async def work() -> None:
        stopped = asyncio.Event()
        clock = StoppableClock(SystemClock(), stopped)
        with stop.waking(stopped):
            if not before:
                threading.Thread(target=stop.request).start()
            await clock.sleep(600.0)
        assert stopped.is_set()

    asyncio.run(work())


def test_a_request_after_the_wait_wakes_nothing() -> None:
    stop = Stop()

    async def work() -> bool:
        stopped = asyncio.Event()
        with stop.waking(stopped):
            pass
        stop.request()
        await asyncio.sleep(0)
        return stopped.is_set()

    assert not asyncio.run(work())
