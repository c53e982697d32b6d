"""A plan that deletes what the manifests name, users before what they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.engine.graph import Edge, find_cycle, find_edges, order_keys, tell_cycle
from peakctl.engine.ledger.owners import id_of
from peakctl.engine.plan import Planned
from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Key, Plan, Step, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from peakctl.engine.ledger.owners import Id, Owners
    from peakctl.engine.observe import World
    from peakctl.model import Ledger, Live, Resource


def make_destroy_plan(
    resources: Mapping[Key, Resource], world: World, ledger: Ledger | None = None
) -> Planned:
    """Delete every declared resource that is live; what is protected or not ours is refused.

    With a ledger, only what it owns is deleted, or what a run of ours set out to make; what else
    bears a declared name is left alone, with a warning. What the ledger protects is refused even
    where the manifest does not protect it any more.
    """
    edges, _ = find_edges(resources)
    order = order_keys(resources, edges)
    if len(order) < len(resources):
        return Planned(Plan(()), (tell_cycle(find_cycle(edges), resources),))
    title = _title(ledger, world)
    live = [(resources[key], world.live[key]) for key in order if key in world.live]
    problems = [p for resource, each in live if (p := _problem(resource, each, title))]
    going = {resource.key: None for resource, each in live if title.owns(each)}
    users = _users(edges, world)
    actions = [
        _delete(resources[key], world.live[key], users.get(key, set()), going.keys())
        for key in reversed(going)
    ]
    return Planned(Plan(tuple(actions)), tuple(problems))


@dataclass(frozen=True, slots=True)
class _Title:
    """What the ledger says of live resources, by kind and id; without one, everything is ours."""

    ledger: Ledger | None
    owners: Owners
    owned: frozenset[Id] = frozenset()
    protected: frozenset[Id] = frozenset()
    promised: frozenset[Key] = frozenset()

    def owns(self, live: Live) -> bool:
        if self.ledger is None or id_of(live) in self.owned:
            return True
        others = self.owners.owner(live) not in (None, self.ledger.owner)
        return live.key in self.promised and not others

    def protects(self, live: Live) -> bool:
        return id_of(live) in self.protected


def _title(ledger: Ledger | None, world: World) -> _Title:
    if ledger is None:
        return _Title(None, world.owners)
    ids = [((owned.key.kind, str(owned.id)), owned.protect) for owned in ledger.owned.values()]
    return _Title(
        ledger,
        world.owners,
        owned=frozenset(id_ for id_, _ in ids),
        protected=frozenset(id_ for id_, protect in ids if protect),
        promised=frozenset(intent.key for intent in ledger.intents),
    )


def _users(edges: Iterable[Edge], world: World) -> dict[Key, set[Key]]:
    """Who uses what, of all that is live."""
    users: dict[Key, set[Key]] = {}
    for edge in edges:
        if edge.source in world.live:
            users.setdefault(edge.target, set()).add(edge.source)
    return users


def _delete(resource: Resource, live: Live, users: set[Key], going: AbstractSet[Key]) -> Action:
    staying = sorted(str(user) for user in users - going)
    return Action(
        resource.key,
        Verb.DELETE,
        (Step.DELETE,),
        notes=(
            f"id {live.id}",
            *([f"used by {', '.join(staying)}, which stays"] if staying else ()),
        ),
        after=frozenset(users & going),
        live=live,
        resource=resource,
    )


def _problem(resource: Resource, live: Live, title: _Title) -> Diagnostic | None:
    """Why the resource is not deleted: an error, or a warning for what is nobody's concern here."""
    if not title.owns(live):
        return _not_owned(resource, live)
    why, fix = "", ""
    if resource.protect:
        why, fix = "lifecycle.protect holds", "remove lifecycle.protect first"
    elif title.protects(live):
        why, fix = "the ledger protects it", "apply the manifest without lifecycle.protect first"
    elif live.foreign:
        why, fix = live.foreign, "delete what it belongs to instead"
    if not why:
        return None
    protected = resource.protect or title.protects(live)
    path = ("lifecycle", "protect") if protected else ("metadata", "name")
    return Diagnostic(
        code="guard/protected" if protected else "live/not-ours",
        summary=f"it is not deleted: {why}",
        key=resource.key,
        path=path,
        locations=(resource.document.locate(path),),
        fix=fix,
    )


def _not_owned(resource: Resource, live: Live) -> Diagnostic:
    path = ("metadata", "name")
    return Diagnostic(
        code="destroy/not-owned",
        summary=f"it is left alone: this project does not own id {live.id}",
        key=resource.key,
        path=path,
        locations=(resource.document.locate(path),),
        fix="adopt it by an apply first, or delete it in the platform",
        severity=Severity.WARNING,
    )
