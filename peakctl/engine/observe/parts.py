"""What the platform made for another resource is never adopted: who made what, and who may ask.

Reads cost requests, so they are made only for what is live, owned by nobody and about to become
this project's, and only where a resource of some kind shows it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from peakctl.errors import ApiError, NotAuthenticated
from peakctl.model import Key, LiveId, Verb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from peakctl.engine.observe.live_state import LiveState
    from peakctl.model import Adapter, Live, Plan


@dataclass(frozen=True, slots=True)
class Decided:
    """What was found: `wholes` has each resource that was asked about, with what made it (None:

    nothing). `unsure` are those of which a read failed, with the reason.
    """

    wholes: Mapping[LiveId, Key | None] = field(default_factory=dict)
    unsure: Mapping[LiveId, str] = field(default_factory=dict)

    def __or__(self, other: Decided) -> Decided:
        return Decided({**self.wholes, **other.wholes}, {**self.unsure, **other.unsure})


def unclaimed(plan: Plan, observed: LiveState, adapters: Mapping[str, Adapter]) -> tuple[Live, ...]:
    """What the plan would adopt and may have been made for another resource.

    Without a ledger nothing is adopted: what the plan would change counts.
    """
    kinds = _kinds(adapters)
    return tuple(
        action.live
        for action in plan.actions
        if action.live is not None
        and action.live.key.kind in kinds
        and action.live.foreign is None
        and observed.owners.owner(action.live) is None
        and not observed.owners.unread
        and (action.verb is not Verb.KEEP or observed.owners.us is not None)
    )


async def find_wholes(
    lives: Collection[Live], read: Iterable[Live], adapters: Mapping[str, Adapter]
) -> Decided:
    """What made each of `lives`. `read` is what the run has read already: it is not read again.

    A failed read leaves those unsure that it was about. Raises nothing of its own.
    """
    asked = {
        name: mine
        for name, adapter in adapters.items()
        if (mine := [live for live in lives if live.key.kind in adapter.makes])
    }
    known = list(read)
    found = await asyncio.gather(
        *(
            adapters[name].wholes(mine, [live for live in known if live.key.kind == name])
            for name, mine in asked.items()
        ),
        return_exceptions=True,
    )
    decided = Decided()
    for mine, answer in zip(asked.values(), found, strict=True):
        ids = [live.live_id for live in mine]
        if isinstance(answer, (ApiError, NotAuthenticated)):
            decided |= Decided(unsure=dict.fromkeys(ids, str(answer)))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            decided |= Decided({each: answer.get(each) for each in ids})
    return decided


def with_parts(observed: LiveState, decided: Decided) -> LiveState:
    """`observed` with what was made for another resource marked as not ours, and what is unsure."""
    live = {
        key: replace(each, foreign=f"the platform made it for {whole}")
        if (whole := decided.wholes.get(each.live_id))
        else each
        for key, each in observed.live.items()
    }
    return replace(observed, live=live, owners=replace(observed.owners, unsure=decided.unsure))


def _kinds(adapters: Mapping[str, Adapter]) -> frozenset[str]:
    """The kinds of which resources are made for those of another."""
    return frozenset(kind for adapter in adapters.values() for kind in adapter.makes)
