"""Time stamps as the platform writes them (contract, section 5: ISO 8601, UTC, milliseconds)."""

from __future__ import annotations

from datetime import UTC, datetime

from peakctl.emulator.problems import invalid


def stamp(at: float) -> str:
    """Seconds since 1970 -> `2020-01-01T18:00:00.000Z`."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_stamp(text: str, field: str) -> float:
    """The reverse of `stamp`, for the date filters; raises a 422 that names the field."""
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(field, f"{text!r} is not an ISO date") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
