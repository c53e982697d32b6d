"""Broken projects: all of their problems are told in one run, each at its place.

The projects are in `tests/data/broken-projects.yaml`. A file `peakctl.yaml`, an ignore file and a
source folder are added where a project does not have its own. `problems` are `place code`, errors
only, in the order that users see; `tells` are words that the messages hold.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

DATA = Path(__file__).parents[1] / "data" / "broken-projects.yaml"
PROJECTS: list[dict[str, Any]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
DEFAULTS = {
    "peakctl.yaml": "project: shop\nenvironments: {local: {emulator: true}}\n",
    "src/Dockerfile": "FROM scratch\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in {**DEFAULTS, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text.removeprefix("-> ").strip())
        else:
            path.write_text(text, encoding="utf-8")


def places(told: dict[str, Any]) -> list[str]:
    return [
        f"{place['file']}:{place['line']}:{place['column']} {error['code']}"
        for error in told["errors"]
        for place in error["locations"][:1]
    ]


def test_no_project_is_there_twice() -> None:
    names = [project["name"] for project in PROJECTS]
    assert len(set(names)) == len(names) >= 50


@pytest.mark.parametrize("project", PROJECTS, ids=[project["name"] for project in PROJECTS])
def test_every_problem_of_a_broken_project_is_told_in_its_place(
    project: dict[str, Any],
    tmp_path: Path,
    peakctl: Any,
    make_emulator: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path, project["files"])
    monkeypatch.chdir(tmp_path)
    done = peakctl("validate", "-o", "json", *project.get("args", ()))
    told = json.loads(done.out)
    assert all(error["locations"] for error in told["errors"])
    assert places(told) == project["problems"]
    assert done.code == project.get("exit", 10)
    text = peakctl("plan", *project.get("args", ()), emulator=make_emulator()).err
    assert "internal" not in text
    for words in project.get("tells", ()):
        assert words in text
