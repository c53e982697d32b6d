"""The figures of earlier runs, a line of JSON each: comparable between commits on one machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One run: `figures` are medians by name. `machine` tells what may be compared."""

    commit: str
    dirty: bool
    machine: str
    python: str
    at: str
    figures: Mapping[str, float]


def entry(root: Path, figures: Mapping[str, float]) -> Entry:
    """That of a run which is over now."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    dirty = bool(_git(root, "status", "--porcelain"))
    machine = f"{platform.node()} {platform.machine()} {os.cpu_count()}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rounded = {what: round(found, 4) for what, found in figures.items()}
    return Entry(commit, dirty, machine, platform.python_version(), now, rounded)


def last_of(file: Path, like: Entry) -> Entry | None:
    """The newest entry of the same machine and Python, if there is one."""
    if not file.exists():
        return None
    entries = [Entry(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]
    same = (e for e in reversed(entries) if (e.machine, e.python) == (like.machine, like.python))
    return next(same, None)


def append(file: Path, added: Entry) -> None:
    """Add a line."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(asdict(added)) + "\n")


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    return done.stdout.strip()
