"""kill -9 of a real peakctl process at random moments, against an emulator on a socket."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.compare import difference, picture_of
from chaos.sweep import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PEAKCTL = [sys.executable, "-m", "peakctl"]
TIMING = ("--build-seconds=0.3", "--deploy-seconds=0.3", "--service-seconds=0.3", "--latency=0.02")
LIMIT = 120
REST = 0.8
"""Seconds until everything on the platform has come to its end."""


@dataclass(frozen=True)
class Served:
    """An emulator in a process of its own, its state in a file."""

    address: str
    data: Path

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One of the emulator's own calls."""
        request = urllib.request.Request(
            f"{self.address}/_emulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def picture(self) -> str:
        """Everything on the platform, in words that equal end states share."""
        with closing(sqlite3.connect(self.data)) as db:
            return picture_of(db)


@contextmanager
def served(data: Path, *more: str) -> Iterator[Served]:
    """`peakctl emulator serve` on a free port of this machine."""
    command = [*PEAKCTL, "emulator", "serve", "--port", "0", "--data", str(data), *TIMING, *more]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            first = next(line for line in process.stdout if "http://" in line)
            yield Served(first.split()[-1], data)
        finally:
            process.terminate()
            process.stdout.close()


def environment(address: str = "", **more: str) -> dict[str, str]:
    """An environment of a process that talks to `address`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEAK", "API_KEY", "STAGE"))}
    kept |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    if address:
        kept |= {"PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "chaos"}
    return kept | more


def start(project: Path, address: str, *args: str, **more: str) -> subprocess.Popen[str]:
    """A peakctl process in the project's folder."""
    return subprocess.Popen(
        [*PEAKCTL, *args],
        cwd=project,
        env=environment(address, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a process, which has two minutes."""
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out, err


def kill_often(source: Path, work: Path, times: int, seed: int) -> Iterator[Case]:
    """`times` applies and destroys in turn, each killed once and then run again."""
    chance = random.Random(seed)
    ignored = shutil.ignore_patterns(".peakctl")
    project = Path(shutil.copytree(source, work / "project", ignore=ignored))
    for path in project.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("protect: true", "protect: false"), encoding="utf-8")
    with served(work / "state.sqlite") as platform:
        commands = (("apply", "--yes"), ("destroy", "--yes"))
        quiet = [_in_peace(project, platform, command) for command in commands]
        for number in range(times):
            command, (wanted, took) = commands[number % 2], quiet[number % 2]
            _prepare(project, platform, command)
            yield _killed(project, platform, command, wanted, chance.uniform(0.2, 1.0) * took)


def _prepare(project: Path, platform: Served, command: tuple[str, ...]) -> None:
    """An empty platform, or for a destroy one that has everything."""
    platform.ask("POST", "reset")
    if command[0] == "destroy":
        finish(start(project, platform.address, "apply", "--yes"))


def _in_peace(project: Path, platform: Served, command: tuple[str, ...]) -> tuple[str, float]:
    _prepare(project, platform, command)
    began = time.monotonic()
    code, out, err = finish(start(project, platform.address, *command))
    took = time.monotonic() - began
    if code:
        raise RuntimeError(f"{command} fails undisturbed: {out}{err}")
    time.sleep(REST)
    return platform.picture(), took


def _killed(
    project: Path, platform: Served, command: tuple[str, ...], wanted: str, after: float
) -> Case:
    first = start(project, platform.address, *command)
    time.sleep(after)
    first.send_signal(signal.SIGKILL)
    killed = finish(first)[0]
    code, out, err = finish(start(project, platform.address, *command))
    time.sleep(REST)
    wrong = [f"the second run ends with {code}: {out[-800:]}{err[-800:]}"] if code else []
    wrong += difference(wanted, platform.picture())
    return Case(
        f"{project.name}: {command[0]}", "kill -9", f"{after:.2f} s", (killed, code), tuple(wrong)
    )
