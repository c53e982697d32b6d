"""Diagnostics in the house form: summary and code, path, places, detail, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from peakctl.errors import Diagnostic, Severity
from peakctl.model import dotted
from peakctl.model.text import printable
from peakctl.present.text import Line, counted, line


def problem_lines(diagnostics: Sequence[Diagnostic]) -> tuple[Line, ...]:
    """All of them, each once, in order of place, errors last; then how many there are."""
    each = in_order(diagnostics)
    lines = [row for diagnostic in each for row in (*_problem(diagnostic), ())]
    return (*lines, line((_count(each), "bold"))) if len(each) > 1 else tuple(lines[:-1])


def in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each problem once, its places gathered; by severity (errors last) and first place."""
    gathered: dict[Diagnostic, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        gathered.setdefault(replace(diagnostic, locations=()), []).append(diagnostic)
    merged = [
        replace(bare, locations=tuple(dict.fromkeys(p for d in same for p in d.locations)))
        for bare, same in gathered.items()
    ]
    severities = list(Severity)
    return tuple(sorted(merged, key=lambda d: (-severities.index(d.severity), d.locations[:1])))


def _problem(diagnostic: Diagnostic) -> Iterator[Line]:
    severity = diagnostic.severity
    owner = f"{diagnostic.key}: " if diagnostic.key else ""
    first, *more = printable(diagnostic.summary).splitlines() or [""]
    code = (f"[{diagnostic.code}]", "dim")
    yield line((str(severity), severity), code, (": ", severity), (owner, "bold"), first)
    for row in more:
        yield line("  ", row)
    if diagnostic.path:
        yield line("  at ", dotted(diagnostic.path))
    for place in diagnostic.locations:
        yield line("  in ", str(place))
    for row in printable(diagnostic.detail).splitlines():
        yield line("  ", row)
    for row in printable(diagnostic.fix).splitlines():
        yield line("  ", (row, "good"))


def _count(diagnostics: Sequence[Diagnostic]) -> str:
    counts = [(sum(d.severity is severity for d in diagnostics), severity) for severity in Severity]
    return ", ".join(counted(number, word) for number, word in counts if number)
