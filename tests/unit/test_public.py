"""What `from peakctl import ...` gives: documented, typed, and imported when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import peakctl

SOURCE = Path(peakctl.__file__).with_suffix(".pyi").read_text("utf-8")


def test_what_type_checkers_see_is_what_there_is() -> None:
    tree = ast.parse(SOURCE)
    imported = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("peakctl.")
        for alias in node.names
        if alias.asname
    }
    blocking = {
        ast.unparse(node.targets[0]): ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
    }
    assert imported | blocking.keys() == set(peakctl.__all__) - {"__version__"}
    for name, made in blocking.items():
        assert made == f"as_blocking({name.rstrip('_')}_async)"


def test_an_operation_imports_nothing_of_others() -> None:
    code = "import sys, peakctl; peakctl.fmt; peakctl.whoami; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "peakctl.operations.whoami" in done.stdout.split()
    assert "peakctl.operations.importing" not in done.stdout.split()


@pytest.mark.parametrize("name", peakctl.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    found = getattr(peakctl, name)
    assert found.__doc__
    assert name in dir(peakctl)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(peakctl, "nothing")  # noqa: B009 - mypy knows that it is not there


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, peakctl; print([n for n in sys.modules if n.startswith('peakctl.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_has_its_place_in_the_docs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8")
    words = set(page.replace("`", " ").split())
    assert [name for name in peakctl.__all__ if f"peakctl.{name}" not in words] == ["__version__"]
