"""What an action does beside changing its resource: restarts, stops, new addresses, followers.

All of it is found by the words of schemas and by calls, never by the name of a kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from peakctl.engine.plan.references import Attributes
from peakctl.kinds.fields import Field, Kind, child, field_at, variant
from peakctl.model import Action, Change, Consequence, Effect, Live, Reference, State, Step, Verb
from peakctl.model.values import EMPTY, MAPS, MISSING, Key, Unknown, Value

RESTARTING = (Step.CREATE_REVISION, Step.REDEPLOY)
"""Calls that start again what runs, whichever fields they carry."""
VERSIONS = (Step.CREATE_VERSION, Step.UPDATE_VERSION, Step.CREATE_RELEASE)
UP = (State.READY, State.WARNING, State.PENDING)
NEW_ADDRESS = "new webhook address"
NO_ADDRESS = "webhook address gone"


def find_consequences(
    action: Action, kinds: Mapping[str, Kind], attributes: Attributes
) -> tuple[Consequence, ...]:
    """Those of an action of a declared resource; `attributes` tells what references stand for."""
    if action.live is None or action.verb in (Verb.CREATE, Verb.REPLACE, Verb.KEEP):
        return ()
    kind = kinds[action.key.kind]
    restarted = [*_restarted(action), *_sent_along(action, kinds, attributes)]
    restarts = [Consequence(Effect.RESTARTS, tuple(restarted))] if restarted else []
    return (*restarts, *_new_addresses(action, kind))


def consequences_of_delete(live: Live | None, kind: Kind) -> tuple[Consequence, ...]:
    """Those of the delete of `live`, None where what is deleted was not read."""
    if live is None:
        return ()
    stops = kind.lifecycle.runs and live.state in UP
    gone = _addresses(kind.root, live.values)
    return (
        *([Consequence(Effect.STOPS, (live.key,))] if stops else ()),
        *([Consequence(Effect.CALLERS, (live.key,), NO_ADDRESS)] if gone else ()),
    )


def with_followers(actions: Mapping[Key, Action]) -> dict[Key, Action]:
    """The actions, each with those that follow what it makes."""
    followers: dict[Key, list[Key]] = {}
    for action in actions.values():
        for reason in action.reasons:
            if reason.follows is not None:
                followers.setdefault(reason.follows, []).append(action.key)
    return {
        key: replace(action, consequences=(*action.consequences, _followed(followers[key])))
        if key in followers and actions[key].steps
        else action
        for key, action in actions.items()
    }


def _followed(keys: Iterable[Key]) -> Consequence:
    return Consequence(Effect.FOLLOWED, tuple(sorted(keys)))


def _restarted(action: Action) -> Iterator[Key]:
    if any(change.redeploys for change in action.changes) or {*RESTARTING} & {*action.steps}:
        yield action.key


def _sent_along(action: Action, kinds: Mapping[str, Kind], attributes: Attributes) -> Iterator[Key]:
    """What the platform is asked to start again as soon as a new version is there."""
    resource = action.resource
    if resource is None or not {*VERSIONS} & {*action.steps}:
        return
    root = kinds[action.key.kind].root
    for reference in resource.references:
        rule = field_at(root, reference.at, resource.values)
        if rule is not None and rule.redeploys and _is_there(reference, attributes):
            keys = (Key(kind, reference.name) for kind in reference.kinds)
            yield from (key for key in keys if kinds[key.kind].lifecycle.runs)


def _is_there(reference: Reference, attributes: Attributes) -> bool:
    return not isinstance((attributes(reference) or EMPTY).get("id"), Unknown | None)


def _new_addresses(action: Action, kind: Kind) -> Iterator[Consequence]:
    """Addresses that whoever calls them must learn again: removed, or made again by a write.

    A kind with versions has none itself: what is deployed of it has.
    """
    live = action.live
    if live is None or kind.versions is not None:
        return
    before, after = _addresses(kind.root, live.values), _addresses(kind.root, action.desired)
    if any(_removes(change, kind, action) for change in action.changes):
        yield Consequence(Effect.CALLERS, (action.key,), NO_ADDRESS)
    elif before and after and _asks_for_new(kind.root, action.desired):
        yield Consequence(Effect.CALLERS, (action.key,), NEW_ADDRESS)


def _removes(change: Change, kind: Kind, action: Action) -> bool:
    rule = field_at(kind.root, change.path, action.desired, change.before)
    return rule is not None and _addresses(rule, change.before) > _addresses(rule, change.after)


def _addresses(root: Field, value: Value) -> int:
    """How many addresses there are in a value that others may call."""
    return sum(rule.address and bool(found) for rule, found in _nodes(root, value))


def _asks_for_new(root: Field, value: Value) -> bool:
    return any(rule.new_address == found for rule, found in _nodes(root, value) if rule.new_address)


def _nodes(rule: Field, value: Value) -> Iterator[tuple[Field, Value]]:
    """Every value in `value` that the schema describes, itself among them."""
    if value is MISSING:
        return
    yield rule, value
    chosen = variant(rule, value)
    items: Iterable[tuple[str | int, Value]] = ()
    if isinstance(value, MAPS):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for word, each in items:
        inner = child(chosen, word)
        if inner is not None:
            yield from _nodes(inner, each)
