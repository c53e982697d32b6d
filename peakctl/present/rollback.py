"""What makes a rollback last: the edits of manifests, as lines and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from peakctl.engine.rollback import LastingChange
from peakctl.model import MISSING, JsonDict, Value
from peakctl.model.values import dotted, holds_secret
from peakctl.operations.rollback import RollbackPlan
from peakctl.present.text import Line, first_names, line
from peakctl.present.values import inline, masked, to_json


def lasting_lines(found: RollbackPlan) -> tuple[Line, ...]:
    """What to write into the manifests; nothing where they say it already."""
    return tuple(_lasting(found))


def _lasting(found: RollbackPlan) -> Iterator[Line]:
    if found.files:
        yield line(("To make it last, take the files of its commit, and commit them:", "bold"))
        yield line("  ", (restore_command(found), "command"))
        yield line((f"  they differ in {first_names(found.files)}", "dim"))
    elif found.lasting:
        yield line(("To make it last, change the manifests:", "bold"))
        for each in found.lasting:
            place = each.place
            at = f"{place.file}:{place.line}:{place.column}" if place else str(each.key)
            yield line(f"  {at}  {_edit(each)}")
    else:
        return
    yield line(("Until that is applied, a plan that would undo it is refused (12).", "dim"))
    yield ()


def restore_command(found: RollbackPlan) -> str:
    """What puts the files of the commit into the working tree."""
    return shlex.join(["git", "restore", f"--source={found.commit[:12]}", "--", "."])


def _edit(change: LastingChange) -> str:
    path = dotted(change.path)
    if change.after is MISSING:
        return f"{path}: take it out"
    after = _shown(change.after)
    before = "" if change.before is MISSING else f"{_shown(change.before)} -> "
    return f"{path}: {before}{after}"


def _shown(value: Value) -> str:
    return inline(masked(value) if holds_secret(value) else value)


def rollback_document(found: RollbackPlan) -> JsonDict:
    """The same for programs."""
    return {
        "to": found.to,
        "commit": found.commit or None,
        "lasting": [_document(each) for each in found.lasting],
        "files": list(found.files),
        "command": restore_command(found) if found.files else None,
    }


def _document(change: LastingChange) -> JsonDict:
    place = change.place
    sides = {
        name: None if side is MISSING else to_json(side)
        for name, side in (("before", change.before), ("after", change.after))
    }
    return {
        "key": str(change.key),
        "path": dotted(change.path),
        **sides,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }
