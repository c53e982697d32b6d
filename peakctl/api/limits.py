"""Bounds on time, size and number for everything that the client does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds, sizes in bytes.

    `throttled_attempts` is for 429 alone: the platform did nothing and only asks for patience.
    A `Retry-After` over `longest_retry_after` is not waited for; the request fails and says so.
    `listing_pauses` are the waits before each further reading of a listing that contradicts itself.
    `slowest_transfer` is the least speed (per second) that an upload or a download may have.
    """

    in_flight: int = 16
    grow_after: int = 16
    connect: float = 10.0
    read: float = 60.0
    slowest_transfer: int = 64 * 1024
    attempts: int = 4
    throttled_attempts: int = 12
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 120.0
    total: float = 300.0
    redirects: int = 5
    answer_size: int = 64 * 1024 * 1024
    page_size: int = 100
    pages: int = 1000
    listing_pauses: tuple[float, ...] = (0.0, 1.0)

    def whole_attempt(self, size: int) -> float:
        """The longest that one attempt may take that moves `size` bytes."""
        return self.connect + 2 * self.read + size / self.slowest_transfer
