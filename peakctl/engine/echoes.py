"""What a read only repeats: defaults of declared parameters, and values given for the whole.

No source says whether the platform shows them where nobody gave a value (docs/platform.md, 5).
Where it does, they are no difference: the manifest leaves them out, and they hold all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.engine.plan.parameters import GROUPS, Slot
from peakctl.engine.tree import copy_tree, drop_at
from peakctl.kinds.paths import value_at
from peakctl.model import MAPS, MISSING, reveal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from peakctl.model import Path, Tree


def without_echoes(live: Tree, given: Tree, slots: Iterable[Slot]) -> Tree:
    """`live` less the values that `given` leaves out and that hold without being given."""
    paths = [path for slot in slots for path in _echoes(live, given, slot)]
    out = copy_tree(live) if paths else live
    for path in paths:
        drop_at(out, path)
    return out


def _echoes(live: Tree, given: Tree, slot: Slot) -> Iterator[Path]:
    for group in GROUPS:
        at = (*slot.at, group)
        found, stated = _map(value_at(live, at)), _map(value_at(given, at))
        inherited = _map(slot.inherited.get(group))
        for definition in slot.definitions.get(group) or ():
            name = definition.get("name")
            implied = (inherited.get(name, MISSING), definition.get("defaultValue", MISSING))
            if name in found and name not in stated and found[name] in map(reveal, implied):
                yield (*at, name)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, MAPS) else {}
