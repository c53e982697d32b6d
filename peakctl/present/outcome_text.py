"""How an apply ended, for people: what failed and why, what that blocked, what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.model import Outcome, Plan, Status
from peakctl.present.plan_text import applied_summary, duration, verb_word, why_blocked
from peakctl.present.text import Line, indent, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TROUBLE = {
    Status.FAILED: "error",
    Status.UNKNOWN: "warning",
    Status.IN_PROGRESS: "warning",
    Status.BLOCKED: "dim",
    Status.CANCELLED: "dim",
}
_COUNTED = (Status.FAILED, Status.BLOCKED, Status.UNKNOWN, Status.CANCELLED)


def outcome_lines(
    plan: Plan, outcomes: Sequence[Outcome], took: float, again: str
) -> tuple[Line, ...]:
    """What went wrong, if anything did, then the summary. `again` is what to type next."""
    trouble = [o for status in _TROUBLE for o in outcomes if o.status is status]
    lines = [each for outcome in trouble for each in _trouble(outcome)]
    if trouble:
        lines += [(), *_counts(outcomes, again)]
    return (*lines, line((applied_summary(plan, outcomes, took), "bold")))


def _trouble(outcome: Outcome) -> Iterator[Line]:
    role = _TROUBLE[outcome.status]
    yield line(
        (str(outcome.status), role),
        "  ",
        (str(outcome.key), "bold"),
        f"  {verb_word(outcome.verb)}",
        f": {_reason(outcome)}" if _reason(outcome) else "",
        (f"  after {duration(outcome.took)}" if outcome.took >= 1 else "", "dim"),
    )
    yield from indent((line((row, "dim")) for row in outcome.detail), 4)


def _reason(outcome: Outcome) -> str:
    return why_blocked(outcome) if outcome.status is Status.BLOCKED else outcome.message


def _counts(outcomes: Sequence[Outcome], again: str) -> Iterator[Line]:
    def count(status: Status) -> int:
        return sum(outcome.status is status for outcome in outcomes)

    words = ", ".join(f"{count(status)} {status}" for status in _COUNTED)
    yield line((f"Failed: {words}.", "error"))
    if waiting := count(Status.IN_PROGRESS):
        yield line((f"Still in progress on the platform: {waiting}.", "warning"))
    yield line(("next: ", "note"), _advice({o.status for o in outcomes}), again)


def _advice(statuses: set[Status]) -> str:
    if Status.FAILED in statuses:
        return "correct what failed and run again; what is done stays done: "
    if Status.UNKNOWN in statuses:
        return "run again; it looks first whether the platform acted: "
    return "run again to go on: "
