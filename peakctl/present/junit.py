"""A report as JUnit XML: a test case for each resource, and one for the run as a whole.

Only what the schema of Jenkins allows: it knows no `file` and `line`, so places are in the texts.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from peakctl.errors import Severity
from peakctl.model import Key, Outcome, Status
from peakctl.present.findings import Finding, findings_of
from peakctl.present.report import Report

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = (Status.BLOCKED, Status.CANCELLED)
_APPLIES = ("apply", "destroy")
_DOUBTFUL = ("run/unknown", "run/still-in-progress")
"""Not known to have failed: errors of the run, where a failure is one of the resource."""


@dataclass(slots=True)
class _Case:
    """One test case. `errors` are what it failed with, `notes` what else is to be said."""

    suite: str
    name: str
    took: float = 0.0
    skipped: str = ""
    errors: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)


def junit_text(report: Report) -> str:
    """The document. A run that failed has at least one failure or error."""
    cases = [*_cases(report)]
    counts = {
        "tests": len(cases),
        "failures": sum(_sort(case) == "failure" for case in cases),
        "errors": sum(_sort(case) == "error" for case in cases),
    }
    took = f"{report.took or 0.0:.3f}"
    root = ET.Element("testsuites", {"name": "peakctl", "time": took, **_texts(counts)})
    names = filter(None, (f"peakctl {report.command}".strip(), report.project, report.environment))
    counts["skipped"] = sum(bool(case.skipped and not case.errors) for case in cases)
    suite = ET.SubElement(root, "testsuite", name=_clean(" ".join(names)), time=took)
    suite.attrib.update(_texts(counts))
    for case in cases:
        _add(suite, case)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _cases(report: Report) -> Iterator[_Case]:
    """The run itself, then resources, then files with problems of no resource."""
    command = report.command or "peakctl"
    run = _Case(command, f"peakctl {report.command}".strip(), took=report.took or 0.0)
    by_key = {key: _of_resource(key, report) for key in _keys(report)}
    by_file: dict[str, _Case] = {}
    for each in findings_of(report):
        if each.key is not None:
            case = by_key.setdefault(each.key, _of_resource(each.key, report))
        elif each.place is not None:
            file = each.place.file
            case = by_file.setdefault(file, _Case(command, file))
        else:
            case = run
        (case.errors if each.severity is Severity.ERROR else case.notes).append(each)
    for outcome in report.outcomes:
        _end(by_key[outcome.key], outcome)
    for key in _not_begun(report):
        by_key[key].skipped = "not applied"
    others = [*by_key.values(), *by_file.values()]
    if not report.ok and not any(case.errors for case in (run, *others)):
        run.errors.append(_not_ok(report))
    yield from (run, *others)


def _keys(report: Report) -> Iterable[Key]:
    planned = [action.key for action in report.plan.actions] if report.plan else []
    return dict.fromkeys((*report.declared, *planned, *(o.key for o in report.outcomes)))


def _not_begun(report: Report) -> Iterable[Key]:
    """What was to be changed by an apply that ended before its first call."""
    if report.plan is None or report.ok or report.outcomes or report.command not in _APPLIES:
        return ()
    return (action.key for action in report.plan.pending)


def _of_resource(key: Key, report: Report) -> _Case:
    return _Case(f"{report.command or 'peakctl'}.{key.kind}", key.name)


def _end(case: _Case, outcome: Outcome) -> None:
    case.took = outcome.took
    if outcome.status in _SKIPPED and not case.errors:
        by = f" by {outcome.cause}" if outcome.cause else ""
        case.skipped = f"{outcome.status}{by}"
    elif outcome.status is Status.IN_PROGRESS:
        case.errors.append(_problem(_DOUBTFUL[1], outcome.message or str(outcome.status)))


def _not_ok(report: Report) -> Finding:
    code = int(report.exit_code)
    return _problem("run/exit-code", f"peakctl {report.command} ended with exit code {code}")


def _problem(code: str, text: str) -> Finding:
    return Finding(code, Severity.ERROR, None, None, (), text, text, "")


def _sort(case: _Case) -> str:
    """What the case ended with: "error" only where nothing is known to have failed."""
    if not case.errors:
        return ""
    return "error" if all(each.code in _DOUBTFUL for each in case.errors) else "failure"


def _add(suite: ET.Element, case: _Case) -> None:
    words = {"classname": _clean(case.suite), "name": _clean(case.name)}
    node = ET.SubElement(suite, "testcase", words, time=f"{case.took:.3f}")
    if case.skipped and not case.errors:
        ET.SubElement(node, "skipped", message=_clean(case.skipped))
    if case.errors:
        first = case.errors[0]
        words = {"message": _clean(first.summary), "type": _clean(first.code)}
        ending = ET.SubElement(node, _sort(case), words)
        ending.text = _clean("\n\n".join(map(_told, case.errors)))
    if case.notes:
        ET.SubElement(node, "system-out").text = _clean("\n\n".join(map(_told, case.notes)))


def _told(finding: Finding) -> str:
    places = "".join(f"\nin {place}" for place in finding.places)
    return f"{finding.severity}[{finding.code}]: {finding.text}{places}"


def _texts(counts: dict[str, int]) -> dict[str, str]:
    return {word: str(number) for word, number in counts.items()}


def _clean(text: str) -> str:
    """The text without what XML cannot hold, not even as an escape."""
    return _NO_XML.sub("\ufffd", text)
