"""Times as the platform writes them (contract, section 5: ISO 8601, UTC, milliseconds)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING

from peakctl.emulator.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


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


def dated(app: ASGIApp, now: Callable[[], float]) -> ASGIApp:
    """Every answer says in its `Date` what time it is here: leases expire by that."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(now(), usegmt=True).encode("ascii")
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        await app(scope, receive, send_dated)

    return answering
