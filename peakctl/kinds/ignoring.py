"""Whether the paths of `lifecycle.ignoreChanges` can mean any field at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from peakctl.errors import nearest_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import Field

PART = re.compile(r'"([^"]*)"|\[(\d+)\]|([^.\[\]"]+)')


def check_ignored(root: Field, paths: Iterable[str], complaints: Complaints) -> None:
    """Complain of each path that no field answers to: it would ignore nothing, in silence."""
    for position, text in enumerate(paths):
        lost = first_unknown(root, text)
        if lost is None:
            continue
        part, names = lost
        near = nearest_names(part, names)
        fix = f"did you mean: {', '.join(near)}" if near else "remove it, or name a field that is"
        summary = f'"{text}" names no field: there is no "{part}"'
        detail = f"the fields there are {', '.join(names)}" if names else ""
        where = ("lifecycle", "ignoreChanges", position)
        complaints.add("ignored-field", where, summary, detail=detail, fix=fix)


def first_unknown(root: Field, text: str) -> tuple[str, tuple[str, ...]] | None:
    """The first part of a path that no field has, with the names that it could have been."""
    here = [root]
    for found in PART.finditer(text):
        part = next(group for group in found.groups() if group is not None)
        below = [inner for field in here for inner in _below(field, part)]
        if not below:
            return None if any(_is_open(field) for field in here) else (part, _names(here))
        here = below
    return None


def _names(fields: Iterable[Field]) -> tuple[str, ...]:
    found = {name for field in fields for branch in _branches(field) for name in branch.properties}
    return tuple(sorted(found))


def _branches(field: Field) -> Iterator[Field]:
    yield field
    yield from field.variants.values()


def _below(field: Field, part: str) -> Iterator[Field]:
    """The fields that `part` may mean: items of a list are named by position or by key."""
    for branch in _branches(field):
        named = branch.properties.values() if "*" in part else (branch.properties.get(part),)
        yield from (inner for inner in (*named, branch.extra, branch.items) if inner is not None)


def _is_open(field: Field) -> bool:
    """Whether the schema leaves open what the value holds."""
    bare = not (field.properties or field.extra or field.items or field.variants)
    return bare and (not field.types or bool(field.types & {"object", "array"}))
