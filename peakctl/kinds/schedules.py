"""Resources of a paused environment: what would start by the clock is left out.

The platform's own pause is a state of a single workflow, which not every release has and no block
has, so it is the schedules that a paused environment does not get: a plan shows that, and without
`paused` they come back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.kinds.walk import child, variant
from peakctl.model import MAPS

if TYPE_CHECKING:
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Resource, Value
    from peakctl.model.values import JsonDict

CRON = "cron"


def without_schedules(resource: Resource, kind: Kind) -> Resource:
    """`resource` without the items of lists that are started by a cron expression."""
    values: JsonDict = {
        word: _without(kind.root.properties[word], value) for word, value in resource.values.items()
    }
    return resource if values == resource.values else replace(resource, values=values)


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
