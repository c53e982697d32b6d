"""What the tests of documented jobs share: a project, its repository, an emulator on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ci_play import Repository

ROOT = Path(__file__).resolve().parents[1]
PROJECT = """\
project: shop
manifests: [manifests]
environments:
  local: {emulator: true}
  prod: {stage: prod}
"""
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly}
spec: {steps: {call: {type: http, method: post, url: https://example.com/hook}}}
"""


@pytest.fixture
def emulator() -> Iterator[str]:
    words = [sys.executable, "-m", "peakctl", "emulator", "serve", "--port", "0"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().removeprefix("Emulator listening on ").strip()
        finally:
            server.terminate()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path, {"peakctl.yaml": PROJECT, "manifests/flow.yaml": FLOW})


def section(title: str, number: int = 0) -> str:
    """The YAML of a section of docs/ci.md."""
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    part = page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```yaml\n(.*?)```", part, re.S)[number]


def send(address: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": "peakctl-emulator"}
    answer = httpx.request(method, f"{address}{path}", json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


WORKFLOWS = "/service/workflows/api/v1/workflows/"
