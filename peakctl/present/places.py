"""Places in files as seen from where the user stands, when a command works in another folder.

So are the commands of next steps: typed as they are, they go to the same project and environment.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.model.records import dataclass

if TYPE_CHECKING:
    from peakctl.errors import Diagnostic
    from peakctl.model import Key, Location, Plan
    from peakctl.present.report import Report


CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY", "WORKSPACE")
"""Variables of CI that hold the folder of the checkout."""


IN_ENVIRONMENT = (
    "import", "convert", "validate", "fmt", "render", "plan", "apply", "destroy", "rollback",
    "status", "get", "diff", "drift", "history", "why", "graph", "whoami", "run", "logs",
    "executions", "execution", "pause", "resume", "redeploy", "test", "emails describe",
    "emails list", "emails send", "emails templates", "protect", "unprotect", "disown",
    "ledger history", "ledger rebuild", "ledger show", "ledger unlock", "gc", "download",
    "ci apply", "ci changed", "ci comment", "ci init", "ci plan",
)  # fmt: skip
"""The commands that are about an environment (`-e`)."""
_COMMAND = re.compile(
    rf"\bpeakctl (?:{'|'.join(sorted(IN_ENVIRONMENT, key=len, reverse=True))})\b(?!-)"
    r"(?: [A-Z]\w*(?:/[\w.@*-]*\w)?)?"
)


def typed_again(report: Report, *, folder: str | None, environment: str | None) -> Report:
    """The report with next steps that can be typed as they are.

    `folder` and `environment` are those of `-C` and `-e`, None where they were not typed.
    """
    typed = {"-C": folder, "-e": environment}

    def whole(found: re.Match[str]) -> str:
        """The command with what it lacks; its own arguments may follow, up to a semicolon."""
        rest = re.split(r"[;\n]", found.string[found.end() :])[0]
        lacks = [(flag, word) for flag, word in typed.items() if word and f" {flag} " not in rest]
        return " ".join((found[0], *(shlex.join(pair) for pair in lacks)))

    def told(text: str) -> str:
        return _COMMAND.sub(whole, text)

    def steps(found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        return tuple(replace(each, fix=told(each.fix)) for each in found)

    lines = tuple(
        tuple((told(text) if role == "command" else text, role) for text, role in row)
        for row in report.lines
    )
    return replace(report, diagnostics=steps(report.diagnostics), lines=lines)


def in_repository(report: Report, root: Path | None, environment: Mapping[str, str]) -> Report:
    """The report with the places of its files from the root of the repository.

    `root` is the project's, None where no project is known. The repository is the nearest folder
    that has `.git`, without it the checkout that CI names. git itself is not asked: it refuses
    where a checkout belongs to another user, as in many containers of CI.
    """
    here = Path.cwd()
    root = (root or nearest(here, report.file) or here).resolve()
    named = (Path(environment[name]).resolve() for name in CHECKOUTS if environment.get(name))
    checkout = next((each for each in named if root.is_relative_to(each)), root)
    return Places(root, nearest(root, ".git") or checkout).report(report)


def nearest(folder: Path, name: str) -> Path | None:
    """The folder, or the nearest one above it, that has a file or folder of that name."""
    return next((each for each in (folder, *folder.parents) if (each / name).exists()), None)


def declared_places(plan: Plan) -> Mapping[Key, Location]:
    """Where each resource of a plan is declared, but for those that no manifest names."""
    return {
        action.key: action.resource.document.locate(("metadata", "name"))
        for action in plan.actions
        if action.resource is not None
    }


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
            findings=tuple(map(self._diagnostic, report.findings)),
            declared={key: self.place(place) for key, place in report.declared.items()},
            file=self.file(report.file),
            excerpts={self.place(place): text for place, text in report.excerpts.items()},
        )

    def _diagnostic(self, diagnostic: Diagnostic) -> Diagnostic:
        return replace(diagnostic, locations=tuple(map(self.place, diagnostic.locations)))
