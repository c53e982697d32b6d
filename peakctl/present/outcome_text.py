"""How an apply ended, for people: what went wrong, root causes once, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from peakctl.model import Failure, Key, Outcome, Plan, Secret, Status, Verb
from peakctl.model.text import status_word
from peakctl.present.plan_text import applied_summary, duration, verb_word
from peakctl.present.text import Line, first_names, indent, line

_TROUBLE = {
    Status.FAILED: "error",
    Status.UNKNOWN: "warning",
    Status.IN_PROGRESS: "warning",
}
"""What is told by itself, in this order; the rest is told by its cause."""
_ORDER = (*_TROUBLE, Status.BLOCKED, Status.CANCELLED)
_NAMED = 50


def outcome_lines(
    plan: Plan,
    outcomes: Sequence[Outcome],
    took: float,
    again: str,
    *,
    stopped: str = "",
) -> tuple[Line, ...]:
    """What went wrong, if anything did, then the summary.

    `again` is what to type next, `stopped` why the run was stopped before its end, if it was.
    """
    versions = {a.key: a.version for a in plan.actions if a.version and a.verb is not Verb.KEEP}
    trouble = [o for status in _TROUBLE for o in outcomes if o.status is status]
    lines = [each for o in trouble for each in _trouble(o, versions.get(o.key))]
    lines += [*_blocked(outcomes), *_cancelled(outcomes)]
    if lines:
        lines += [(), *_counts(outcomes, again, stopped)]
    warned = [o for o in outcomes if o.status.good and o.message]
    told = [each for o in warned for each in _trouble(o, versions.get(o.key))]
    last = line((applied_summary(plan, outcomes, took), "bold"))
    return (*_output_lines(outcomes), *told, *([()] if told else ()), *lines, last)


def _output_lines(outcomes: Iterable[Outcome]) -> tuple[Line, ...]:
    """What the changed resources give to people; nothing where none gives anything."""
    rows = [
        (str(outcome.key), name, _shown(each))
        for outcome in outcomes
        for name, value in outcome.outputs.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    told = [
        line("  ", (f"{key:<{wide[0]}}", "bold"), f"  {name:<{wide[1]}}  {value}")
        for key, name, value in rows
    ]
    return (line(("Outputs:", "bold")), *told, ()) if told else ()


def _shown(value: object) -> str:
    hidden = isinstance(value, Secret)
    return "(an address that is a credential; --show-webhooks shows it)" if hidden else str(value)


def _trouble(outcome: Outcome, version: str | None) -> Iterator[Line]:
    word = "warning" if outcome.status.good else str(outcome.status)
    yield line(
        (word, _TROUBLE.get(outcome.status, "warning")),
        "  ",
        (str(outcome.key), "bold"),
        f"  {verb_word(outcome.verb)}",
        f" {version}" if version else "",
        f": {outcome.message}" if outcome.message else "",
        (f"  after {duration(outcome.took)}" if outcome.took >= 1 else "", "dim"),
    )
    yield from indent((line((row, "dim")) for row in detail_rows(outcome)), 4)


def detail_rows(outcome: Outcome) -> tuple[str, ...]:
    """What is known of an end beyond its message: hints, states of parts, the end of a log."""
    failure = outcome.failure
    return (*outcome.detail, *(failure_rows(failure, outcome.id) if failure else ()))


def failure_rows(failure: Failure, id_: str | int | None) -> Iterator[str]:
    """What the platform tells of a failure; where that is nothing, the id to look for there."""
    parts, log = failure.parts, failure.log
    explained = failure.reason or log or any(part.failed for part in parts)
    place = "" if id_ is None else f"; look there at id {id_}"
    words = (failure.what, "" if explained else f"the platform gives no reason and no log{place}")
    if head := "; ".join(filter(None, words)):
        yield head
    wide = max((len(part.name) for part in parts), default=0)
    for part in sorted(parts, key=lambda each: not each.failed):
        yield f"{part.name:<{wide}}  {status_word(part.status) or 'its state is not known'}"
    if log:
        yield f"end of the log of {failure.log_of}:"
        yield from (f"  {row}" for row in log)


def _blocked(outcomes: Iterable[Outcome]) -> Iterator[Line]:
    """Each cause once, with all that it kept from being started."""
    groups: dict[tuple[bool, Key | None], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.status is Status.BLOCKED:
            deletes = outcome.verb is Verb.DELETE
            groups.setdefault((deletes, outcome.cause), []).append(outcome)
    for (deletes, cause), found in groups.items():
        names = first_names([str(outcome.key) for outcome in found], _NAMED)
        if deletes:
            why = f", since {found[0].message}" if found[0].message else ""
            yield line(("not deleted", "warning"), why, ": ", names)
        else:
            yield line(("blocked", "warning"), f" by {cause}" if cause else "", ": ", names)


def _cancelled(outcomes: Iterable[Outcome]) -> Iterator[Line]:
    names = [str(outcome.key) for outcome in outcomes if outcome.status is Status.CANCELLED]
    if names:
        yield line(("cancelled", "warning"), ", not started: ", first_names(names, _NAMED))


def _counts(outcomes: Sequence[Outcome], again: str, stopped: str) -> Iterator[Line]:
    statuses = [outcome.status for outcome in outcomes]
    counts = ", ".join(f"{n} {status}" for status in _ORDER if (n := statuses.count(status)))
    if Status.FAILED in statuses:
        head = ("Failed", "error")
    elif stopped:
        head = (f"{stopped[:1].upper()}{stopped[1:]}", "warning")
    else:
        head = ("Not finished", "warning")
    yield line(head, f": {counts}.")
    yield line(("next: ", "note"), _advice(set(statuses)), (again, "command"))


def _advice(statuses: set[Status]) -> str:
    if Status.FAILED in statuses:
        return "correct what failed and run again; what is done stays done: "
    if Status.UNKNOWN in statuses:
        return "run again; it looks first whether the platform acted: "
    return "run again to go on: "
