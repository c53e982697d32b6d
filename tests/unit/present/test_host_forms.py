"""The forms that code hosts read, held to what is documented of each."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from forms import check_form, junit_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import as_shown

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Key, Location, Outcome, Owned, Plan, Status, Step, Verb
from peakctl.present.forms import OF_HOSTS, form_text
from peakctl.present.host_reports import MOST_PLACES, MOST_RESULTS, TEXTS, findings_of
from peakctl.present.places import Places, in_repository
from peakctl.present.report import Report

ANY = st.text(st.characters(exclude_categories=()))
"""Surrogates too: what is no UTF-8 in the name of a file is read as some."""
IMAGE, FLOW = Key("Image", "base"), Key("Workflow", "flow")
WRONG = Diagnostic(
    "manifest/unknown-field",
    'there is no field "a,b:c"\n100 % sure',
    key=IMAGE,
    path=("spec", "nope"),
    locations=(Location("m/a b.yaml", 11, 3), Location("m/ü.yaml", 2, 1)),
    fix="remove it",
)
WARNING = Diagnostic("template/unused", "unused", severity=Severity.WARNING)
NOTE = Diagnostic(
    "plan/less", "less", severity=Severity.NOTE, locations=(Location("<stdin>", 1, 1),)
)
PLAN = as_shown(
    Action(IMAGE, Verb.CREATE, (Step.CREATE,)),
    Action(FLOW, Verb.EDIT, (Step.UPDATE,), after=frozenset({IMAGE})),
    Action(Key("Service", "web"), Verb.DELETE, (Step.DELETE,)),
    Action(Key("Service", "old"), Verb.REPLACE, (Step.DELETE, Step.CREATE)),
    Action(Key("Artifact", "a"), Verb.KEEP),
)
OUTCOMES = (
    Outcome(IMAGE, Verb.CREATE, Status.FAILED, took=3.25, message="the build failed"),
    Outcome(FLOW, Verb.EDIT, Status.BLOCKED, cause=IMAGE),
    Outcome(Key("Service", "web"), Verb.DELETE, Status.UNKNOWN, message="no answer"),
    Outcome(Key("Service", "old"), Verb.REPLACE, Status.IN_PROGRESS),
    Outcome(Key("Artifact", "a"), Verb.KEEP, Status.ALREADY_RIGHT),
)
INVALID = Report("validate", 10, "shop", "prod", (WARNING, NOTE, WRONG))
PLANNED = Report("plan", 0, "shop", "prod", (WARNING,), plan=PLAN)
APPLIED = Report(
    "apply",
    14,
    "shop",
    "prod",
    (),
    plan=PLAN,
    outcomes=OUTCOMES,
    took=4.0,
    declared={IMAGE: Location("m/a.yaml", 7, 3)},
)
REFUSED = Report("plan", 12, "shop", "prod", (Diagnostic("guard/mass", "too many"),), plan=PLAN)
REPORTS = (
    INVALID,
    PLANNED,
    APPLIED,
    REFUSED,
    Report("validate"),
    Report("", 64),
    Report("plan", 1),
)


def junit(report: Report) -> ET.Element:
    root = junit_tree(form_text(report, "junit"))
    suite = root[0]
    for word in ("failure", "error", "skipped"):
        counted = {"failure": "failures", "error": "errors", "skipped": "skipped"}[word]
        assert int(suite.attrib[counted]) == len(suite.findall(f"testcase/{word}"))
    assert int(suite.attrib["tests"]) == len(suite) == int(root.attrib["tests"])
    failed = suite.findall("testcase/failure") or suite.findall("testcase/error")
    assert bool(failed) == (not report.ok)
    return suite


def sarif(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = check_form("sarif", form_text(report, "sarif"), report.command)
    return found


def quality(report: Report) -> list[dict[str, Any]]:
    text = form_text(report, "codequality")
    found: list[dict[str, Any]] = check_form("codequality", text, report.command)
    return found


def annotations(report: Report) -> list[tuple[str, dict[str, str], str]]:
    text = form_text(report, "github")
    found: list[tuple[str, dict[str, str], str]] = check_form("github", text, report.command)
    return found


@pytest.mark.parametrize(
    "report", REPORTS, ids=lambda report: f"{report.command}-{report.exit_code}"
)
def test_every_form_of_every_ending_is_valid(report: Report) -> None:
    junit(report)
    sarif(report)
    quality(report)
    annotations(report)
    check_form("gitlab", form_text(report, "gitlab"), report.command)


@settings(max_examples=40)
@given(ANY, ANY, ANY, st.integers(-1, 10**9))
def test_every_form_is_valid_whatever_the_words(one: str, two: str, file: str, line: int) -> None:
    diagnostic = Diagnostic(
        f"a/{one}",
        two or "x",
        Key("Image", one or "x"),
        (two,),
        (Location(file or "x", line, line),),
        one,
        two,
    )
    report = Report("plan", 1, one, two, (diagnostic, diagnostic, WARNING), plan=PLAN)
    junit(report)
    quality(report)
    text = form_text(report, "sarif")
    assert json.loads(text)["runs"][0]["results"]
    assert [level for level, *_ in annotations(report)] == ["error", "warning", "notice"]


def test_github_gets_errors_first_with_their_places() -> None:
    found = annotations(INVALID)
    assert [level for level, *_ in found] == ["error", "warning", "notice"]
    _, properties, message = found[0]
    assert properties == {
        "file": "m/a b.yaml",
        "line": "11",
        "col": "3",
        "title": "manifest/unknown-field",
    }
    assert message == ('Image/base: there is no field "a,b:c"\n100 % sure\nat spec.nope\nremove it')
    assert [sorted(each[1]) for each in found[1:]] == [["title"], ["title"]]


def test_github_is_told_what_is_planned_and_what_became_of_it() -> None:
    owned = Owned(Key("Service", "left"), 7)
    planned = annotations(Report("plan", plan=PLAN, undeclared=(owned,)))
    assert [each[2] for each in planned] == [
        "Plan: 1 to create, 1 to edit, 1 to replace, 1 to delete, 1 unchanged.",
        "No longer declared, and kept: Service/left",
    ]
    assert annotations(APPLIED)[-1][2] == "Applied: nothing, 1 unchanged in 4.0s."


def test_what_failed_is_found_where_it_is_declared() -> None:
    level, properties, message = annotations(APPLIED)[0]
    assert (level, properties["file"], properties["line"]) == ("error", "m/a.yaml", "7")
    assert message == "Image/base: create: the build failed"
    places = [each["location"]["path"] for each in quality(APPLIED)]
    assert places == ["m/a.yaml", "peakctl.yaml"]


def many(errors: int, warnings: int, notes: int) -> Report:
    """A report of so many problems, the gravest last."""
    counts = {Severity.NOTE: notes, Severity.WARNING: warnings, Severity.ERROR: errors}
    each = tuple(
        Diagnostic(f"test/{severity}", f"{severity} {n}", severity=severity)
        for severity, count in counts.items()
        for n in range(count)
    )
    return Report("validate", 10 if errors else 0, "shop", "prod", each)


def test_sarif_has_as_many_results_as_github_keeps() -> None:
    results = sarif(many(1, 2, MOST_RESULTS - 3))["results"]
    assert len(results) == MOST_RESULTS
    assert not [each for each in results if each["ruleId"] == "sarif/left-out"]


@pytest.mark.parametrize(
    ("errors", "warnings", "notes", "told"),
    [
        (1, 2, MOST_RESULTS - 2, "2 of 5001 are left out: 2 notes"),
        (2, MOST_RESULTS, 1, "4 of 5003 are left out: 3 warnings, 1 note"),
        (MOST_RESULTS, 1, 1, "3 of 5002 are left out: 1 error, 1 warning, 1 note"),
    ],
)
def test_sarif_leaves_out_the_least_grave_and_says_how_many(
    errors: int, warnings: int, notes: int, told: str
) -> None:
    report = many(errors, warnings, notes)
    found = sarif(report)
    *kept, last = found["results"]
    assert len(kept) == MOST_RESULTS - 1
    order = [each["level"] for each in kept]
    assert order == sorted(order, key=["error", "warning", "note"].index)
    assert order.count("error") == min(errors, len(kept))
    assert (last["ruleId"], last["level"]) == ("sarif/left-out", "warning")
    assert told in last["message"]["text"]
    rules = found["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in found["results"])
    more = many(errors, warnings, notes + 1)
    assert sarif(more)["results"][-1]["partialFingerprints"] == last["partialFingerprints"]


def test_sarif_has_as_many_places_of_a_problem_as_github_shows() -> None:
    places = tuple(Location("m/a.yaml", n, 1) for n in range(1, 2 * MOST_PLACES))
    (result,) = sarif(
        Report("validate", 10, diagnostics=(Diagnostic("a/b", "c", locations=places),))
    )["results"]
    assert len(result["locations"] + result["relatedLocations"]) == MOST_PLACES


def test_sarif_has_rules_places_and_how_it_ended() -> None:
    found = sarif(INVALID)
    assert found["invocations"] == [{"executionSuccessful": False, "exitCode": 10}]
    assert found["automationDetails"] == {"id": "peakctl/validate/shop/prod/"}
    result = found["results"][0]
    assert result["level"] == "error"
    at = result["locations"][0]["physicalLocation"]
    assert at["artifactLocation"] == {"uri": "m/a%20b.yaml"}
    assert at["region"] == {"startLine": 11, "startColumn": 3}
    related = result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]
    assert related == {"uri": "m/%C3%BC.yaml"}
    assert sarif(PLANNED)["invocations"][0] == {"executionSuccessful": True, "exitCode": 0}


def test_the_fingerprint_stays_when_the_line_moves() -> None:
    def prints(line: int) -> list[str]:
        moved = Diagnostic(WRONG.code, WRONG.summary, IMAGE, locations=(Location("a", line, 1),))
        return [
            each.fingerprint for each in findings_of(Report("validate", 10, None, None, (moved,)))
        ]

    assert prints(1) == prints(20)


def test_junit_has_a_case_for_each_resource_and_one_for_the_run() -> None:
    suite = junit(APPLIED)
    cases = {each.attrib["classname"] + "/" + each.attrib["name"]: each for each in suite}
    assert list(cases) == [
        "apply/peakctl apply",
        "apply.Image/base",
        "apply.Workflow/flow",
        "apply.Service/web",
        "apply.Service/old",
        "apply.Artifact/a",
    ]
    failed = cases["apply.Image/base"]
    assert failed.attrib["time"] == "3.250"
    assert failed[0].tag == "failure"
    assert "in m/a.yaml:7:3" in (failed[0].text or "")
    assert cases["apply.Workflow/flow"][0].attrib == {"message": "blocked by Image/base"}
    assert cases["apply.Service/web"][0].tag == "error"
    assert cases["apply.Service/old"][0].tag == "error"
    assert len(cases["apply.Artifact/a"]) == 0


def test_junit_of_a_run_that_says_nothing_of_its_failure_fails_all_the_same() -> None:
    run = junit(Report("plan", 13))[0]
    assert run[0].attrib["message"] == "peakctl plan ended with exit code 13"
    assert len(junit(Report("plan", 2))[0]) == 0


def test_junit_of_an_apply_that_was_refused_passes_nothing_that_it_was_to_change() -> None:
    refused = Diagnostic("guard/consent", "nobody agreed", key=IMAGE)
    suite = junit(Report("apply", 12, plan=PLAN, diagnostics=(refused,)))
    endings = {each.attrib["name"]: [child.tag for child in each] for each in suite}
    assert endings == {
        "peakctl apply": [],
        "base": ["failure"],
        "flow": ["skipped"],
        "web": ["skipped"],
        "old": ["skipped"],
        "a": [],
    }
    assert all(len(each) == 0 for each in junit(Report("plan", 0, plan=PLAN)))


def test_junit_links_no_file_of_the_job() -> None:
    words = "see [[ATTACHMENT|secrets.txt]]"
    found = Report("plan", 1, diagnostics=(Diagnostic("a/b", words), Diagnostic("a/c", words)))
    assert "[[ATTACHMENT|" not in form_text(found, "junit")


def test_junit_keeps_warnings_beside_the_case() -> None:
    run = junit(PLANNED)[0]
    assert (run[0].tag, run[0].text) == ("system-out", "warning[template/unused]: unused")


def test_gitlab_counts_a_replacement_as_its_delete_and_its_create() -> None:
    assert json.loads(form_text(PLANNED, "gitlab")) == {"create": 2, "update": 1, "delete": 2}
    assert json.loads(form_text(Report("plan", 10), "gitlab")) == {}
    assert form_text(INVALID, "gitlab") == form_text(INVALID, "codequality")


def test_places_are_those_of_the_repository(tmp_path: Path, monkeypatch: Any) -> None:
    project = tmp_path / "repo/teams/a"
    (project / "m").mkdir(parents=True)
    (project / "m/a b.yaml").touch()
    (project / "peakctl.yaml").touch()

    def files(environment: dict[str, str], root: Path | None = project) -> list[str]:
        report = in_repository(INVALID, root, environment)
        return [each["location"]["path"] for each in quality(report)]

    assert files({}) == ["m/a b.yaml", "peakctl.yaml", "peakctl.yaml"]
    inside = ["repo/teams/a/m/a b.yaml", *["repo/teams/a/peakctl.yaml"] * 2]
    assert files({"CI_PROJECT_DIR": str(tmp_path)}) == inside
    (tmp_path / "repo/.git").touch()  # a file, as in a worktree
    assert files({"CI_PROJECT_DIR": "/elsewhere"})[0] == "teams/a/m/a b.yaml"
    monkeypatch.chdir(project / "m")
    assert files({}, None)[0] == "teams/a/m/a b.yaml"


def test_a_place_outside_of_the_repository_is_none() -> None:
    outside = Diagnostic(
        "a/b", "x", locations=(Location("../x.yaml", 1, 1), Location("/x.yaml", 1, 1))
    )
    assert findings_of(Report("plan", 1, None, None, (outside,)))[0].place is None


def test_only_these_forms_have_such_places() -> None:
    assert {"github", "gitlab", "codequality", "sarif", "junit"} == set(OF_HOSTS) == set(TEXTS)
    plan = Places(Path("/a"), Path("/")).plan(Plan(()))
    assert plan == Plan(())
