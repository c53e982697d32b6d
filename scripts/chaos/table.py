"""What was proved, as a table; what was not, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chaos.sweep import Case

HEADS = ("phase", "requests", "cases", "right at once", "after one more run", "most runs", "wrong")


@dataclass
class Tally:
    """Cases of one phase."""

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


def render_wrong(cases: Iterable[Case]) -> str:
    """Each case that went wrong, with what was found."""
    return "\n".join(
        f"\nWRONG  {case.phase}  {case.blow}  at {case.at}  exit codes {case.codes}\n  "
        + "\n  ".join(line[:400] for line in case.wrong)
        for case in cases
    )
