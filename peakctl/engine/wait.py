"""Waiting for what the platform does in the background, without holding a request slot."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from peakctl.model import Readiness, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peakctl.model import Adapter, CallResult, Clock

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

    The platform states no durations (docs/platform.md, 5): looks start close together, for what is
    quick, and grow to half a minute.
    """

    seconds: Mapping[str, float] = field(default_factory=lambda: DEFAULT_LIMITS)
    first: float = 1.0
    growth: float = 1.5
    longest: float = 30.0

    def limit(self, what: str) -> float:
        return self.seconds.get(what, DEFAULT_LIMITS.get(what, 1800.0))


class Stop:
    """Set by the first interrupt: start nothing new, wait for nothing more."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        self.requested = True


async def wait_until_settled(
    adapter: Adapter,
    receipt: CallResult,
    *,
    clock: Clock,
    limits: WaitLimits,
    what: str,
    stop: Stop,
    tell: Callable[[Readiness], None],
) -> Readiness:
    """Poll until the started thing itself has ended; PENDING when time or the user ended the wait.

    `tell` hears of each status on the way once; the end is the caller's to tell.
    """
    deadline = clock.now() + limits.limit(what)
    pause, last = limits.first, ""
    while True:
        reading = await adapter.poll(receipt)
        if reading.state is not State.PENDING:
            return reading
        if reading.status != last:
            last = reading.status
            tell(reading)
        if stop.requested or clock.now() + pause > deadline:
            return reading
        await clock.sleep(pause)
        pause = min(pause * limits.growth, limits.longest)
