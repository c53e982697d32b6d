"""What keeps a tenant in order, as lines and rows: archives, owners, versions to delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from peakctl.model import JsonDict, Status
from peakctl.present.files import size_text
from peakctl.present.ledger import iso, minute
from peakctl.present.text import Line, counted, line, table_lines

if TYPE_CHECKING:
    from peakctl.engine.gc import Verdict
    from peakctl.operations.download import DownloadResult
    from peakctl.operations.gc import GcOutcome, GcResult
    from peakctl.operations.gc_plan import GcPlan, GcResource


def download_lines(found: DownloadResult) -> tuple[Line, ...]:
    """What was saved, and where."""
    what = f"{found.key}@{found.version}"
    return (line(("Saved ", "good"), f'{what} as "{found.file}" ({size_text(found.size)})'),)


def download_row(found: DownloadResult) -> JsonDict:
    """The same for machines."""
    return {
        "key": str(found.key),
        "kind": found.key.kind,
        "name": found.key.name,
        "version": found.version,
        "file": str(found.file),
        "bytes": found.size,
    }


# --- old versions --------------------------------------------------------------------------------

_GC = ("resource", "version", "made (utc)", "verdict")


def gc_lines(shown: GcPlan, *, verbose: bool) -> tuple[Line, ...]:
    """What would be deleted, the oldest first; with `verbose` also what is kept, and why."""
    rows = [
        (str(resource.key), verdict.version.number, _made(verdict), _verdict(verdict))
        for resource, verdict in _verdicts(shown)
        if verbose or verdict.kept is None
    ]
    kept = Counter(v.kept for _, v in _verdicts(shown) if v.kept is not None)
    words = ", ".join(f"{number} {_KEPT[why]}" for why, number in sorted(kept.items()))
    told = f"Kept: {words}{'' if verbose else '; --verbose shows which'}."
    table = (*table_lines(_GC, rows), ()) if rows else ()
    return (*table, *((line((told, "dim")), ()) if words else ()))


def _verdicts(shown: GcPlan) -> Iterator[tuple[GcResource, Verdict]]:
    for resource in shown.resources:
        for verdict in reversed(resource.verdicts):
            yield resource, verdict


def _made(verdict: Verdict) -> str:
    made = verdict.version.made
    return "" if made is None or made.at is None else minute(made.at)


def _verdict(verdict: Verdict) -> str:
    if verdict.kept is None:
        return "delete"
    users = f": {', '.join(verdict.users)}" if verdict.users else ""
    return f"keep: {verdict.kept.sentence}{users}"


_KEPT = {
    "newest": "newest",
    "number": "with the highest number",
    "ready": "newest that is ready",
    "busy": "under way",
    "in-use": "in use",
    "used": "used",
    "count": "within --keep",
    "young": "not old enough",
    "age": "of unknown age",
}


def gc_summary(found: GcResult, *, dry_run: bool) -> tuple[Line, ...]:
    """What became of it; each version that is still there with the reason."""
    count = found.plan.count
    if not count:
        return (line(("Nothing to do: no version is old and unused.", "bold")),)
    if dry_run:
        return (line((f"Would delete {counted(count, 'version')}.", "bold")),)
    told = [_outcome_line(each) for each in found.outcomes if each.status is not Status.DONE]
    words = f"Deleted {found.deleted} of {counted(count, 'version')}."
    return (*told, line((words, "bold")))


def _outcome_line(outcome: GcOutcome) -> Line:
    role = "error" if outcome.status is Status.FAILED else "warning"
    what = f"{outcome.key}@{outcome.number}"
    return line((f"{outcome.status}", role), f"  {what}: {outcome.reason}")


def gc_rows(found: GcResult) -> list[JsonDict]:
    """Every version that was looked at: what was to become of it, why, and what did."""
    ended = {(each.key, each.number): each for each in found.outcomes}
    return [
        _gc_row(resource, verdict, ended.get((resource.key, verdict.version.number)))
        for resource, verdict in _verdicts(found.plan)
    ]


def _gc_row(resource: GcResource, verdict: Verdict, outcome: GcOutcome | None) -> JsonDict:
    version, kept = verdict.version, verdict.kept
    made = version.made.at if version.made else None
    return {
        "key": str(resource.key),
        "kind": resource.key.kind,
        "name": resource.key.name,
        "version": version.number,
        "version_id": version.id,
        "made": None if made is None else iso(made),
        "verdict": "delete" if kept is None else "keep",
        "kept_for": None if kept is None else str(kept),
        "used_by": list(verdict.users),
        "status": None if outcome is None else str(outcome.status),
        "reason": None if outcome is None else outcome.reason,
    }
