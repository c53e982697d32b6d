"""What is created, field by field, as if each field were added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.model import MISSING, Action, Change, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator


MADE = (Verb.CREATE, Verb.REPLACE)


def created_fields(action: Action) -> Iterator[Change]:
    """The top fields of `metadata` and `spec`; the name is in the headline already."""
    for room in ("metadata", "spec"):
        for name, value in (action.desired.get(room) or {}).items():
            if (room, name) != ("metadata", "name"):
                yield Change((room, name), MISSING, value, "create")


def told_changes(action: Action) -> tuple[Change, ...]:
    """The changes of an action, for a reader who wants to see all that it would send."""
    return tuple(created_fields(action)) if action.verb in MADE else action.changes
