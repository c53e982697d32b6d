"""What was proved, as a table; what was not, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chaos.sweep import Case

HEADS = ("phase", "requests", "cases", "right at once", "after one more run", "most runs", "wrong")


PROOFS = {
    "every k": "each request of each apply, prune and destroy struck in each way: then one more"
    " run at most, and nothing doubled, lost or unplanned",
    "random": "20 % of all requests struck at random: runs get to the same end",
    "two at once": "two runs in each order of requests that was searched: what comes of it is what"
    " comes of one after the other, and one goes on",
    "mutation": "something changed between plan and apply: no write that was not agreed to",
    "kill -9": "processes killed at random moments: the next run takes over at once",
}


@dataclass
class Tally:
    """Cases of one phase, which are part of the proof that is called `proof`."""

    proof: str
    phase: str
    requests: int = 0
    cases: list[Case] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        good = [case for case in self.cases if not case.wrong]
        once = sum(len(case.codes) == 1 for case in good)
        twice = sum(len(case.codes) == 2 for case in good)
        most = max((len(case.codes) for case in self.cases), default=0)
        wrong = len(self.cases) - len(good)
        numbers = (self.requests, len(self.cases), once, twice, most, wrong)
        return (self.phase, *(str(number) for number in numbers))

    @property
    def wrong(self) -> list[Case]:
        return [case for case in self.cases if case.wrong]


def render(tallies: Sequence[Tally]) -> str:
    """The table, its last row the sum."""
    rows = [HEADS, *(tally.row() for tally in tallies)]
    sums = [str(sum(int(row[i]) for row in rows[1:])) for i in range(1, len(HEADS))]
    sums[4] = str(max((int(row[5]) for row in rows[1:]), default=0))
    rows.append(("all", *sums))
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def render_proofs(tallies: Sequence[Tally]) -> str:
    """One line for each proof: how many cases, how many of them wrong, and what it says."""
    out = []
    for name, words in PROOFS.items():
        mine = [tally for tally in tallies if tally.proof == name]
        cases, wrong = (sum(map(len, each)) for each in _both(mine))
        out.append(f"{name:<11}  {cases:>6} cases  {wrong:>3} wrong  {words}")
    return "\n".join(out)


def _both(tallies: Sequence[Tally]) -> tuple[list[list[Case]], list[list[Case]]]:
    return [tally.cases for tally in tallies], [tally.wrong for tally in tallies]


def render_wrong(cases: Iterable[Case]) -> str:
    """Each case that went wrong, with what was found."""
    return "\n".join(
        f"\nWRONG  {case.phase}  {case.blow}  at {case.at}  exit codes {case.codes}\n  "
        + "\n  ".join(line[:400] for line in case.wrong)
        for case in cases
    )
