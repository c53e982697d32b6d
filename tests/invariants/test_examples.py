"""What must hold for every project in manifests-examples, on every platform we can imagine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(p.parent.name for p in (ROOT / "manifests-examples").glob("*/peakctl.yaml"))
SMALL = [name for name in EXAMPLES if name != "five-hundred"]
UNKNOWN = ("--unset-env", "unknown")
PLATFORMS: dict[str, dict[str, bool]] = {
    "full reads": {},
    "short reads": {"full_reads": False},
    "older calls": {"newer_calls": False},
    "merging": {"patch_merges": True, "carry_parameters": True, "default_parameters": True},
    "loose names": {"strict_names": False, "full_reads": False},
}
CASES = [(name, platform) for name in SMALL for platform in PLATFORMS] + [
    ("five-hundred", "short reads"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Copies an example and goes there."""

    def copy(name: str) -> Path:
        ignore = shutil.ignore_patterns(".peakctl")
        folder = tmp_path / "project"
        shutil.copytree(ROOT / "manifests-examples" / name, folder, ignore=ignore)
        monkeypatch.chdir(folder)
        return folder

    return copy


def writes(emulator: Any) -> list[str]:
    return [f"{r.method} {r.path}" for r in emulator.requests if r.method != "GET"]


def manifests(folder: Path) -> list[Path]:
    """The manifest files of a project, those of a fragment left out."""
    return [
        path
        for path in sorted(folder.rglob("*.yaml"))
        if "apiVersion: peakctl/v1" in path.read_text(encoding="utf-8")
    ]


def shuffle(folder: Path) -> None:
    """Turn the order of documents in files, and of files in folders, round."""
    named = yaml.safe_load((folder / "peakctl.yaml").read_text(encoding="utf-8"))["manifests"]
    for number, path in enumerate(manifests(folder)):
        documents = path.read_text(encoding="utf-8").split("\n---\n")
        path.write_text("\n---\n".join(reversed(documents)), encoding="utf-8")
        if path.relative_to(folder).as_posix() not in named:
            path.rename(path.with_name(f"{99 - number}-{path.name}"))


def unprotect(folder: Path) -> None:
    for path in manifests(folder):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("protect: true", "protect: false"), encoding="utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_valid_in_every_environment(name: str, project: Any, peakctl: Any) -> None:
    folder = project(name)
    text = (folder / "peakctl.yaml").read_text(encoding="utf-8")
    for environment in yaml.safe_load(text)["environments"]:
        found = peakctl("validate", "-e", environment)
        assert found.code == 0, found.err


@pytest.mark.parametrize(("name", "platform"), CASES)
def test_applying_twice_writes_once(
    name: str, platform: str, project: Any, peakctl: Any, make_emulator: Any
) -> None:
    project(name)
    emulator = make_emulator(**PLATFORMS[platform])
    first = peakctl("apply", "-e", "local", "--yes", emulator=emulator)
    assert first.code == 0, first.err + first.out
    assert writes(emulator)
    emulator.requests.clear()
    again = peakctl("apply", "-e", "local", "--yes", emulator=emulator)
    assert (again.code, writes(emulator)) == (0, []), again.out + again.err
    plan = peakctl("plan", "-e", "local", "--detailed-exitcode", emulator=emulator)
    assert (plan.code, writes(emulator)) == (0, []), plan.out + plan.err


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_order_of_manifests_does_not_matter(
    name: str, project: Any, peakctl: Any, make_emulator: Any
) -> None:
    folder = project(name)
    emulator = make_emulator()
    before = peakctl("plan", "-e", "local", "--all", "--verbose", emulator=emulator)
    shuffle(folder)
    after = peakctl("plan", "-e", "local", "--all", "--verbose", emulator=emulator)
    assert before.code == 0, before.err
    assert before.out == after.out


@pytest.mark.parametrize("name", EXAMPLES)
def test_destroying_twice_succeeds_and_leaves_nothing(
    name: str, project: Any, peakctl: Any, make_emulator: Any
) -> None:
    unprotect(project(name))
    emulator = make_emulator()
    assert peakctl("apply", "-e", "local", "--yes", emulator=emulator).code == 0
    first = peakctl("destroy", "-e", "local", "--yes", emulator=emulator)
    assert first.code == 0, first.out + first.err
    emulator.requests.clear()
    second = peakctl("destroy", "-e", "local", "--yes", emulator=emulator)
    assert (second.code, writes(emulator)) == (0, []), second.out + second.err
    fresh = peakctl("plan", "-e", "local", emulator=emulator)
    assert "unchanged" not in fresh.out


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("platform", ["full reads", "merging"])
def test_what_get_prints_is_a_manifest_that_changes_nothing(
    name: str, platform: str, project: Any, peakctl: Any, make_emulator: Any
) -> None:
    folder = project(name)
    emulator = make_emulator(**PLATFORMS[platform])
    assert peakctl("apply", "-e", "local", "--yes", emulator=emulator).code == 0
    plan = peakctl("plan", "-e", "local", "--all", "-o", "json", emulator=emulator)
    (folder / "got").mkdir()
    for number, action in enumerate(json.loads(plan.out)["actions"]):
        words = ("get", action["kind"], action["name"], "-e", "local", "-o", "manifest")
        got = peakctl(*words, emulator=emulator)
        assert got.code == 0, got.err
        (folder / "got" / f"{number}.yaml").write_text(got.out, encoding="utf-8")
    again = peakctl("plan", "-f", "got", "-e", "local", *UNKNOWN, emulator=emulator)
    assert again.out.startswith("No changes."), again.out + again.err
