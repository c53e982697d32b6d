"""Places in files as seen from where the user stands, when a command works in another folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peakctl.errors import Diagnostic
    from peakctl.model import Location, Plan
    from peakctl.present.report import Report


@dataclass(frozen=True, slots=True)
class Places:
    """`root` is the folder that names of files are relative to, `here` where the user stands."""

    root: Path
    here: Path

    def file(self, name: str) -> str:
        """The name of a file from here; other names (`<stdin>`) stay as they are."""
        path = self.root / name
        return os.path.relpath(path, self.here) if path.exists() else name

    def place(self, place: Location) -> Location:
        return replace(place, file=self.file(place.file))

    def plan(self, plan: Plan) -> Plan:
        """The plan with the places of its reasons from here."""
        actions = (
            replace(
                action,
                reasons=tuple(
                    replace(each, place=self.place(each.place)) if each.place else each
                    for each in action.reasons
                ),
            )
            for action in plan.actions
        )
        return replace(plan, actions=tuple(actions))

    def report(self, report: Report) -> Report:
        """The report with the places of its plan and of its problems from here."""
        return replace(
            report,
            plan=self.plan(report.plan) if report.plan else None,
            diagnostics=tuple(map(self._diagnostic, report.diagnostics)),
            excerpts={self.place(place): text for place, text in report.excerpts.items()},
        )

    def _diagnostic(self, diagnostic: Diagnostic) -> Diagnostic:
        return replace(diagnostic, locations=tuple(map(self.place, diagnostic.locations)))
