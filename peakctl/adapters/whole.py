"""Values beside the fields that describe them: what a write must hold to lose nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peakctl.kinds.fields import Absent
from peakctl.model import MISSING, Path, Value

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field

# Kept only while the image beside it stays the same: it is a version of that one.
VERSION_OF = {"versionId": ("imageId", "id"), "imageVersionId": ("imageId",)}


def complete(field: Field | None, desired: Value, live: Value) -> Value:
    """`desired`, and in its maps what it leaves to the platform as the platform has it.

    For writes that replace what they name: a field whose absence means "leave as it is" would be
    lost. A default that is not what the platform has is said out loud.
    """
    if not isinstance(desired, Mapping) or not isinstance(live, Mapping):
        return desired
    whole = {
        name: complete(child(field, name, (desired, live)), value, live.get(name, MISSING))
        for name, value in desired.items()
    }
    for name, inner in properties(field, (desired, live)).items():
        if name in whole or name not in live or _is_of_another_image(name, whole, live):
            continue
        if inner.absent is Absent.SERVER:
            whole[name] = live[name]
        elif inner.absent is Absent.DEFAULT and inner.default is not MISSING:
            whole[name] = inner.default
    return whole


def _is_of_another_image(name: str, whole: Mapping[str, Value], live: Value) -> bool:
    """Whether `name` is the live version of an image that is being replaced."""
    return any(whole.get(id_) != live.get(id_) for id_ in VERSION_OF.get(name, ()))


def properties(field: Field | None, trees: tuple[Value, ...]) -> Mapping[str, Field]:
    """The properties that hold for these values, of the branch that they choose."""
    if field is None or not field.variants:
        return field.properties if field is not None else {}
    words = (t.get(field.discriminator) for t in trees if isinstance(t, Mapping))
    chosen = [field.aliases.get(w, w) for w in words if isinstance(w, str)]
    branch = next((field.variants[w] for w in chosen if w in field.variants), None)
    branch = branch or field.variants.get(field.default_variant)
    return {**field.properties, **(branch.properties if branch else {})}


def child(field: Field | None, name: str, trees: tuple[Value, ...]) -> Field | None:
    """The field of one property, or of the values of a map with free keys."""
    return properties(field, trees).get(name) or (field.extra if field is not None else None)


def at_path(tree: Value, path: Path) -> Value:
    """The value at a path of names, or MISSING."""
    for part in path:
        if not isinstance(tree, Mapping) or part not in tree:
            return MISSING
        tree = tree[part]
    return tree


def put(tree: Value, path: Path, value: Value) -> Value:
    """A copy of `tree` with `value` at `path`; maps are made on the way."""
    if not path:
        return value
    if isinstance(tree, list) and isinstance(path[0], int) and path[0] < len(tree):
        return [put(v, path[1:], value) if i == path[0] else v for i, v in enumerate(tree)]
    whole = dict(tree) if isinstance(tree, Mapping) else {}
    whole[str(path[0])] = put(whole.get(str(path[0])), path[1:], value)
    return whole
