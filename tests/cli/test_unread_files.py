"""A file that is there and cannot be read stops the run: it never counts as absent."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = """\
project: shop
params: [params.yaml]
environments: {local: {emulator: true}}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: %s%s}
spec: {type: workflow, buildDetails: {source: upload}, artifact: {path: ../src}}
"""
Break = Callable[[Path], None]


def no_target(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("gone")


def loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def outside(path: Path) -> None:
    other = path.parent.parent.parent / "outside.txt"
    other.write_text("a: 1\n")
    path.unlink(missing_ok=True)
    path.symlink_to(other)


def latin(path: Path) -> None:
    path.write_bytes(b"\xe9")


BREAKS = [no_target, loop, pipe, outside, latin]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    files = {
        "peakctl.yaml": PROJECT,
        "params.yaml": "a: 1\n",
        "manifests/a.yaml": IMAGE % ("a", ""),
        "manifests/b.yaml": IMAGE % ("b", ", descriptionFile: b.md"),
        "manifests/b.md": "About b\n",
        "manifests/part.txt": "# part\n",
        "manifests/c.yaml": "{% include 'part.txt' ignore missing %}\n" + IMAGE % ("c", ""),
        "src/Dockerfile": "FROM scratch\n",
        "src/.dockerignore": "*.log\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def emulator(make_emulator: Any) -> Any:
    return make_emulator()


@pytest.mark.parametrize("breaking", BREAKS, ids=lambda each: each.__name__)
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("manifests/b.yaml", 10),
        ("manifests/b.md", 10),
        ("manifests/part.txt", 10),
        ("src/.dockerignore", 10),
        ("params.yaml", 10),
        ("peakctl.yaml", 64),
    ],
)
def test_prune_does_nothing_while_a_file_cannot_be_read(
    project: Path, peakctl: Any, emulator: Any, breaking: Break, name: str, code: int
) -> None:
    assert peakctl("apply", "-y", emulator=emulator).code == 0
    original = (project / name).read_text()
    breaking(project / name)
    done = peakctl("apply", "-y", "--prune", "--prune-history", emulator=emulator)
    if breaking is outside and name == "params.yaml":
        code = 64  # a path of peakctl.yaml that leaves the project is a fault of peakctl.yaml
    assert done.code == code
    assert Path(name).name in done.err
    assert "internal" not in done.err
    (project / name).unlink()
    (project / name).write_text(original)
    assert peakctl("plan", "--detailed-exitcode", emulator=emulator).code == 0


def test_a_broken_file_of_peakctl_yaml_does_not_hide_behind_an_upper_one(
    project: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "peakctl.yaml").symlink_to("nowhere.yaml")
    monkeypatch.chdir(inner)
    done = peakctl("validate")
    assert (done.code, "source/unreadable" in done.err) == (64, True)


def test_two_project_files_are_one_too_many(project: Path, peakctl: Any) -> None:
    (project / "peakctl.yml").write_text(PROJECT)
    done = peakctl("validate")
    assert (done.code, "project/two-files" in done.err) == (64, True)


def test_all_problems_of_peakctl_yaml_are_told_at_once(project: Path, peakctl: Any) -> None:
    (project / "peakctl.yaml").write_text(
        "project: X\nparams: [../p.yaml, gone.yaml]\nproject: Y\n"
    )
    done = peakctl("validate")
    assert done.code == 64
    for code in ("manifest/duplicate-key", "project/name", "project/no-file"):
        assert code in done.err


def test_a_template_that_a_manifest_includes_is_read(project: Path, peakctl: Any) -> None:
    part = project / "manifests/part.yaml.j2"
    part.write_text("# part\n")
    assert "source/not-read" in peakctl("validate").err
    (project / "manifests/c.yaml").write_text("{% include 'part.yaml.j2' %}\n" + IMAGE % ("c", ""))
    assert peakctl("validate").code == 0


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_text_files_are_no_content(
    project: Path, peakctl: Any, emulator: Any, mark: str, end: str
) -> None:
    assert peakctl("apply", "-y", emulator=emulator).code == 0
    for name in ("manifests/b.md", "manifests/b.yaml", "peakctl.yaml", "params.yaml"):
        text = (project / name).read_text()
        (project / name).write_text(mark + text.replace("\n", end), "utf-8", newline="")
    assert peakctl("plan", "--detailed-exitcode", emulator=emulator).code == 0


def test_standard_input_is_utf_8(
    project: Path, peakctl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff"), "latin-1"))
    done = peakctl("validate", "-f", "-")
    assert (done.code, "in <stdin>:1:4" in done.err) == (10, True)
