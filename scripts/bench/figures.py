"""The figures: each a ratio of two things that are done one after the other, round by round.

A ratio of one round is hardly touched by how fast the machine is at the moment; the figure is the
median of all rounds. `what` of a figure is its name for good: the history is read by it.
"""

from __future__ import annotations

import json
import math
import random
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stacks import write_stack

from bench.processes import (
    PEAKCTL,
    emulator,
    environment,
    first_request,
    peak,
    printed,
    program,
    serving,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.processes import Server, Spent

IMPORTS = (sys.executable, "-c", "import click, yaml, asyncio, ssl")
SERVER_IMPORTS = (sys.executable, "-c", "import starlette.applications, uvicorn")
LATENCY = 0.05
REQUESTS = 2000
SECRETS = 100


@dataclass(frozen=True)
class Figure:
    """One figure of one round. `limit` is its goal, `floor` what it is measured against."""

    what: str
    found: float
    limit: float
    floor: str


@dataclass(frozen=True)
class Tree:
    """A checkout of peakctl, and a folder for its projects."""

    root: Path
    work: Path

    def project(self, total: int) -> Path:
        """A project of `total` resources, written once."""
        folder = self.work / str(total)
        if not folder.exists():
            write_stack(folder, total)
        return folder

    def run(self, folder: Path, *words: str, address: str = "") -> Spent:
        return timed([*PEAKCTL, *words], folder, environment(self.root, address))


def start_figures(tree: Tree) -> Iterator[Figure]:
    """What peakctl costs before it does anything, beside the imports that it cannot do without."""
    three, ten = tree.project(3), tree.project(10)
    bare = timed(IMPORTS, three, environment(tree.root)).wall
    floor = "import click, yaml, asyncio, ssl"
    yield Figure("validate, 3 documents: wall", tree.run(three, "validate").wall / bare, 1.8, floor)
    yield Figure("validate, 10 documents: wall", tree.run(ten, "validate").wall / bare, 2.3, floor)
    plan = first_request(tree.root, ten, [*PEAKCTL, "plan"])
    yield Figure("plan, to its first request: wall", plan / bare, 2.3, floor)
    for words in (["--help"], ["plan", "--help"], ["apply", "--help"]):
        spent = tree.run(three, *words).wall / bare
        yield Figure(f"{' '.join(words)}: wall", spent, 2.3, floor)
    env = environment(tree.root) | {"_PEAKCTL_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    done = timed(PEAKCTL, three, env | {"COMP_WORDS": "peakctl val"}).wall
    yield Figure("completion: wall", done / bare, 2.3, floor)


def wire_figures(tree: Tree) -> Iterator[Figure]:
    """CPU of one request at 16 in flight, beside http.client in as many threads."""
    env = environment(tree.root)
    with serving(program("bare_server.py"), env) as server:
        threads = printed(program("http_threads.py", server.address, str(REQUESTS)), env)
        client = printed(program("client_gets.py", server.address, str(REQUESTS)), env)
    yield Figure("a request, 16 in flight: CPU", client / threads, 1.8, "http.client, 16 threads")


def live_figures(tree: Tree, total: int) -> Iterator[Figure]:
    """Plans and a first apply over a socket with latency, beside the same requests by threads."""
    folder = tree.project(total)
    with emulator(tree.root, LATENCY) as server:
        applied = tree.run(folder, "apply", "--yes", address=server.address)
        plan = tree.run(folder, "plan", "--detailed-exitcode", address=server.address)
        mib = peak([*PEAKCTL, "plan"], folder, environment(tree.root, server.address))
        floor = _floor(tree, server, "plan", 0)
        server.ask("POST", "reset")
        floor_applied = _floor(tree, server, "apply", total)
    large = total >= 1000
    walls, cpus = (1.15, 2.0) if large else (1.4, 2.5)
    beside = "the same requests by http.client"
    name = f"no-op plan of {total}"
    yield Figure(f"{name}: wall", plan.wall / floor.wall, walls, beside)
    yield Figure(f"{name}: CPU", plan.cpu / floor.cpu, cpus, beside)
    yield Figure(f"first apply of {total}: wall", applied.wall / floor_applied.wall, 1.75, beside)
    if total == 100:
        yield Figure("no-op plan of 100: MiB", mib, 48.0, "MiB at the peak")


def _floor(tree: Tree, server: Server, what: str, total: int) -> Spent:
    command = program("floor.py", what, server.address, str(total))
    return timed(command, tree.work, environment(tree.root))


def size_figures(tree: Tree, documents: int) -> Iterator[Figure]:
    """Many documents beside libyaml's parse of them, and how time and memory grow with them."""
    projects = [tree.project(documents // share) for share in (4, 2, 1)]
    files = [str(path) for path in sorted((projects[-1] / "manifests").iterdir())]
    parse = timed(program("parse.py", *files), projects[-1], environment(tree.root))
    spent = [tree.run(project, "validate") for project in projects]
    command, env = [*PEAKCTL, "validate"], environment(tree.root)
    memory = [peak(command, project, env) for project in projects]
    name = f"validate, {documents} documents"
    floor = "libyaml's parse of the same text"
    yield Figure(f"{name}: wall", spent[-1].wall / parse.wall, 1.2, floor)
    yield _growth(f"{name}: exponent of time", [each.cpu for each in spent])
    yield _growth(f"{name}: exponent of memory", memory)


def _growth(what: str, found: Sequence[float]) -> Figure:
    """Of three sizes, each the double of the one before: what all of them cost alike drops out."""
    small, middle, large = found
    exponent = math.log2((large - middle) / (middle - small))
    return Figure(what, exponent, 1.05, "half and a quarter of the documents")


def secret_figures(tree: Tree) -> Iterator[Figure]:
    """An apply in which every secret differs, and one in which none does."""
    folder = tree.work / "secrets"
    if not folder.exists():
        _write_secrets(folder)
    with emulator(tree.root) as server:
        env = environment(tree.root, server.address)
        timed([*PEAKCTL, "apply", "--yes"], folder, env | {"ROUND": "one"})
        same = timed([*PEAKCTL, "plan"], folder, env | {"ROUND": "one"})
        all_of = f"--allow-mass-change={SECRETS}"
        other = timed([*PEAKCTL, "apply", "--yes", all_of], folder, env | {"ROUND": "two"})
        none = tree.run(tree.project(SECRETS), "plan", address=server.address)
    yield Figure(f"apply of {SECRETS} changed secrets: wall", other.wall, 5.0, "seconds")
    yield Figure(
        f"plan of {SECRETS} unchanged secrets: CPU", same.cpu / none.cpu, 1.5, "without secrets"
    )


def _write_secrets(folder: Path) -> None:
    (folder / "manifests").mkdir(parents=True)
    (folder / "peakctl.yaml").write_text(
        "project: secrets\nmanifests: [manifests]\nosEnv: [ROUND]\n"
        "environments:\n  bench: {stage: dev}\n"
    )
    one = (
        "apiVersion: peakctl/v1\nkind: Workflow\nmetadata: {{name: secret-{n}}}\n"
        "spec:\n  steps:\n    call:\n      type: http\n      method: get\n"
        "      url: https://example.com/{n}\n"
        '      auth: {{type: bearer-token, bearerToken: "{{{{ os_env.ROUND }}}}-secret-{n}"}}\n'
    )
    text = "---\n".join(one.format(n=n) for n in range(SECRETS))
    (folder / "manifests/all.yaml").write_text(text)


def archive_figures(tree: Tree) -> Iterator[Figure]:
    """Folders hashed and packed, beside the libraries that do it: no start-up is in these."""
    texts, large = tree.work / "texts", [tree.work / f"large-{n}" for n in range(8)]
    if not texts.exists():
        _write_files(texts, 240, 40_000)
        for folder in large:
            _write_files(folder, 9, 2**20)
    many, few = [str(texts)], [str(folder) for folder in large]
    for name, ours, floor, folders, goal, beside in (
        ("hash 240 files of 40 kB", "hash", "hash", many, 1.1, "scandir, read, SHA-256"),
        ("hash 8 folders of 9 MiB", "hash", "threads", few, 1.1, "the same, a thread a processor"),
        ("pack 240 files of 40 kB", "pack", "zlib", many, 1.1, "read, CRC-32 and zlib"),
    ):
        env = environment(tree.root)
        least = printed(program("archive_floor.py", floor, *folders), env)
        found = printed(program("archive_folders.py", ours, *folders), env)
        yield Figure(f"{name}: wall", found / least, goal, beside)


def _write_files(folder: Path, count: int, size: int) -> None:
    """Files of words, which compress as texts do."""
    folder.mkdir(parents=True)
    draw = random.Random(folder.name)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(2000)]
    for number in range(count):
        text = " ".join(draw.choices(words, k=size // 8))
        (folder / f"{number}.txt").write_text(text, "utf-8")


def emulator_figures(tree: Tree) -> Iterator[Figure]:
    """The emulator's start and reads, beside a bare route of the same server."""
    env = environment(tree.root)
    imports = timed(SERVER_IMPORTS, tree.work, env).wall
    with emulator(tree.root) as ours, serving(program("bare_route.py"), env) as bare:
        spent = [_reads(ours, _workflow(ours), env), _reads(bare, "/rows/1", env)]
    yield Figure("emulator, start: wall", ours.start / imports, 1.5, "import starlette, uvicorn")
    yield Figure("emulator, a read: CPU", spent[0] / spent[1], 2.0, "a bare route with one select")


def _workflow(server: Server) -> str:
    """The path of a workflow that is made for it."""
    path = "/service/workflows/api/v1/workflows/"
    steps = {"call": {"type": "http", "method": "get", "url": "https://example.com"}}
    body = json.dumps({"name": "bench", "steps": steps}).encode()
    headers = {"Authorization": "bench", "Content-Type": "application/json"}
    request = urllib.request.Request(server.address + path, body, headers)
    with urllib.request.urlopen(request) as answer:
        return f"{path}{json.load(answer)['id']}"


def _reads(server: Server, path: str, env: dict[str, str]) -> float:
    """Seconds of the server's processor for many reads."""
    before = server.cpu()
    printed(program("http_threads.py", server.address, str(REQUESTS), path), env)
    return server.cpu() - before


def figures(quick: bool) -> Sequence[tuple[str, Callable[[Tree], Iterator[Figure]]]]:
    """The groups of figures, each measured as a whole in every round."""
    documents = 2_000 if quick else 10_000
    found: list[tuple[str, Callable[[Tree], Iterator[Figure]]]] = [
        ("start", start_figures),
        ("wire", wire_figures),
        ("100", lambda tree: live_figures(tree, 100)),
        ("documents", lambda tree: size_figures(tree, documents)),
        ("secrets", secret_figures),
        ("archives", archive_figures),
        ("emulator", emulator_figures),
    ]
    return found if quick else [*found, ("1000", lambda tree: live_figures(tree, 1000))]
