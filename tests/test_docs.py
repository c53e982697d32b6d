"""The docs name what is there: commands, codes, exit codes, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from peakctl.cli import COMMANDS
from peakctl.cli.exits import Exit
from peakctl.kinds.store import load_kinds

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r'"((?:[a-z]+)/[a-z]+(?:-[a-z0-9]+)*)"')
GROUPS = (
    "api artifact auth destroy emulator guard lease ledger live manifest parameters plan project "
    "selector settings source system template usage"
)


def codes() -> set[str]:
    """Every code that stands whole in the product's source."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "peakctl").rglob("*.py"))
    found = {code for text in texts for code in CODE.findall(text)}
    return {code for code in found if code.split("/")[0] in GROUPS.split()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_code_is_explained() -> None:
    explained = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    assert {code for code in codes() if f"`{code}`" not in explained} == set()


def test_every_command_and_exit_code_and_kind_is_named() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    exits = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if name not in commands] == []
    assert [code for code in Exit if str(int(code)) not in exits] == []
    assert [kind for kind in load_kinds() if f"`{kind}`" not in readme] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "manifests-examples").glob("*/**/*.yaml")), ids=lambda p: p.name
)
def test_the_first_line_of_each_manifest_points_to_a_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "apiVersion: peakctl/v1" not in text:
        return
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert found
    assert (path.parent / found[1]).resolve().parent == ROOT / "schemas"
    assert (path.parent / found[1]).exists()
