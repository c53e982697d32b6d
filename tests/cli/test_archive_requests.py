"""What the names of files cost in requests: nothing without changes, at most one an archive."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).resolve().parents[1] / "acceptance"


class Counted:
    """Commands in a copy of an acceptance case; each gives how many archives it downloaded.

    A plan downloads the ledger as well, an apply that writes the history, too: they are left out.
    """

    def __init__(self, case: str, project: Path, peakctl: Callable[..., Any], emulator: Any):
        shutil.copytree(CASES / case, project)
        self.project, self.peakctl, self.emulator = project, peakctl, emulator

    def __call__(self, *args: str) -> int:
        before = len(self.emulator.requests)
        ran = self.peakctl(*args, emulator=self.emulator)
        assert ran.code == 0, ran.err
        self.out = ran.out
        asked = self.emulator.requests[before:]
        paths = [r.path for r in asked if r.path.endswith("/download")]
        kept = 2 if args[0] == "apply" else 1  # the ledger, and in an apply the history
        return len(paths) - kept

    def edit(self) -> None:
        shutil.copytree(self.project / "after", self.project, dirs_exist_ok=True)


@pytest.fixture
def counted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_emulator: Callable[..., Any],
    peakctl: Callable[..., Any],
) -> Callable[[str], Counted]:
    """A project by the name of its case."""

    def make(case: str) -> Counted:
        found = Counted(case, tmp_path / "project", peakctl, make_emulator())
        monkeypatch.chdir(found.project)
        return found

    return make


@pytest.mark.parametrize(
    ("case", "equal", "changed", "applied"),
    [
        ("block-spec/new-files", 0, 1, 1),  # an apply plans twice, and asks once
        ("image/files", 0, 0, 0),  # the platform gives no image back
        ("artifact/new-content", 1, 1, 2),  # compared by its download, in each plan
    ],
)
def test_a_changed_archive_costs_one_request_at_most(
    counted: Callable[[str], Counted], case: str, equal: int, changed: int, applied: int
) -> None:
    run = counted(case)
    run("apply", "--yes")
    assert run("plan") == equal
    run.edit()
    assert run("plan") == changed
    assert "files: " in run.out
    assert run("apply", "--yes") == applied
    assert "files: " in run.out
    assert run("plan") == equal
