"""peakctl settles on whatever the emulator was told to take for true, over a socket.

How reads and patches may be answered is walked through field by field in tests/matrix.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = [f"--{what}-seconds=0" for what in ("build", "deploy", "service", "delete")]
SWITCHES = [
    [],
    ["--lax-names"],
    ["--no-newer-calls"],
    ["--no-provided-images"],
    ["--merge-patches", "--carry-parameters", "--example-reads", "--default-parameters"],
]


@pytest.fixture
def serve() -> Iterator[Callable[[list[str]], str]]:
    """Starts `peakctl emulator serve` with flags; the answer is its address."""
    begun: list[subprocess.Popen[str]] = []

    def start(flags: list[str]) -> str:
        command = [sys.executable, "-m", "peakctl", "emulator", "serve", "--port=0"]
        begun.append(
            subprocess.Popen(
                [*command, *AT_ONCE, *flags],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            )
        )
        assert begun[-1].stdout is not None
        return begun[-1].stdout.readline().split()[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("flags", SWITCHES, ids=" ".join)
def test_the_second_plan_is_empty(
    flags: list[str],
    serve: Callable[[list[str]], str],
    peakctl: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = ROOT / "manifests-examples" / "workflow-block"
    project = tmp_path / "project"
    shutil.copytree(source, project, ignore=shutil.ignore_patterns(".peakctl"))
    monkeypatch.chdir(project)
    address = serve(flags)
    monkeypatch.setenv("PEAKCTL_ENDPOINT", address)
    monkeypatch.setenv("PEAK_AUTH_TOKEN", "any")
    applied = peakctl("apply", "-y")
    assert applied.code == 0, applied.err
    again = peakctl("plan", "--detailed-exitcode")
    assert again.code == 0, again.out
    asked = httpx.get(f"{address}/_emulator/requests", trust_env=False).json()["requests"]
    assert "POST" in {request["method"] for request in asked}
