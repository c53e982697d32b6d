"""The page without a browser: it is whole, it escapes, and its graph is small and true."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import as_shown

from peakctl.errors import Diagnostic
from peakctl.model import Action, Change, Key, Outcome, Owned, Plan, Status, Step, Verb
from peakctl.present.graph import MOST, Graph, graph_of, graph_svg
from peakctl.present.html_page import html_text
from peakctl.present.report import Report
from peakctl.present.text import line

IMAGE, FLOW = Key("Image", "base"), Key("Workflow", "flow")
ANY = st.text(st.characters(exclude_categories=()))
EMPTY = {"meta", "input", "img", "br", "link", "path", "rect"}


class Page(HTMLParser):
    """The elements of a page, each closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def resources(self) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == "details"]


def action(key: Key, *after: Key, verb: Verb = Verb.CREATE) -> Action:
    return Action(key, verb, (Step.CREATE,), after=frozenset(after))


def graph(*actions: Action) -> Graph:
    return graph_of(Plan(actions), {each.key: f"r{at}" for at, each in enumerate(actions)})


def test_the_page_has_every_resource_and_needs_nothing_else() -> None:
    plan = as_shown(action(IMAGE), action(FLOW, IMAGE, verb=Verb.DELETE), action(Key("Image", "x")))
    outcomes = (Outcome(IMAGE, Verb.CREATE, Status.FAILED, message="no"),)
    owned = (Owned(Key("Service", "left"), 7),)
    report = Report("apply", 14, "shop", "prod", (), plan, outcomes, undeclared=owned)
    text = html_text(report)
    page = Page(text)
    assert [each["data-key"] for each in page.resources()] == [str(a.key) for a in plan.actions]
    assert [("open" in each) for each in page.resources()] == [False, True, False]
    for word in ("No longer declared", "Service/left", "How it ended", 'class="ended">failed'):
        assert word in text
    for _, attrs in page.tags:
        assert not {"src", "srcset", "style", "onclick"} & set(attrs)
        assert (attrs.get("href") or "#").startswith("#")


def test_only_its_own_style_and_script_may_be_used() -> None:
    text = html_text(Report("plan", plan=as_shown(action(IMAGE))))
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (Report("validate", lines=(line("Valid: 2 resources."),)), "Valid: 2 resources."),
        (Report("plan", 10, diagnostics=(Diagnostic("a/b", "bad"),)), "error"),
        (Report("", 64), "Failed."),
        (Report("ci"), "Done."),
    ],
    ids=lambda value: value.command if isinstance(value, Report) else "",
)
def test_a_command_without_a_plan_has_a_page_too(report: Report, told: str) -> None:
    text = html_text(report)
    Page(text)
    assert told in text


@settings(max_examples=50)
@given(ANY, ANY)
def test_whatever_the_words_the_page_stays_what_it_is(one: str, two: str) -> None:
    key = Key("Image", one)
    change = Change(("spec", two), one, two, "update")
    plan = as_shown(Action(key, Verb.EDIT, (Step.UPDATE,), (change,), notes=(one,)))
    report = Report("plan", 1, one, two, (Diagnostic("a/b", two),), plan)
    plain = Report("plan", 1, "x", "y", (Diagnostic("a/b", "z"),), plan)
    found, usual = (Page(html_text(each)) for each in (report, plain))
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in usual.tags}


def test_what_must_be_ready_first_is_left_of_what_uses_it() -> None:
    found = graph(action(FLOW, IMAGE), action(IMAGE), action(Key("Service", "s")))
    layers = {str(box.keys[0]): box.layer for box in found.boxes}
    assert layers == {"Image/base": 0, "Service/s": 0, "Workflow/flow": 1}
    ((one, two),) = found.edges
    assert (found.boxes[one].keys, found.boxes[two].keys) == ((IMAGE,), (FLOW,))


def test_what_stays_is_not_drawn() -> None:
    assert graph_svg(graph(action(IMAGE, verb=Verb.KEEP))) == ""
    found = graph(action(IMAGE, verb=Verb.KEEP), action(FLOW, IMAGE))
    assert [box.layer for box in found.boxes] == [0]


def test_many_of_one_kind_share_a_box() -> None:
    flows = [action(Key("Workflow", f"f{n}"), IMAGE) for n in range(500)]
    found = graph(action(IMAGE), *flows)
    assert [box.label for box in found.boxes] == ["+ Image/base", "+ 500 × Workflow create"]
    assert len(found.edges) == 1
    assert [box.anchor for box in found.boxes] == ["r0", ""]
    few = graph(action(IMAGE), *flows[:MOST])
    assert len(few.boxes) == MOST + 1


@settings(max_examples=50)
@given(st.data())
def test_every_resource_is_in_one_box_and_no_box_covers_another(data: Any) -> None:
    keys = [Key("Workflow", f"f{n}") for n in range(data.draw(st.integers(1, 40)))]
    actions = []
    for at, key in enumerate(keys):
        after = data.draw(st.sets(st.sampled_from(keys[:at]), max_size=3)) if at else set()
        actions.append(action(key, *after))
    found = graph(*actions)
    assert sorted(key for box in found.boxes for key in box.keys) == sorted(keys)
    assert all(found.boxes[one].layer < found.boxes[two].layer for one, two in found.edges)
    places = re.findall(r'<rect x="(\d+)" y="(\d+)"', graph_svg(found))
    assert len(set(places)) == len(places) == len(found.boxes)
