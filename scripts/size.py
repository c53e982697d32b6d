"""Sizes of functions and modules against the budgets; exits with 1 where one is missed.

python scripts/size.py [FOLDER]
"""

from __future__ import annotations

import ast
import statistics
import sys
from pathlib import Path

BUDGETS = {
    "functions": {"median": 9, "p90": 28, "max": 50},
    "modules": {"median": 170, "p90": 400, "max": 500},
}
Row = tuple[int, str]


def measured(folder: Path) -> dict[str, list[Row]]:
    """Lines of each module and of each function, the longest last."""
    modules, functions = [], []
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        modules.append((text.count("\n"), str(path)))
        functions += [
            ((node.end_lineno or 0) - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    return {"functions": sorted(functions), "modules": sorted(modules)}


def figures(rows: list[Row]) -> dict[str, float]:
    sizes = [size for size, _ in rows]
    nine_tenths = sizes[int(len(sizes) * 0.9)]
    return {"median": statistics.median(sizes), "p90": nine_tenths, "max": sizes[-1]}


def main(folder: Path) -> int:
    missed = 0
    for what, rows in measured(folder).items():
        for name, value in figures(rows).items():
            budget = BUDGETS[what][name]
            missed += value > budget
            verdict = "over" if value > budget else "good"
            print(f"{what:<10} {name:<7} {value:>6g}   at most {budget:>4}   {verdict}")
        longest = ", ".join(f"{place} ({size})" for size, place in reversed(rows[-3:]))
        print(f"{what:<10} {len(rows)} in all; longest: {longest}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "peakctl")))
