"""A live resource as a manifest, and lists as tables."""

from __future__ import annotations

from typing import Any

import yaml

from peakctl.model import Key, Live, Secret
from peakctl.present.manifest import manifest_document, manifest_text, sensitive_places
from peakctl.present.text import table_lines, to_plain

VALUES: dict[str, Any] = {
    "metadata": {"name": "api"},
    "spec": {
        "secrets": {"DB": Secret("hunter2"), "NONE": None},
        "keys": [Secret("hunter3")],
        "only": {"a": {"b": Secret("hunter4")}},
        "text": "one\ntwo\n",
        "beyond": [{"a": 1}],
        "none": [],
        "empty": {},
    },
}
LIVE = Live(Key("Service", "api"), "id-1\nkind: Fake", VALUES, status="AVAILABLE")


def test_a_manifest_parses_back_without_its_secrets() -> None:
    text = manifest_text(LIVE, VALUES)
    assert "hunter" not in text
    assert "(sensitive)" not in text
    document = manifest_document(LIVE.key, VALUES)
    assert yaml.safe_load(text) == document
    assert document["spec"] == {
        "secrets": {"NONE": None}, "text": "one\ntwo\n", "beyond": [{"a": 1}],
        "none": [], "empty": {}
    }  # fmt: skip
    assert "  text: |\n    one\n    two\n" in text


def test_comments_say_what_was_left_out() -> None:
    assert sensitive_places(VALUES) == ["spec.secrets.DB", "spec.keys[0]", "spec.only.a.b"]
    *_, last = manifest_text(LIVE, VALUES).splitlines()
    assert last.startswith("# spec.only.a.b: secret, not shown; ")
    assert "{{" not in last  # comments are rendered too


def test_what_only_the_platform_knows_is_a_comment() -> None:
    text = manifest_text(LIVE, VALUES)
    assert text.startswith("# id: id-1 kind: Fake\n# status: AVAILABLE\n")


def test_a_table_cuts_no_name() -> None:
    name = "a-very-long-name-" * 8
    lines = table_lines(("name", "id"), [("b", "1"), (name, "\x1b[1m2")])
    text = to_plain(lines)
    assert f"{name}  2\n" in text
    assert text.splitlines()[1].split() == ["b", "1"]


def test_an_empty_table_has_its_titles() -> None:
    assert to_plain(table_lines(("name", "id"), [])) == "NAME  ID\n"


def test_characters_that_steer_a_terminal_are_spelled_out_and_not_lost() -> None:
    values = {"metadata": {"title": "\u200fshalom\u202e", "description": "one\n\x1b[31mtwo\n"}}
    text = manifest_text(LIVE, values)
    assert not {"\u200f", "\u202e", "\x1b"} & set(text)
    assert yaml.safe_load(text)["metadata"] == values["metadata"]
