"""Logs and executions, as lines and as rows."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peakctl.model import JsonDict, Key, Live, State
from peakctl.model.text import status_word
from peakctl.present.plan_text import duration
from peakctl.present.text import Line, indent, line, table_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.operations.executions import Execution, SwitchResult
    from peakctl.operations.following import StepState
    from peakctl.operations.logs import LoggedLine, LogResult
    from peakctl.operations.redeploy import RedeployResult
    from peakctl.operations.running import ExecutionEvent, ExecutionResult

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
        "lines": line_rows(found.lines),
    }


def line_rows(found: Sequence[LoggedLine]) -> list[JsonDict]:
    """Lines of logs for programs."""
    return [{"step": each.step or None, "at": _time(each.at), "text": each.text} for each in found]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else millis(seconds)


# --- executions ---------------------------------------------------------------------------------


def executions_lines(key: Key, found: Sequence[Execution]) -> tuple[Line, ...]:
    """A table of executions."""
    if not found:
        return (line(f"{key} has not run yet: ", (f"peakctl run {key}", "command")),)
    rows = [
        (each.id, status_word(each.status), _shown(each.started), each.duration) for each in found
    ]
    return table_lines(("execution", "status", "started (utc)", "took"), rows)


def _shown(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def execution_lines(found: Execution) -> tuple[Line, ...]:
    """One execution with its steps, and where the logs of a step that failed are."""
    status = (status_word(found.status), ROLES.get(found.state, ""))
    took = _took(found.started, found.finished)
    lines = [
        line((str(found.key), "bold"), f"  execution {found.id}  ", status),
        line(f"started {_shown(found.started)} UTC", f", took {took}" if took else ""),
        (),
        *table_lines(
            ("step", "status", "type", "took"),
            [
                (s.name, status_word(s.status), s.type, _took(s.started, s.finished))
                for s in found.steps
            ],
        ),
    ]
    failed = [each.name for each in found.steps if each.failed]
    if failed:
        command = f"peakctl logs {found.key}@{found.id} --step {shlex.quote(failed[0])}"
        lines += [(), line("Why: ", (command, "command"))]
    return tuple(lines)


def _took(began: float | None, ended: float | None) -> str:
    return "" if began is None or ended is None else duration(max(ended - began, 0.0))


def execution_row(found: Execution) -> JsonDict:
    """An execution for programs."""
    return {
        "key": str(found.key),
        "id": found.id,
        "status": found.status or None,
        "ended": found.state is not State.PENDING,
        "started": _time(found.started),
        "finished": _time(found.finished),
        "steps": [_step_row(each) for each in found.steps],
    }


def listed_row(found: Execution) -> JsonDict:
    """One of a listing, which has no steps, and a duration in the platform's words."""
    row = execution_row(found)
    del row["steps"], row["finished"]
    return {**row, "duration": found.duration}


def _step_row(step: StepState) -> JsonDict:
    return {
        "name": step.name,
        "status": step.status,
        "type": step.type,
        "started": _time(step.started),
        "finished": _time(step.finished),
    }


# --- runs under way ------------------------------------------------------------------------------


def run_event_line(event: ExecutionEvent, began: float) -> Line:
    """What happens to an execution that is followed."""
    from peakctl.operations.running import ExecutionStarted

    if isinstance(event, ExecutionStarted):
        return line((f"{'':>7} ", "dim"), (str(event.key), "bold"), f"  execution {event.id}")
    took = _took(event.step.started, event.step.finished)
    status = (status_word(event.step.status), ROLES.get(event.step.state, ""))
    return line(
        (f"{duration(max(event.at - began, 0.0)):>7} ", "dim"),
        (str(event.key), "bold"),
        f"  {event.step.name}  ",
        status,
        (f"  {took}" if took else "", "dim"),
    )


def run_lines(found: ExecutionResult) -> tuple[Line, ...]:
    """How it ended: of what failed the last lines of the log, then each execution in a line."""
    lines: list[Line] = []
    step = None
    for each in found.logs:
        if each.step != step:
            step = each.step
            lines += [*([()] if lines else []), line((f"Log of step {step}:", "bold"))]
        lines += indent([line(each.text)], 2)
    lines += [()] if lines else []
    for execution in found.executions:
        status = (status_word(execution.status) or "started", ROLES.get(execution.state, ""))
        took = _took(execution.started, execution.finished)
        lines.append(
            line(
                f"{execution.key}, execution {execution.id}: ",
                status,
                f" in {took}" if took else "",
            )
        )
    return tuple(lines)


def run_row(found: ExecutionResult) -> JsonDict:
    """The same for programs."""
    return {
        "key": str(found.key),
        "outcome": str(found.ended),
        "took": round(found.took, 3),
        "executions": [execution_row(each) for each in found.executions],
        "logs": line_rows(found.logs),
    }


def switch_lines(found: SwitchResult, word: str) -> tuple[Line, ...]:
    """A workflow that was paused or resumed."""
    done = f"{word}d" if found.changed else f"{word}d already"
    return (line(f"{found.key}: ", (done, "good")),)


def switch_row(found: SwitchResult) -> JsonDict:
    """The same for programs."""
    return {"key": str(found.key), "status": found.status, "changed": found.changed}


def redeploy_shown(key: Key, live: Live) -> tuple[Line, ...]:
    """What is to be agreed to."""
    number = live.latest or "its latest"
    status = (status_word(live.status), "error")
    return (line((str(key), "bold"), f"  revision {number} is ", status, "; it is tried again"), ())


def redeploy_lines(found: RedeployResult) -> tuple[Line, ...]:
    """How it ended, and of a failure what the platform tells."""
    from peakctl.present.outcome_text import failure_rows

    role = "good" if found.ok else "error" if found.failure else "warning"
    head = line(f"{found.key}: ", (status_word(found.status), role), f" in {duration(found.took)}")
    rows = failure_rows(found.failure, None) if found.failure else ()
    return (head, *(line(f"  {row}") for row in rows))


def redeploy_row(found: RedeployResult) -> JsonDict:
    """The same for programs."""
    from peakctl.present.plan_json import failure_document

    return {
        "key": str(found.key),
        "revision": found.revision,
        "before": found.before,
        "status": found.status,
        "took": round(found.took, 3),
        "failure": failure_document(found.failure) if found.failure else None,
    }
