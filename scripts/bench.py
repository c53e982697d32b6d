"""Requests, time and memory of peakctl against the emulator on a socket, beside a floor program.

python scripts/bench.py [--quick] [--sizes 10,100,1000] [--latencies 0,0.05] [--repeat 3]

Every figure is the median of its runs. Wall and CPU seconds (user and system) and peak memory are
those of one whole process, start-up included. Prints tables and writes bench.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks import sizes, write_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
PEAKCTL = [sys.executable, "-m", "peakctl"]
FLOOR = [sys.executable, str(HERE / "floor.py")]
PARSE = "import sys, yaml\nfor f in sys.argv[1:]:\n  list(yaml.load_all(open(f), yaml.CSafeLoader))"
GETS = """
import asyncio, sys, time
from peakctl.api.client import Api, bases_for, socket_transport
from peakctl.api.limits import Limits
from peakctl.operations.project import SystemClock
from peakctl.model import Secret

async def main(address):
    limits = Limits()
    client = Api(
        transport=socket_transport(limits), bases=bases_for(None, address), token=Secret("bench"),
        clock=SystemClock(), limits=limits)
    async with client as api:
        path = "service/workflows/api/v1/workflows/"
        ids = [item["id"] for item in await api.pages(path, ("workflows",))]
        started = time.process_time()
        await asyncio.gather(*(api.get(f"{path}{ids[n % len(ids)]}") for n in range(1000)))
        print(time.process_time() - started)

