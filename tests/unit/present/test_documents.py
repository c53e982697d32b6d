"""JSON and Markdown: one document on every path."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import as_shown
from schemas_of_output import check_output

from peakctl.errors import Diagnostic, Severity
from peakctl.model import (
    MISSING,
    UNSEEN,
    Action,
    Change,
    FileChanges,
    FileCounts,
    FileTotal,
    Key,
    Live,
    Location,
    Outcome,
    Plan,
    Secret,
    Skipped,
    Status,
    Step,
    Unknown,
    Verb,
)
from peakctl.present.markdown_room import HOSTS, LIMIT, Limit, fair_share
from peakctl.present.plan_json import json_text
from peakctl.present.plan_markdown import markdown_text
from peakctl.present.report import Report
from peakctl.present.text import line

IMAGE, SERVICE = Key("Image", "serve"), Key("Service", "a|b`c")
FILE_CHANGES = FileChanges(
    added=("new\x1b[1m.py",),
    renamed=(("a", "b"),),
    counts=FileCounts(added=1, renamed=1),
    total=FileTotal(2, 10),
    before=FileTotal(1, 5),
)
PLAN = as_shown(
    *(
        Action(IMAGE, Verb.BUILD, (Step.CREATE_VERSION,), version="1.2.4", files=FILE_CHANGES),
        Action(
            SERVICE,
            Verb.EDIT,
            (Step.UPDATE,),
            (
                Change(("spec", "versionId"), "v1", Unknown(IMAGE, "version"), "update"),
                Change(("spec", "env"), {"A": Secret("hunter2")}, {"A": Secret("x")}, "update"),
                Change(("spec", "token"), "hunter3", "hunter4", "update", sensitive=True),
                Change(("spec", "new"), MISSING, "````<b>", "update", redeploys=True),
                Change(("spec", "dim"), UNSEEN, {"a": 1}, "update"),
            ),
            skipped=(Skipped(("spec", "z"), "masked"),),
            notes=("a note",),
            after=frozenset({IMAGE}),
        ),
        Action(Key("Image", "same"), Verb.KEEP),
    )
)
OUTCOMES = (
    Outcome(IMAGE, Verb.BUILD, Status.FAILED, 1.23456, "no", ("line\x1b[1m",)),
    Outcome(SERVICE, Verb.EDIT, Status.BLOCKED, cause=IMAGE),
)
PROBLEMS = (
    Diagnostic("a/b", "bad", key=IMAGE, path=("spec", 0), locations=(Location("f.yaml", 1, 2),)),
    Diagnostic("a/c", "old", severity=Severity.WARNING),
)
REPORTS = {
    "plan": Report("plan", 2, "shop", "dev", plan=PLAN),
    "apply": Report("apply", 14, "shop", "dev", PROBLEMS, PLAN, OUTCOMES, took=3.21),
    "nothing": Report("plan", 0, plan=Plan(())),
    "error": Report("plan", 10, diagnostics=PROBLEMS),
}


def document(report: Report) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json_text(report))
    return loaded


@pytest.mark.parametrize("name", REPORTS)
def test_every_document_fits_the_schema(name: str) -> None:
    found = document(REPORTS[name])
    check_output(found["command"], found)


def test_pending_changes_are_ok_and_problems_are_not() -> None:
    assert [document(REPORTS[name])["ok"] for name in REPORTS] == [True, False, True, False]


def test_problems_are_parted_by_severity() -> None:
    found = document(REPORTS["error"])
    assert [d["code"] for d in found["errors"]] == ["a/b"]
    assert [d["code"] for d in found["warnings"]] == ["a/c"]
    assert found["errors"][0]["path"] == "spec[0]"


def test_what_failed_is_among_the_errors() -> None:
    found = document(REPORTS["apply"])["errors"]
    assert [(d["code"], d["key"]) for d in found] == [
        ("run/failed", "Image/serve"),
        ("a/b", "Image/serve"),
    ]
    assert found[0]["detail"] == "line\x1b[1m"


def test_changes_hold_no_secrets_and_say_what_is_unknown() -> None:
    changes = document(REPORTS["plan"])["actions"][1]["changes"]
    assert changes[0]["after"] == {"unknown": "Image/serve.version"}
    assert changes[1]["before"] == {"A": "(sensitive)"}
    assert changes[2]["before"] == changes[2]["after"] == "(sensitive)"
    assert "before" not in changes[3]
    assert changes[3]["redeploys"] is True
    assert (changes[4]["before"], changes[4]["after"]) == ("(not shown)", {"a": 1})


def test_a_comment_says_what_no_read_shows() -> None:
    assert "! spec.dim: (not shown) -> {a: 1}" in markdown_text(REPORTS["plan"])


@pytest.mark.parametrize("name", REPORTS)
def test_no_form_holds_a_secret(name: str) -> None:
    for text in (json_text(REPORTS[name]), markdown_text(REPORTS[name])):
        assert "hunter" not in text


def test_characters_that_steer_a_terminal_are_escaped_without_loss() -> None:
    report = Report("get", extra={"title": "a\x1b\x9b\u202e\u061c\U000e0041b ü"})
    text = json_text(report)
    assert not set("\x1b\x9b\u202e\u061c\U000e0041") & set(text)
    assert "ü" in text
    assert json.loads(text)["title"] == "a\x1b\x9b\u202e\u061c\U000e0041b ü"


def test_a_comment_has_counts_a_table_and_details() -> None:
    text = markdown_text(REPORTS["plan"])
    assert text.startswith("<!-- peakctl:plan shop dev -->\n### peakctl plan: project `shop`")
    assert "**Plan: 1 to build," in text
    assert "| `*` | build | Image/serve | 1.2.4 |  |\n" in text
    assert "| `~` | edit | Service/a\\|b\\`c |  |  |\n" in text
    assert "<details><summary><code>~ edit  Service/a|b`c</code></summary>" in text
    assert "\n! spec.versionId: v1 -&gt;" not in text
    assert "\n! spec.versionId: v1 -> (known after apply)\n" in text
    assert "\n+ spec.new: " in text
    assert "\n`````diff\n" in text
    assert "Image/same" not in text
    assert "Image/same" in markdown_text(REPORTS["plan"], show_all=True)


def test_a_comment_on_an_apply_says_how_each_ended() -> None:
    text = markdown_text(replace(REPORTS["apply"], again="peakctl apply"))
    assert "| action | resource | version | because | ended |" in text
    assert "| build | Image/serve | 1.2.4 |  | failed |" in text
    assert "what is done stays done: peakctl apply\n" in text
    assert "**Failed**" in text


def test_an_empty_plan_is_a_short_comment() -> None:
    assert markdown_text(REPORTS["nothing"]).endswith("**No changes.**\n")


def test_a_comment_always_fits() -> None:
    change = Change(("spec", "text"), "a\n" * 30, "b\n" * 30, "update")
    actions = tuple(
        Action(Key("Service", f"s{n:04}"), Verb.EDIT, (Step.UPDATE,), (change,))
        for n in range(2000)
    )
    text = markdown_text(Report("plan", plan=as_shown(*actions)))
    assert len(text) < LIMIT.size
    assert re.search(r"_and \d+ more resources", text)
    assert re.search(r"_The details of \d+ more resources do not fit into a comment", text)


def edits(rows: int, *, name: str = "s") -> Action:
    text = "".join(f"line {n}\n" for n in range(rows))
    change = Change(("spec", "text"), text, text.replace("line", "row"), "update")
    return Action(Key("Service", name), Verb.EDIT, (Step.UPDATE,), (change,))


def test_a_large_resource_is_cut_and_hides_no_later_one() -> None:
    plan = as_shown(*(edits(2_000 if n == 1 else 3, name=f"s{n}") for n in range(100)))
    text = markdown_text(Report("plan", plan=plan), limit=Limit(30_000))
    assert len(text) <= 30_000
    assert text.count("<details>") + text.count("details of") >= 60
    assert "Service/s99</code>" not in text or "more lines" in text
    short = markdown_text(Report("plan", plan=plan), limit=HOSTS["gitlab"])
    assert short.count("<details>") == 100


@pytest.mark.parametrize("host", HOSTS)
def test_a_comment_is_never_longer_than_its_host_takes(host: str) -> None:
    many = tuple(
        Diagnostic("a/b", f"problem ü {n}", severity=severity, detail="é" * 500)
        for n in range(3_000)
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    plan = as_shown(*(edits(60, name=f"{'ü' * 20}{n}") for n in range(1_500)))
    outcomes = tuple(Outcome(a.key, a.verb, Status.FAILED, message="x" * 99) for a in plan.actions)
    report = Report("apply", 14, "shop", "prod", many, plan, outcomes, again="peakctl apply")
    limit = HOSTS[host]
    text = markdown_text(report, limit=limit)
    assert limit.of(text) <= limit.size
    for word in ("**Failed**", "**Plan: 1500 to edit", "| action |", "**Warnings**"):
        assert word in text


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.integers(0, 60),
    st.integers(4_000, 60_000),
    st.booleans(),
)
@settings(max_examples=40)
def test_whatever_the_sizes_the_verdict_is_there_and_all_fits(
    rows: list[int], problems: int, size: int, in_bytes: bool
) -> None:
    found = tuple(
        Diagnostic("a/b", "p" * 9 * n, severity=Severity.WARNING) for n in range(problems)
    )
    plan = as_shown(*(edits(n, name=f"s{at}") for at, n in enumerate(rows)))
    limit = Limit(size, in_bytes)
    text = markdown_text(Report("plan", 0, "é", None, found, plan), limit=limit)
    assert limit.of(text) <= size
    assert "**Plan:" in text or "**No changes" in text
    table = text.count("| edit |")
    left = re.search(r"_and (\d+) more resources?;", text)
    assert table + (int(left[1]) if left else 0) == len(rows)


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=60),
    st.integers(0, 59),
    st.integers(200, 3_000),
    st.integers(6_000, 70_000),
)
@settings(max_examples=30)
def test_a_resource_that_grows_takes_no_other_away(
    rows: list[int], which: int, huge: int, size: int
) -> None:
    def shown(sizes: list[int]) -> tuple[list[str], list[str]]:
        plan = as_shown(*(edits(n, name=f"s{at:02}") for at, n in enumerate(sizes)))
        text = markdown_text(Report("plan", plan=plan), limit=Limit(size))
        assert len(text) <= size
        assert text.count("<details") == text.count("</details>")
        rows = re.findall(r"^\|.* (Service/s\d\d)", text, re.M)
        return rows, re.findall(r"<summary>.*(Service/s\d\d)", text)

    grown = [huge if at == which % len(rows) else n for at, n in enumerate(rows)]
    assert shown(grown) == shown(rows)


def test_room_is_shared_so_that_who_needs_less_leaves_more() -> None:
    assert fair_share([10, 20, 300], 100) == 70
    assert fair_share([10, 20], 100) == 70
    assert fair_share([50, 50, 50], 90) == 30
    assert fair_share([], 7) == 7


def test_a_command_without_a_plan_says_how_it_ended() -> None:
    report = Report("validate", lines=(line("first"), line("Valid: 2 resources.")))
    assert markdown_text(report).endswith("**Valid: 2 resources.**\n")
    sections = Report("drift", sections=("a\n", "b\n"), lines=(line("x"),))
    assert markdown_text(sections).endswith("\na\n\nb\n")


def deletes(count: int) -> Plan:
    return Plan(
        tuple(
            Action(
                key := Key("Service", f"s{number}`"),
                Verb.DELETE,
                (Step.DELETE,),
                notes=(f"id {number}", "used by Deployment/d, deleted before it"),
                live=Live(key, number, {}),
            )
            for number in range(count)
        )
    )


def test_a_comment_names_deletes_first_and_shows_what_uses_them() -> None:
    text = markdown_text(Report("plan", plan=deletes(2)))
    warned = "**Deletes 2 resources for good:** Service/s0\\`, Service/s1\\`\n"
    assert warned in text
    assert text.index(warned) < text.index("| action |")
    assert text.count("<details open>") == 2
    assert "used by Deployment/d, deleted before it" in text
    assert "Service/s19\\`, and 1 more\n" in markdown_text(Report("plan", plan=deletes(21)))
    assert "for good" not in markdown_text(Report("plan", plan=PLAN))


def test_many_problems_leave_room_for_the_plan_and_are_counted() -> None:
    many = tuple(
        Diagnostic("manifest/unknown-field", f"there is no field {n}", severity=severity)
        for n in range(900)
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    text = markdown_text(Report("plan", plan=deletes(2), diagnostics=many))
    assert len(text) < LIMIT.size
    assert text.index("there is no field 0") < text.index("for good") < text.index("**Warnings**")
    assert len(re.findall(r"_and \d+ more: run", text)) == 2
    assert "| action |" in text


def test_one_huge_problem_is_cut() -> None:
    huge = Diagnostic("api/refused", "x" * 200_000)
    assert "**Failed**" in markdown_text(Report("plan", diagnostics=(huge,)))


def test_actions_tell_the_id_and_what_uses_it() -> None:
    (action,) = json.loads(json_text(Report("plan", plan=deletes(1))))["actions"]
    assert action["id"] == 0
    assert action["notes"] == ["id 0", "used by Deployment/d, deleted before it"]


def test_a_redacted_report_keeps_its_shape() -> None:
    found = Report(
        command="get",
        lines=(line(("a word", "bold"), " b"),),
        extra={"resources": [{"word": ("a word", 1, None)}]},
        diagnostics=(Diagnostic("x/y", "a word", detail="word"),),
        text="word",
    ).redacted(lambda text: text.replace("word", "***"))
    assert found.lines == (line(("a ***", "bold"), " b"),)
    assert found.extra == {"resources": [{"word": ["a ***", 1, None]}]}
    assert (found.diagnostics[0].summary, found.diagnostics[0].detail) == ("a ***", "***")
    assert found.text == "word"
