from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest
from chaos.clock import FakeClock

from peakctl.api.failures import RULES, Failure, failure_of_error, failure_of_status
from peakctl.api.limits import Backoff, Limits, Pause, parse_http_date, parse_retry_after

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT


class LongerPauseClock(FakeClock):
    """Somebody else's pause may be made longer while this one lasts."""

    def __init__(self) -> None:
        super().__init__(100.0)
        self.pause: Pause | None = None

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.pause:
            self.pause.until(130.0)


def test_every_failure_has_a_rule_and_no_doubtful_write_is_repeated() -> None:
    assert set(RULES) == set(Failure)
    assert not [f for f, rule in RULES.items() if rule.write and rule.doubtful]


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, Failure.THROTTLED),
        (408, Failure.UNAVAILABLE),
        (500, Failure.UNAVAILABLE),
        (502, Failure.UNAVAILABLE),
        (503, Failure.UNAVAILABLE),
        (504, Failure.UNAVAILABLE),
        (501, Failure.FAULTY),
        (100, Failure.FAULTY),
        (302, Failure.MOVED),
        (400, Failure.REFUSED),
        (404, Failure.REFUSED),
        (409, Failure.REFUSED),
        (413, Failure.REFUSED),
        (422, Failure.REFUSED),
    ],
)
def test_a_status_means_a_failure(status: int, failure: Failure) -> None:
    assert failure_of_status(status) is failure


def _certificate_error() -> httpx.ConnectError:
    error = httpx.ConnectError("bad certificate")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectError(""), Failure.UNSENT),
        (httpx.ConnectTimeout(""), Failure.UNSENT),
        (httpx.PoolTimeout(""), Failure.UNSENT),
        (httpx.ProxyError(""), Failure.UNSENT),
        (_certificate_error(), Failure.UNTRUSTED),
        (httpx.ReadTimeout(""), Failure.TIMED_OUT),
        (httpx.WriteTimeout(""), Failure.TIMED_OUT),
        (TimeoutError(), Failure.TIMED_OUT),
        (httpx.DecodingError(""), Failure.GARBLED),
        (httpx.ReadError(""), Failure.BROKEN),
        (httpx.WriteError(""), Failure.BROKEN),
        (httpx.RemoteProtocolError(""), Failure.BROKEN),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_exception_means_a_failure(error: Exception, failure: Failure) -> None:
    assert failure_of_error(error) is failure


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:47 -0000", 10.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


def test_a_date_out_of_range_is_none() -> None:
    assert parse_http_date("Sun, 99 Nov 1994 08:49:37 GMT") is None


def _waits(failure: Failure, *, write: bool, limits: Limits | None = None) -> list[float]:
    patience, waits = Backoff(limits or Limits(), 1000.0, lambda: 1.0), list[float]()
    while (wait := patience.wait(failure, write=write, now=0.0, retry_after=None)) is not None:
        waits.append(wait)
    return waits


def test_waits_double_up_to_a_cap() -> None:
    assert _waits(Failure.UNAVAILABLE, write=False) == [0.5, 1.0, 2.0]
    limits = Limits(attempts=9, longest_wait=6.0)
    assert _waits(Failure.BROKEN, write=False, limits=limits)[-5:] == [4.0, 6.0, 6.0, 6.0, 6.0]


def test_a_write_is_repeated_only_when_nothing_was_done() -> None:
    assert len(_waits(Failure.UNSENT, write=True)) == 3
    assert len(_waits(Failure.THROTTLED, write=True)) == 11
    for failure in (Failure.UNAVAILABLE, Failure.BROKEN, Failure.TIMED_OUT, Failure.GARBLED):
        assert _waits(failure, write=True) == []


def test_waits_are_spread() -> None:
    patience = Backoff(Limits(), 1000.0, lambda: 0.0)
    assert patience.wait(Failure.BROKEN, write=False, now=0.0, retry_after=None) == 0.25
    patience = Backoff(Limits(), 1000.0, lambda: 0.5)
    assert patience.wait(Failure.THROTTLED, write=False, now=0.0, retry_after=7.0) == 7.5


def test_what_would_take_too_long_is_not_waited_for() -> None:
    patience = Backoff(Limits(), 1000.0, lambda: 0.0)
    assert patience.wait(Failure.THROTTLED, write=False, now=0.0, retry_after=121.0) is None
    assert patience.wait(Failure.THROTTLED, write=False, now=990.0, retry_after=11.0) is None


def test_a_pause_can_be_extended_while_it_is_waited_for() -> None:
    async def main() -> None:
        clock = LongerPauseClock()
        pause = Pause(clock)
        await pause.over()
        assert clock.time == 100.0
        clock.pause = pause
        pause.until(110.0)
        pause.until(105.0)
        await pause.over()
        assert clock.time == 130.0

    asyncio.run(main())
