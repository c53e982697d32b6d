"""Which artifact folders a run reads: those of what is selected and what it needs, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakctl.archives import files

PROJECT = """\
project: shop
environments:
  local: {emulator: true}
  mine: {emulator: true, namePrefix: my-}
defaultEnvironment: local
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: %s, labels: {team: %s}}
spec: {type: workflow, buildDetails: {source: upload}, artifact: {path: ../%s}}
---
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: %s}
%sspec:
  steps: {a: {imageDetails: {name: %s}, command: run%s}}
---
"""
PLAIN = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: plain}
spec: {steps: {a: {type: http, method: get, url: "https://example.com"}}}
"""
WAITS = "dependsOn: [Workflow/uses]\n"


class Reads:
    """Commands in the project; each gives how often the files of each folder were read."""

    def __init__(self, folder: Path, run: Callable[..., Any]) -> None:
        self.folder, self._run = folder, run
        self.files: Counter[str] = Counter()

    def __call__(self, *words: str, code: int = 0) -> dict[str, int]:
        self.files.clear()
        ran = self._run(*words)
        assert ran.code == code, ran.err
        self.out, self.err = ran.out, ran.err
        return dict(self.files)


@pytest.fixture
def reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peakctl: Any, make_emulator: Any
) -> Reads:
    """A project with two images, a workflow of one of them, one that waits for it, and another."""
    folder = tmp_path / "shop"
    flows = FLOW % ("uses", "", "base", "") + FLOW % ("waits", WAITS, "other", "") + PLAIN
    (folder / "manifests").mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(PROJECT)
    (folder / "manifests/a.yaml").write_text(
        IMAGE % ("base", "a", "base") + IMAGE % ("other", "b", "other") + flows
    )
    for name in ("base", "other"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(f"FROM {name}\n")
    monkeypatch.chdir(folder)
    emulator = make_emulator()
    found = Reads(folder, lambda *words: peakctl(*words, emulator=emulator))
    find, read = files.find_files, files.read_entry

    def find_files(place: Path, *more: Any) -> Any:
        found.files[f"{place.name}/"] += 1
        return find(place, *more)

    def read_entry(file: files.Found, *more: Any) -> Any:
        found.files[Path(file.place).parent.name] += 1
        return read(file, *more)

    monkeypatch.setattr(files, "find_files", find_files)
    monkeypatch.setattr(files, "read_entry", read_entry)
    return found


BASE, OTHER = {"base/": 1, "base": 1}, {"other/": 1, "other": 1}
BOTH = BASE | OTHER


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ((), BOTH),
        (("--select", "Workflow/plain"), {}),
        (("--select", "Image/other"), OTHER),
        (("--select", "team=b,Workflow/plain"), OTHER),
        (("--exclude", "Image,Workflow/waits,Workflow/uses"), {}),
        (("--exclude", "Image/base,Workflow/uses,Workflow/waits"), OTHER),
        (("--select", "Workflow/uses"), BASE),
        (("--select", "Workflow/waits"), BOTH),
    ],
)
def test_folders_of_what_is_selected_and_what_it_needs_are_read(
    reads: Reads, words: tuple[str, ...], read: dict[str, int]
) -> None:
    assert reads("apply", "--yes") == {name: 1 if "/" in name else 2 for name in BOTH}
    for command in ("plan", "status", "validate", "graph", "apply"):
        assert reads(command, *words) == read, command


@pytest.mark.parametrize("name", ["Workflow/plain", "Workflow/my-plain"])
def test_names_may_be_typed_with_their_prefix(reads: Reads, name: str) -> None:
    assert reads("plan", "-e", "mine", "--select", name) == {}
    assert "create  Workflow/my-plain" in reads.out
    image = name.replace("Workflow", "Image").replace("plain", "other")
    assert reads("plan", "-e", "mine", "--select", image) == OTHER


def test_why_reads_what_it_tells_of(reads: Reads) -> None:
    reads("apply", "--yes")
    assert reads("why", "Workflow/plain") == {}
    assert reads("why", "Workflow/uses.spec") == BASE
    assert reads("why", "Image/nope", code=1) == {}
    assert "no manifest declares Image/nope" in reads.err


def test_what_is_left_out_is_planned_as_before(reads: Reads) -> None:
    plain = ("--select", "Workflow/plain")
    assert reads("plan", *plain) == {}  # nothing is live
    assert "1 to create" in reads.out
    reads("apply", "--yes")
    (reads.folder / "base/Dockerfile").write_text("FROM new\n")
    assert reads("plan", *plain) == {}
    assert "No changes" in reads.out
    assert reads("plan", "--select", "Workflow/uses", code=3) == BASE
    assert "it refers to Image/base, which is left out but has yet to be done" in reads.err
    assert reads("plan", "--select", "Workflow/plain,Image/other") == OTHER
    assert "No changes" in reads.out


def test_nothing_is_said_of_files_that_are_not_read(reads: Reads) -> None:
    (reads.folder / "base/Dockerfile").unlink()
    (reads.folder / "base/link").symlink_to("nowhere")
    assert reads("plan", "--select", "Image/other") == OTHER
    assert reads.err.count("artifact/") == 0
    reads("plan", code=10)
    assert "artifact/broken-link" in reads.err
    reads("validate", code=10)
    assert "artifact/broken-link" in reads.err


def test_a_folder_that_a_manifest_names_has_to_be_there(reads: Reads) -> None:
    (reads.folder / "base/Dockerfile").unlink()
    (reads.folder / "base").rmdir()
    assert reads("plan", "--select", "Workflow/plain", code=10) == {}
    assert 'there is no folder "base"' in reads.err


def test_a_selection_of_nothing_reads_nothing(reads: Reads) -> None:
    assert reads("plan", "--select", "Workflow/plian", code=3) == {}
    assert "did you mean: Workflow/plain" in reads.err


def test_what_is_wrong_is_told_with_the_folders_of_what_is_selected(reads: Reads) -> None:
    manifest = reads.folder / "manifests/a.yaml"
    manifest.write_text(manifest.read_text() + "nope: 1\n")
    for name in ("base", "other"):
        (reads.folder / name / "link").symlink_to("nowhere")
    reads("plan", "--select", "Image/base", code=10)
    assert "nope" in reads.err
    assert reads.err.count("artifact/broken-link") == 1


def test_a_destroy_reads_no_folder(reads: Reads) -> None:
    reads("apply", "--yes")
    (reads.folder / "base/link").symlink_to("nowhere")
    assert reads("destroy", "--yes", "--select", "Workflow/waits") == {}
    assert reads("destroy", "--yes") == {}
    assert "Image/base" in reads.out + reads.err


def test_a_folder_that_several_name_is_read_once(reads: Reads) -> None:
    manifest = reads.folder / "manifests/a.yaml"
    manifest.write_text(manifest.read_text() + "---\n" + IMAGE % ("third", "c", "other"))
    assert reads("plan") == BOTH
    assert "Image/third" in reads.out
    packed = {"base/": 1, "other/": 1, "base": 2, "other": 3}  # once more an upload
    assert reads("apply", "--yes") == packed


def test_a_saved_plan_reads_each_folder_once_and_once_to_upload_it(reads: Reads) -> None:
    assert reads("plan", "--out", "plan.json") == BOTH
    assert reads("apply", "plan.json") == {"base/": 1, "other/": 1, "base": 2, "other": 2}
