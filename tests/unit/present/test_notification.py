"""A run as a message: what is in it, and that words of others stay words."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import as_shown
from schemas_of_output import check_output

from peakctl.errors import Diagnostic
from peakctl.manifests.sections import Occasion, Shape
from peakctl.model import Action, Change, Key, Outcome, Status, Step, Verb
from peakctl.model.text import Redactor
from peakctl.present.ci_report import JobFacts
from peakctl.present.notification import MOST, Notification, notification_of
from peakctl.present.report import Report

ANY = st.text(st.characters(exclude_categories=()), max_size=300)
JOB = "https://ci.example.com/runs/7"
FACTS = JobFacts("0123456789abcdef", JOB)


def outcome(name: str, status: Status, verb: Verb = Verb.CREATE) -> Outcome:
    return Outcome(Key("Workflow", name), verb, status, message="s3cr3t-value")


def report(*outcomes: Outcome, code: int = 14, **more: Any) -> Report:
    change = Change(("spec", "text"), "s3cr3t-value", "other", "update")
    plan = as_shown(*(Action(o.key, o.verb, (Step.CREATE,), (change,)) for o in outcomes))
    fields = {"diagnostics": (Diagnostic("a/b", "s3cr3t-value"),), **more}
    return Report("apply", code, "shop", "prod", plan=plan, outcomes=outcomes, **fields)


def told(found: Report, occasion: Occasion = Occasion.FAILURE, who: str = "ann") -> Notification:
    return notification_of(found, occasion, FACTS, who, Redactor(["hidden-name"]))


def test_what_did_not_end_well_comes_first_and_the_rest_is_counted() -> None:
    many = [outcome(f"d{n:02}", Status.DONE) for n in range(MOST)]
    found = told(report(*many, outcome("bad", Status.FAILED), outcome("ok", Status.ALREADY_RIGHT)))
    assert (found.resources[0].key, found.resources[0].what) == ("Workflow/bad", "failed")
    assert (len(found.resources), found.left_out) == (MOST, 1)
    assert found.counts == {"failed": 1, "create": MOST}
    assert found.codes == ("a/b", "run/failed")
    rows = list(found.lines())
    assert rows[0] == "peakctl: shop, prod: apply failed (exit code 14)"
    assert rows[-5:] == [
        "- and 1 more",
        "Problems: a/b, run/failed",
        "By: ann",
        "Commit: 0123456789ab",
        f"Job: {JOB}",
    ]


@pytest.mark.parametrize("shape", Shape)
def test_no_shape_has_a_value_or_a_secret(shape: Shape) -> None:
    found = told(report(outcome("x", Status.FAILED), outcome("hidden-name", Status.DONE)))
    text = json.dumps([found.body(shape), found.parameters()])
    assert "s3cr3t-value" not in text
    assert "hidden-name" not in text
    assert "Workflow/x" in text
    assert JOB in text


def test_without_a_plan_there_is_what_happened_and_why() -> None:
    found = told(Report("apply", 10, "shop", None, (Diagnostic("manifest/x", "y"),)))
    body = found.body(Shape.JSON)
    check_output("notification", body)
    assert (body["summary"], body["counts"], body["problems"]) == ("", {}, ["manifest/x"])
    planned = told(report(code=12))
    assert planned.summary == "No changes."


def test_a_prefix_is_told_beside_the_environment() -> None:
    found = told(Report("apply", 14, "shop", "preview", name_prefix="pr-7-"))
    assert found.subject == "peakctl: shop, preview, prefix pr-7-: apply failed (exit code 14)"
    body = found.body(Shape.JSON)
    check_output("notification", body)
    assert (body["environment"], body["name_prefix"]) == ("preview", "pr-7-")


def test_drift_is_counted_and_named() -> None:
    extra = {
        "summary": {"changed": 1, "deleted": 0, "as_applied": 3},
        "drift": [{"key": "Workflow/x", "drift": "changed", "changes": ["s3cr3t-value"]}],
    }
    found = told(Report("drift", 2, "shop", "prod", extra=extra), Occasion.DRIFT)
    assert found.summary == "1 changed, 3 as applied"
    assert found.subject == "peakctl: shop, prod: changed outside"
    assert [(each.key, each.what) for each in found.resources] == [("Workflow/x", "changed")]


@settings(max_examples=60)
@given(ANY, ANY, ANY)
def test_words_of_others_stay_words(name: str, project: str, who: str) -> None:
    hostile = f"<!channel> <https://evil|x> [a](b) {name}"
    made = notification_of(
        Report(
            "apply",
            14,
            project,
            hostile,
            plan=as_shown(),
            outcomes=(outcome(hostile, Status.FAILED),),
        ),
        Occasion.FAILURE,
        FACTS,
        who,
        Redactor(),
    )
    slack = made.body(Shape.SLACK)
    texts = [slack["text"], *(block["text"]["text"] for block in slack["blocks"])]
    assert all(len(text) <= 3000 for text in texts)
    links = [found for text in texts for found in re.findall(r"<[^>]*>", text)]
    assert links == [f"<{JOB}|Job>"]
    for block in slack["blocks"]:
        assert block["text"]["verbatim"] is True
    teams = made.body(Shape.TEAMS)["attachments"][0]["content"]
    assert {each["type"] for each in teams["body"]} == {"RichTextBlock"}
    assert [each["url"] for each in teams["actions"]] == [JOB]
    body = made.body(Shape.JSON)
    check_output("notification", body)
    for text in (made.subject, *made.lines()):
        assert not set(text) & set("\n\r\x00\x1b\x7f\u2028\u202e\ufeff")


def test_a_message_of_many_fits_into_what_chats_take() -> None:
    many = [outcome("n" * 500 + str(n), Status.FAILED) for n in range(200)]
    found = told(report(*many))
    for block in found.body(Shape.SLACK)["blocks"]:
        assert len(block["text"]["text"]) <= 3000
    assert len(json.dumps(found.body(Shape.TEAMS))) <= 28_000
