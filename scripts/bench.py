"""Figures of peakctl beside floors, as ratios of paired runs; which goals are met and which missed.

python scripts/bench.py [--quick] [--rounds 5] [--only start,wire] [--against REV] [--counts]

Each round does both sides of a ratio one after the other; a figure is the median of the rounds.
With --against, another commit is measured in the same rounds, with the packages installed here.
Every run adds a line to bench-history.jsonl, and shows the run before beside it. Exits with 1
where a goal is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from compileall import compile_dir
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.counts import count_goals
from bench.figures import Figure, Tree, figures
from bench.history import Entry, append, entry, last_of
from bench.preflight import show_preflight
from bench.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HISTORY = ROOT / "bench-history.jsonl"
LINE = "{:<42}{:>9}{:>9}{:>9}  {}"


def main() -> int:
    options = _read_options()
    with tempfile.TemporaryDirectory() as name, _other(options.against) as other:
        trees = [Tree(ROOT, Path(name) / "here")]
        trees += [Tree(other, Path(name) / "there")] if other else []
        for tree in trees:
            tree.work.mkdir()
            compile_dir(tree.root / "peakctl", quiet=1)
        met = True
        if options.counts or not options.only:
            met = _show_counts(trees[0], [10] if options.quick else [10, 100])
        if not options.only or "preflight" in options.only:
            met &= show_preflight()
        found = _measured(trees, options)
    here = _medians(found[0])
    now = entry(ROOT, {what: figure.found for what, figure in here.items()})
    before = _medians(found[1]) if other else {}
    _show(here, {w: f.found for w, f in before.items()}, options.against, last_of(HISTORY, now))
    append(HISTORY, now)
    missed = [figure for figure in here.values() if figure.found > figure.limit]
    print(f"\n{len(here) - len(missed)} of {len(here)} goals met")
    return 0 if met and not missed else 1


def _measured(trees: Sequence[Tree], options: argparse.Namespace) -> list[list[Figure]]:
    """All figures of all rounds, for each tree."""
    found: list[list[Figure]] = [[] for _ in trees]
    for name, measure in figures(options.quick):
        if options.only and name not in options.only:
            continue
        for number in range(options.rounds):
            print(f"{name}, round {number + 1} of {options.rounds}", file=sys.stderr)
            for tree, gathered in zip(trees, found, strict=True):
                gathered += measure(tree)
    return found


def _medians(found: Sequence[Figure]) -> dict[str, Figure]:
    by: dict[str, list[Figure]] = {}
    for each in found:
        by.setdefault(each.what, []).append(each)
    return {
        what: Figure(what, statistics.median(e.found for e in each), each[0].limit, each[0].floor)
        for what, each in by.items()
    }


def _show(
    here: Mapping[str, Figure], there: Mapping[str, float], rev: str, last: Entry | None
) -> None:
    """Each figure with its goal, and that of the other commit or of the last run here."""
    beside = there or (last.figures if last else {})
    word = rev or (last.commit[:8] if last else "")
    print("\n" + LINE.format("figure", "found", "goal", word, "beside"))
    for what, figure in here.items():
        other = f"{beside[what]:.2f}" if what in beside else ""
        mark = "" if figure.found <= figure.limit else "  MISSED"
        print(
            LINE.format(
                what, f"{figure.found:.2f}", f"{figure.limit:g}", other, figure.floor + mark
            )
        )


def _show_counts(tree: Tree, sizes: Sequence[int]) -> bool:
    """The requests that must be sent, and not one more."""
    met = True
    for what, found, wanted in count_goals(tree, sizes):
        met &= found == wanted
        print(f"{'pass' if found == wanted else 'MISS'}  {what}: {found} (= {wanted})")
    return met


@contextmanager
def _other(rev: str) -> Iterator[Path | None]:
    """A checkout of another commit, for as long as it is measured."""
    if not rev:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), rev], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer documents and rounds")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--only", default="", help="groups of figures, divided by commas")
    parser.add_argument("--counts", action="store_true", help="count requests, too")
    parser.add_argument("--against", default="", metavar="REV", help="measure a commit beside")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.only = [word for word in options.only.split(",") if word]
    return options


if __name__ == "__main__":
    raise SystemExit(main())
