"""What a run that died set out to make, and no manifest names: it may be there, and ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from peakctl.engine.ledger.owners import id_of
from peakctl.engine.observe import first_error
from peakctl.errors import Diagnostic, Severity
from peakctl.model import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from peakctl.engine.observe import World
    from peakctl.model import Adapter, Key, Ledger, Listed, Resource


async def look_for_promised(
    world: World, ledger: Ledger, resources: Mapping[Key, Resource], adapters: Mapping[str, Adapter]
) -> tuple[tuple[Diagnostic, ...], frozenset[Key]]:
    """A note for each that is there, and the keys of those that are not, which may be forgotten.

    One listing of each kind concerned. Nobody knows whether the run made what bears the name now,
    so it is never deleted. Raises ApiError or NotAuthenticated.
    """
    open_ = sorted(set(_open(ledger, resources, adapters)))
    kinds = sorted({key.kind for key in open_})
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(adapters[kind].index(())) for kind in kinds]
    except BaseExceptionGroup as failed:
        raise first_error(failed) from None
    listed = dict(zip(kinds, (task.result() for task in tasks), strict=True))
    there = {key: _matches(key, listed[key.kind], world) for key in open_}
    notes = tuple(_note(key, found) for key, found in there.items() if found)
    return notes, frozenset(key for key, found in there.items() if not found)


def _open(
    ledger: Ledger, resources: Mapping[Key, Resource], adapters: Mapping[str, Adapter]
) -> Iterator[Key]:
    for intent in ledger.intents:
        known = intent.key in resources or intent.key in ledger.owned
        if intent.verb != Verb.DELETE and not known and intent.key.kind in adapters:
            yield intent.key


def _matches(key: Key, listed: Iterable[Listed], world: World) -> tuple[str | int, ...]:
    """The ids of what bears the name, and is neither declared nor known to be somebody's."""
    taken = {id_of(live) for live in world.live.values()} | world.owners.ids.keys()
    return tuple(
        item.id
        for item in listed
        if item.name == key.name and item.ours and (key.kind, str(item.id)) not in taken
    )


def _note(key: Key, ids: tuple[str | int, ...]) -> Diagnostic:
    return Diagnostic(
        code="prune/maybe-ours",
        summary="it is in no manifest, and stays: a run that died may have made it",
        key=key,
        detail=f"id {', '.join(map(str, ids))}; that run set out to make it, and never reported",
        fix=(
            f"look at it: peakctl get {key.kind} {key.name}\n"
            "to keep it, add its manifest and apply; else delete it in the platform"
        ),
        severity=Severity.NOTE,
    )
