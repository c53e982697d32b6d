"""Pending intents: what a run sets out to do, and what one that died may have left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Mapping

from peakctl.engine.observe.live_state import LiveState, first_error
from peakctl.errors import Diagnostic, Severity
from peakctl.ledger.digests import MAKE_VERSIONS
from peakctl.ledger.ownership import Owners, adopted
from peakctl.model import EMPTY, Adapter, Intent, Key, Ledger, Listed, LiveId, Owned, Resource
from peakctl.model.plan import Action, Outcome, Plan, Status, Step, Verb

IN_DOUBT = (Status.UNKNOWN, Status.IN_PROGRESS)


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


def unresolved(
    intents: Iterable[Intent],
    outcomes: Mapping[Key, Outcome],
    owned: Mapping[Key, Owned],
    observed: LiveState,
    declared: Container[Key],
) -> tuple[Intent, ...]:
    """Those of `intents` that are still needed to tell what is ours, and in which version.

    `owned` is what the ledger has after the run whose `outcomes` these are, `observed` what it saw
    before. What was to be made may be there only if nobody knows how its call ended, or if it was
    another run's and this one did not look. What has an id is told by it once it is owned.
    """
    ids = {each.live_id for each in owned.values()}

    def is_pending(intent: Intent) -> bool:
        outcome = outcomes.get(intent.key)
        if outcome is None and intent.key in declared and not _is_listed(intent, observed):
            return False
        if outcome is not None and outcome.status.good:
            return False
        if intent.verb in MAKE_VERSIONS:
            return outcome is None or outcome.status is not Status.FAILED
        if intent.id is not None:
            return intent.live_id not in ids
        return intent.verb == Verb.CREATE and (outcome is None or _is_in_doubt(outcome))

    return tuple(filter(is_pending, intents))


def _is_in_doubt(outcome: Outcome) -> bool:
    return outcome.id is None and outcome.status in IN_DOUBT


def _is_listed(intent: Intent, observed: LiveState) -> bool:
    """Whether a thing of its id, or else of its name, is there, of a kind that was looked at."""
    listed = observed.listed.get(intent.key.kind, ())
    return any(item.ours and _is_meant(intent, item) for item in listed)


def _is_meant(intent: Intent, item: Listed) -> bool:
    if intent.id is None:
        return item.name == intent.key.name
    return str(item.id) == str(intent.id)


async def find_uncertain_creates(
    observed: LiveState,
    ledger: Ledger,
    resources: Mapping[Key, Resource],
    adapters: Mapping[str, Adapter],
) -> tuple[tuple[Diagnostic, ...], frozenset[Key]]:
    """A note for each that is there, and the keys of those that are not, which may be forgotten.

    One listing of each kind concerned, and one request for each id that it lacks. Nobody knows
    whether the run made what has the name now, so it is never deleted. Raises ApiError or
    NotAuthenticated.
    """
    pending = tuple(_undeclared(ledger, resources, adapters))
    kinds = sorted({intent.key.kind for intent in pending})
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(adapters[kind].index(())) for kind in kinds]
        listed = dict(zip(kinds, (task.result() for task in tasks), strict=True))
        async with asyncio.TaskGroup() as group:
            for intent in pending:
                group.create_task(_look_up(intent, listed, adapters[intent.key.kind]))
    except BaseExceptionGroup as failed:
        raise first_error(failed) from None
    there = {intent.key: _matches(intent, listed[intent.key.kind], observed) for intent in pending}
    notes = tuple(_note(key, found) for key, found in sorted(there.items()) if found)
    return notes, frozenset(key for key, found in there.items() if not found)


async def _look_up(intent: Intent, listed: dict[str, tuple[Listed, ...]], adapter: Adapter) -> None:
    """Add what has the id of the intent to the listing that lacks it, if it is there."""
    kind = intent.key.kind
    if intent.id is None or any(_is_meant(intent, item) for item in listed[kind]):
        return
    found = await adapter.look_up(intent.id, EMPTY)
    listed[kind] += (found,) if found else ()


def _undeclared(
    ledger: Ledger, resources: Mapping[Key, Resource], adapters: Mapping[str, Adapter]
) -> Iterator[Intent]:
    for intent in ledger.intents:
        known = intent.key in resources or intent.key in ledger.owned
        if intent.verb != Verb.DELETE and not known and intent.key.kind in adapters:
            yield intent


def _matches(
    intent: Intent, listed: Iterable[Listed], observed: LiveState
) -> tuple[str | int, ...]:
    """The ids of what it may be, and is neither declared nor known to be somebody's."""
    taken = {live.live_id for live in observed.live.values()} | observed.owners.ids.keys()
    return tuple(
        item.id
        for item in listed
        if item.ours
        and _is_meant(intent, item)
        and LiveId.of(intent.key.kind, item.id) not in taken
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
