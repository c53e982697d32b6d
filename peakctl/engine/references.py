"""Names to ids: what each reference of a resource stands for, and the values with ids in place."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from peakctl.engine.tree import copy_tree, drop_at, field_at, set_at
from peakctl.kinds.fields import Absent
from peakctl.kinds.paths import value_at
from peakctl.model import Key

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Path, Reference, Resource, Tree, Value

Attributes = Callable[["Reference"], "Tree | None"]


def targets(reference: Reference, declared: Container[Key]) -> tuple[Key, ...]:
    """The declared resources that `reference` may mean, by kind and name."""
    keys = (Key(kind, reference.name) for kind in reference.kinds)
    return tuple(key for key in keys if key in declared)


def resolve(resource: Resource, kind: Kind, attributes: Attributes) -> Tree:
    """The values of `resource` with ids for names and digests for artifact folders.

    `attributes` gives `{"id", "version"}` for a reference, or None to leave it out (a reference
    that orders nothing and whose resource does not exist yet).
    """
    values = copy_tree(resource.values)
    for path, archive in resource.archives.items():
        set_at(values, path, {"digest": archive.digest})
    for reference in resource.references:
        found = attributes(reference)
        if found is not None:
            _substitute(values, reference, kind, found)
    for reference in sorted(filter(may_be_left_out, resource.references), key=_item, reverse=True):
        if attributes(reference) is None:
            _leave_out(values, reference)
    return values  # type: ignore[no-any-return]


def may_be_left_out(reference: Reference) -> bool:
    """Whether the reference is one item of a list that orders nothing."""
    return not reference.edge and isinstance(reference.at[-1], int)


def _item(reference: Reference) -> int:
    return int(reference.at[-1])


def _substitute(values: Value, reference: Reference, kind: Kind, found: Tree) -> None:
    field = field_at(kind.root, reference.at, values)
    for path in _by_name_paths(values, reference, field):
        drop_at(values, path)
    set_at(values, reference.id_at, found["id"])
    if reference.version_at is not None and found.get("version") is not None:
        set_at(values, reference.version_at, found["version"])
    if reference.kind_at is not None and found.get("kind") is not None:
        words = field.ref.kind_words if field and field.ref else {}
        kind_word = words.get(found["kind"], found["kind"])
        sort = f"{found['kind']}/{found.get('word')}"
        set_at(values, reference.kind_at, words.get(sort, kind_word))
    if value_at(values, reference.at) == {}:
        drop_at(values, reference.at)


def _by_name_paths(values: Value, reference: Reference, field: Field | None) -> list[Path]:
    """The by-name half of the reference, which its ids replace."""
    holder = value_at(values, reference.at)
    if not isinstance(holder, dict):
        return [reference.at]
    by_name = [
        word
        for word, inner in (field.properties.items() if field else ())
        if inner.absent is Absent.BY_NAME
    ]
    return [(*reference.at, word) for word in ("name", *by_name)]


def _leave_out(values: Value, reference: Reference) -> None:
    """Take a list item out whose resource does not exist yet."""
    del value_at(values, reference.at[:-1])[reference.at[-1]]
