"""What people type who know other tools: -C, --dry-run, and words of other commands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from peakctl.cli.exits import CONSEQUENTIAL, OTHER_WORDS

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: true}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: flow}
spec:
  steps: {a: {type: http, method: get, url: "https://example.com/%s"}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder beside the one where the user stands."""
    project, here = tmp_path / "shop", tmp_path / "here"
    (project / "m").mkdir(parents=True)
    (here / "in").mkdir(parents=True)
    (project / "peakctl.yaml").write_text(PROJECT)
    write(project)
    monkeypatch.chdir(here)
    return project


def write(folder: Path, word: str = "one") -> None:
    (folder / "m/flow.yaml").write_text(FLOW % word)


@pytest.mark.parametrize(
    "words",
    [("-C", "../shop", "validate"), ("validate", "-C", "../shop"), ("-C../shop", "validate")],
)
def test_a_command_works_in_another_folder(shop: Path, peakctl: Any, words: Any) -> None:
    here = Path.cwd()
    assert peakctl(*words).code == 0
    assert Path.cwd() == here


def test_folders_add_up_and_each_has_to_be_there(shop: Path, peakctl: Any) -> None:
    assert peakctl("-C", "..", "validate", "-C", "shop").code == 0
    for words in (("-C", "nowhere", "validate"), ("validate", "-C", "../shop/peakctl.yaml")):
        told = peakctl(*words)
        assert (told.code, 'cannot work in "' in told.err) == (64, True)
    document = json.loads(peakctl("-C", "nowhere", "plan", "-o", "json").out)
    assert document["command"] == "plan"


def test_places_are_told_from_where_the_user_stands(shop: Path, peakctl: Any) -> None:
    told = json.loads(peakctl("validate", "-C", "../shop", "-o", "json").out)
    assert told["resources"][0]["location"]["file"] == "../shop/m/flow.yaml"
    (shop / "m/flow.yaml").write_text(FLOW.replace("name: flow", "name: flow, titel: x"))
    told = peakctl("-C", "../shop", "validate")
    assert "in ../shop/m/flow.yaml:3:" in told.err
    assert "    3 | " in told.err
    document = json.loads(peakctl("-C", "../shop", "validate", "-o", "json").out)
    assert {each["file"] for e in document["errors"] for each in e["locations"]} == {
        "../shop/m/flow.yaml"
    }
    on_stdin = peakctl("-C", "../shop", "validate", "-f", "-")
    assert "../shop/<stdin>" not in on_stdin.err


def test_causes_have_their_place_from_where_the_user_stands(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    assert peakctl("-C", "../shop", "apply", "--yes", emulator=emulator).code == 0
    write(shop, "two")
    place = "../shop/m/flow.yaml"
    assert f"({place}:5)" in peakctl("-C", "../shop", "plan", emulator=emulator).out
    words = ("-C", "../shop", "-o", "json")
    (action,) = json.loads(peakctl("plan", *words, emulator=emulator).out)["actions"]
    assert action["causes"][0]["file"] == place
    (action,) = json.loads(peakctl("apply", "--yes", *words, emulator=emulator).out)["actions"]
    assert action["causes"][0]["file"] == place


def test_files_that_are_named_and_the_next_command_are_those_of_the_folder(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    done = peakctl("-C", "..", "plan", "-C", "shop", "--out", "a.plan", emulator=emulator)
    next_ = f"Carry it out: peakctl -C {os.path.join('..', 'shop')} apply a.plan\n"  # noqa: PTH118
    assert next_ in done.out
    assert (shop / "a.plan").exists()
    assert peakctl("-C", "../shop", "show", "a.plan").code == 0
    assert peakctl("apply", "-C", "../shop", "a.plan", emulator=emulator).code == 0


def test_a_dry_run_is_a_plan(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    os.chdir(shop)
    planned = peakctl("plan", emulator=emulator)
    for words in (("apply", "--dry-run"), ("apply", "--dry-run", "--yes")):
        assert peakctl(*words, emulator=emulator) == planned
    document = json.loads(peakctl("apply", "--dry-run", "-o", "json", emulator=emulator).out)
    assert (document["command"], document["outcomes"]) == ("plan", [])
    assert "There is no Workflow." in peakctl("get", "workflows", emulator=emulator).out
    (shop / "m/flow.yaml").write_text("# nothing\n")
    assert peakctl("apply", "--dry-run", emulator=emulator).code == peakctl("plan").code == 12


def test_a_dry_run_of_a_saved_plan_says_whether_it_still_holds(
    shop: Path, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    os.chdir(shop)
    assert peakctl("plan", "--out", "a.plan", emulator=emulator).code == 0
    assert peakctl("apply", "a.plan", "--dry-run", emulator=emulator).code == 0
    write(shop, "two")
    stale = peakctl("apply", "a.plan", "--dry-run", emulator=emulator)
    assert (stale.code, "plan/stale" in stale.err) == (11, True)
    assert "There is no Workflow." in peakctl("get", "workflows", emulator=emulator).out


def test_a_dry_run_of_destroy_deletes_nothing(shop: Path, peakctl: Any, make_emulator: Any) -> None:
    emulator = make_emulator()
    os.chdir(shop)
    assert peakctl("apply", "--yes", emulator=emulator).code == 0
    shown = peakctl("destroy", "--dry-run", "--yes", emulator=emulator)
    assert shown.code == 0
    assert shown.out.endswith("Plan: 1 to delete.\n")
    assert "flow" in peakctl("get", "workflows", emulator=emulator).out


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("describe", "get KIND NAME"), ("list", "get [KIND]"), ("delete", "destroy --select"),
        ("up", "apply"), ("sync", "apply"), ("deploy", "apply"),
        ("preview", "plan"), ("lint", "validate"), ("new", "init"),
    ],
)  # fmt: skip
def test_a_word_of_another_tool_is_answered_with_ours(peakctl: Any, word: str, meant: str) -> None:
    told = peakctl(word, "Service/api")
    assert told.code == 64
    assert f"use peakctl {meant}" in told.err


def test_no_word_that_changes_nothing_is_answered_with_one_that_does() -> None:
    changing = {"up", "deploy", "sync", "delete", "down", "remove", "rm"}
    found = {word for word, meant in OTHER_WORDS.items() if meant.split()[0] in CONSEQUENTIAL}
    assert found == changing
