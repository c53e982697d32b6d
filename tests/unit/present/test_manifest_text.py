"""A live resource as a manifest, and lists as tables."""

from __future__ import annotations

from typing import Any

import yaml

from peakctl.kinds.fields import Absent, Field, Kind
from peakctl.model import Key, Live
from peakctl.present.manifest import manifest_document, manifest_text
from peakctl.present.table import table_lines
from peakctl.present.text import to_plain

OBJECT = frozenset({"object"})
SECRET = Field(frozenset({"string"}), Absent.CLEAR, sensitive=True)
PLAIN = Field(frozenset({"string"}), Absent.CLEAR)
KIND = Kind(
    "Service",
    schema={},
    root=Field(
        OBJECT,
        Absent.REQUIRED,
        properties={
            "spec": Field(
                OBJECT,
                Absent.REQUIRED,
                properties={
                    "secrets": Field(OBJECT, Absent.CLEAR, extra=SECRET),
                    "keys": Field(frozenset({"array"}), Absent.CLEAR, items=SECRET),
                    "text": PLAIN,
                },
            )
        },
    ),
)
VALUES: dict[str, Any] = {
    "metadata": {"name": "api"},
    "spec": {
        "secrets": {"DB": "hunter2", "NONE": None},
        "keys": ["hunter3"],
        "text": "one\ntwo\n",
        "beyond": [{"a": 1}],
    },
}
LIVE = Live(Key("Service", "api"), "id-1\nkind: Fake", VALUES, status="AVAILABLE")


def test_a_manifest_parses_back_without_its_secrets() -> None:
    text = manifest_text(LIVE, KIND)
    assert "hunter" not in text
    assert yaml.safe_load(text) == manifest_document(LIVE, KIND)
    assert yaml.safe_load(text)["spec"]["secrets"] == {"DB": "(sensitive)", "NONE": None}
    assert "  text: |\n    one\n    two\n" in text


def test_what_only_the_platform_knows_is_a_comment() -> None:
    assert manifest_text(LIVE, KIND).startswith("# id: id-1 kind: Fake\n# status: AVAILABLE\n")


def test_a_table_cuts_no_name() -> None:
    name = "a-very-long-name-" * 8
    lines = table_lines(("name", "id"), [("b", "1"), (name, "\x1b[1m2")])
    text = to_plain(lines)
    assert f"{name}  2\n" in text
    assert text.splitlines()[1].split() == ["b", "1"]


def test_an_empty_table_has_its_titles() -> None:
    assert to_plain(table_lines(("name", "id"), [])) == "NAME  ID\n"
