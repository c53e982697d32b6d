"""An artifact that is the whole project: what peakctl writes there does not change it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = """\
project: shop
manifests: [m]
defaultEnvironment: local
environments:
  local: {emulator: {buildSeconds: 0, deploySeconds: 0, serviceSeconds: 0}}
"""
MANIFEST = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: all}
spec: {artifact: {path: ..}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "m" / "a.yaml").write_text(MANIFEST, encoding="utf-8")
    return tmp_path


def run(project: Path, line: str) -> Any:
    env = {name: text for name, text in os.environ.items() if not name.startswith("PEAK")}
    return subprocess.run(
        ["sh", "-c", line.replace("peakctl", f"{sys.executable} -m peakctl", 1)],
        cwd=project,
        capture_output=True,
        check=False,
        env={**env, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_repeated_apply_of_the_whole_project_changes_nothing(project: Path) -> None:
    (project / ".git").write_text("gitdir: elsewhere", encoding="utf-8")
    assert run(project, "peakctl apply --yes").returncode == 0
    assert run(project, "peakctl plan --detailed-exitcode").returncode == 0
    (project / ".git").unlink()
    (project / ".git").mkdir()
    (project / ".git" / "HEAD").write_text("ref: x", encoding="utf-8")
    assert run(project, "peakctl plan --detailed-exitcode").returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        "peakctl plan --detailed-exitcode -o json > plan.json",
        "peakctl plan --detailed-exitcode -o markdown >> plan.md 2> log.txt",
        "peakctl plan --detailed-exitcode --out m/release.plan",
        ": > empty.plan; peakctl plan --detailed-exitcode --out empty.plan",
    ],
)
def test_what_a_run_writes_into_the_folder_is_not_packed(project: Path, line: str) -> None:
    assert run(project, "peakctl apply --yes").returncode == 0
    assert run(project, line).returncode == 0


def test_a_file_that_others_wrote_is_packed(project: Path) -> None:
    assert run(project, "peakctl apply --yes").returncode == 0
    (project / "plan.json").write_text("{}", encoding="utf-8")
    assert run(project, "peakctl plan --detailed-exitcode").returncode == 2
