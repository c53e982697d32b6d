"""Reports that code hosts read: annotations of GitHub, Code Quality and plan counts of GitLab."""

from __future__ import annotations

import json
from collections.abc import Iterator

from peakctl.errors import Severity
from peakctl.model import JsonDict, Verb
from peakctl.model.text import printable
from peakctl.present.findings import Finding, findings_of
from peakctl.present.plan_text import applied_summary, plan_summary
from peakctl.present.report import Report
from peakctl.present.text import first_names

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_QUALITY = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}
_UPDATES = (Verb.BUILD, Verb.RELEASE, Verb.REVISE, Verb.EDIT, Verb.REDEPLOY)


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

    Without a plan there are no counts, so that GitLab says that the report could not be made,
    rather than that nothing changes; nor are there any of a plan without a tenant, since nothing
    could say that they are of one.
    """
    if report.command == "validate":
        return code_quality_text(report)
    plan = report.plan
    if plan is None or report.command not in ("plan", "apply", "destroy"):
        return "{}\n"
    replaced = plan.count(Verb.REPLACE)
    counts = {
        "create": plan.count(Verb.CREATE) + replaced,
        "update": sum(map(plan.count, _UPDATES)),
        "delete": plan.count(Verb.DELETE) + replaced,
    }
    return json.dumps(counts) + "\n"
