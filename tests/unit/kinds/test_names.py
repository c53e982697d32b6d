"""Names that are not what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peakctl.kinds.schemas import load_kinds
from peakctl.kinds.validate import read_resources
from peakctl.model import Document, Location


def document(name: Any = "nightly", **more: Any) -> Document:
    step = {"type": "http", "method": "get", "url": "https://example.com", **more.pop("step", {})}
    value = {
        "apiVersion": "peakctl/v1",
        "kind": "Workflow",
        "metadata": {"name": name, **more.pop("metadata", {})},
        "spec": {"triggers": [{"cron": "0 2 * * *"}], "steps": {"a": step}},
        **more,
    }
    return Document(value, "m.yaml", "/project", lambda path: Location("m.yaml", len(path) + 1, 1))


def told(*documents: Document) -> list[tuple[str, str]]:
    _, found = read_resources(documents, load_kinds(), project_root=Path("/project"))
    return [(d.code.removeprefix("manifest/"), d.summary) for d in found]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (document("a\x1b[2J"), r'the name "a\u001b[2J" holds U+001B'),
        (document("a\u202eb"), "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        (document("a\u2066b"), "U+2066 (LEFT-TO-RIGHT ISOLATE)"),
        (document("a\u200bb"), "U+200B (ZERO WIDTH SPACE)"),
        (document("a\ufeff"), "U+FEFF (BYTE ORDER MARK)"),
        (document("a\\u202eb"), "a backslash"),
        (document(metadata={"tags": [{"name": "x\u200d"}]}), "U+200D (ZERO WIDTH JOINER)"),
        (document(metadata={"previousNames": ["x\u200d"]}), "U+200D (ZERO WIDTH JOINER)"),
        (document(dependsOn=["Image/a\u00ad"]), "U+00AD (SOFT HYPHEN)"),
    ],
)
def test_characters_that_nobody_can_see_are_refused_in_names(found: Document, words: str) -> None:
    code, summary = told(found)[0]
    assert code == "name-character"
    assert words in summary
    assert summary.isprintable()


def test_titles_may_not_turn_the_text_around_them() -> None:
    def service(title: str) -> Document:
        value = {
            "apiVersion": "peakctl/v1",
            "kind": "Service",
            "metadata": {"name": "a", "title": title},
            "spec": {"serviceType": "api", "imageDetails": {"name": "i"}},
        }
        return Document(value, "m.yaml", "/project", lambda _: Location("m.yaml", 1, 1))

    assert told(service("a\u202eb"))[0][0] == "name-character"
    for title in ("Prix\u00a0net", "\U0001f469\u200d\U0001f4bb", "two\nlines\n", "caf\u00e9"):
        assert told(service(title)) == []


@pytest.mark.parametrize("name", ["caf\u00e9", "\u65e5\u672c", "Prix\u00a0net", "a b"])
def test_letters_of_any_script_are_fine(name: str) -> None:
    assert told(document(name)) == []


def test_names_that_differ_in_their_normal_form_alone_are_told() -> None:
    (found,) = told(document("caf\u00e9"), document("cafe\u0301"))
    assert found[0] == "name-form"


def test_other_texts_may_hold_anything() -> None:
    odd = {"url": "https://example.com/\u200b"}
    assert told(document(step=odd, lifecycle={"protect": True})) == []
