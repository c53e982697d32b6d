"""Prove by enumeration that runs may fail at any moment, meet, or come too late, and do no harm.

python scripts/chaos.py [FOLDER ...] [--quick] [--jobs N] [--seeds N] [--kills N]

Without folders: the examples, a project of every kind in two states and with most of it pruned, one
whose build and deployment fail at first, and stacks of 5 to 50 resources. Every request of each is
struck in every way, or 20 % of all at random; two runs race; what was planned changes before it is
applied; real processes are killed. Exit code 1 when anything was lost, doubled or not planned.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.blows import BLOWS, QUICK
from chaos.duels import DUELS, Search, fights, make_duel, twice
from chaos.killing import kill_often
from chaos.mutation import agree, mutated
from chaos.plans import MADE, change_phases, changing, first, folder_phases, sized_phases
from chaos.sweep import Phase, every_request, random_blows
from chaos.table import Tally, render, render_proofs, render_wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chaos.duels import Duel

ROOT = Path(__file__).resolve().parent.parent
SIZES = (5, 12, 25, 50)
SEARCH = {False: Search(), True: Search(step=6, edges=3, drawn=10)}
MANY = {False: 400, True: 90}
"""Cases of one phase above which only some of them, evenly spread, are tried."""


@dataclass(frozen=True)
class Job:
    """What one worker does: a part of a proof, on a project folder, a made-up project or a pair."""

    proof: str
    kind: str
    name: str
    quick: bool
    seeds: range = range(0)
    kills: int = 0


def work(job: Job) -> list[Tally]:
    with tempfile.TemporaryDirectory() as name:
        return [*PROVE[job.proof](job, Path(name))]


def _strike(job: Job, folder: Path) -> Iterator[Tally]:
    blows = [blow for blow in BLOWS if not job.quick or blow.name in QUICK]
    for phase in _phases(job, folder):
        step = -(-len(phase.asked) * len(blows) // (MANY[job.quick] * 2))
        cases = [*every_request(phase, blows, step=max(step, 1))]
        yield Tally("every k", phase.name, len(phase.asked), cases)
        phase.end()


def _roll(job: Job, folder: Path) -> Iterator[Tally]:
    for phase in _phases(job, folder):
        cases = [random_blows(phase, seed) for seed in job.seeds]
        yield Tally("random", f"{phase.name}, 20 % at random", 0, cases)
        phase.end()


def _phases(job: Job, folder: Path) -> Iterator[Phase]:
    if job.kind == "made":
        return change_phases(job.name, folder)
    if job.kind == "sized":
        return sized_phases(int(job.name), folder)
    return folder_phases(Path(job.name).name, Path(job.name), folder)


def _race(job: Job, folder: Path) -> Iterator[Tally]:
    duel = _duel(job, folder)
    cases = [*fights(duel, SEARCH[job.quick])]
    yield Tally("two at once", f"{duel.name} (at once)", sum(duel.most), cases)
    duel.end()


def _duel(job: Job, folder: Path) -> Duel:
    if job.kind == "pair":
        return make_duel(job.name, folder)
    return twice(Path(job.name).name, first(Path(job.name), folder).project)


def _mutate(job: Job, folder: Path) -> Iterator[Tally]:
    made = job.kind == "made"
    start = changing(job.name, folder) if made else first(Path(job.name), folder)
    name = Path(job.name).name
    for agreed in agree(f"{name}: what was agreed to", start, folder):
        cases = [*mutated(agreed, step=12 if job.quick else 1)]
        if cases:
            yield Tally("mutation", agreed.name, agreed.allowed.total(), cases)
        agreed.end()


def _kill(job: Job, folder: Path) -> Iterator[Tally]:
    cases = [*kill_often(Path(job.name), folder, job.kills, job.seeds.start)]
    yield Tally("kill -9", f"{Path(job.name).name}: kill -9", 0, cases)


PROVE = {
    "every k": _strike,
    "random": _roll,
    "two at once": _race,
    "mutation": _mutate,
    "kill -9": _kill,
}


def jobs_of(options: argparse.Namespace) -> Iterator[Job]:
    quick, seeds = options.quick, range(options.seeds or (3 if options.quick else 20))
    examples = (ROOT / "manifests-examples").glob("*/peakctl.yaml")
    folders = options.folders or sorted(
        p.parent for p in examples if p.parent.name != "five-hundred"
    )
    ours = not options.folders
    kinds = [*(("made", name) for name in MADE if ours), *(("folder", str(f)) for f in folders)]
    for kind, name in kinds:
        yield Job("every k", kind, name, quick)
        yield Job("random", kind, name, quick, seeds)
    for size in SIZES[: 2 if quick else None] if ours else ():
        yield Job("every k", "sized", str(size), quick)
    pairs = [("pair", name) for name in DUELS] if ours else kinds
    yield from (Job("two at once", *each, quick) for each in pairs)
    yield from (
        Job("mutation", *each, quick) for each in kinds if not ours or each[1] == "everything"
    )
    kills = options.kills if options.kills is not None else 6 if quick else 30
    if kills:
        start = range(options.seed, options.seed + 1)
        yield Job("kill -9", "folder", str(folders[-1]), quick, start, kills)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="projects to disturb instead")
    parser.add_argument("--quick", action="store_true", help="fewer kinds of blows, fewer places")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seeds", type=int, help="random sweeps of each phase")
    parser.add_argument("--kills", type=int, help="processes to kill")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    options = parser.parse_args()
    began = time.monotonic()
    tallies = [*_done(options)]
    wrong = [case for tally in tallies for case in tally.wrong]
    print(render(sorted(tallies, key=lambda tally: tally.phase)))
    print(render_wrong(wrong))
    print(render_proofs(tallies))
    verdict = "NOT proved" if wrong else "Proved"
    print(f"\n{verdict} in {time.monotonic() - began:.0f} s.")
    return 1 if wrong else 0


def _done(options: argparse.Namespace) -> Iterator[Tally]:
    """What each worker finds, as soon as it has it."""
    with ProcessPoolExecutor(options.jobs) as pool:
        for done in as_completed([pool.submit(work, job) for job in jobs_of(options)]):
            for tally in done.result():
                cases, wrong = len(tally.cases), len(tally.wrong)
                print(f"{tally.phase}: {cases} cases, {wrong} wrong", file=sys.stderr)
                yield tally


if __name__ == "__main__":
    raise SystemExit(main())
