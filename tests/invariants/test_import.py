"""What is imported plans empty, but for values that no manifest can have: those that it lists."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from peakctl.engine.diff.align import NOT_SET

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(p.parent.name for p in (ROOT / "manifests-examples").glob("*/peakctl.yaml"))
SMALL = [name for name in EXAMPLES if name != "five-hundred"]
UNKNOWN = ("--unset-env", "unknown")
PLATFORMS: dict[str, dict[str, bool]] = {
    "full reads": {},
    "short reads": {"full_reads": False},
    "older calls": {"newer_calls": False},
    "merging": {"patch_merges": True, "carry_parameters": True, "default_parameters": True},
}


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any) -> Any:
    """Applies an example, and goes to a new project of the same name that declares nothing."""

    def make(name: str, emulator: Any, *, owned: bool = True) -> Path:
        made, project = tmp_path / "made", tmp_path / "project"
        shutil.copytree(
            ROOT / "manifests-examples" / name, made, ignore=shutil.ignore_patterns(".peakctl")
        )
        monkeypatch.chdir(made)
        text = (made / "peakctl.yaml").read_text(encoding="utf-8")
        if not owned:
            text = text.replace("emulator: true", "emulator: true, ledger: false")
            (made / "peakctl.yaml").write_text(text, encoding="utf-8")
        done = peakctl("apply", "-e", "local", "--yes", emulator=emulator)
        assert done.code == 0, done.err
        project.mkdir()
        named = next(line for line in text.splitlines() if line.startswith("project:"))
        (project / "peakctl.yaml").write_text(
            f"{named}\nenvironments: {{local: {{emulator: true}}}}\ndefaultEnvironment: local\n"
        )
        monkeypatch.chdir(project)
        return project

    return make


def files(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if p.is_file() and ".peakctl" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def check_law(peakctl: Any, emulator: Any, project: Path, layout: str = "resource") -> Any:
    """Import everything; what is left is what is listed; a second time changes nothing."""
    words = ("import", "--all", "--layout", layout, "-o", "json")
    emulator.requests.clear()
    done = peakctl(*words, emulator=emulator)
    assert done.code == 0, done.err
    assert [r.method for r in emulator.requests if r.method != "GET"] == []
    told = json.loads(done.out)
    assert peakctl("validate", *UNKNOWN).code == 0
    plan = peakctl("plan", *UNKNOWN, "--detailed-exitcode", "-o", "json", emulator=emulator)
    assert plan.code == 0, peakctl("plan", *UNKNOWN, emulator=emulator).out + plan.err
    found = json.loads(plan.out)
    assert sorted(action["key"] for action in found["actions"]) == told["imported"]
    unset = Counter(
        action["key"]
        for action in found["actions"]
        for skipped in action["ignored"]
        if skipped["reason"] == NOT_SET
    )
    assert unset == Counter(each["key"] for each in told["variables"])
    before = files(project)
    again = peakctl(*words, emulator=emulator)
    assert (again.code, json.loads(again.out)["imported"]) == (0, []), again.err
    assert files(project) == before
    return told


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", SMALL)
def test_an_imported_example_plans_empty(
    name: str, platform: str, tenant: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator(**PLATFORMS[platform])
    project = tenant(name, emulator, owned=PLATFORMS[platform].get("full_reads", True))
    told = check_law(peakctl, emulator, project)
    assert told["imported"]


@pytest.mark.parametrize("layout", ["resource", "kind", "one-file"])
@pytest.mark.parametrize("name", SMALL)
def test_so_it_does_in_every_layout_where_nobody_owns_it(
    name: str, layout: str, tenant: Any, peakctl: Any, make_emulator: Any
) -> None:
    emulator = make_emulator()
    project = tenant(name, emulator, owned=False)
    check_law(peakctl, emulator, project, layout)
    applied = peakctl("plan", *UNKNOWN, emulator=emulator)
    assert "No changes." in applied.out
