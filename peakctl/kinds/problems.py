"""Diagnostics of one document: every problem gets its key, its place and its severity here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field, replace

from peakctl.errors import Diagnostic, Severity, nearest_names
from peakctl.model import Document, Key, Path
from peakctl.model.records import dataclass


@dataclass(slots=True)
class Problems:
    """What is wrong with one document, in the order found."""

    document: Document
    key: Key | None = None
    found: list[Diagnostic] = field(default_factory=list)

    def add(self, code: str, path: Path, summary: str, *, detail: str = "", fix: str = "") -> None:
        """An error at `path`; `code` is without its `manifest/`."""
        self._add(Severity.ERROR, code, path, summary, detail, fix)

    def warn(self, code: str, path: Path, summary: str, *, fix: str = "") -> None:
        """The same as a warning."""
        self._add(Severity.WARNING, code, path, summary, "", fix)

    def place(self, problem: Diagnostic, path: Path) -> None:
        """`problem`, found by a room that knows no manifests, at `path`."""
        place = (self.document.locate(path), *problem.locations)
        self.found.append(replace(problem, key=self.key, path=path, locations=place))

    def unknown_kind(self, word: str, path: Path, known: Collection[str]) -> None:
        """An error for a kind that there is not, with the nearest ones."""
        near, listed = nearest_names(word, known), ", ".join(known)
        self.add(
            "unknown-kind",
            path,
            f'there is no kind "{word}"',
            detail=f"kinds: {listed}",
            fix=f"did you mean: {', '.join(near)}" if near else f"use one of {listed}",
        )

    def tainted(self, path: Path, what: str) -> None:
        """An error, once a place, for a value from the environment where one is shown by nature."""
        if any(d.code == "manifest/tainted" and d.path == path for d in self.found):
            return
        self.add(
            "tainted",
            path,
            f"{what} may not come from the environment",
            detail="what os_env gives is a secret, and this is printed and sent in the clear",
            fix="give it as a parameter: -p KEY=VALUE",
        )

    @property
    def clean(self) -> bool:
        """Whether there are no errors."""
        return not any(d.severity is Severity.ERROR for d in self.found)

    def _add(
        self, severity: Severity, code: str, path: Path, summary: str, detail: str, fix: str
    ) -> None:
        self.found.append(
            Diagnostic(
                code=f"manifest/{code}",
                summary=summary,
                key=self.key,
                path=path,
                locations=(self.document.locate(path),),
                detail=detail,
                fix=fix,
                severity=severity,
            )
        )
