"""Processes that are timed, and servers that they talk to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
ROOT = HERE.parents[1]
PEAKCTL = (sys.executable, "-m", "peakctl")


@dataclass(frozen=True)
class Spent:
    """What one process cost, start-up included, in seconds."""

    wall: float
    cpu: float


def program(name: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, str(PROGRAMS / name), *args)


def environment(tree: Path, address: str = "") -> dict[str, str]:
    """The variables of a run of the peakctl in `tree`: no settings of ours, nor of Python."""
    ours = ("PEAK", "API_KEY", "STAGE", "PYTHON")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    env["PYTHONPATH"] = str(tree)
    return env | ({"PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "bench"} if address else {})


def timed(command: Sequence[str], folder: Path, env: dict[str, str]) -> Spent:
    """One process. Raises RuntimeError when it fails."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            out.seek(0)
            told = out.read().decode()[-2000:]
            raise RuntimeError(f"{command} ended with {process.returncode}: {told}")
    return Spent(wall, usage.ru_utime + usage.ru_stime)


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdin=-3, stdout=-3)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def peak(command: Sequence[str], folder: Path, env: dict[str, str]) -> float:
    """MiB of a process at its peak.

    A process begins with the memory of the one that started it, which counts: here a small one.
    """
    small = [sys.executable, "-I", "-S", "-c", _PEAK, *command]
    done = subprocess.run(small, cwd=folder, env=env, check=True, capture_output=True)
    return float(done.stdout)


def printed(command: Sequence[str], env: dict[str, str]) -> float:
    """The number that a program prints."""
    return float(subprocess.run(command, env=env, check=True, capture_output=True).stdout)


@dataclass(frozen=True)
class Server:
    """A server in a process of its own. `start` are seconds until it said its address."""

    address: str
    start: float
    pid: int

    def ask(self, method: str, path: str) -> Any:
        """The answer of the emulator's own routes."""
        request = urllib.request.Request(f"{self.address}/_emulator/{path}", method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def counted(self) -> tuple[int, int]:
        """(requests, writes) since the last look; forgets them."""
        found = self.ask("GET", "requests")["requests"]
        self.ask("DELETE", "requests")
        return len(found), sum(each["method"] != "GET" for each in found)

    def cpu(self) -> float:
        """Seconds of processor time so far (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(command: Sequence[str], env: dict[str, str]) -> Iterator[Server]:
    """A server that prints its address in its first line with one."""
    began = time.perf_counter()
    env = {**env, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = next(line.split()[-1] for line in process.stdout if "http://" in line)
        try:
            yield Server(address, time.perf_counter() - began, process.pid)
        finally:
            process.kill()


@contextmanager
def emulator(tree: Path, latency: float = 0.0) -> Iterator[Server]:
    """The emulator of `tree`, in which everything is ready at once."""
    quick = [f"--{word}-seconds=0" for word in ("build", "deploy", "service")]
    command = [*PEAKCTL, "emulator", "serve", "--port", "0", f"--latency={latency}", *quick]
    with serving(command, environment(tree)) as server:
        yield server


def first_request(tree: Path, folder: Path, command: Sequence[str]) -> float:
    """Seconds from the start of a process to its first request at a server."""
    watched = program("bare_server.py", "--first")
    with subprocess.Popen(watched, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        env = environment(tree, server.stdout.readline().strip())
        began = time.monotonic()
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=folder, env=env, stdout=quiet, stderr=quiet) as run:
            came = float(server.stdout.readline())
            run.kill()
    return came - began
