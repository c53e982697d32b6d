"""A write whose answer was lost: whether it took effect is found by reading again."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from peakctl.errors import ApiError, PeakctlError
from peakctl.model import Clock

T = TypeVar("T")

LOOK_PAUSES = (0.0, 2.0, 5.0, 10.0)
"""Seconds before each look: a listing may lag behind a write."""


async def find_lost_write(
    look: Callable[[], Awaitable[T | None]],
    clock: Clock,
    pauses: Iterable[float] = LOOK_PAUSES,
    *,
    ignored: type[PeakctlError] = ApiError,
) -> T | None:
    """What `look` finds of the write; None when the last look does not find it either.

    A look that fails with `ignored` decides nothing, and the next one follows. Any other error of
    a look is raised.
    """
    for pause in pauses:
        await clock.sleep(pause)
        with contextlib.suppress(ignored):
            found = await look()
            if found is not None:
                return found
    return None
