"""The page of `-o html` in a real Chromium, driven through chromedriver as a person would use it.

`make browser` runs it. It says so, loudly, where there is no Chromium to be had.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plans import as_shown

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Change, Key, Outcome, Status, Step, Verb
from peakctl.present.html_page import html_text
from peakctl.present.plan_json import json_document
from peakctl.present.report import Report

DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    DRIVER is None, reason="NOT TESTED: the HTML page needs chromium and chromedriver"
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ESCAPE, ENTER = "\ue00c", "\ue007"
HOSTILE = '"><script>document.title="owned"</script><img src=x onerror=alert(1)>'
PLAN = as_shown(
    Action(Key("Image", "base"), Verb.BUILD, (Step.CREATE_VERSION,), version="0.0.2"),
    Action(
        Key("Workflow", "nightly"),
        Verb.EDIT,
        (Step.UPDATE,),
        (Change(("spec", "text"), "old", HOSTILE, "update"),),
        notes=(HOSTILE,),
        after=frozenset({Key("Image", "base")}),
    ),
    Action(Key("Service", "web"), Verb.DELETE, (Step.DELETE,)),
    *(Action(Key("Workflow", f"same-{n}"), Verb.KEEP) for n in range(3)),
    *(Action(Key("Workflow", f"many-{n}"), Verb.CREATE, (Step.CREATE,)) for n in range(500)),
)
REPORT = Report(
    "apply",
    14,
    HOSTILE,
    "prod",
    (Diagnostic("a/b", HOSTILE, severity=Severity.WARNING),),
    PLAN,
    tuple(Outcome(a.key, a.verb, Status.DONE) for a in PLAN.actions),
    took=2.0,
)


class Browser:
    """One session of chromedriver."""

    def __init__(self, address: str) -> None:
        self.address = address
        wanted = {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "args": [
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                ]
            },
        }
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.address += f"/session/{made['sessionId']}"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.address + path, data, method=method)
        asked.add_header("content-type", "application/json")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
            return json.load(answer)["value"]

    def run(self, script: str) -> Any:
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def loaded(self) -> None:
        """Return once the page is there to its end, which the driver does not always wait for."""
        script = (
            "const done = arguments[0];"
            "document.readyState === 'complete' ? done() : addEventListener('load', () => done())"
        )
        self.call("POST", "/execute/async", {"script": script, "args": []})

    def press(self, keys: str) -> None:
        active = self.call("GET", "/element/active")[ELEMENT]
        self.call("POST", f"/element/{active}/value", {"text": keys})

    def shown(self) -> list[str]:
        found: list[str] = self.run(
            "return [...document.querySelectorAll('details.resource')]"
            ".filter((each) => each.getClientRects().length).map((each) => each.dataset.key)"
        )
        return found

    def focused(self) -> str:
        return str(self.run("return document.activeElement.closest('details')?.dataset.key || ''"))


@pytest.fixture(scope="module")
def driver() -> Iterator[str]:
    started = subprocess.Popen([str(DRIVER), "--port=0"], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    try:
        port = None
        while port is None:
            row = started.stdout.readline()
            assert row, "chromedriver ended"
            port = re.search(r"started successfully on port (\d+)", row)
        yield f"http://127.0.0.1:{port[1]}"
    finally:
        started.terminate()
        started.wait()
        started.stdout.close()


@pytest.fixture
def browser(driver: str, tmp_path: Path) -> Iterator[Browser]:
    (tmp_path / "page.html").write_text(html_text(REPORT), "utf-8")
    opened = Browser(driver)
    try:
        opened.call("POST", "/url", {"url": (tmp_path / "page.html").as_uri()})
        opened.loaded()
        yield opened
        assert opened.call("POST", "/se/log", {"type": "browser"}) == []
    finally:
        opened.call("DELETE", "")


def test_what_the_page_says_is_what_the_json_says(browser: Browser) -> None:
    rows = browser.run(
        "return [...document.querySelectorAll('details.resource')].map((each) => "
        "[each.dataset.key, each.dataset.verb, each.querySelector('.ended').textContent])"
    )
    document = json_document(REPORT)
    ended = {each["key"]: each["status"] for each in document["outcomes"]}
    assert rows == [[a["key"], a["verb"], ended[a["key"]]] for a in document["actions"]]
    assert browser.run("return document.getElementById('verdict').textContent").startswith("Plan: ")


def test_words_of_others_are_text(browser: Browser) -> None:
    assert browser.run("return document.querySelectorAll('img, script').length") == 1
    assert browser.run("return document.title") == f"peakctl apply: {HOSTILE}"
    assert HOSTILE in browser.run("return document.body.textContent")


def test_the_filter_shows_what_has_all_words(browser: Browser) -> None:
    assert len(browser.shown()) == 503
    browser.press("/")
    browser.press("edit NIGHT")
    assert browser.shown() == ["Workflow/nightly"]
    assert browser.run("return document.getElementById('count').textContent").startswith("1 of 506")
    browser.press(ESCAPE)
    assert len(browser.shown()) == 503
    browser.press("u")
    assert len(browser.shown()) == 506


def test_a_keyboard_is_enough(browser: Browser) -> None:
    browser.press("j")
    assert browser.focused() == "Image/base"
    browser.press("j")
    assert browser.focused() == "Workflow/nightly"
    browser.press(ENTER)
    assert browser.run("return document.activeElement.parentElement.open") is True
    browser.press("k")
    assert browser.focused() == "Image/base"
    browser.press("e")
    opened = "return document.querySelectorAll('details[open]').length"
    assert browser.run(opened) == 503
    browser.press("c")
    assert browser.run(opened) == 0


def test_the_graph_leads_to_its_resources_and_stays_small(browser: Browser) -> None:
    boxes = browser.run(
        "return [...document.querySelectorAll('svg text')].map((e) => e.textContent)"
    )
    assert "+ 500 × Workflow create" in boxes
    assert len(boxes) < 10
    browser.run("document.querySelector('svg a[href=\"#r1\"]').focus()")
    browser.press(ENTER)
    deadline = time.monotonic() + 10
    while browser.focused() != "Workflow/nightly" and time.monotonic() < deadline:
        pass
    assert browser.focused() == "Workflow/nightly"


def test_it_is_dark_or_light_and_prints(browser: Browser) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(paper)
    browser.press("t")
    assert browser.run(paper) != before
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('details[open]').length") == 503
    assert browser.call("POST", "/print", {})
