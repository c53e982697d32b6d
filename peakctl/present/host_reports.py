"""Reports that code hosts and CI read, all from one list of the problems and their places.

Annotations of GitHub, Code Quality and plan counts of GitLab, SARIF, JUnit XML.
"""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from urllib.parse import quote

from peakctl import __version__
from peakctl.errors import Diagnostic, Severity, counted
from peakctl.model import JsonDict, Key, Location, Outcome, Status, Verb, dotted
from peakctl.model.records import dataclass
from peakctl.model.text import printable
from peakctl.present.plan_json import problems_of
from peakctl.present.plan_text import applied_summary, plan_summary
from peakctl.present.report import Report
from peakctl.present.text import first_names

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_QUALITY = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}
_UPDATES = (Verb.BUILD, Verb.RELEASE, Verb.REVISE, Verb.EDIT, Verb.REDEPLOY)
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5_000
"""Results of a run that GitHub keeps; it rejects a file with more than 25,000."""
MOST_PLACES = 100
"""Places of a result that it shows; it rejects a file with more than 1,000."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = (Status.BLOCKED, Status.CANCELLED)
_APPLIES = ("apply", "destroy", "rollback")
_DOUBTFUL = ("run/unknown", "run/still-in-progress")
"""Not known to have failed: errors of the run, where a failure is one of the resource."""


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


# --- GitHub -------------------------------------------------------------------------------------


def github_text(report: Report) -> str:
    """Workflow commands, one a line: each problem at its place, then what is planned or done."""
    rows = [_command(_GITHUB[each.severity], each) for each in findings_of(report)]
    return "".join(f"{row}\n" for row in (*rows, *_notices(report)))


def _command(level: str, finding: Finding) -> str:
    place = finding.place
    at = {"file": place.file, "line": place.line, "col": place.column} if place else {}
    return _annotation(level, {**at, "title": finding.code}, finding.text)


def _annotation(level: str, properties: JsonDict, message: str) -> str:
    words = ",".join(f"{name}={_property(str(each))}" for name, each in properties.items())
    return f"::{level} {words}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(printable(text)).replace(":", "%3A").replace(",", "%2C")


def _notices(report: Report) -> Iterator[str]:
    if report.plan is None:
        return
    title = {"title": f"peakctl {report.command}"}
    if report.outcomes:
        words = applied_summary(report.plan, report.outcomes, report.took or 0.0)
    else:
        words = plan_summary(report.plan)
    yield _annotation("notice", title, printable(words))
    if report.undeclared:
        names = first_names([str(owned.key) for owned in report.undeclared])
        yield _annotation("notice", title, f"No longer declared, and kept: {printable(names)}")


# --- GitLab -------------------------------------------------------------------------------------


def code_quality_text(report: Report) -> str:
    """A Code Quality report of GitLab: every problem, `[]` for none."""
    found = [
        {
            "type": "issue",
            "check_name": each.code,
            "description": each.summary,
            "content": {"body": each.text},
            "categories": ["Bug Risk"],
            "severity": _QUALITY[each.severity],
            "fingerprint": each.fingerprint,
            "location": {
                "path": each.place.file if each.place else report.file,
                "lines": {"begin": max(each.place.line, 1) if each.place else 1},
            },
        }
        for each in findings_of(report)
    ]
    return json.dumps(found, indent=2) + "\n"


def gitlab_text(report: Report) -> str:
    """What GitLab shows of a command in a merge request: Code Quality, or the counts of a plan.

    `validate` and `drift` find problems, each in its place; the others have a plan.

    Without a plan there are no counts, so that GitLab says that the report could not be made,
    rather than that nothing changes; nor are there any of a plan without a tenant, since nothing
    could say that they are of one.
    """
    if report.command in ("validate", "drift"):
        return code_quality_text(report)
    plan = report.plan
    if plan is None or report.command not in ("plan", "show", "apply", "destroy", "rollback"):
        return "{}\n"
    replaced = plan.count(Verb.REPLACE)
    counts = {
        "create": plan.count(Verb.CREATE) + replaced,
        "update": sum(map(plan.count, _UPDATES)),
        "delete": plan.count(Verb.DELETE) + replaced,
    }
    return json.dumps(counts) + "\n"


# --- SARIF 2.1.0: one run, a result for each problem --------------------------------------------


def sarif_text(report: Report) -> str:
    """The log; its places are relative to the repository's root."""
    return json.dumps(sarif_document(report), indent=2) + "\n"


def sarif_document(report: Report) -> JsonDict:
    """The log as data. What has no place of its own is at the first line of the project's file."""
    found = _within_limit(findings_of(report))
    rules = sorted({each.code for each in found})
    names = (report.command, report.project, report.environment)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "peakctl",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in rules],
                    }
                },
                "automationDetails": {"id": "/".join(filter(None, ("peakctl", *names))) + "/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {"executionSuccessful": report.ok, "exitCode": int(report.exit_code)}
                ],
                "results": [_result(each, rules, report) for each in found],
            }
        ],
    }


def _within_limit(found: Sequence[Finding]) -> Sequence[Finding]:
    """The first that GitHub takes, errors before all else; the last says how many are left out."""
    if len(found) <= MOST_RESULTS:
        return found
    kept, left = found[: MOST_RESULTS - 1], found[MOST_RESULTS - 1 :]
    counts = Counter(each.severity for each in left)
    words = ", ".join(counted(counts[each], each) for each in Severity if counts[each])
    told = Diagnostic(
        code="sarif/left-out",
        summary="not all problems are in this report",
        detail=f"{len(left)} of {len(found)} are left out: {words}",
        fix="read them all with -o json",
        severity=Severity.WARNING,
    )
    return (*kept, _finding(told, *_fingerprints([told])))


def _rule(code: str) -> JsonDict:
    area, _, name = code.partition("/")
    words = f"{area}: {name.replace('-', ' ')}" if name else area
    return {"id": code, "shortDescription": {"text": words}}


def _result(finding: Finding, rules: Sequence[str], report: Report) -> JsonDict:
    place = finding.place or Location(report.file, 1, 1)
    related = finding.places[1:MOST_PLACES]
    return {
        "ruleId": finding.code,
        "ruleIndex": rules.index(finding.code),
        "level": str(finding.severity),
        "message": {"text": finding.text},
        "locations": [_location(place)],
        **({"relatedLocations": [_location(each) for each in related]} if related else {}),
        "partialFingerprints": {"peakctl/v1": finding.fingerprint},
    }


def _location(place: Location) -> JsonDict:
    region = {"startLine": max(place.line, 1), "startColumn": max(place.column, 1)}
    uri = quote(place.file.replace("\\", "/"), errors="surrogatepass")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


# --- JUnit XML: a test case for each resource, one for the run as a whole -----------------------


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
    """The document. A run that failed has at least one failure or error.

    Only what the schema of Jenkins allows: it knows no `file` and `line`, so places are in texts.
    """
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
    """The text without what XML cannot hold, not even as an escape, and without links to files.

    GitLab makes one of `[[ATTACHMENT|path]]`, whoever wrote it.
    """
    return _NO_XML.sub("\ufffd", text).replace("[[ATTACHMENT|", "[ [ATTACHMENT|")


TEXTS = {
    "github": github_text,
    "gitlab": gitlab_text,
    "codequality": code_quality_text,
    "sarif": sarif_text,
    "junit": junit_text,
}
"""What writes each form."""
