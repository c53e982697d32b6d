"""Where manifests have what a plan speaks of: paths of changes there and back."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from peakctl.engine.diff.align import keys_of
from peakctl.kinds.fields import Field, Kind, child, variant
from peakctl.model import Action, Path, Resource, Tree, Value, list_at, value_at


def shown_path(path: Path, action: Action, kind: Kind) -> Path:
    """The path of a change as manifests have it: that of the reference for ids that it stands for.

    Items of lists that are compared by key go by that key.
    """
    for reference in action.resource.references if action.resource else ():
        for place in (reference.id_at, reference.version_at):
            if place is not None and keyed(kind.root, action.desired, place) == path:
                return keyed(kind.root, action.desired, reference.at)
    return path


def source_path(path: Path, action: Action, kind: Kind) -> Path:
    """The path of a change in the document itself, with positions for keys of items."""
    return _positions(kind.root, action.desired, shown_path(path, action, kind))


def keyed(root: Field, values: Tree, path: Path) -> Path:
    """`path` with keys for the positions in lists that are compared by key."""
    return tuple(_parts(root, values, path, keys=True))


def _positions(root: Field, values: Tree, path: Path) -> Path:
    """`path` with positions for the keys of items, as far as there are such items."""
    return tuple(_parts(root, values, path, keys=False))


def _parts(root: Field, values: Tree, path: Path, *, keys: bool) -> Iterator[str | int]:
    rule: Field | None = root
    here: Value = values
    for part in path:
        rule = variant(rule, here) if rule else None
        at: str | int = part
        if rule is not None and (rule.list_key or rule.unordered) and isinstance(here, list):
            names = keys_of(rule, list_at(here))
            if not keys and part in names:
                at = names.index(str(part))
            part = names[int(part)] if keys else part
        yield part if keys else at
        rule = child(rule, part) if rule else None
        here = value_at(here, (at,))


def folder_of(resource: Resource, path: Path) -> str:
    """The folder of an archive, as users write paths: from where the project is."""
    written = value_at(resource.document.value, (*path, "path"))
    here = posixpath.dirname(resource.document.display)
    return posixpath.normpath(posixpath.join(here, str(written)))
