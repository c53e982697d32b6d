"""A run as JSON lines: each event when it comes, and at the end what it came to.

Every line is one object with `event`: `run` is first, `end` last. Between them stand `action` and
`plan` (what is planned), `progress` and `outcome` (what is done), `drift` (what others did), and
`problem`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

from peakctl import __version__
from peakctl.errors import Diagnostic, OutputFailed
from peakctl.files import open_private
from peakctl.model import Event, JsonDict, Key, Outcome, Plan
from peakctl.present import plan_json
from peakctl.present.report import Report
from peakctl.present.streams import lost_words


class EventStream:
    """The lines of one run, given to `write` one by one.

    A line that cannot be written ends the stream and not the run: `finish` tells of it, and calls
    `close`.
    """

    def __init__(
        self, command: str, write: Callable[[str], None], close: Callable[[], None] = lambda: None
    ) -> None:
        self._command, self._write, self._close = command, write, close
        self._lost: OutputFailed | None = None
        self._began = False
        self._planned = False
        self._ended: set[Key] = set()

    def plan(self, plan: Plan, report: Report) -> None:
        """What is planned, before anything is done; `report` is as far as it is known."""
        self._begin(report.project, report.environment)
        self._planned = True
        for action in plan.actions:
            self._put("action", plan_json.action_document(action, report.declared.get(action.key)))
        self._put("plan", {"summary": plan_json.summary(plan)})

    def progress(self, event: Event, began: float) -> None:
        """One step of an action; `began` is when the run began."""
        document = {
            "at": round(max(event.at - began, 0.0), 3),
            "phase": str(event.phase),
            "key": str(event.key),
            "verb": str(event.verb),
            "step": str(event.step) if event.step else None,
            "message": event.message,
            "usual_seconds": event.usual,
        }
        self._put("progress", document)
        if event.outcome is not None:
            self._outcome(event.outcome)

    def finish(self, report: Report) -> None:
        """All that was not told yet, and the end. Raises OutputFailed when a line was lost."""
        self._begin(report.project, report.environment)
        if report.plan is not None and not self._planned:
            self.plan(report.plan, report)
        for outcome in report.outcomes:
            if outcome.key not in self._ended:
                self._outcome(outcome)
        for name, document in report.events:
            self._put(name, dict(document))
        for problem in plan_json.problems_of(report):
            self._put("problem", plan_json.problem_document(problem))
        self._put("end", _end(report))
        self._close()
        if self._lost is not None:
            raise self._lost

    def _begin(self, project: str | None, environment: str | None) -> None:
        if not self._began:
            self._began = True
            head = {"format_version": plan_json.FORMAT_VERSION, "tool_version": __version__}
            names = {"command": self._command, "project": project, "environment": environment}
            self._put("run", head | names)

    def _outcome(self, outcome: Outcome) -> None:
        self._ended.add(outcome.key)
        self._put("outcome", plan_json.outcome_document(outcome))

    def _put(self, event: str, document: JsonDict) -> None:
        if self._lost is not None:
            return
        text = json.dumps({"event": event, **document}, ensure_ascii=False, allow_nan=False)
        try:
            self._write(plan_json.escaped(text) + "\n")
        except OutputFailed as lost:
            self._lost = lost


class LineFile:
    """A file for its owner alone, that is made when its first line is written."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stream: IO[bytes] | None = None

    def write(self, text: str) -> None:
        """Write a line at once. Raises OutputFailed."""
        try:
            if self._stream is None:
                self._stream = open_private(Path(self._file))
            self._stream.write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            told = Diagnostic("system/output", lost_words(error, self._file))
            raise OutputFailed(told) from error

    def close(self) -> None:
        """Nothing more will be written."""
        if self._stream is not None:
            self._stream.close()


def _end(report: Report) -> JsonDict:
    found: JsonDict = {"ok": report.ok, "exit_code": report.exit_code}
    if report.stopped:
        found["stopped"] = report.stopped
    if report.took is not None:
        found["took"] = round(report.took, 3)
    return found


def event_lines(report: Report) -> str:
    """All lines of a run that is over."""
    rows: list[str] = []
    EventStream(report.command, rows.append).finish(report)
    return "".join(rows)
