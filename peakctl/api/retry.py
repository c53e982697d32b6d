"""What may be sent again, as a table; and how long to wait before.

A read may be repeated after any passing trouble. A write may be repeated only when the platform
certainly did nothing: it said so (429), or nothing ever left this machine.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from peakctl.api.trust import refused_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peakctl.api.limits import Limits
    from peakctl.model import Clock


class Failure(enum.StrEnum):
    """Why an attempt did not succeed."""

    UNSENT = "unsent"  # no connection: nothing was sent
    UNTRUSTED = "untrusted"  # no connection: the certificate is not accepted
    THROTTLED = "throttled"  # 429
    UNAVAILABLE = "unavailable"  # 408, 500, 502, 503, 504
    TIMED_OUT = "timed out"  # sent, and no answer in time
    BROKEN = "broken"  # sent, and the connection broke
    GARBLED = "garbled"  # answered, and the answer is cut short or is not what it says it is
    FAULTY = "faulty"  # any other 5xx, and answers without a meaning
    MOVED = "moved"  # a redirect that is not followed
    REFUSED = "refused"  # any other 4xx: the platform did nothing, and would not next time


@dataclass(frozen=True, slots=True)
class Rule:
    """`read` and `write`: sent again by itself? `doubtful`: may a write have taken effect?"""

    read: bool
    write: bool
    doubtful: bool


_PASSING = Rule(read=True, write=False, doubtful=True)
_LASTING = Rule(read=False, write=False, doubtful=True)
_HARMLESS = Rule(read=True, write=True, doubtful=False)
_DEFINITE = Rule(read=False, write=False, doubtful=False)

RULES: Mapping[Failure, Rule] = {
    Failure.UNSENT: _HARMLESS,
    Failure.UNTRUSTED: _DEFINITE,
    Failure.THROTTLED: _HARMLESS,
    Failure.UNAVAILABLE: _PASSING,
    Failure.TIMED_OUT: _PASSING,
    Failure.BROKEN: _PASSING,
    Failure.GARBLED: _PASSING,
    Failure.FAULTY: _LASTING,
    Failure.MOVED: _LASTING,
    Failure.REFUSED: _DEFINITE,
}

_UNAVAILABLE = frozenset({408, 500, 502, 503, 504})
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def failure_of_status(status: int) -> Failure:
    """The failure that a status other than 2xx means."""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Failure.THROTTLED
    if status in _UNAVAILABLE:
        return Failure.UNAVAILABLE
    if httpx.codes.is_redirect(status):
        return Failure.MOVED
    return Failure.REFUSED if httpx.codes.is_client_error(status) else Failure.FAULTY


def failure_of_error(error: Exception) -> Failure:
    """The failure that an exception of the HTTP client means."""
    match error:
        case _ if refused_certificate(error):
            return Failure.UNTRUSTED
        case _ if isinstance(error, _UNSENT):
            return Failure.UNSENT
        case httpx.TimeoutException() | TimeoutError():
            return Failure.TIMED_OUT
        case httpx.DecodingError():
            return Failure.GARBLED
        case _:
            return Failure.BROKEN


def parse_retry_after(text: str, now: float) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; None when it says neither.

    `now` is the sender's own time (its `Date`), so that a wrong clock here does no harm.
    """
    try:
        seconds = float(text)
    except ValueError:
        moment = parse_http_date(text)
        return None if moment is None else max(0.0, moment - now)
    return seconds if 0 <= seconds < float("inf") else None


def parse_http_date(text: str) -> float | None:
    """Seconds since 1970, or None when `text` is no date."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(slots=True)
class Backoff:
    """How often one request has failed, and whether it may try again.

    `chance` gives numbers from 0 to 1. Waits grow and are spread out, so that many who failed
    together do not come back together.
    """

    limits: Limits
    deadline: float
    chance: Callable[[], float]
    failures: int = 0

    def wait(
        self, failure: Failure, *, write: bool, now: float, retry_after: float | None
    ) -> float | None:
        """Seconds to wait before the next attempt, or None to give up."""
        self.failures += 1
        rule = RULES[failure]
        if not (rule.write if write else rule.read) or self.failures >= self._attempts(failure):
            return None
        if retry_after is not None and retry_after > self.limits.longest_retry_after:
            return None
        seconds = self._backoff() if retry_after is None else retry_after + self.chance()
        return seconds if now + seconds <= self.deadline else None

    def _attempts(self, failure: Failure) -> int:
        throttled = failure is Failure.THROTTLED
        return self.limits.throttled_attempts if throttled else self.limits.attempts

    def _backoff(self) -> float:
        full = self.limits.first_wait * 2.0 ** (self.failures - 1)
        return min(full, self.limits.longest_wait) * (0.5 + 0.5 * self.chance())


class Pause:
    """One "not before" for all requests of a client, set by a 429 that names a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    def until(self, moment: float) -> None:
        """Let nothing go out before `moment`, in seconds of the clock."""
        self._until = max(self._until, moment)

    async def over(self) -> None:
        """Return once the pause is over, also when it is extended meanwhile."""
        while (left := self._until - self._clock.now()) > 0:
            await self._clock.sleep(left)
