"""What a run sets out to do, and what of that is still open in a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.engine.ledger.owners import adopted
from peakctl.model import Intent, Key, Verb

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from peakctl.engine.ledger.owners import Owners
    from peakctl.model import Ledger, Owned, Plan, Resource


def intents_of(plan: Plan, owners: Owners) -> tuple[Intent, ...]:
    """What the run sets out to do, with what becomes ours as it is."""
    actions = (*plan.pending, *adopted(plan.actions, owners))
    return tuple(Intent(a.key, a.verb.value, a.version) for a in actions)


def left_behind(ledger: Ledger, there: Container[Key]) -> bool:
    """Whether a run that died is still in the ledger, with its lease or with what is there now."""
    return ledger.lease is not None or any(i.key in there for i in ledger.intents)


def still_meant(ledger: Ledger, ended: Container[Key], owned: Container[Key]) -> tuple[Intent, ...]:
    """The intents that are still open: not those of deletes of what is not in the ledger now."""
    return tuple(
        intent
        for intent in ledger.intents
        if intent.key not in ended and (intent.verb != Verb.DELETE or intent.key in owned)
    )


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
