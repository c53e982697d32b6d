"""`peakctl emulator serve` in a process of its own, and which of its endpoints were asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.emulator.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 0.6  # long enough to be seen on the way, short enough for a hundred waits
DURATIONS = ("build", "deploy", "service", "delete", "execution")


@dataclass(frozen=True)
class Served:
    """An emulator that answers at `address`."""

    address: str

    def requests(self) -> list[dict[str, object]]:
        """Its journal."""
        with urllib.request.urlopen(f"{self.address}/_emulator/requests") as answer:
            found: list[dict[str, object]] = json.load(answer)["requests"]
        return found

    def reached(self) -> set[str]:
        """`METHOD path` of the endpoints that were asked and answered well at least once."""
        good = [entry for entry in self.requests() if int(str(entry["status"])) < 300]
        asked = {(str(entry["method"]), str(entry["path"])) for entry in good}
        return {name for method, path in asked for name in _endpoints(method, path)[:1]}


def platform_endpoints() -> set[str]:
    """The platform's endpoints; `/files/` and `/_emulator/` are the emulator's own."""
    names = {f"{endpoint.method} {endpoint.path}" for endpoint in OPERATIONS}
    return {name for name in names if " /files/" not in name and " /_emulator/" not in name}


def _endpoints(method: str, path: str) -> list[str]:
    """Names of the endpoints that a request fits, the one with the fewest placeholders first."""
    fits = [
        endpoint.path
        for endpoint in OPERATIONS
        if endpoint.method == method
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", endpoint.path), path)
    ]
    return [f"{method} {each}" for each in sorted(fits, key=lambda each: each.count("{"))]


@contextmanager
def serve_emulator(*flags: str, seconds: float = SECONDS) -> Iterator[Served]:
    """A fresh emulator with short durations; it stops at the end."""
    argv = [sys.executable, "-m", "peakctl", "emulator", "serve", "--port", "0", *flags]
    for what in DURATIONS:
        argv += [f"--{what}-seconds", str(seconds)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PEAK")}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            if found is None:
                raise RuntimeError("the emulator does not start")
            yield Served(found[0])
        finally:
            server.terminate()
