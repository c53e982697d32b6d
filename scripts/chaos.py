"""Strike every request of every phase in every way, run again, and compare with the quiet end.

python scripts/chaos.py [FOLDER ...] [--quick] [--jobs N] [--seeds N] [--kills N]

Without folders: the examples, a project of every kind in two states, one whose build and deployment
fail at first, and stacks of 5 to 50 resources. Then random sweeps with 20 % of all requests struck,
and kills of real processes. Exit code 1 when anything was lost, doubled or not planned.
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
from chaos.killing import kill_often
from chaos.plans import MADE, change_phases, folder_phases, sized_phases
from chaos.sweep import Phase, every_request, random_blows
from chaos.table import Tally, render, render_wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SIZES = (5, 12, 25, 50)


@dataclass(frozen=True)
class Job:
    """What one worker does: a project folder, a made-up project, or a stack of some size."""

    kind: str
    name: str
    quick: bool
    seeds: range
    kills: int


def work(job: Job) -> list[Tally]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if job.kind == "kill":
            cases = [*kill_often(Path(job.name), folder, job.kills, job.seeds.start)]
            return [Tally(f"{Path(job.name).name}: kill -9", 0, cases)]
        return [_tally(phase, job) for phase in _phases(job, folder)]


def _phases(job: Job, folder: Path) -> Iterator[Phase]:
    if job.kind == "change":
        return change_phases(job.name, folder)
    if job.kind == "sized":
        return sized_phases(int(job.name), folder)
    return folder_phases(Path(job.name).name, Path(job.name), folder)


def _tally(phase: Phase, job: Job) -> Tally:
    blows = [blow for blow in BLOWS if not job.quick or blow.name in QUICK]
    tally = Tally(phase.name, len(phase.asked))
    if job.seeds:
        tally = Tally(f"{phase.name}, 20 % at random", 0)
        tally.cases += [random_blows(phase, seed) for seed in job.seeds]
    else:
        tally.cases += every_request(phase, blows)
    phase.end()
    return tally


def jobs_of(options: argparse.Namespace) -> Iterator[Job]:
    quick, none = options.quick, range(0)
    examples = (ROOT / "manifests-examples").glob("*/peakctl.yaml")
    folders = options.folders or sorted(
        p.parent for p in examples if p.parent.name != "five-hundred"
    )
    made = [] if options.folders else list(MADE)
    sizes = () if options.folders else SIZES[: 2 if quick else None]
    kinds = [*(("change", name) for name in made), *(("folder", str(f)) for f in folders)]
    for kind, name in kinds:
        yield Job(kind, name, quick, none, 0)
        if options.seeds:
            yield Job(kind, name, quick, range(options.seeds), 0)
    for size in sizes:
        yield Job("sized", str(size), quick or size > SIZES[1], none, 0)
    if options.kills:
        yield Job(
            "kill", str(folders[-1]), quick, range(options.seed, options.seed + 1), options.kills
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="projects to disturb instead")
    parser.add_argument("--quick", action="store_true", help="fewer kinds of blows")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seeds", type=int, default=20, help="random sweeps of each phase")
    parser.add_argument("--kills", type=int, default=30, help="processes to kill")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    options = parser.parse_args()
    began, tallies = time.monotonic(), []
    with ProcessPoolExecutor(options.jobs) as pool:
        for done in as_completed([pool.submit(work, job) for job in jobs_of(options)]):
            for tally in done.result():
                tallies.append(tally)
                print(
                    f"{tally.phase}: {len(tally.cases)} cases, {len(tally.wrong)} wrong",
                    file=sys.stderr,
                )
    wrong = [case for tally in tallies for case in tally.wrong]
    print(render(sorted(tallies, key=lambda tally: tally.phase)))
    print(
        render_wrong(wrong)
        or f"\nProved in {time.monotonic() - began:.0f} s: nothing twice, nothing lost."
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
