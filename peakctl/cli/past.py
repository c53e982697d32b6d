"""What `history` has in common with `ledger history`, `diff` and `why`: runs and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.cli.session import Session
from peakctl.operations.history import fits, read_runs, select_runs
from peakctl.operations.target import find_kind
from peakctl.present.history import history_document, history_lines
from peakctl.present.values import block

if TYPE_CHECKING:
    from peakctl.model import JsonDict
    from peakctl.present.report import Report
    from peakctl.present.text import Line

FIRST_RUNS = 20
"""How many runs of a history are shown as text where nothing else is asked for."""


async def history_of_project(session: Session, asked: JsonDict) -> Report:
    """The runs that are asked for: `since`, `resource` and `limit` are those of `select_runs`."""
    session.require_owner()
    async with session.connected() as platform:
        if asked["resource"] is not None:
            kind, slash, name = asked["resource"].partition("/")
            asked["resource"] = f"{find_kind(kind, platform.kinds)}{slash}{name}"
        found = await read_runs(platform)
    session.warnings += found.diagnostics
    if session.flags.output == "text" and asked["limit"] is None:
        asked["limit"] = FIRST_RUNS
    runs, word = select_runs(found, **asked), asked["resource"]
    shown = history_lines(
        found,
        runs,
        verbose=session.flags.verbose,
        fits=word and (lambda key: fits(key, word, found.prefix)),
    )
    return told(session, "history", history_document(found, runs), shown)


async def diff_of_versions(session: Session, word: str, before: str, after: str) -> Report:
    """What differs between two versions of the resource that `word` names."""
    from peakctl.operations.versions import diff_versions
    from peakctl.present.versions import diff_document, diff_lines

    async with session.connected_to(word) as (platform, target):
        found = await diff_versions(platform, target.key, before, after)
    session.warnings += found.diagnostics
    lines = diff_lines(found, verbose=session.flags.verbose)
    return told(session, "diff", diff_document(found), lines)


def told(session: Session, word: str, document: JsonDict, lines: tuple[Line, ...]) -> Report:
    """The report of a command that tells of one thing; as YAML where that was asked for."""
    redact = session.project.redact
    rows = block(document) if session.flags.output == "yaml" else []
    text = "".join(f"{redact(row)}\n" for row in rows)
    return session.report(lines=lines, text=text, extra={word: document})
