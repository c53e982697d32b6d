"""Live values that a call would lose: it replaces everything, and no read returns the value.

A workflow's update and a deployment's revision replace everything. What no read returns (a git
token), or returns masked, has to come from the manifest then.
"""

from __future__ import annotations

from collections.abc import Iterator

from peakctl.engine.diff.compare import IGNORED
from peakctl.engine.diff.unseen import HIDDEN_STAYS
from peakctl.errors import Diagnostic, diagnose
from peakctl.kinds.fields import Absent, Field, Kind, child, variant
from peakctl.ledger.digests import StoredDigests
from peakctl.model import MAPS, MISSING, Action, Live, Path, Resource, Step, Value, value_at
from peakctl.model.values import dotted, is_masked, reveal

UPDATES = frozenset({Step.UPDATE, Step.UPDATE_METADATA})


def losses(
    resource: Resource, kind: Kind, action: Action, live: Live, memory: StoredDigests
) -> list[Diagnostic]:
    """An error for each live value that the action would drop though no manifest removes it."""
    updates = kind.whole_update and UPDATES & set(action.steps)
    found = list(_never_read(kind.root, action.desired, live.values, ())) if updates else []
    unknown = [path for path in found if memory.same(path, MISSING) is not True]
    problems = [_lost(resource, path, f'write {path[-1]}: "" for none') for path in unknown]
    if updates or Step.CREATE_REVISION in action.steps:
        problems += _skipped_losses(resource, action, live)
    return problems


def _skipped_losses(resource: Resource, action: Action, live: Live) -> Iterator[Diagnostic]:
    for skipped in action.skipped:
        path = skipped.path
        if skipped.reason == HIDDEN_STAYS:
            yield _lost(resource, path, f'write {path[-1]}: "" to empty it')
        elif skipped.reason == IGNORED and _shows_mask(value_at(live.values, path)):
            yield _lost(resource, path, "take it out of lifecycle.ignoreChanges")


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


def _lost(resource: Resource, path: Path, other: str) -> Diagnostic:
    where = dotted(path)
    give = f"give {where} its value, as {{{{ os_env.NAME }}}}"
    return diagnose(
        resource,
        path,
        "plan/unread-value",
        f"the call would lose {where}, which no read returns",
        detail="the call replaces the whole; what it leaves out is gone",
        fix=f"{give}; or {other}",
    )
