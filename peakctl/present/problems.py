"""Diagnostics in the house form: summary and code, path, places, detail, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Location, dotted
from peakctl.model.text import printable
from peakctl.present.text import Line, columns, counted, line

WIDTH = 100
_COMMAND = re.compile(r"(?:^|(?<=: ))(peakctl [^;]+)")
_TOKEN = re.compile(r""""[^"]*"|'[^']*'|[^\s,:{}\[\]#]+""")


def problem_lines(
    diagnostics: Sequence[Diagnostic],
    excerpts: Mapping[Location, str] | None = None,
    width: int = WIDTH,
) -> tuple[Line, ...]:
    """All of them, each once, in order of place, errors last; then how many there are.

    `excerpts` are lines of files that may be shown: below the first place of a problem, with a mark
    under its column, cut to `width` around it. No line of a file is shown twice.
    """
    each, left = in_order(diagnostics), dict(excerpts or {})
    lines: list[Line] = []
    for diagnostic in each:
        place = diagnostic.locations[0] if diagnostic.locations else None
        text = left.pop(place, "") if place else ""
        source = _source_lines(place, text, width) if place and text.strip() else ()
        lines += [*_problem(diagnostic, source), ()]
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


def _problem(diagnostic: Diagnostic, source: Iterable[Line]) -> Iterator[Line]:
    severity = diagnostic.severity
    owner = f"{diagnostic.key}: " if diagnostic.key else ""
    first, *more = printable(diagnostic.summary).splitlines() or [""]
    code = (f"[{diagnostic.code}]", "dim")
    yield line((str(severity), severity), code, (": ", severity), (owner, "bold"), first)
    for row in more:
        yield line("  ", row)
    if diagnostic.path:
        yield line("  at ", dotted(diagnostic.path))
    for number, place in enumerate(diagnostic.locations):
        yield line("  in ", str(place))
        yield from source if number == 0 else ()
    for row in printable(diagnostic.detail).splitlines():
        yield line("  ", row)
    for row in printable(diagnostic.fix).splitlines():
        parts = enumerate(_COMMAND.split(row))  # words, a command, words ...
        yield line("  ", *((part, "command" if at % 2 else "good") for at, part in parts))


def _source_lines(place: Location, text: str, width: int) -> tuple[Line, Line]:
    """A line of a file with its number, and the mark below it."""
    margin = f"{place.line:>6} | "
    shown = printable(text.replace("\t", " ")).strip()
    at = max(0, min(place.column - 1 - (len(text) - len(text.lstrip())), len(shown)))
    found = _TOKEN.match(shown, at)
    end = found.end() if found else at + 1
    room = max(width - len(margin), 20)
    if len(shown) > room:
        start = max(0, min(at - room // 3, len(shown) - room))
        stop = start + room
        cut = ("…" if start else "") + shown[start + bool(start) : stop - (stop < len(shown))]
        shown, at, end = cut + ("…" if stop < len(shown) else ""), at - start, end - start
    mark = " " * columns(shown[:at]) + "^" * max(1, min(columns(shown[at:end]), room - at))
    bar = f"{'| ':>{len(margin)}}"
    return (
        line((margin, "dim"), (shown, "source")),
        line((bar, "dim"), (mark, "note")),
    )


def _count(diagnostics: Sequence[Diagnostic]) -> str:
    counts = [(sum(d.severity is severity for d in diagnostics), severity) for severity in Severity]
    return ", ".join(counted(number, word) for number, word in counts if number)
