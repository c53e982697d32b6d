"""How much Markdown a code host takes, and how parts share it: each is cut inside, with a count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from peakctl.model.records import dataclass
from peakctl.present.text import counted


@dataclass(frozen=True, slots=True)
class Limit:
    """The longest text that a host takes: characters, or bytes of UTF-8."""

    size: int
    in_bytes: bool = False

    def of(self, text: str) -> int:
        """How much of the limit a text takes."""
        return len(text.encode("utf-8", "replace")) if self.in_bytes else len(text)


HOSTS: Mapping[str, Limit] = MappingProxyType(
    {
        "github": Limit(65_000),
        "github-summary": Limit(1_000_000, in_bytes=True),
        "gitlab": Limit(1_000_000),
        "azure": Limit(150_000),
        "bitbucket": Limit(32_000),
    }
)
"""A little less than each refuses: 65,536 characters of a comment, 1 MiB of a step summary,
1,000,000 characters of a note, 150,000 and 32,768 of comments."""
LIMIT = HOSTS["github"]


def first_rows(rows: Sequence[str], room: int, limit: Limit) -> tuple[Sequence[str], int]:
    """The first rows that fit into `room`, each ended by a line feed, and how many are left out."""
    used = 0
    for number, row in enumerate(rows):
        used += limit.of(row) + 1
        if used > room:
            return rows[:number], len(rows) - number
    return rows, 0


def cut_text(text: str, room: int, limit: Limit) -> str:
    """The first lines of a text that fit, and how many more there are."""
    if limit.of(text) <= room:
        return text
    rows = text.rstrip("\n").split("\n")
    kept, left = first_rows(rows, room - 40, limit)
    if not kept:
        most = max(room - 60, 40) // (4 if limit.in_bytes else 1)
        kept, left = [f"{rows[0][:most]} …"], left - 1
    more = [f"… {counted(left, 'more line')}"] if left else []
    return "\n".join((*kept, *more)) + "\n"


def fair_share(sizes: Iterable[int], room: int) -> int:
    """The most that each may take, so that all fit: who needs less leaves more to the others."""
    left = sorted(sizes)
    while left:
        share = room // len(left)
        if left[0] > share:
            return share
        room -= left.pop(0)
    return room


def most_useful(ranks: Sequence[int], count: int) -> frozenset[int]:
    """The positions of the `count` lowest ranks, the first of equal ones."""
    order = sorted(range(len(ranks)), key=lambda at: (ranks[at], at))
    return frozenset(order[:count])
