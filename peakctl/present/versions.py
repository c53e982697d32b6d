"""The versions of one resource, and what differs between two of them, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator

from peakctl.model import HistoryResource, HistoryRun, JsonDict, KeptVersion
from peakctl.model.text import status_word
from peakctl.operations.versions import PastVersion, ResourceHistory, VersionDiff
from peakctl.present.changes import change_lines
from peakctl.present.files import file_lines, files_document, replaces
from peakctl.present.history import run_document
from peakctl.present.ledger import SHORT_COMMIT, iso, minute
from peakctl.present.plan_json import change_document
from peakctl.present.runs import executions_lines, listed_row
from peakctl.present.text import Line, counted, indent, line, table_lines

FIRST = 20
_LONGEST_NOTES = 60


def past_lines(found: ResourceHistory, most: int | None = FIRST) -> tuple[Line, ...]:
    """A table of the versions, the newest first; then the runs that changed the resource."""
    executions = found.executions
    ran = () if executions is None else ((), *executions_lines(found.key, executions[:most]))
    return (*_version_lines(found, most), *_run_lines(found, most), *ran)


def _version_lines(found: ResourceHistory, most: int | None) -> Iterator[Line]:
    if not found.word:
        yield line((f"The platform keeps no versions of a {found.key.kind}.", "dim"))
        return
    shown = found.versions[:most]
    rows = [_row(each) for each in shown]
    titles = (found.word, "status", "made (utc)", "by", "run", "commit", "notes")
    used = [at for at, title in enumerate(titles) if not at or any(row[at] for row in rows)]
    if rows:
        yield from table_lines([titles[at] for at in used], [[r[at] for at in used] for r in rows])
    yield line((_summary(len(shown), len(found.versions), found.word), "bold"))


def _row(past: PastVersion) -> tuple[str, ...]:
    version, run = past.version, past.run
    made, who = version.made, run.actor.who if run else ""
    at = made.at if made and made.at is not None else run.ended if run else None
    return (
        version.number,
        status_word(version.status),
        "" if at is None else minute(at),
        (made.by if made else "") or who,
        str(run.number) if run else "",
        run.actor.commit[:SHORT_COMMIT] if run else "",
        _short(version.notes),
    )


def _short(text: str) -> str:
    first = text.strip().partition("\n")[0]
    return first if len(first) <= _LONGEST_NOTES else f"{first[: _LONGEST_NOTES - 1]}…"


def _summary(shown: int, total: int, word: str) -> str:
    count = counted(total, word)
    return f"{count}." if shown == total else f"{shown} of {count}."


def _run_lines(found: ResourceHistory, most: int | None) -> Iterator[Line]:
    yield ()
    if not found.runs:
        kept = "no ledger is kept here, so none is known"
        why = kept if found.runs is None else "none that is known has changed it"
        yield line((f"Runs of this project: {why}.", "dim"))
        return
    shown = found.runs[:most]
    rows = [_run_row(run, each) for run in shown for each in run.resources if each.key == found.key]
    titles = ("run", "ended (utc)", "command", "what", found.word or "version", "who", "commit")
    used = [at for at in range(len(titles)) if not at or any(row[at] for row in rows)]
    yield from table_lines([titles[at] for at in used], [[r[at] for at in used] for r in rows])
    yield line((_summary(len(shown), len(found.runs), "run"), "bold"))


def _run_row(run: HistoryRun, done: HistoryResource) -> tuple[str, ...]:
    return (
        str(run.number),
        minute(run.ended),
        run.command,
        f"{done.verb} {done.status}",
        _moved(done.before, done.after),
        run.actor.who,
        run.actor.commit[:SHORT_COMMIT],
    )


def _moved(before: str | None, after: str | None) -> str:
    both = [each for each in (before, after if after != before else None) if each is not None]
    return " -> ".join(both)


def past_document(found: ResourceHistory, most: int | None = None) -> JsonDict:
    """The versions and the runs, the newest first, `most` of each; times as ISO 8601 in UTC."""
    return {
        "key": str(found.key),
        "kind": found.key.kind,
        "name": found.key.name,
        "id": str(found.id),
        "numbered": found.word,
        "versions": [_version_document(each) for each in found.versions[:most]],
        "executions": None
        if found.executions is None
        else [listed_row(each) for each in found.executions[:most]],
        "runs": None if found.runs is None else [run_document(run) for run in found.runs[:most]],
    }


def _version_document(past: PastVersion) -> JsonDict:
    version, run = past.version, past.run
    return {
        **_facts(version),
        "run": run.number if run else None,
        "who": run.actor.who if run else "",
        "commit": run.actor.commit if run else "",
    }


def _facts(version: KeptVersion) -> JsonDict:
    made = version.made
    return {
        "number": version.number,
        "status": version.status,
        "made": iso(made.at) if made and made.at is not None else None,
        "by": made.by if made else "",
        "notes": version.notes,
    }


def diff_lines(found: VersionDiff, *, verbose: bool = False) -> tuple[Line, ...]:
    """What differs, from the first version to the second."""
    action, word = found.action, found.word
    files = file_lines(action, verbose=verbose)
    changes = [each for each in found.changes if not (files and replaces(action, each))]
    head = line((f"{found.key}", "bold"), f"  {word} {found.before} -> {found.after}")
    if not (files or changes):
        return (line(f"Nothing differs between {word} {found.before} and {found.after}."),)
    rows = [each for change in changes for each in change_lines(change, verbose=verbose)]
    return (head, *indent((*rows, *files), 4))


def diff_document(found: VersionDiff) -> JsonDict:
    """The same for programs."""
    return {
        "key": str(found.key),
        "numbered": found.word,
        "before": found.before,
        "after": found.after,
        "changes": [change_document(each) for each in found.changes],
        "files": files_document(found.action.files),
    }
