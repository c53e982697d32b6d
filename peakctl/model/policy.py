"""What an environment allows a plan to change before somebody has to agree to the number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many changes of what exists need no word: up to `count`, or up to `percent` of it.

    More than `limit` need one whatever their share (None: no such limit).
    """

    count: int
    percent: int
    limit: int | None = None

    def exceeded(self, changed: int, exist: int) -> bool:
        """Whether `changed` of `exist` is more than what needs no word."""
        if self.limit is not None and changed > self.limit:
            return True
        return changed > self.count and changed * 100 > exist * self.percent

    def __str__(self) -> str:
        most = "" if self.limit is None else f", and no more than {self.limit},"
        return f"{self.count} or {self.percent} % of what exists{most}"


@dataclass(frozen=True, slots=True)
class Guards:
    """The thresholds of the mass-change guard.

    `changes` is for the changes and deletes of each kind, `deletes` for the deletes of all kinds
    together: ten resources of three kinds are gone as surely as ten of one.
    """

    changes: Threshold = Threshold(5, 30)
    deletes: Threshold = Threshold(2, 30, 20)


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One rule of peakctl.yaml that the working tree changes; `before` is the one in force.

    Both are texts for people, and `path` is that of the field in peakctl.yaml.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Which commit the rules in force come from, and what the working tree changes of them."""

    revision: str
    commit: str
    changes: tuple[PolicyChange, ...] = ()
