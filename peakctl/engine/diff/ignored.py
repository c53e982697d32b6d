"""What is sent in place of fields that `lifecycle.ignoreChanges` names."""

from __future__ import annotations

from typing import Any

from peakctl.engine.diff.align import keys_of
from peakctl.kinds.fields import Field, child, seal_all, variant
from peakctl.model import MISSING, Path, Value, copy_tree, is_masked, reveal, value_at


def keep_live(rule: Field, desired: Any, live: Value, path: Path) -> None:
    """Put what is live at `path`, a path of a change, into `desired`: calls that send a whole

    document would change it otherwise. A mask stays out: it is not the value.
    """
    rule, (part, *rest) = variant(rule, desired, live), path
    inner = child(rule, part)
    here, there = _spot(rule, desired, part), _spot(rule, live, part)
    value = MISSING if there is None else value_at(live, (there,))
    if inner is None or is_masked(reveal(value)):
        return
    if rest:
        if here is None:
            here = part
            desired[here] = {}
        keep_live(inner, desired[here], {} if value is MISSING else value, tuple(rest))
    elif value is not MISSING:
        _put(desired, here, part, copy_tree(seal_all(inner, value)))
    elif here is not None:
        del desired[here]


def _put(desired: Any, here: str | int | None, part: str | int, value: Value) -> None:
    if here is not None or isinstance(desired, dict):
        desired[part if here is None else here] = value
    else:
        desired.append(value)


def _spot(rule: Field, holder: Value, part: str | int) -> str | int | None:
    """Where the entry that a path calls `part` stands: keyed lists and sets are told by key."""
    if not isinstance(holder, list):
        return part if isinstance(holder, dict) and part in holder else None
    if isinstance(part, int):
        return part if part < len(holder) else None
    keys = keys_of(rule, holder)
    return keys.index(part) if part in keys else None
