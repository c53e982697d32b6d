"""A report as SARIF 2.1.0: one run, a result for each problem."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from peakctl import __version__
from peakctl.model import JsonDict, Location
from peakctl.present.findings import Finding, findings_of
from peakctl.present.report import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_text(report: Report) -> str:
    """The log; its places are relative to the repository's root."""
    return json.dumps(sarif_document(report), indent=2) + "\n"


def sarif_document(report: Report) -> JsonDict:
    """The log as data. What has no place of its own is at the first line of the project's file."""
    found = findings_of(report)
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


def _rule(code: str) -> JsonDict:
    area, _, name = code.partition("/")
    words = f"{area}: {name.replace('-', ' ')}" if name else area
    return {"id": code, "shortDescription": {"text": words}}


def _result(finding: Finding, rules: Sequence[str], report: Report) -> JsonDict:
    place = finding.place or Location(report.file, 1, 1)
    related = finding.places[1:]
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
