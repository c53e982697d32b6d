"""A live resource as a manifest, and lists as tables."""

from __future__ import annotations

from typing import Any

import yaml

from peakctl.engine.export import Exported, Variable
from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.writer import TemplateText
from peakctl.model import Key, Live
from peakctl.present.manifest import manifest_document, manifest_text
from peakctl.present.text import table_lines, to_plain

KIND = load_kinds()["Service"]
LIVE = Live(Key("Service", "api"), "id-1\nkind: Fake", {}, status="AVAILABLE")
VALUES: dict[str, Any] = {
    "metadata": {"name": "api", "description": "one\ntwo\n"},
    "spec": {"parameters": {"env": {"DB": TemplateText("{{ os_env.API_ENV_DB }}")}}},
}
VARIABLE = Variable("API_ENV_DB", LIVE.key, ("spec", "parameters", "env", "DB"), "it is secret")
EXPORTED = Exported(LIVE.key, VALUES, (VARIABLE,), {("spec", "artifact"): "sha256:1"})


def test_a_manifest_parses_back() -> None:
    text = manifest_text(LIVE, EXPORTED, KIND)
    document = manifest_document(EXPORTED)
    assert yaml.safe_load(text) == document
    assert document["lifecycle"] == {"ignoreChanges": ["spec.artifact"]}
    assert "  description: |\n    one\n    two\n" in text
    assert "DB: '{{ os_env.API_ENV_DB }}'" in text


def test_comments_say_what_only_the_platform_knows_and_which_variables_to_set() -> None:
    text = manifest_text(LIVE, EXPORTED, KIND)
    assert text.startswith(
        "# id: id-1\n# kind: Fake\n# status: AVAILABLE\n# API_ENV_DB: set it, it"
    )
    assert "# its files are on the platform alone" in text


def test_a_table_cuts_no_name() -> None:
    name = "a-very-long-name-" * 8
    lines = table_lines(("name", "id"), [("b", "1"), (name, "\x1b[1m2")])
    text = to_plain(lines)
    assert f"{name}  2\n" in text
    assert text.splitlines()[1].split() == ["b", "1"]


def test_an_empty_table_has_its_titles() -> None:
    assert to_plain(table_lines(("name", "id"), [])) == "NAME  ID\n"


def test_characters_that_steer_a_terminal_are_spelled_out_and_not_lost() -> None:
    values: Any = {"metadata": {"title": "\u200fshalom\u202e", "description": "one\n\x1b[31mtwo\n"}}
    text = manifest_text(LIVE, Exported(LIVE.key, values), KIND)
    assert not {"\u200f", "\u202e", "\x1b"} & set(text)
    assert yaml.safe_load(text)["metadata"] == values["metadata"]
