"""The history of a project for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from peakctl.model import HistoryResource, HistoryRun, JsonDict, Key, Status, Verb, history_name
from peakctl.operations.gc import VERB as GC_VERB
from peakctl.operations.history import HistoryResult
from peakctl.present.ledger import SHORT_COMMIT, actor_document, address, counts_text, iso, minute
from peakctl.present.text import Line, counted, indent, line

FIRST_RESOURCES = 5
_MARGIN = 7
_WIDEST = 16
_TITLES = ("run", "ended (utc)", "command", "outcome", "who")
_ROLES = {"done": "good", "failed": "error"}


def history_lines(
    found: HistoryResult,
    runs: Sequence[HistoryRun],
    *,
    verbose: bool = False,
    fits: Callable[[Key], bool] | None = None,
) -> tuple[Line, ...]:
    """The runs that were asked for, the newest first: who, what came of it, what it did.

    Of the resources of a run the first are shown, all with `verbose`, and with `fits` those alone
    that it is true of.
    """
    if not found.runs:
        return (line(f"{found.owner} has no history yet: the first apply makes it."),)
    return (*_run_lines(runs, fits, verbose=verbose), line((_summary(found, runs), "bold")))


def _run_lines(
    runs: Sequence[HistoryRun], fits: Callable[[Key], bool] | None, *, verbose: bool
) -> Iterator[Line]:
    if not runs:
        return
    rows = [(str(r.number), minute(r.ended), r.command, r.outcome, r.actor.who) for r in runs]
    widths = [
        min(max(map(len, column)), max(_WIDEST, len(column[0])))
        for column in zip(_TITLES, *rows, strict=True)
    ]
    yield _headline([title.upper() for title in _TITLES], widths, "dim")
    for run, row in zip(runs, rows, strict=True):
        yield _headline(row, widths, _ROLES.get(run.outcome, ""))
        yield from indent(_about(run), _MARGIN)
        yield from indent(_resource_lines(run, fits, verbose=verbose), _MARGIN)
        yield ()


def _headline(row: Sequence[str], widths: Sequence[int], role: str) -> Line:
    number, ended, command, outcome, who = (
        cell.rjust(width) if not at else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return line(f"{number}  {ended}  {command}  ", (outcome, role), f"  {who}".rstrip())


def _about(run: HistoryRun) -> Iterator[Line]:
    origin, actor = run.origin, run.actor
    facts = (
        actor.commit and f"commit {actor.commit[:SHORT_COMMIT]}",
        origin.branch and f"branch {origin.branch}",
        origin.dirty and "uncommitted changes",
        origin.pull_request and f"pull request {origin.pull_request}",
        origin.approver and f"approved by {origin.approver}",
    )
    if told := ", ".join(fact for fact in facts if fact):
        yield line((told, "dim"))
    for consent in origin.consents:
        yield line((f"consent of {consent}", "dim"))
    if url := address(actor):
        yield line((url, "dim"))


def _resource_lines(
    run: HistoryRun, fits: Callable[[Key], bool] | None, *, verbose: bool
) -> Iterator[Line]:
    there = [each for each in run.resources if fits is None or fits(each.key)]
    shown = there if verbose else there[:FIRST_RESOURCES]
    wide = max((len(each.verb) for each in shown), default=0)
    for each in shown:
        yield _resource_line(each, wide)
    if len(there) > len(shown):
        yield line((f"… {len(there) - len(shown)} more, --verbose shows them", "dim"))
    if run.left_out and fits is None:
        yield line((f"… {run.left_out} more, counted alone", "dim"))
    if run.recovered and not run.resources:
        counts = counts_text(run.counts)
        yield line((f"{counts or 'no changes known'} (from the ledger alone)", "dim"))


def _resource_line(resource: HistoryResource, wide: int) -> Line:
    status = "" if resource.status == Status.DONE else f"  ({resource.status})"
    return line(
        (resource.verb.ljust(wide), resource.verb),
        f"  {resource.key}{_versions(resource)}",
        (status, "error" if resource.status == Status.FAILED else "warning"),
    )


def _versions(resource: HistoryResource) -> str:
    """The version from and to, once where there is one.

    Where the platform numbers what is made, the old version alone would pass for the new one: it is
    shown of what was deleted.
    """
    before, after = resource.before, resource.after
    if after is None and resource.verb not in (Verb.DELETE, GC_VERB):
        return ""
    both = [each for each in (before, after if after != before else None) if each is not None]
    return f"  {' -> '.join(both)}" if both else ""


def _summary(found: HistoryResult, runs: Sequence[HistoryRun]) -> str:
    total = len(found.runs)
    if len(runs) == total:
        return f"{counted(total, 'run')}."
    return f"{len(runs)} of {counted(total, 'run')}."


def history_document(found: HistoryResult, runs: Sequence[HistoryRun]) -> JsonDict:
    """The runs that were asked for, the newest first, whole; times as ISO 8601 in UTC."""
    return {
        "name": history_name(found.owner),
        "id": found.id,
        "total": len(found.runs),
        "runs": [run_document(run) for run in runs],
    }


def run_document(run: HistoryRun) -> JsonDict:
    """One run, whole."""
    return {
        "number": run.number,
        "run": run.id,
        "command": run.command,
        "outcome": run.outcome,
        "started": iso(run.started),
        "ended": iso(run.ended),
        **actor_document(run.actor),
        "branch": run.origin.branch,
        "dirty": run.origin.dirty,
        "pull_request": run.origin.pull_request,
        "approver": run.origin.approver,
        "consents": list(run.origin.consents),
        "plan_digest": run.plan,
        "peakctl_version": run.peakctl,
        "counts": dict(run.counts),
        "resources": [
            {
                "key": str(each.key),
                "kind": each.key.kind,
                "name": each.key.name,
                "verb": each.verb,
                "status": each.status,
                "version_before": each.before,
                "version_after": each.after,
            }
            for each in run.resources
        ],
        "resources_left_out": run.left_out,
        "recovered": run.recovered,
    }
