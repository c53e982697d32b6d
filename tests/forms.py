"""What peakctl writes in each output form, held to the schemas of those who read it.

Those that others publish are in tests/data/forms/official, with where they come from; ours, written
from documentation and narrower, are in tests/data/forms and schemas/output.
"""

from __future__ import annotations

import functools
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from schemas_of_output import check_event, check_output

from peakctl.present.markdown_room import HOSTS

DATA = Path(__file__).resolve().parent / "data/forms"
OFFICIAL = DATA / "official"
LEVELS = {"error", "warning", "note", "none"}
VOID = {"meta", "link", "input", "br", "hr", "img"}


def check_form(form: str, text: str, command: str) -> Any:
    """What the form says, read as its readers do. Raises where it is not valid."""
    if form.startswith("markdown"):
        return _markdown(form, text)
    return _CHECKS[form](text, command)


@functools.cache
def _schema(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


@functools.cache
def _xsd() -> Any:
    from lxml import etree

    return etree.XMLSchema(etree.parse(OFFICIAL / "junit-10.xsd"))


def _text(text: str, command: str) -> str:
    assert text.strip(), "nothing is told"
    assert "\x1b" not in text
    return text


def _json(text: str, command: str) -> Any:
    found = json.loads(text)
    assert found["command"] == command
    check_output(command, found)
    return found


def _yaml(text: str, command: str) -> Any:
    found = yaml.safe_load(text)
    check_output(command, found)
    return found


def _jsonl(text: str, command: str) -> list[Any]:
    rows = [json.loads(row) for row in text.splitlines()]
    for row in rows:
        check_event(row)
    assert (rows[0]["event"], rows[-1]["event"]) == ("run", "end")
    assert rows[0]["command"] == command
    return rows


def _markdown(form: str, text: str) -> str:
    limit = HOSTS[form.partition(":")[2] or "github"]
    assert limit.of(text) <= limit.size
    outside, fence = [], ""
    for row in text.split("\n"):
        found = re.fullmatch(r"(`{3,})(\w*)", row)
        if not fence and found:
            fence = found[1]
        elif fence and found and not found[2] and len(found[1]) >= len(fence):
            fence = ""
        elif not fence:
            outside.append(row)
    assert fence == "", "a fence is left open"
    opened = [row for row in outside if row.lstrip().startswith("<details")]
    closed = [row for row in outside if row.lstrip().startswith("</details")]
    assert len(opened) == len(closed)
    return text


class _Page(HTMLParser):
    """Refuses what is left open, and what asks for anything outside of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def resources(self) -> list[dict[str, str | None]]:
        """The attributes of each resource's part."""
        return [each for tag, each in self.found if tag == "details" and "data-key" in each]


def _html(text: str, command: str) -> _Page:
    assert text.lower().startswith("<!doctype html>")
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    for _, attributes in page.found:
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    return page


_COMMAND = re.compile(r"::(error|warning|notice)(?: ([^:]*))?::(.*)")


def _github(text: str, command: str) -> list[tuple[str, dict[str, str], str]]:
    """The workflow commands, read as the runner reads them (its ActionCommand)."""
    found = []
    for row in text.splitlines():
        read = _COMMAND.fullmatch(row)
        assert read, row
        pairs = dict(pair.split("=", 1) for pair in (read[2] or "").split(",") if pair)
        assert set(pairs) <= {"file", "line", "endLine", "col", "endColumn", "title"}
        found.append((read[1], {k: _unescaped(v) for k, v in pairs.items()}, _unescaped(read[3])))
    return found


def _unescaped(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def _quality(text: str, command: str) -> list[Any]:
    found: list[Any] = json.loads(text)
    jsonschema.Draft202012Validator(_schema("codequality.json")).validate(found)
    for each in found:
        jsonschema.Draft7Validator(_schema("official/codeclimate.json")).validate(each)
    assert len({each["fingerprint"] for each in found}) == len(found)
    return found


def _gitlab(text: str, command: str) -> Any:
    if command in ("validate", "drift"):
        return _quality(text, command)
    found = json.loads(text)
    jsonschema.Draft202012Validator(_schema("terraform.json")).validate(found)
    return found


def _sarif(text: str, command: str) -> Any:
    found = json.loads(text)
    jsonschema.Draft4Validator(_schema("official/sarif-schema-2.1.0.json")).validate(found)
    jsonschema.Draft202012Validator(_schema("sarif.json")).validate(found)
    run = found["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    assert {each["level"] for each in run["results"]} <= LEVELS
    return run


def _junit(text: str, command: str) -> Any:
    """As junitparser reads it, which other tools use."""
    import junitparser
    from lxml import etree

    _xsd().assertValid(etree.fromstring(text.encode()))
    junit_tree(text)
    read = junitparser.JUnitXml.fromstring(text.encode())
    counted = (read.tests, read.failures, read.errors)
    read.update_statistics()
    assert counted == (read.tests, read.failures, read.errors)
    return read


def junit_tree(text: str) -> ET.Element:
    """The elements, held to our own schema alone."""
    root = ET.fromstring(text)
    jsonschema.Draft202012Validator(_schema("junit.json")).validate(as_tree(root))
    return root


def as_tree(node: ET.Element) -> dict[str, Any]:
    """An element as JSON, for a schema."""
    return {
        "tag": node.tag,
        "attributes": dict(node.attrib),
        "children": [as_tree(each) for each in node],
        **({} if len(node) == 0 else {"text": (node.text or "").strip()}),
    }


_CHECKS = {
    "text": _text,
    "json": _json,
    "yaml": _yaml,
    "jsonl": _jsonl,
    "html": _html,
    "github": _github,
    "codequality": _quality,
    "gitlab": _gitlab,
    "sarif": _sarif,
    "junit": _junit,
}
