"""Whatever words a report has, each form of it is valid by the schemas of its readers."""

from __future__ import annotations

from forms import check_form
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import as_shown

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Change, Key, Location, Outcome, Status, Step, Verb
from peakctl.present.forms import FORMS, form_text
from peakctl.present.report import Report

HOSTILE = (
    *("]]>", "<!--", "-->", "&amp;", "::error::x", "%0A", "```", "[[ATTACHMENT|a]]", "</details>"),
    *("\x00", "\ud800", "\u2028", "@all", "| a | b |", "<script>", "{{7*7}}", "$name", ""),
)
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60), st.sampled_from(HOSTILE)
)


def safe(text: str) -> str:
    """As `answer` writes a file."""
    return text.encode("utf-8", "backslashreplace").decode()


@settings(max_examples=60)
@given(WORDS, WORDS, WORDS, st.sampled_from(Status), st.sampled_from(Verb), st.integers(0, 10**9))
def test_every_form_is_valid_whatever_the_words(
    one: str, two: str, file: str, status: Status, verb: Verb, line: int
) -> None:
    key = Key("Image", one or "x")
    change = Change(("spec", two or "a"), one, two, "update")
    place = Location(file or "x", line, line)
    found = tuple(
        Diagnostic(f"a/{one}", two or "x", key, (two,), (place,), one, two, severity)
        for severity in Severity
    )
    report = Report(
        "apply",
        14,
        one,
        two,
        found,
        as_shown(Action(key, verb, (Step.UPDATE,), (change,), notes=(two,))),
        (Outcome(key, verb, status, message=two, detail=(one,)),),
        took=1.5,
        again="peakctl apply",
    )
    for form in FORMS:
        if form not in ("text", "jsonl"):
            check_form(form, safe(form_text(report, form)), "apply")
