"""Live values that a call would lose: it sends a whole, and nothing knows the value to repeat.

A workflow's update and a deployment's revision replace everything. What no read returns (a git
token), or returns masked, has to come from the manifest then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.engine.diff import IGNORED
from peakctl.engine.tree import MAPS, child, variant
from peakctl.errors import Diagnostic
from peakctl.kinds.fields import Absent
from peakctl.kinds.paths import value_at
from peakctl.model import MISSING, Step, dotted, is_masked, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peakctl.engine.ledger.memory import Memory
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Action, Live, Path, Resource, Value

UPDATES = frozenset({Step.UPDATE, Step.UPDATE_METADATA})


def losses(
    resource: Resource, kind: Kind, action: Action, live: Live, memory: Memory
) -> list[Diagnostic]:
    """An error for each live value that the action would drop without a word of the manifest."""
    updates = kind.whole_update and UPDATES & set(action.steps)
    found = list(_never_read(kind.root, action.desired, live.values, ())) if updates else []
    unknown = [path for path in found if memory.same(path, MISSING) is not True]
    if updates or Step.CREATE_REVISION in action.steps:
        unknown += [
            skipped.path
            for skipped in action.skipped
            if skipped.reason == IGNORED and _shows_mask(value_at(live.values, skipped.path))
        ]
    return [_lost(resource, path, ignored=path not in found) for path in unknown]


def _never_read(rule: Field, desired: Value, live: Value, path: Path) -> Iterator[Path]:
    """Fields that are never returned, left out in a map that is live already."""
    if not isinstance(desired, MAPS) or not isinstance(live, MAPS):
        return
    chosen = variant(rule, desired, live)
    for word, inner in chosen.properties.items():
        if inner.absent is Absent.WRITE_ONLY and inner.sensitive and word not in desired:
            yield (*path, word)
    for word, value in desired.items():
        below = child(chosen, word)
        if below is not None:
            yield from _never_read(below, value, live.get(word, MISSING), (*path, word))


def _shows_mask(value: Value) -> bool:
    """Whether the live value is a mask, or a map with one in it."""
    plain = reveal(value)
    if isinstance(plain, MAPS):
        return any(_shows_mask(each) for each in plain.values())
    return is_masked(plain)


def _lost(resource: Resource, path: Path, *, ignored: bool) -> Diagnostic:
    where = dotted(path)
    give = f"give {where} its value, as {{{{ os_env.NAME }}}}"
    other = (
        "take it out of lifecycle.ignoreChanges" if ignored else f'write {path[-1]}: "" for none'
    )
    return Diagnostic(
        code="plan/unread-value",
        summary=f"the update would lose {where}, which no read returns",
        key=resource.key,
        path=path,
        locations=(resource.document.locate(path),),
        detail="the call replaces the whole; what it leaves out is gone",
        fix=f"{give}; or {other}",
    )
