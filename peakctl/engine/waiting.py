"""Waiting for what was started: how long, how often, and what ends it early."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from types import MappingProxyType

from peakctl.model import State
from peakctl.model.platform import Adapter, CallResult, Clock, Readiness
from peakctl.model.records import dataclass

DEFAULT_LIMITS: Mapping[str, float] = MappingProxyType(
    {"build": 1800.0, "deploy": 3600.0, "service": 1800.0, "delete": 900.0}
)

NOUNS: Mapping[str, str] = MappingProxyType(
    {"build": "the build", "deploy": "the deployment", "service": "the service"}
)


def noun(what: str) -> str:
    """What is waited for, in the words of a message."""
    return NOUNS.get(what, "it")


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """Time limits by what is waited for, and how often to look; all in seconds.

    The platform states no durations (docs/platform.md, 5): looks are `first` apart at first, then a
    tenth of the time that has passed, so that an end is noticed soon for how long it took.
    """

    seconds: Mapping[str, float] = field(default_factory=lambda: DEFAULT_LIMITS)
    first: float = 1.0
    share: float = 0.1
    longest: float = 30.0

    def pause(self, waited: float) -> float:
        """Seconds until the next look, after `waited` seconds."""
        return min(max(self.first, self.share * waited), self.longest)

    def limit(self, what: str) -> float:
        return self.seconds.get(what, DEFAULT_LIMITS.get(what, 1800.0))


class StopReason(enum.StrEnum):
    """Why a run was asked to stop."""

    INTERRUPTED = "interrupted"
    TIME_LIMIT = "time limit"
    LEASE_LOST = "lease lost"


class Stop:
    """Set by the first interrupt: start nothing new, wait for nothing more.

    `reason` is why, once it is requested: that of the first request.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None

    @property
    def requested(self) -> bool:
        return self.reason is not None

    def request(self, reason: StopReason = StopReason.INTERRUPTED) -> None:
        self.reason = self.reason or reason


async def wait_until_settled(
    adapter: Adapter,
    result: CallResult,
    *,
    clock: Clock,
    limits: WaitLimits,
    what: str,
    stop: Stop,
    report: Callable[[Readiness], None],
    look: Callable[[Readiness], Awaitable[None]] | None = None,
) -> Readiness:
    """Poll until the started thing itself has ended; PENDING when time or the user ended the wait.

    `report` is called once for each status on the way, not for the last one; `look` at each poll.
    """
    began, last = clock.now(), ""
    deadline = began + limits.limit(what)
    while True:
        reading = await adapter.poll(result)
        if reading.state is not State.PENDING:
            return reading
        if reading.status != last:
            last = reading.status
            report(reading)
        if look is not None:
            await look(reading)
        pause = limits.pause(clock.now() - began)
        if stop.requested or clock.now() + pause > deadline:
            return reading
        await clock.sleep(pause)
