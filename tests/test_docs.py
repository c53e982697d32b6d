"""The docs name what is there: commands, codes, exit codes, files."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from peakctl.cli import COMMANDS, cli
from peakctl.cli.exits import Exit
from peakctl.conversion.commands import COMMANDS as CLIENT
from peakctl.kinds.schemas import load_kinds

ROOT = Path(__file__).resolve().parents[1]
CODES = runpy.run_path(str(ROOT / "tests" / "source_codes.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_module_that_the_architecture_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+(?:/|\.py|\.json|\.yaml|\.md))`", page)
    folders = (ROOT, ROOT / "peakctl")
    missing = [n for n in named if not any((folder / n).exists() for folder in folders)]
    assert len(named) > 30
    assert missing == []


def test_every_code_of_the_source_is_explained_and_every_explained_one_is_there() -> None:
    found, explained = CODES["collected"](), CODES["documented"]()
    assert found.lost == []
    assert {code: at for code, at in found.found.items() if code not in explained} == {}
    assert explained - set(found.found) == set()


def test_the_migration_guide_has_every_command_of_the_client() -> None:
    page = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `peak ([a-z0-9 -]+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows == {name: command.instead for name, command in CLIENT.items()}


def _rows_of_reference() -> dict[str, str]:
    page = (ROOT / "docs" / "reference-commands.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([a-z -]+)` \| (.+) \| [^|]*\|$", page, re.MULTILINE))


def test_every_command_of_the_reference_is_had_here() -> None:
    played = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
    reference = re.findall(r"^\| `([a-z -]+)` \|", played.partition("\n## Commands that")[0], re.M)
    assert len(reference) == 95
    assert list(_rows_of_reference())[:95] == reference
    assert {name for name, each in CLIENT.items() if not each.new} == {*reference}


@pytest.mark.parametrize(("name", "here"), _rows_of_reference().items())
def test_what_is_named_in_place_of_a_command_is_there(name: str, here: str) -> None:
    texts = {here, *([CLIENT[name].instead] if name in CLIENT else [])}
    for typed in re.findall(r"`peakctl ([^`]+)`", " ".join(texts)):
        command, words = cli, typed.split()
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, typed
            command = found
        flags = {flag for option in command.params for flag in option.opts}
        assert {word for word in words if word.startswith("--")} <= flags, typed


def test_every_command_and_exit_code_and_kind_is_named() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    exits = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if name not in commands] == []
    table = readme.partition("## Commands")[2].partition("\n## ")[0]
    assert [name for name in COMMANDS if not re.search(rf"^\| .*`{name}\b", table, re.M)] == []
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines()
    pages = [path.stem for path in PAGES if path.parent.name == "docs" and path.stem != "index"]
    assert [name for name in pages if name not in index] == []
    assert [name for name in pages if f"docs/{name}.md" not in readme] == []
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