asyncio.run(main(sys.argv[1]))
"""
SLOTS = 16
PROVIDED = 3  # images of the platform itself, which every listing of images has too
LATENCY = 0.05
LEDGER = {
    "plan": 3,  # the listing it is in, its versions, the newest of them
    "first apply": 6,  # its listing with each look and once it is made; two writes, the history
    "writes": 3,  # the lease, what came of the run, the history
}


@dataclass(frozen=True)
class Row:
    """One kind of run: medians. `requests` and `writes` are those of one run."""

    what: str
    resources: int
    latency: float
    wall: float
    cpu: float
    mib: float
    requests: int = 0
    writes: int = 0


@dataclass(frozen=True)
class Goal:
    """A figure beside its limit."""

    what: str
    found: float
    limit: float
    exact: bool = False

    @property
    def met(self) -> bool:
        return self.found == self.limit if self.exact else self.found <= self.limit


def timed(command: Sequence[str], folder: Path, env: dict[str, str]) -> tuple[float, float, float]:
    """(wall s, CPU s, peak MiB) of one process. Raises when it fails."""
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            out.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}: {out.read().decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Server:
    """An emulator in a process of its own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(f"{self.address}/_emulator/{path}", method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def counted(self) -> tuple[int, int]:
        """(requests, writes) since the last look; forgets them."""
        found = self.ask("GET", "requests")["requests"]
        self.ask("DELETE", "requests")
        return len(found), sum(each["method"] != "GET" for each in found)


@contextmanager
def emulator(latency: float, env: dict[str, str]) -> Iterator[Server]:
    quick = [f"--{word}-seconds=0" for word in ("build", "deploy", "service")]
    command = [*PEAKCTL, "emulator", "serve", "--port", "0", f"--latency={latency}", *quick]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = next(line.split()[-1] for line in process.stdout if "http://" in line)
        try:
            yield Server(address)
        finally:
            process.terminate()


def environment(address: str = "") -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PEAK", "API_KEY", "STAGE"))}
    env["PYTHONPATH"] = str(HERE.parent)
    return env | ({"PEAKCTL_ENDPOINT": address, "PEAK_AUTH_TOKEN": "bench"} if address else {})


class Bench:
    """Runs of one size and latency, interleaved, so that a noisy stretch hits all of them."""

    def __init__(self, server: Server, folder: Path, total: int, latency: float) -> None:
        self.server, self.folder, self.total, self.latency = server, folder, total, latency
        self.env = environment(server.address)
        self.samples: dict[str, list[tuple[float, float, float]]] = {}
        self.counts: dict[str, tuple[int, int]] = {}

    def run(self, what: str, command: Sequence[str]) -> None:
        self.samples.setdefault(what, []).append(timed(command, self.folder, self.env))
        self.counts[what] = self.server.counted()

    def round(self) -> None:
        self.server.ask("POST", "reset")
        self.run("validate", [*PEAKCTL, "validate"])
        self.run("plan, nothing live", [*PEAKCTL, "plan"])
        self.run("first apply", [*PEAKCTL, "apply", "--yes"])
        self.run("plan, all live", [*PEAKCTL, "plan", "--detailed-exitcode"])
        self.run("apply, all live", [*PEAKCTL, "apply", "--yes"])
        self.run("floor: plan, all live", [*FLOOR, "plan", self.server.address, "0"])
        self.server.ask("POST", "reset")
        self.run("floor: first apply", [*FLOOR, "apply", self.server.address, str(self.total)])

    def rows(self) -> list[Row]:
        return [
            Row(what, self.total, self.latency, *medians(found), *self.counts[what])
            for what, found in self.samples.items()
        ]


def medians(samples: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    wall, cpu, mib = (statistics.median(column) for column in zip(*samples, strict=True))
    return wall, cpu, mib


def repeated(command: Sequence[str], folder: Path, times: int) -> tuple[float, float, float]:
    return medians([timed(command, folder, environment()) for _ in range(times)])


def startup_rows(folder: Path, times: int) -> list[Row]:
    commands = {
        "bare python": [sys.executable, "-c", "pass"],
        "--version": [*PEAKCTL, "--version"],
        "--help": [*PEAKCTL, "--help"],
    }
    return [Row(what, 0, 0, *repeated(each, folder, times)) for what, each in commands.items()]


def offline_rows(folder: Path, total: int, times: int) -> list[Row]:
    """Validation of many documents beside the parse of the same text."""
    write_stack(folder, total)
    files = [str(path) for path in sorted((folder / "manifests").iterdir())]
    commands = {"validate, offline": [*PEAKCTL, "validate"]}
    commands["CSafeLoader parse"] = [sys.executable, "-c", PARSE, *files]
    return [Row(what, total, 0, *repeated(each, folder, times)) for what, each in commands.items()]


def start_of_a_plan(base: Path, times: int) -> tuple[Row, float]:
    """What a plan costs before it does anything (two resources, no latency); `client_cpu`."""
    folder = base / "start"
    write_stack(folder, 2)
    with emulator(0, environment()) as server:
        env = environment(server.address)
        found = medians([timed([*PEAKCTL, "plan"], folder, env) for _ in range(times)])
        row = Row("start of a plan", 2, 0, *found, server.counted()[0] // times)
        timed([*PEAKCTL, "apply", "--yes"], folder, env)
        return row, client_cpu(server, times)


def client_cpu(server: Server, times: int) -> float:
    """CPU in ms of one GET through peakctl's API client, of 1,000 at once; no start-up."""
    command = [sys.executable, "-c", GETS, server.address]
    env = environment(server.address)
    runs = (subprocess.run(command, env=env, check=True, capture_output=True) for _ in range(times))
    return statistics.median(float(run.stdout) for run in runs)


def pages(total: int) -> int:
    """Pages of the listings once the stack is live."""
    images, *others = sizes(total)
    return sum(math.ceil(count / 100) for count in (images + PROVIDED, *others) if count)


def trips(requests: int) -> int:
    """Round trips of a run that lists first and then has `requests` to make, 16 at once."""
    return 1 + math.ceil(requests / SLOTS)


def goals(rows: Sequence[Row], start: Row) -> Iterator[Goal]:
    by = {(row.what, row.resources, row.latency): row for row in rows}
    for row in rows:
        place = f"{row.what}, {row.resources} at {row.latency:g} s"
        yield from count_goals(row, place)
        if row.latency and row.what in ("plan, all live", "first apply"):
            floor = by[f"floor: {row.what}", row.resources, row.latency]
            critical = trips(row.requests - pages(row.resources)) * row.latency
            yield Goal(
                f"{place}: wall of 1.3 critical paths", row.wall, 1.3 * critical + start.wall
            )
            yield Goal(f"{place}: wall of 1.3 floors", row.wall, 1.3 * floor.wall + start.wall)
        small = by.get((row.what, 100, row.latency))
        if row.resources == 1000 and small and not row.what.startswith("floor"):
            yield Goal(f"{place}: wall of ten times 100", row.wall, 10 * small.wall)


def count_goals(row: Row, place: str) -> Iterator[Goal]:
    """Requests that must be sent, and not one more; LEDGER says which of them the ledger costs."""
    least = pages(row.resources) + row.resources + LEDGER["plan"]
    if row.what in ("plan, all live", "apply, all live"):
        yield Goal(f"{place}: requests", row.requests, least, exact=True)
        yield Goal(f"{place}: writes", row.writes, 0, exact=True)
    if row.what == "first apply":
        images, services, _ = sizes(row.resources)
        # Nothing is live yet: one page each, looked at again once the lease is held. Builds and
        # services end at once: one poll each.
        polled = 2 * 3 + row.resources + images + services + LEDGER["first apply"]
        yield Goal(f"{place}: requests", row.requests, polled, exact=True)
        yield Goal(f"{place}: writes", row.writes, row.resources + LEDGER["writes"], exact=True)


def still_goals(startup: Sequence[Row], offline: Sequence[Row], client: float) -> Iterator[Goal]:
    yield Goal("API client: CPU ms of one GET, 16 at once", client, 0.4)
    bare, version, help_ = startup
    yield Goal("--version: wall over bare python", version.wall - bare.wall, 0.035)
    yield Goal("--help: wall over bare python", help_.wall - bare.wall, 0.12)
    yield Goal("10,000 documents: CPU of two parses", offline[0].cpu, 2 * offline[1].cpu)


TITLES = ("run", "resources", "latency", "wall s", "CPU s", "MiB", "requests", "writes")
LINE = "{:<24}{:>10}{:>9}{:>9}{:>8}{:>7}{:>10}{:>8}"


def show_rows(rows: Sequence[Row]) -> None:
    print("\n" + LINE.format(*TITLES))
    for row in rows:
        sent = (row.requests, row.writes) if row.requests else ("-", "-")
        spent = (f"{row.wall:.3f}", f"{row.cpu:.3f}", f"{row.mib:.0f}")
        print(LINE.format(row.what, row.resources, f"{row.latency:g}", *spent, *sent))


def show_goals(found: Sequence[Goal]) -> None:
    print()
    for goal in found:
        sign = "=" if goal.exact else "<="
        verdict = "pass" if goal.met else "MISS"
        print(f"{verdict}  {goal.what}: {goal.found:.4g} ({sign} {goal.limit:.4g})")
    print(f"{sum(goal.met for goal in found)} of {len(found)} goals met")


def measured(options: argparse.Namespace, base: Path) -> Iterator[Row]:
    for latency in options.latencies:
        with emulator(latency, environment()) as server:
            for total in options.sizes:
                folder = base / f"{total}-{latency}"
                write_stack(folder, total)
                bench = Bench(server, folder, total, latency)
                for number in range(options.repeat):
                    print(
                        f"{total} resources at {latency:g} s, round {number + 1}", file=sys.stderr
                    )
                    bench.round()
                yield from bench.rows()


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="sizes 10 and 100, one round")
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--latencies", default=f"0,{LATENCY}")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--out", default="bench.json")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.repeat = "10,100", 1
    options.sizes = [int(text) for text in options.sizes.split(",")]
    options.latencies = [float(text) for text in options.latencies.split(",")]
    return options


def main() -> None:
    options = read_options()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        start, client = start_of_a_plan(base, 2 * options.repeat + 1)
        startup = startup_rows(base, 4 * options.repeat + 1)
        offline = offline_rows(base / "offline", options.documents, options.repeat)
        rows = list(measured(options, base))
    everything = [*startup, start, *offline, *rows]
    found = [*still_goals(startup, offline, client), *goals(rows, start)]
    show_rows(everything)
    show_goals(found)
    report = {"rows": [asdict(row) for row in everything]}
    report["goals"] = [{**asdict(goal), "met": goal.met} for goal in found]
    Path(options.out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
