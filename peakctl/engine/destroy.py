"""A plan that deletes what the manifests name, users before what they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.engine.graph import find_cycle, find_edges, order_keys, tell_cycle
from peakctl.engine.plan import Planned
from peakctl.errors import Diagnostic
from peakctl.model import Action, Key, Plan, Step, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.engine.observe import World
    from peakctl.model import Resource


def make_destroy_plan(resources: Mapping[Key, Resource], world: World) -> Planned:
    """Delete every declared resource that is live; what is protected or not ours is refused."""
    edges, _ = find_edges(resources)
    order = order_keys(resources, edges)
    if len(order) < len(resources):
        return Planned(Plan(()), (tell_cycle(find_cycle(edges), resources),))
    problems = [p for key in order if (p := _refusal(resources[key], world))]
    there = {key for key in order if key in world.live}
    after: dict[Key, set[Key]] = {key: set() for key in there}
    for edge in edges:
        if edge.source in there and edge.target in there:
            after[edge.target].add(edge.source)
    actions = [_delete(resources[k], world, after[k]) for k in reversed(order) if k in there]
    return Planned(Plan(tuple(actions)), tuple(problems))


def _delete(resource: Resource, world: World, after: set[Key]) -> Action:
    key = resource.key
    return Action(
        key,
        Verb.DELETE,
        (Step.DELETE,),
        notes=(f"id {world.live[key].id}",),
        after=frozenset(after),
        live=world.live[key],
        resource=resource,
    )


def _refusal(resource: Resource, world: World) -> Diagnostic | None:
    live = world.live.get(resource.key)
    if live is None:
        return None
    why, fix = "", ""
    if resource.protect:
        why, fix = "lifecycle.protect holds", "remove lifecycle.protect first"
    elif live.foreign:
        why, fix = live.foreign, "delete what it belongs to instead"
    if not why:
        return None
    return Diagnostic(
        code="guard/protected" if resource.protect else "live/not-ours",
        summary=f"it is not deleted: {why}",
        key=resource.key,
        path=("lifecycle", "protect") if resource.protect else ("metadata", "name"),
        locations=(resource.document.locate(("lifecycle", "protect")),),
        fix=fix,
    )
