"""Comparisons that are made as soon as a resource is read, while others are waited for.

Nothing depends on them. A plan takes one only where it is of the very values that the plan is about
to compare; what would need the rest of the tenant, or the work on secrets, is left to the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from peakctl.engine.diff.compare import Diff, compare
from peakctl.engine.graph import targets
from peakctl.engine.plan.references import resolve
from peakctl.kinds.fields import Kind
from peakctl.ledger.digests import StoredDigests, stored_digests
from peakctl.model import Key, Ledger, Live, Path, Resource, Tree
from peakctl.model.records import dataclass
from peakctl.model.resources import Reference
from peakctl.model.values import holds_secret


@dataclass(frozen=True, slots=True)
class _Made:
    """A comparison, and what it was made of; it took the fields at `asked` for not shown."""

    desired: Tree
    live: Tree
    ledger: Ledger | None
    asked: frozenset[Path]
    diff: Diff


class Comparisons:
    """Those of one look at the tenant, by resource."""

    def __init__(self, resources: Mapping[Key, Resource], kinds: Mapping[str, Kind]) -> None:
        self._resources = resources
        self._kinds = kinds
        self._made: dict[Key, _Made] = {}
        self._stored: tuple[Ledger | None, Callable[[Live], StoredDigests]] | None = None

    def make(self, key: Key, found: Mapping[Key, Live], ledger: Ledger | None) -> None:
        """Compare what is live under `key` with its manifest; `found` is what was read so far."""
        resource, kind, live = self._resources[key], self._kinds[key.kind], found[key]
        memory = self._memory(live, ledger)
        if live.hidden or kind.defined_by or memory.has_secrets or holds_secret(resource.values):
            return
        asked: set[Path] = set()

        def not_shown(path: Path) -> bool:
            asked.add(path)
            return False

        def attributes(reference: Reference) -> Tree | None:
            for each in targets(reference, self._resources):
                if each in found:
                    there = found[each]
                    return {**(there.attributes or {"id": there.id}), "kind": each.kind}
            return None

        desired = resolve(resource, kind, attributes)
        ignored = resource.ignore_changes
        diff = compare(kind, desired, live.values, shown=not_shown, ignored=ignored, memory=memory)
        self._made[key] = _Made(desired, live.values, ledger, frozenset(asked), diff)

    def find(
        self,
        key: Key,
        desired: Tree,
        live: Tree,
        ledger: Ledger | None,
        shown: Callable[[Path], bool],
    ) -> Diff | None:
        """What `compare` would give, where it was given already.

        That is for the same object `live` and an equal `desired`, in which ids alone were put in.
        """
        made = self._made.get(key)
        if made is None or made.live is not live or made.ledger is not ledger:
            return None
        if made.desired != desired or any(map(shown, made.asked)):
            return None
        return made.diff

    def _memory(self, live: Live, ledger: Ledger | None) -> StoredDigests:
        if self._stored is None or self._stored[0] is not ledger:
            self._stored = ledger, stored_digests(ledger)
        return self._stored[1](live)
