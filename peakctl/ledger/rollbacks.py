"""What a rollback has put where the manifests say otherwise, as a ledger has it.

It stands among the digests of a resource, one entry for what it was rolled back to and one for each
field, so that older versions of peakctl need not know of it. A plan that would undo it needs
consent; an apply whose manifests agree with what is live forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from peakctl.ledger.digests import place
from peakctl.ledger.fields import LONGEST_WORD
from peakctl.model import Action, Path, Verb
from peakctl.model.records import dataclass

_MARK = "rolled-back"
_FIELD = f"{_MARK} "
_THERE = "x"
WHOLE = (Verb.REPLACE, Verb.DELETE)
"""What undoes a rollback whatever its fields are."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a resource was rolled back to, in words, and the places that it changed for that."""

    to: str
    places: frozenset[str]

    def is_undone_by(self, action: Action) -> bool:
        """Whether an action changes again what the rollback has changed."""
        if action.verb is Verb.KEEP:
            return False
        return action.verb in WHOLE or any(self.concerns(each.path) for each in action.changes)

    def concerns(self, path: Path) -> bool:
        """Whether a path is one that the rollback changed, or lies above or below one."""
        here = place(path)
        return any(_on_one_way(here, each) for each in self.places)


def _on_one_way(one: str, two: str) -> bool:
    return one == two or one.startswith(f"{two}/") or two.startswith(f"{one}/")


def write_mark(to: str, paths: Iterable[Path]) -> dict[str, str]:
    """The entries of a rollback to `to` that changed `paths`."""
    fields = {f"{_FIELD}{place(path)}": _THERE for path in paths}
    return {_MARK: to[:LONGEST_WORD], **fields}


def read_mark(digests: Mapping[str, str]) -> RolledBack | None:
    """What the entries of a resource tell of a rollback; None where they tell of none."""
    if _MARK not in digests:
        return None
    places = (name.removeprefix(_FIELD) for name in digests if name.startswith(_FIELD))
    return RolledBack(digests[_MARK], frozenset(places))


def kept_mark(digests: Mapping[str, str]) -> dict[str, str]:
    """The entries among those of a resource, to be written again."""
    return {n: each for n, each in digests.items() if n == _MARK or n.startswith(_FIELD)}
