"""The wheel holds all that the product needs beside its dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the content of a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder / "site")
    return folder / "site"


def run(
    installed: Path, *args: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, *args]
    where = folder or installed
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True)


def test_the_wheel_carries_every_schema_and_the_licence(installed: Path) -> None:
    inside = {path.name for path in (installed / "peakctl" / "schemas").iterdir()}
    assert inside == {path.name for path in (ROOT / "schemas").iterdir()}
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))
    assert (installed / "peakctl" / "py.typed").exists()


def test_the_wheel_works_outside_of_the_repository(installed: Path) -> None:
    where = run(installed, "-c", "import peakctl; print(peakctl.__file__)")
    assert where.stdout.startswith(str(installed))
    schema = run(installed, "-m", "peakctl", "schema", "Image")
    assert (schema.returncode, '"title": "Image"' in schema.stdout) == (0, True), schema.stderr
    example = ROOT / "manifests-examples" / "artifact-only"
    valid = run(installed, "-m", "peakctl", "validate", folder=example)
    assert valid.returncode == 0, valid.stderr
