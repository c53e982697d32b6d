"""`peakctl init`: a project that works at once, and never a file lost."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakctl.operations.init import TEMPLATES

ROOT = Path(__file__).resolve().parents[2]
Peakctl = Callable[..., Any]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_plans_and_applies_on_the_emulator(
    template: str, peakctl: Peakctl, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_emulator()
    made = peakctl("init", "My Team_s Project", "--template", template)
    assert made.code == 0
    assert "Made project my-team-s-project" in made.out
    again = peakctl("init", "My Team_s Project", "--template", template)
    assert again.code == 0
    assert "Project my-team-s-project is here already. Next:" in again.out
    assert "+ " not in again.out
    monkeypatch.chdir("My Team_s Project")
    assert peakctl("validate").code == 0
    assert peakctl("validate", "-e", "prod").code == 0
    assert peakctl("fmt", "--check").code == 0
    assert peakctl("plan", "--detailed-exitcode", emulator=platform).code == 2
    assert peakctl("apply", "--yes", emulator=platform).code == 0
    assert peakctl("plan", "--detailed-exitcode", emulator=platform).code == 0


def test_the_quick_start_of_the_readme_works_letter_by_letter(
    peakctl: Peakctl, make_emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_emulator()
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"## Quick start\n\n```sh\n(.*?)```", readme, re.S)
    assert block
    lines = [shlex.split(row, comments=True) for row in block[1].splitlines()]
    assert lines[0][:2] == ["pip", "install"]
    for program, *words in lines[1:]:
        if program == "cd":
            monkeypatch.chdir(words[0])
        else:
            assert program == "peakctl"
            assert peakctl(*words, emulator=platform).code == 0
    assert "No changes." in peakctl("plan", emulator=platform).out
    for name, text in re.findall(r"```yaml\n(project: .*?)```()", readme, re.S):
        assert name in Path("peakctl.yaml").read_text("utf-8"), text


def test_what_exists_is_named_and_nothing_is_written(peakctl: Peakctl, tmp_path: Path) -> None:
    Path("README.md").write_text("ours\n")
    Path("peakctl.yaml").write_text("project: x\n")
    Path("src").mkdir()
    Path("src/Dockerfile").write_text("FROM scratch\n")
    refused = peakctl("init")
    assert refused.code == 64
    assert '"peakctl.yaml" cannot be written: it exists' in refused.err
    assert '"src/Dockerfile" cannot be written: it exists' in refused.err
    assert sorted(p.name for p in tmp_path.rglob("*")) == [
        "Dockerfile",
        "README.md",
        "peakctl.yaml",
        "src",
    ]


def test_a_readme_and_ignore_rules_of_the_repository_stay(peakctl: Peakctl) -> None:
    Path("README.md").write_text("ours\n")
    made = peakctl("init", "--name", "one", "-o", "json")
    assert made.code == 0
    found = json.loads(made.out)
    assert found["kept"] == ["README.md"]
    assert "peakctl.yaml" in found["written"]
    assert Path("README.md").read_text() == "ours\n"


def test_a_second_init_is_no_change(peakctl: Peakctl) -> None:
    assert peakctl("init", "--name", "one").code == 0
    again = peakctl("init", "--name", "one", "-o", "json")
    assert again.code == 0
    assert json.loads(again.out)["written"] == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--template", "workflows"), "init/template"),
        (("--template", "zzz"), "init/template"),
        (("--name", "Not A Name"), "init/name"),
        (("file/below",), "init/unwritable"),
    ],
)
def test_what_cannot_be_made_is_told(
    args: tuple[str, ...], code: str, peakctl: Peakctl, tmp_path: Path
) -> None:
    Path("file").write_text("")
    refused = peakctl("init", *args)
    assert refused.code == 64
    assert code in refused.err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
