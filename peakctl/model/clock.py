"""Time, so that tests may let it pass."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time as the engine and the API client see it; tests drive a fake one."""

    def now(self) -> float:
        """Seconds since 1970."""

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
