"""The judge of the real client's story: it must find what is wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

from interop.checks import MISSING, at, unlike, unlike_folder, unmet
from interop.player import read_json
from interop.story import fill

ROOT = Path(__file__).parent.parent

PAGE = {"items": [{"name": "a", "meta": {"n": 1}}, {"name": "b"}], "count": 2, "on": True}


def test_paths_lead_through_maps_lists_and_names() -> None:
    assert at(PAGE, "items[name=a].meta.n") == 1
    assert at(PAGE, "items[meta.n=1].name") == "a"
    assert (at(PAGE, "items.#"), at(PAGE, "items[1].name"), at(PAGE, "")) == (2, "b", PAGE)
    assert [at(PAGE, path) for path in ("items[7]", "items[name=z]", "count.x")] == [MISSING] * 3


def test_documented_fields_must_be_there_with_their_types() -> None:
    documented = {"items": [{"name": "text"}], "count": "int", "on": "flag", "token": "maybe text"}
    assert unlike(PAGE, documented) == []
    assert unlike({**PAGE, "count": True, "token": 3}, documented) == [
        "count is bool, not int",
        "token is int, not text",
    ]
    assert unlike({"items": [{}, {"name": None}], "count": 1, "on": 1}, documented) == [
        "items[0].name is missing",
        "items[1].name is null, not text",
        "on is int, not flag",
    ]


def test_expected_values_and_absent_things_are_told() -> None:
    problems = unmet(PAGE, {"count": 3, "on": 1, "off": 1, "items.#": 2}, ["on", "off"])
    assert problems == [
        "count is 2, not 3",
        "on is True, not 1",
        "off is missing",
        "on is still there",
    ]


def test_an_archive_must_hold_the_very_bytes_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("same", "changed", "lost", "left.log"):
        (folder / name).write_text(name)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("same", "same")
        archive.writestr("changed", "other")
    assert unlike_folder(tmp_path / "a.zip", folder, ("left.log",)) == [
        "a.zip: lost should not differ",
        "a.zip: other bytes in changed",
    ]


def test_json_is_read_behind_a_progress_bar_and_as_python_prints_it() -> None:
    assert read_json('Uploading ━━━━ 100%\n\n{\n  "id": 1\n}\n') == {"id": 1}
    assert read_json("[\n    {'gpu': None}\n]\n") == [{"gpu": None}]
    assert read_json("true\n") is True
    assert read_json("No data\n") is MISSING


def test_what_was_kept_keeps_its_type() -> None:
    assert fill({"a": "$x", "b": ["n$x"]}, {"x": 1}) == {"a": 1, "b": ["n1"]}
