"""What a run writes into its ledger, from its plan and manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.ledger.ownership import adopted
from peakctl.model import Intent, Key, Step, Verb

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from peakctl.ledger.ownership import Owners
    from peakctl.model import Action, Owned, Plan, Resource


def intents_of(plan: Plan, owners: Owners, run: str) -> tuple[Intent, ...]:
    """What the run sets out to do, with what becomes ours as it is."""
    actions = (*plan.pending, *adopted(plan.actions, owners))
    return tuple(_intent(action, run) for action in actions)


def _intent(action: Action, run: str) -> Intent:
    """What is replaced is to be made: the ledger has the id of what goes already."""
    if Step.CREATE in action.steps:
        return Intent(action.key, Verb.CREATE.value, action.version, None, run)
    id_ = action.live.id if action.live else None
    return Intent(action.key, action.verb.value, action.version, id_, run)


def without(gone: Container[Key], owned: Mapping[Key, Owned]) -> dict[Key, Owned]:
    """`owned` but for what is gone from the platform."""
    return {key: each for key, each in owned.items() if key not in gone}


def uses_of(resources: Mapping[Key, Resource]) -> dict[Key, tuple[Key, ...]]:
    """What each resource refers to by name, in order, whether this run declares it or not."""
    return {
        key: tuple(sorted({*resource.depends_on, *_named(resource)}))
        for key, resource in resources.items()
    }


def _named(resource: Resource) -> Iterator[Key]:
    for reference in resource.references:
        if reference.edge:
            yield from (Key(kind, reference.name) for kind in reference.kinds)
