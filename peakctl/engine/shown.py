"""Which fields the reads of this tenant return, beyond those that the reference promises.

The contract's examples are short, so a field marked unseen may be missing from a read because it
is unset, or because reads never show it. It counts as shown once any resource of the kind has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.engine.tree import child, variant
from peakctl.model import MAPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peakctl.engine.observe.live_state import LiveState
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Path, Value

ANY = "*"


def shown_fields(kind: Kind, world: LiveState) -> Callable[[Path], bool]:
    """A predicate over paths: whether reads of this kind have been seen to return the field."""
    seen: set[Path] | None = None

    def shown(path: Path) -> bool:
        nonlocal seen
        if seen is None:
            seen = {
                found
                for key, live in world.live.items()
                if key.kind == kind.name
                for found in unseen_present(kind.root, live.values)
            }
        return any(_matches(path, place) for place in seen)

    return shown


def _matches(path: Path, place: Path) -> bool:
    return len(path) == len(place) and all(
        word in (part, ANY) for part, word in zip(path, place, strict=True)
    )


def unseen_present(rule: Field, value: Value, path: Path = ()) -> Iterator[Path]:
    """Places of the unseen fields that a read returned all the same.

    A field that one item of a list, or one entry of a map with free keys, shows is shown in all.
    """
    if rule.unseen:
        yield path
    if isinstance(value, list) and rule.items is not None:
        for item in value:
            yield from unseen_present(rule.items, item, (*path, ANY))
    if isinstance(value, MAPS):
        chosen = variant(rule, value)
        for word, inner_value in value.items():
            inner = child(chosen, word)
            if inner is not None:
                named = word if word in chosen.properties else ANY
                yield from unseen_present(inner, inner_value, (*path, named))
