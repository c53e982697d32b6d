"""Why fields have their values, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from peakctl.model import MISSING, HistoryRun, JsonDict, Location, Value
from peakctl.model.values import dotted, holds_secret
from peakctl.operations.why import FieldWhy, Source, WhyResult
from peakctl.present.changes import change_lines
from peakctl.present.ledger import SHORT_COMMIT, iso, moment
from peakctl.present.plan_json import change_document
from peakctl.present.reasons import reason_document, reasons_text
from peakctl.present.text import Line, indent, line, table_lines
from peakctl.present.values import inline, masked, to_json

_WIDEST = 60


def why_lines(found: WhyResult, *, verbose: bool = False) -> tuple[Line, ...]:
    """A table of all fields, or each field that was asked for with all that is known of it."""
    if found.whole:
        return tuple(_table(found))
    return tuple(row for each in found.fields for row in _field(each, found, verbose=verbose))


def _table(found: WhyResult) -> Iterator[Line]:
    yield line((str(found.key), "bold"), f"  {_at(found.place)}")
    yield from indent(_facts(found), 4)
    yield ()
    rows = [(dotted(e.path), _short(e.value), _from(e), _verdict(e, found)) for e in found.fields]
    yield from table_lines(("field", "value", "from", "live"), rows)


def _facts(found: WhyResult) -> Iterator[Line]:
    if found.run is not None:
        yield line(f"changed last by {_run(found.run)}")
    if found.action is not None and (because := reasons_text(found.action)):
        yield line(f"an apply would {found.action.verb} it: {because}")


def _from(each: FieldWhy) -> str:
    place = _at(each.place) if each.place else ""
    names = ", ".join(f"{use.name} ({_given(use.given, use.place)})" for use in each.parameters)
    return f"{place}  {names}" if names else place or str(each.source)


def _given(words: str, place: Location | None) -> str:
    return _at(place) if place else words


def _verdict(each: FieldWhy, found: WhyResult) -> str:
    if found.action is None:
        return "not known"
    if found.action.live is None:
        return "not there yet"
    if each.planned:
        return "differs"
    return "differs, ignored" if each.skipped else "the same"


def _field(each: FieldWhy, found: WhyResult, *, verbose: bool) -> Iterator[Line]:
    yield line((f"{found.key}", "bold"), f"  {dotted(each.path)}: ", (_shown(each.value), "bold"))
    yield from indent(_rows(each, found, verbose=verbose), 4)
    yield ()


def _rows(each: FieldWhy, found: WhyResult, *, verbose: bool) -> Iterator[Line]:
    yield line(_origin(each))
    for use in each.parameters:
        yield line(f"parameter {use.name}: {_given(use.given, use.place)}")
    for reason in each.skipped:
        yield line(f"a difference that plans nothing: {reason}")
    for change in each.planned:
        yield line("an apply would change it:")
        yield from indent(change_lines(change, verbose=verbose), 2)
    if not (each.planned or each.skipped):
        yield line(f"live: {_verdict(each, found)}")
    yield from _history(each, found)


def _history(each: FieldWhy, found: WhyResult) -> Iterator[Line]:
    if each.edited:
        yield line("not applied yet")
    elif each.run is not None:
        yield line(f"since {_run(each.run)}")
    elif found.run is not None:
        yield line(f"resource changed last by {_run(found.run)}")
    if each.before is not None:
        yield line(f"before: {_shown(each.before.value)} ({each.before.where})")


def _origin(each: FieldWhy) -> str:
    at = f" at {_at(each.place)}" if each.place else ""
    match each.source:
        case Source.TEMPLATE:
            return f"from a template{at}: {{{{ {each.expression} }}}}"
        case Source.FILE:
            return f"from a file that the manifest names{at}"
        case Source.DEFAULT:
            return "not in the manifest: the default of the schema counts, and is enforced"
        case Source.ABSENT:
            return f"not in the manifest{f': {each.meaning}' if each.meaning else ''}"
        case _:
            return f"from the manifest{at}"


def _run(run: HistoryRun) -> str:
    commit = f", commit {run.actor.commit[:SHORT_COMMIT]}" if run.actor.commit else ""
    return f"run {run.number} ({run.command}) of {moment(run.ended)} by {run.actor.who}{commit}"


def _at(place: Location) -> str:
    return f"{place.file}:{place.line}:{place.column}"


def _shown(value: Value) -> str:
    return inline(masked(value) if holds_secret(value) else value)


def _short(value: Value) -> str:
    text = _shown(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def why_document(found: WhyResult) -> JsonDict:
    """The same for programs; times as ISO 8601 in UTC, what is not known as null."""
    action = found.action
    return {
        "key": str(found.key),
        "place": _place(found.place),
        "run": _run_document(found.run),
        "action": str(action.verb) if action else None,
        "causes": list(map(reason_document, action.reasons)) if action else [],
        "fields": [_document(each, found) for each in found.fields],
    }


def _document(each: FieldWhy, found: WhyResult) -> JsonDict:
    before = each.before
    return {
        "path": dotted(each.path),
        "value": _json(each.value),
        "source": str(each.source),
        "place": _place(each.place),
        "expression": each.expression or None,
        "parameters": [
            {"name": use.name, "given": use.given, "place": _place(use.place)}
            for use in each.parameters
        ],
        "meaning": each.meaning or None,
        "live": _verdict(each, found),
        "planned": [change_document(change) for change in each.planned],
        "skipped": list(each.skipped),
        "applied": not each.edited,
        "since": _run_document(each.run),
        "before": {"value": _json(before.value), "where": before.where} if before else None,
    }


def _json(value: Value) -> object:
    return None if value is MISSING else to_json(masked(value) if holds_secret(value) else value)


def _place(place: Location | None) -> JsonDict | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "column": place.column}


def _run_document(run: HistoryRun | None) -> JsonDict | None:
    if run is None:
        return None
    return {
        "number": run.number,
        "command": run.command,
        "ended": iso(run.ended),
        "who": run.actor.who,
        "commit": run.actor.commit or None,
    }
