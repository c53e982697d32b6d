"""Drift for people and for programs: what others did, from the manifest to what is live."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from peakctl.engine.drift import Drift, DriftKind
from peakctl.engine.plan.causes import moment, run_words
from peakctl.errors import Diagnostic, Severity
from peakctl.model import JsonDict
from peakctl.model.text import printable
from peakctl.operations.drift import DriftResult
from peakctl.present.changes import change_lines
from peakctl.present.ledger import iso
from peakctl.present.plan_json import change_document
from peakctl.present.plan_markdown import escaped, fenced
from peakctl.present.text import Line, counted, first_names, indent, line, to_plain

_MARKS = {
    DriftKind.CHANGED: ("~", "edit"),
    DriftKind.DELETED: ("-", "delete"),
    DriftKind.RENAMED: ("~", "edit"),
    DriftKind.REPLACED: ("-/+", "replace"),
    DriftKind.ADDED: ("+", "create"),
    DriftKind.UNCLEAR: ("?", "note"),
}
_MARGIN = 4
_NAMED = 10
_DIRECTION = "(manifest -> platform)"


def drift_lines(found: DriftResult, *, verbose: bool = False) -> tuple[Line, ...]:
    """Each resource with what was done to it, by whom and when; the counts last."""
    wide = max((len(_with_symbol(each)) for each in found.drift), default=0)
    rows = [row for each in found.drift for row in (*_lines(each, wide, verbose=verbose), ())]
    return (*rows, *_after(found), line((drift_summary(found), "bold")))


def drift_summary(found: DriftResult) -> str:
    """`Drift: 2 changed, 1 deleted; 11 as applied.`, `No drift. 14 as applied.`"""
    counts = _counts(found)
    same = f"{counts['as_applied']} as applied."
    drifted = [f"{counts[kind]} {kind}" for kind in DriftKind if counts[kind]]
    return f"Drift: {', '.join(drifted)}; {same}" if drifted else f"No drift. {same}"


def _counts(found: DriftResult) -> dict[str, int]:
    kinds = [each.kind for each in found.drift]
    counts: dict[str, int] = {str(kind): kinds.count(kind) for kind in DriftKind}
    return {**counts, "as_applied": found.as_applied}


def _with_symbol(drift: Drift) -> str:
    return f"{_MARKS[drift.kind][0]} {drift.kind}"


def _lines(drift: Drift, wide: int, *, verbose: bool) -> Iterator[Line]:
    who = _who(drift)
    yield line(
        (f"{_with_symbol(drift):<{wide}}", _MARKS[drift.kind][1]),
        "  ",
        (str(drift.key), "bold"),
        f"  {drift.detail}" if drift.detail else "",
        (f"  {who}" if who else "", "dim"),
    )
    if drift.kind in (DriftKind.REPLACED, DriftKind.UNCLEAR, DriftKind.ADDED):
        yield from indent((line((drift.sentence, "dim")),), _MARGIN)
    yield from indent(_changed(drift, verbose=verbose), _MARGIN)


def _changed(drift: Drift, *, verbose: bool) -> Iterator[Line]:
    for change in drift.changes:
        rows = change_lines(change, verbose=verbose)
        too = ("  (the manifest changed it, too)", "note")
        if rows and {*change.paths} & {*drift.both}:
            rows = ((*rows[0], too), *rows[1:])
        yield from rows
    shown = {path for change in drift.changes for path in change.paths}
    yield from (line(path) for path in drift.paths if path not in shown)


def _who(drift: Drift) -> str:
    """`by ana, 2026-10-01 12:04:05 UTC`, as far as the platform tells it."""
    edited = drift.edited
    if edited is None:
        return ""
    by = [f"by {edited.by}"] if edited.by else []
    return ", ".join((*by, *([moment(edited.at)] if edited.at is not None else [])))


def _after(found: DriftResult) -> Iterator[Line]:
    """What drift is told from, and what is no drift."""
    for words in run_words(found.last_run):
        yield line((f"Compared with the {words}.", "dim"))
    if found.waiting:
        names = first_names([str(key) for key in found.waiting], _NAMED)
        yield line((f"Not applied yet, so no drift: {names}", "dim"))


def drift_document(found: DriftResult) -> JsonDict:
    """The command's own part of its JSON document."""
    run = found.last_run
    return {
        "summary": _counts(found),
        "drift": [_document(each) for each in found.drift],
        "waiting": [str(key) for key in found.waiting],
        "last_run": {
            "run": run.run,
            "who": run.actor.who,
            "commit": run.actor.commit or None,
            "ended": iso(run.ended),
            "outcome": run.outcome,
        }
        if run
        else None,
    }


def drift_events(found: DriftResult) -> tuple[tuple[str, JsonDict], ...]:
    """The same as JSON lines: one for each resource, then the counts."""
    rows = [("drift", _document(each)) for each in found.drift]
    return (*rows, ("summary", {"summary": _counts(found)}))


def _document(drift: Drift) -> JsonDict:
    edited, place = drift.edited, drift.place
    return {
        "key": str(drift.key),
        "kind": drift.key.kind,
        "name": drift.key.name,
        "id": drift.id,
        "drift": str(drift.kind),
        "sentence": drift.sentence,
        "by": (edited.by or None) if edited else None,
        "at": iso(edited.at) if edited and edited.at is not None else None,
        "paths": list(drift.paths),
        "changed_in_manifest": list(drift.both),
        "changes": [change_document(change) for change in drift.changes],
        "detail": drift.detail,
        "file": place.file if place else None,
        "line": place.line if place else None,
    }


def drift_findings(found: DriftResult) -> tuple[Diagnostic, ...]:
    """The same for code hosts: a warning at each resource."""
    return tuple(
        Diagnostic(
            code="drift/outside",
            summary=f"{each.kind} outside: {each.sentence}",
            key=each.key,
            locations=(each.place,) if each.place else (),
            detail="\n".join(filter(None, (each.detail, ", ".join(each.paths), _who(each)))),
            fix="apply the manifest again, or write the change into it",
            severity=Severity.WARNING,
        )
        for each in found.drift
    )


def drift_sections(found: DriftResult) -> tuple[str, ...]:
    """The same as Markdown: the counts, a table, the changed fields of each resource."""
    return (
        f"**{escaped(drift_summary(found))}**\n",
        *_table(found.drift),
        *(_details(each) for each in found.drift if each.paths),
        *(f"{escaped(text)}\n" for row in _after(found) if (text := to_plain((row,)).strip())),
    )


def _table(drift: Sequence[Drift]) -> Iterator[str]:
    if not drift:
        return
    rows = [
        f"| {escaped(_with_symbol(each))} | {escaped(str(each.key))} | {escaped(_who(each))} |"
        f" {escaped(each.detail or each.sentence)} |"
        for each in drift
    ]
    yield "\n".join(("| | resource | who and when | |", "| --- | --- | --- | --- |", *rows, ""))


def _details(drift: Drift) -> str:
    fields = counted(len(drift.paths), "field")
    text = to_plain(tuple(_changed(drift, verbose=False)))
    words = html.escape(printable(f"{drift.key}: {fields} {_DIRECTION}"))
    title = f"<details><summary>{words}</summary>"
    return f"{title}\n\n{fenced(text, 'text')}\n</details>\n"
