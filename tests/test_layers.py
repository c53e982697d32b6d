"""Rooms look down, never up or sideways, and each outside library stays in its room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "peakctl"
LAYERS = (
    "cli pytest_plugin __init__",
    "present",
    "operations",
    "emulator catalog conversion",
    "engine adapters manifests hosts",
    "ledger",
    "kinds api archives",
    "settings files",
    "errors",
    "model",
)
RANK = {room: rank for rank, row in enumerate(LAYERS) for room in row.split()}
ONLY = {
    "click": ("cli/",),
    "rich": ("present/",),
    "jinja2": ("manifests/",),
    "markupsafe": ("manifests/",),
    "httpx": ("api/", "hosts/", "emulator/", "operations/platform.py"),
    "httptools": ("api/",),
    "jsonschema": ("kinds/",),
    "jsonschema_rs": ("kinds/",),
    "deepdiff": ("engine/diff/compare.py",),
    "yaml": ("manifests/", "present/", "conversion/"),
    "ruamel": ("manifests/writer.py",),
    "starlette": ("emulator/",),
    "uvicorn": ("emulator/",),
    "pathspec": ("archives/",),
}
EMULATOR_SEAM = (
    "operations/platform.py",
    "cli/commands/emulator",
    "pytest_plugin.py",
    "emulator/",
)


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        if node.module == "peakctl":
            return [f"peakctl.{alias.name}" for alias in node.names]
        return [node.module]
    return []


def breaches(root: Path) -> list[str]:
    return [
        told
        for file in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in imported(node)
        if (told := breach(file.relative_to(root).as_posix(), name, getattr(node, "lineno", 0)))
    ]


def breach(here: str, name: str, number: int) -> str:
    room = here.split("/")[0].removesuffix(".py")
    top, _, rest = name.partition(".")
    room_of_target = rest.split(".")[0]
    if top in ONLY and not here.startswith(ONLY[top]):
        return f"{here}:{number} imports {name}; only {', '.join(ONLY[top])} may"
    if top != "peakctl" or room_of_target in ("", "__version__", room) or room == "__main__":
        return ""
    if room_of_target == "emulator" and not here.startswith(EMULATOR_SEAM):
        return f"{here}:{number} imports {name}: the emulator is reached from one seam only"
    if room_of_target not in RANK:
        return f"{here}:{number} imports {name}, which is no room"
    if RANK[room_of_target] <= RANK[room]:
        return f"{here}:{number} ({room}) imports {name}: rooms look down, never up or sideways"
    return ""


def test_rooms_import_only_what_is_below_them() -> None:
    assert breaches(ROOT) == []


def test_every_room_has_its_place() -> None:
    rooms = {p.name.removesuffix(".py") for p in ROOT.iterdir() if not p.name.startswith("_")}
    assert rooms - {"py.typed", "schemas"} <= set(RANK)


@pytest.mark.parametrize(
    ("here", "name", "told"),
    [
        ("engine/plan.py", "peakctl.adapters.rest", "never up or sideways"),
        ("manifests/parse.py", "peakctl.cli", "never up or sideways"),
        ("engine/plan.py", "click", "only cli/ may"),
        ("cli/plan.py", "httpx", "only api/"),
        ("cli/plan.py", "peakctl.emulator", "one seam"),
        ("cli/plan.py", "peakctl.helpers", "no room"),
        ("cli/plan.py", "peakctl.engine.plan.planner", ""),
        ("errors.py", "peakctl.model", ""),
        ("model.py", "peakctl.errors", "never up or sideways"),
    ],
)
def test_a_breach_is_told(here: str, name: str, told: str) -> None:
    found = breach(here, name, 1)
    assert told in found if told else found == ""
