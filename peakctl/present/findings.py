"""Problems of a report as code hosts take them: a level, a message, a place in the repository."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Key, Location, dotted
from peakctl.model.text import printable
from peakctl.present.plan_json import problems_of
from peakctl.present.report import Report


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. `place` is None where no file of the repository has it.

    `summary` is one line, `text` all there is to say. `fingerprint` is the same as long as the
    problem is, wherever its line moves; no two findings of a report share one.
    """

    code: str
    severity: Severity
    key: Key | None
    place: Location | None
    places: tuple[Location, ...]
    summary: str
    text: str
    fingerprint: str


def findings_of(report: Report) -> tuple[Finding, ...]:
    """Every problem, those that failed among them, and what a command found; errors first.

    The places of the report must be those from the repository's root.
    """
    problems = [_placed(each, report) for each in (*problems_of(report), *report.findings)]
    ordered = sorted(problems, key=lambda each: list(Severity).index(each.severity))
    prints = _fingerprints(ordered)
    return tuple(_finding(*pair) for pair in zip(ordered, prints, strict=True))


def _placed(problem: Diagnostic, report: Report) -> Diagnostic:
    """A problem of a resource without a place of its own has that of the resource."""
    if problem.locations or problem.key is None or problem.key not in report.declared:
        return problem
    return replace(problem, locations=(report.declared[problem.key],))


def _finding(problem: Diagnostic, fingerprint: str) -> Finding:
    owner = f"{problem.key}: " if problem.key else ""
    summary = " ".join(printable(owner + problem.summary).split())
    at = f"at {dotted(problem.path)}" if problem.path else ""
    rows = (printable(owner + problem.summary), at, problem.detail, problem.fix)
    inside = tuple(place for place in problem.locations if is_inside(place))
    return Finding(
        code=problem.code,
        severity=problem.severity,
        key=problem.key,
        place=inside[0] if inside else None,
        places=inside,
        summary=summary,
        text="\n".join(printable(row) for row in rows if row),
        fingerprint=fingerprint,
    )


def is_inside(place: Location) -> bool:
    """Whether a place is in a file of the repository: not on standard input, say."""
    return not place.file.startswith(("<", "../", "..\\", "/"))


def _fingerprints(problems: Iterable[Diagnostic]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for problem in problems:
        file = problem.locations[0].file if problem.locations else ""
        parts = (problem.code, file, str(problem.key or ""), dotted(problem.path), problem.summary)
        text = "\0".join(parts)
        seen[text] += 1
        data = f"{text}\0{seen[text]}".encode("utf-8", "backslashreplace")
        found.append(hashlib.sha256(data).hexdigest())
    return found
