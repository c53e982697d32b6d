"""The lines of a body and of what it includes, and which file each comes from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from peakctl.conversion.tree import told
from peakctl.errors import Diagnostic, Severity
from peakctl.model import Location

_INCLUDE = re.compile(
    r"""^(?P<before>.*?)\{%[-+]?\s*include\s+(['"])(?P<name>[^'"]+)\2\s*[-+]?%\}\s*$"""
)
_CONTEXT = re.compile(r"^(\s*context\s*:\s+)(.+)$")
_DEEPEST_INCLUDE = 20


class Lines:
    """The lines of a body, those of included files among them, and where each comes from."""

    def __init__(self, given: Mapping[str, str], display: str) -> None:
        self.given = given
        self.display = display
        self.rows: list[str] = []
        self.origins: list[tuple[str, int]] = []
        self.includes: list[str] = []
        self.problems: list[Diagnostic] = []

    def add(self, text: str, display: str, margin: str = "", depth: int = 0) -> None:
        """Add the lines of a file, each behind `margin`; includes become the text they name."""
        for number, row in enumerate(text.splitlines(), 1):
            found = _INCLUDE.match(row)
            name = found and self._find(found["name"], display, number)
            if not found or not name or found["before"].strip(" -") or depth > _DEEPEST_INCLUDE:
                context = _CONTEXT.match(row) if depth else None
                if context and not context[2].startswith(("@", "/")):
                    self._tell_context(display, number)
                self.rows.append(margin + row)
                self.origins.append((display, number))
                continue
            before = margin + found["before"]
            start = len(self.rows)
            self.includes.append(name)
            self.add(self.given[name], name, " " * len(before), depth + 1)
            if len(self.rows) > start:
                self.rows[start] = before + self.rows[start][len(before) :]

    def _find(self, name: str, display: str, number: int) -> str:
        """The given file that an include names; it is looked for as the client does."""
        folder = display.rpartition("/")[0]
        wanted = [joined("", name), joined(folder, name)]
        found = next((each for each in wanted if each in self.given), "")
        if not found:
            self.problems.append(
                told(
                    "convert/include",
                    f'"{name}" is included, and is not among the given files',
                    Location(display, number, 1),
                    fix="give its path as well",
                    severity=Severity.ERROR,
                )
            )
        return found

    def _tell_context(self, display: str, number: int) -> None:
        self.problems.append(
            told(
                "convert/context",
                "the client makes the context of an included file relative to what includes it",
                Location(display, number, 1),
                fix="check that the context is right, seen from the artifact's folder",
            )
        )

    def place(self, line: int, column: int = 0) -> Location:
        if not self.rows:
            return Location(self.display, 1, 1)
        display, number = self.origins[min(line, len(self.origins) - 1)]
        return Location(display, number, column + 1)


def joined(folder: str, name: str) -> str:
    """A path below a folder, with its dots taken out."""
    return posixpath.normpath(posixpath.join(folder, name))
