"""`peakctl fmt`: files in order, those that cannot be kept whole named, `--check` for CI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MIXED = "kind: Image\napiVersion: peakctl/v1\nspec: {}\nmetadata: {name: x}\n"
ORDERED = "apiVersion: peakctl/v1\nkind: Image\nmetadata: {name: x}\nspec: {}\n"
Peakctl = Callable[..., Any]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text("project: p\nmanifests: [m]\n")
    (tmp_path / "m" / "a.yaml").write_text(MIXED)
    (tmp_path / "m" / "b.yaml").write_text(ORDERED)
    return tmp_path


def test_files_are_put_in_order_and_keep_their_mode(peakctl: Peakctl, project: Path) -> None:
    (project / "m" / "a.yaml").chmod(0o640)
    done = peakctl("fmt")
    assert (done.code, done.out) == (0, "~ m/a.yaml\n\nFormatted: 1 file of 2.\n")
    assert (project / "m" / "a.yaml").read_text() == ORDERED
    assert (project / "m" / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert peakctl("fmt").out == "In order: 2 files.\n"


def test_check_changes_nothing_and_says_so_by_its_exit_code(
    peakctl: Peakctl, project: Path
) -> None:
    checked = peakctl("fmt", "--check", "-o", "json")
    assert checked.code == 2
    assert json.loads(checked.out)["changed"] == ["m/a.yaml"]
    assert (project / "m" / "a.yaml").read_text() == MIXED
    assert peakctl("fmt", "--check", "m/b.yaml").code == 0


def test_a_link_stays_one(peakctl: Peakctl, project: Path) -> None:
    (project / "c.yaml").write_text(MIXED)
    (project / "m" / "c.yaml").symlink_to(project / "c.yaml")
    assert peakctl("fmt", "m/c.yaml").code == 0
    assert (project / "m" / "c.yaml").is_symlink()
    assert (project / "c.yaml").read_text() == ORDERED


def test_what_is_left_alone_is_named(peakctl: Peakctl, project: Path) -> None:
    (project / "m" / "c.yaml").write_text("kind: [\n")
    done = peakctl("fmt")
    assert done.code == 0
    assert "fmt/left-alone" in done.err
    assert "m/c.yaml" in done.err


def test_a_file_that_is_not_there_is_an_error(peakctl: Peakctl) -> None:
    assert peakctl("fmt", "nope.yaml").code == 10
