"""Archives of real runs are packed in threads: the same requests, bytes and errors as at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from peakctl import ApplyResult, Project, apply, plan
from peakctl.archives import pack
from peakctl.emulator import emulator_transport
from peakctl.engine.apply import WORTH_A_THREAD
from peakctl.model import Status
from peakctl.operations import platform

PROJECT = """\
project: shop
manifests: [m]
environments:
  served: {stage: dev}
  emulated: {emulator: true}
"""
DATA = """\
apiVersion: peakctl/v1
kind: Artifact
metadata: {name: %s}
spec: {artifact: {path: ../%s}}
---
"""
SERVED = {"PEAKCTL_ENDPOINT": "http://127.0.0.1:9", "PEAK_AUTH_TOKEN": "token-of-the-test"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of two artifacts, one of them large."""
    sizes = {"large": WORTH_A_THREAD, "small": 10}
    (tmp_path / "m").mkdir()
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    (tmp_path / "m/all.yaml").write_text("".join(DATA % (name, name) for name in sizes))
    for name, size in sizes.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("1" * size)
    return tmp_path


@pytest.fixture
def packing(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each archive was packed in the thread of the event loop."""
    encode, seen = pack._encode, list[bool]()

    def noted(*args: Any) -> bytes:
        seen.append(threading.current_thread() is threading.main_thread())
        return encode(*args)

    monkeypatch.setattr(pack, "_encode", noted)
    return seen


class Tenant:
    """An emulator in this process (`emulated`), or in place of the platform at an address."""

    def __init__(self, environment: str, emulator: Any, patch: pytest.MonkeyPatch) -> None:
        self.environment, self.emulator = environment, emulator
        transport = emulator_transport(emulator)
        patch.setattr("peakctl.api.client.socket_transport", lambda *_: transport)
        patch.setattr(platform, "open_emulator", lambda *_, **__: emulator)

    def open(self, folder: Path) -> Project:
        return Project.open(folder, self.environment, variables=SERVED)


@pytest.fixture
def tenants(make_emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda environment: Tenant(environment, make_emulator(), monkeypatch)


@pytest.mark.parametrize(
    ("environment", "here"), [("served", [False, True]), ("emulated", [True, True])]
)
def test_large_archives_of_real_runs_are_packed_in_threads(
    environment: str, here: list[bool], folder: Path, tenants: Any, packing: list[bool]
) -> None:
    project = tenants(environment).open(folder)
    result = apply(project, plan(project))
    assert [each.status for each in result.outcomes] == [Status.DONE] * 2
    assert sorted(packing) == here
    assert not plan(project).has_changes  # what is there has the digests of the folders


@pytest.mark.parametrize("change", ["changed", "unreadable"])
def test_what_becomes_of_files_after_the_plan_is_told_alike(
    folder: Path, tenants: Any, change: str
) -> None:
    def run(environment: str) -> ApplyResult:
        rows = folder / "large/rows.csv"
        rows.write_text("1" * WORTH_A_THREAD)
        project = tenants(environment).open(folder)
        planned = plan(project)
        if change == "changed":
            rows.write_text("2" * WORTH_A_THREAD)
        else:
            rows.unlink()
        return apply(project, planned)

    served, emulated = run("served"), run("emulated")
    told = [
        [(o.key.name, o.status, o.message, o.detail) for o in r.outcomes]
        for r in (served, emulated)
    ]
    assert told[0] == told[1]
    assert [status for _, status, _, _ in told[0]] == [Status.FAILED, Status.DONE]
