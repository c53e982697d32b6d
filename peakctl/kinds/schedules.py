"""What starts by the clock: when it is next, and resources of a paused environment without it.

The platform's own pause is a state of a single workflow, which not every release has and no block
has, so it is the schedules that a paused environment does not get: a plan shows that, and without
`paused` they come back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peakctl.kinds.fields import Field, Kind, child, variant
from peakctl.model import MAPS

if TYPE_CHECKING:
    from peakctl.model import Resource, Tree, Value
    from peakctl.model.values import JsonDict

CRON = "cron"


def without_schedules(resource: Resource, kind: Kind) -> Resource:
    """`resource` without the items of lists that are started by a cron expression."""
    values: JsonDict = {
        word: _without(kind.root.properties[word], value) for word, value in resource.values.items()
    }
    return resource if values == resource.values else replace(resource, values=values)


def crons_in(kind: Kind, values: Tree) -> tuple[str, ...]:
    """The cron expressions by which a live resource starts something.

    Nothing for a kind with versions: it is what is made of it that runs.
    """
    return () if kind.versions is not None else tuple(_crons(kind.root, values))


def _crons(rule: Field, value: Value) -> Iterator[str]:
    rule = variant(rule, value)
    if isinstance(value, MAPS):
        for word, each in value.items():
            if inner := child(rule, word):
                yield from _crons(inner, each)
    elif isinstance(value, list) and rule.items is not None:
        for each in value:
            yield from _crons(rule.items, each)
    elif isinstance(value, str) and CRON in rule.check.split():
        yield value


def next_start(crons: Iterable[str], now: float) -> float | None:
    """When the first of these comes after `now`, in seconds since 1970, the expressions in UTC.

    Nothing documents the zone of the platform's clock. None where none comes, or none can be read:
    what is live was not checked here.
    """
    from cronsim import CronSim, CronSimError

    found = []
    for cron in crons:
        with contextlib.suppress(CronSimError, StopIteration):
            found.append(next(CronSim(cron, datetime.fromtimestamp(now, UTC))).timestamp())
    return min(found, default=None)


def _without(rule: Field | None, value: Value) -> Value:
    if rule is None:
        return value
    rule = variant(rule, value)
    if isinstance(value, MAPS):
        kept = {word: _without(child(rule, word), each) for word, each in value.items()}
        return {word: each for word, each in kept.items() if each != [] or value[word] == []}
    if isinstance(value, list):
        kept_items = (each for each in value if not _is_scheduled(rule.items, each))
        return [_without(rule.items, each) for each in kept_items]
    return value


def _is_scheduled(rule: Field | None, value: Value) -> bool:
    """Whether an item of a list says by the clock when something starts."""
    if rule is None or not isinstance(value, MAPS):
        return False
    words = variant(rule, value).properties
    return any(word in value and CRON in field.check.split() for word, field in words.items())
