"""How quick the emulator is: its start, reads a second over a socket, listings of many resources.

python scripts/bench_emulator.py [--seconds 3] [--stored 20000]

Exits with 1 where a goal is missed. The client here is bare sockets, so that it costs little; it
has one core and the server the other.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 8
WORKFLOWS = "/service/workflows/api/v1/workflows/"
SERVICES = "/service/webapps/api/v1/webapps/"
SPECS = "/press/v1/specs/"
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
STEP = {"type": "sql", "sqlQueryPath": "query.sql"}


@dataclass(frozen=True)
class Served:
    """`start`: seconds from the start of the process to the first answer."""

    address: str
    start: float
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time so far: what a busy machine does not falsify."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served() -> Iterator[Served]:
    """A server in a process of its own."""
    command = [sys.executable, "-m", "peakctl", "emulator", "serve", "--port", "0"]
    began = time.perf_counter()
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = line.rpartition(" ")[2].strip()
            asyncio.run(ask(address, "GET", WORKFLOWS))
            yield Served(address, time.perf_counter() - began, process.pid)
        finally:
            process.kill()


class Connection:
    """One kept-alive connection."""

    def __init__(self, address: str) -> None:
        self.place = urlsplit(address)

    async def __aenter__(self) -> Connection:
        host, port = self.place.hostname, self.place.port
        self.reader, self.writer = await asyncio.open_connection(host, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def ask(self, method: str, path: str, body: object = None) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: peak\r\nAuthorization: t\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.writer.write(head.encode() + data)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{method} {path}: {answer.splitlines()[0].decode()}")
        found = LENGTH.search(answer)
        return await self.reader.readexactly(int(found[1])) if found else b""


async def ask(address: str, method: str, path: str, body: object = None) -> bytes:
    async with Connection(address) as connection:
        return await connection.ask(method, path, body)


async def reads_goal(server: Served, what: str, path: str, seconds: float) -> bool:
    """Reads a second over several connections."""
    cpu = server.cpu()
    found, count = await rate(server.address, path, seconds)
    each = 1000 * (server.cpu() - cpu) / count
    return goal(f"{what} a second ({each:.2f} ms of CPU each)", found, 1000, least=True)


async def rate(address: str, path: str, seconds: float) -> tuple[float, int]:
    end = time.perf_counter() + seconds

    async def reads() -> int:
        done = 0
        async with Connection(address) as connection:
            while time.perf_counter() < end:
                await connection.ask("GET", path)
                done += 1
        return done

    began = time.perf_counter()
    counts = await asyncio.gather(*(reads() for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began), sum(counts)


async def fill(address: str, first: int, last: int) -> float:
    """Create workflows `first` to `last`; the answer is seconds each."""
    numbers = iter(range(first, last))

    async def creates() -> None:
        async with Connection(address) as connection:
            for number in numbers:
                body = {"name": f"workflow-{number:06}", "steps": {"query": STEP}}
                await connection.ask("POST", WORKFLOWS, body)

    began = time.perf_counter()
    await asyncio.gather(*(creates() for _ in range(CONNECTIONS)))
    return (time.perf_counter() - began) / max(last - first, 1)


async def median(address: str, path: str, times: int = 15) -> float:
    """Milliseconds of one read."""
    taken = []
    async with Connection(address) as connection:
        for _ in range(times):
            began = time.perf_counter()
            await connection.ask("GET", path)
            taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


LISTINGS = {
    "first page": "?pageSize=100",
    "last page": "?pageSize=100&pageNumber={last}",
    "search": "?pageSize=100&searchTerm=flow-0000",
    "status": "?pageSize=100&workflowStatus=Available",
}


async def listings(address: str, stored: int) -> dict[str, float]:
    return {
        what: await median(address, WORKFLOWS + query.format(last=max(1, stored // 100)))
        for what, query in LISTINGS.items()
    }


async def everything(server: Served, stored: int, times: int = 1) -> float:
    """Seconds of the server's processor to read all pages `times` times."""
    cpu = server.cpu()
    async with Connection(server.address) as connection:
        for _ in range(times):
            for page in range(1, stored // 100 + 1):
                await connection.ask("GET", f"{WORKFLOWS}?pageSize=100&pageNumber={page}")
    return server.cpu() - cpu


def goal(what: str, found: float, limit: float, *, least: bool = False) -> bool:
    met = found >= limit if least else found <= limit
    sign = ">=" if least else "<="
    print(f"{'pass' if met else 'MISS'}  {what}: {found:.4g} ({sign} {limit:.4g})")
    return met


async def measure(server: Served, stored: int, seconds: float) -> bool:
    few = stored // 10
    each = [await fill(server.address, 0, few)]
    one, ten = WORKFLOWS + "1", WORKFLOWS + "?pageSize=10"
    met = [
        await reads_goal(server, "describes", one, seconds),
        await reads_goal(server, "lists of ten", ten, seconds),
    ]
    small, small_all = await listings(server.address, few), await everything(server, few, 10)
    each.append(await fill(server.address, few, stored))
    large, large_all = await listings(server.address, stored), await everything(server, stored)
    print(f"creates: {1000 * each[0]:.2f} ms each at first, {1000 * each[1]:.2f} ms later")
    for what in LISTINGS:
        # A tenth of a millisecond is forgiven: timers are no finer.
        limit = 10 * (small[what] + 0.1)
        told = f"{what}: ms with {stored}, {small[what]:.2f} with {few}"
        met.append(goal(told, large[what], limit))
    told = f"all pages: s of CPU with {stored}, {small_all:.2f} for ten times {few}"
    met.append(goal(told, large_all, 1.5 * small_all))
    met.append(await reads_goal(server, f"describes, {stored} stored", one, seconds))
    return all(met)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--stored", type=int, default=20_000)
    options = parser.parse_args()
    starts = []
    for _ in range(5):
        with served() as server:
            starts.append(server.start)
    met = goal("start to first answer, s", statistics.median(starts), 0.5)
    with served() as server:
        met &= asyncio.run(measure(server, options.stored, options.seconds))
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
