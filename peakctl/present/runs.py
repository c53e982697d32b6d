"""Logs and executions, as lines and as rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peakctl.model import State
from peakctl.model.text import status_word
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.model import JsonDict
    from peakctl.operations.logs import LoggedLine, LogResult

ROLES = {State.READY: "good", State.FAILED: "error"}


def millis(seconds: float) -> str:
    """`2026-10-01T12:04:05.123Z`."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def log_line(found: LoggedLine, *, times: bool) -> Line:
    """A line of a log, with the name of its step where several are read."""
    at = f"{millis(found.at)} " if times and found.at is not None else ""
    step = f"{found.step} | " if found.step else ""
    return line((at, "dim"), (step, "note"), found.text)


def log_end(found: LogResult) -> Line:
    """How what the log is of ended, or that it goes on."""
    status = status_word(found.status) or "unknown"
    return line(f"{found.key}, {found.of}: ", (status, ROLES.get(found.state, "")))


def log_row(found: LogResult) -> JsonDict:
    """A log for programs."""
    return {
        "key": str(found.key),
        "of": found.of,
        "status": found.status,
        "ended": found.state is not State.PENDING,
        "lines": [
            {
                "step": each.step or None,
                "at": None if each.at is None else millis(each.at),
                "text": each.text,
            }
            for each in found.lines
        ],
    }
