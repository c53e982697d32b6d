"""Where the time of one command goes: python scripts/profile_plan.py [--size 100] [WORDS...]

Runs the command (`plan` by default) on a project of that size against an emulator in which all of
it is live. Prints what each import cost, then the functions that took most of the time.
"""

from __future__ import annotations

import argparse
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import Tree
from bench.processes import ROOT, emulator, environment

MOST = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("words", nargs="*", default=["plan"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, emulator(ROOT) as server:
        tree = Tree(ROOT, Path(name))
        folder = tree.project(options.size)
        tree.run(folder, "apply", "--yes", address=server.address)
        env = environment(ROOT, server.address)
        run = [sys.executable, "-X", "importtime", "-m", "peakctl", *options.words]
        told = subprocess.run(run, cwd=folder, env=env, capture_output=True, text=True)
        _show_imports(told.stderr)
        out = Path(name) / "profile"
        run = [sys.executable, "-m", "cProfile", "-o", str(out), "-m", "peakctl", *options.words]
        subprocess.run(run, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True)
        for order in ("tottime", "cumulative"):
            pstats.Stats(str(out)).strip_dirs().sort_stats(order).print_stats(MOST)


def _show_imports(text: str) -> None:
    """The dearest imports by the time of their own, in milliseconds."""
    rows = (line.removeprefix("import time:").split("|") for line in text.splitlines())
    costs = [
        (int(row[0]), row[2].strip()) for row in rows if len(row) == 3 and row[0].strip().isdigit()
    ]
    print(f"{len(costs)} imports, {sum(cost for cost, _ in costs) / 1000:.0f} ms")
    for cost, module in sorted(costs, reverse=True)[:MOST]:
        print(f"{cost / 1000:8.1f} ms  {module}")


if __name__ == "__main__":
    main()
