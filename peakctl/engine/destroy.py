"""A plan that deletes what the manifests name and the ledger owns, users before what they use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from peakctl.engine.graph import Edge, cycle_problem, find_cycle, find_edges, order_keys
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.observe.undeclared import Undeclared, observe_undeclared
from peakctl.engine.plan.consequences import consequences_of_delete
from peakctl.engine.plan.planner import Planned
from peakctl.errors import Diagnostic, Severity, diagnose
from peakctl.kinds.fields import Kind
from peakctl.ledger.ownership import Owners
from peakctl.model import Action, Adapter, Cause, Key, Ledger, Plan, Reason, Step, Verb
from peakctl.model.records import dataclass
from peakctl.model.resources import Live, LiveId, Resource


def make_destroy_plan(
    resources: Mapping[Key, Resource],
    observed: LiveState,
    kinds: Mapping[str, Kind],
    ledger: Ledger | None = None,
) -> Planned:
    """Delete every declared resource that is live and owned; what is protected is refused.

    `ledger` is ours, None where there is none yet: then nothing is owned, so nothing is deleted.
    What a run of ours set out to make counts as owned. What else has a declared name is left alone,
    with a warning; what the ledger only claims is refused. What the ledger protects is refused even
    where the manifest does not any more.
    """
    edges, _ = find_edges(resources)
    order = order_keys(resources, edges)
    if len(order) < len(resources):
        return Planned(Plan(()), (cycle_problem(find_cycle(edges), resources),))
    ownership = _ownership(ledger, observed.owners)
    live = [(resources[key], observed.live[key]) for key in order if key in observed.live]
    problems = [p for resource, each in live if (p := _problem(resource, each, ownership))]
    to_delete = {resource.key: None for resource, each in live if ownership.owns(each)}
    users = _users(edges, observed)
    actions = [
        _delete(
            resources[key],
            observed.live[key],
            kinds[key.kind],
            users.get(key, set()),
            to_delete.keys(),
        )
        for key in reversed(to_delete)
    ]
    return Planned(Plan(tuple(actions)), tuple(problems))


@dataclass(frozen=True, slots=True)
class _Ownership:
    """Who owns live resources, and which of them the ledger protects."""

    owners: Owners
    protected: frozenset[LiveId] = frozenset()

    def owns(self, live: Live) -> bool:
        return self.owners.is_ours(live)

    def claims(self, live: Live) -> bool:
        """Whether the ledger has it by its name alone, and no other project owns it."""
        return live.live_id in self.owners.claimed and self.owners.owner(live) is None

    def protects(self, live: Live) -> bool:
        return live.live_id in self.protected

    def why_not(self, live: Live) -> tuple[str, str]:
        """Why something with a declared name is left alone, and what to do."""
        owner, unread = self.owners.owner(live), self.owners.unread
        if owner is not None:
            return f"id {live.id} belongs to {owner}", f"destroy it in {owner}"
        if unread:
            why = f"the owner of id {live.id} is not known: {', '.join(unread)} cannot be read"
            return why, "see to that ledger first, or delete it in the platform"
        fix = "adopt it by an apply first (--adopt where it differs), or delete it in the platform"
        return f"this project does not own id {live.id}", fix


def _ownership(ledger: Ledger | None, owners: Owners) -> _Ownership:
    owned = ledger.owned.values() if ledger else ()
    protected = frozenset(each.live_id for each in owned if each.protect)
    return _Ownership(owners, protected)


async def find_absent(
    keys: Iterable[Key], observed: LiveState, adapters: Mapping[str, Adapter]
) -> tuple[frozenset[Key], tuple[Diagnostic, ...]]:
    """Which of `keys` are owned and on the platform no more; warnings of those that are renamed.

    An id that no listing of `observed` has is looked for in a whole one. Raises the first
    ApiError or NotAuthenticated of any request.
    """
    if observed.ledger is None:
        return frozenset(), ()
    there = {live.live_id for live in observed.live.values()}
    owned = {key: o for key in keys if (o := observed.ledger.owned.get(key))}
    missing = {k: o for k, o in owned.items() if o.live_id not in there}
    sought = replace(observed.ledger, owned=missing)
    candidates = await observe_undeclared(observed, sought, {}, adapters, unread=adapters)
    return candidates.gone, tuple(_renamed(each) for each in candidates.found)


def _renamed(candidate: Undeclared) -> Diagnostic:
    owned, name = (
        candidate.owned,
        candidate.listed.name if candidate.listed else candidate.owned.key.name,
    )
    return Diagnostic(
        code="destroy/renamed",
        summary=f'it is left alone: id {owned.id} is there, and is called "{name}" now',
        key=owned.key,
        fix="rename it back, or delete it in the platform",
        severity=Severity.WARNING,
    )


def _users(edges: Iterable[Edge], observed: LiveState) -> dict[Key, set[Key]]:
    """Who uses what, of all that is live."""
    users: dict[Key, set[Key]] = {}
    for edge in edges:
        if edge.source in observed.live:
            users.setdefault(edge.target, set()).add(edge.source)
    return users


def _delete(
    resource: Resource, live: Live, kind: Kind, users: set[Key], to_delete: AbstractSet[Key]
) -> Action:
    staying = sorted(str(user) for user in users - to_delete)
    return Action(
        resource.key,
        Verb.DELETE,
        (Step.DELETE,),
        notes=(
            f"id {live.id}",
            *([f"used by {', '.join(staying)}, which stays"] if staying else ()),
        ),
        after=frozenset(users & to_delete),
        live=live,
        resource=resource,
        reasons=(Reason(Cause.DESTROYED),),
        consequences=consequences_of_delete(live, kind),
    )


def _problem(resource: Resource, live: Live, ownership: _Ownership) -> Diagnostic | None:
    """Why the resource is not deleted: an error, or a warning where it is not this project's."""
    if not ownership.owns(live):
        if ownership.claims(live):
            return _claimed(resource, live)
        return _not_owned(resource, live, ownership)
    why, fix = "", ""
    if resource.protect:
        why, fix = "lifecycle.protect holds", "remove lifecycle.protect first"
    elif ownership.protects(live):
        why, fix = "the ledger protects it", f"peakctl unprotect {live.key}, then destroy"
    elif live.foreign:
        why, fix = live.foreign, "delete what it belongs to instead"
    if not why:
        return None
    protected = resource.protect or ownership.protects(live)
    path = ("lifecycle", "protect") if protected else ("metadata", "name")
    return diagnose(
        resource,
        path,
        "guard/protected" if protected else "live/not-ours",
        f"it is not deleted: {why}",
        fix=fix,
    )


def _claimed(resource: Resource, live: Live) -> Diagnostic:
    path = ("metadata", "name")
    return diagnose(
        resource,
        path,
        "guard/claimed",
        f"it is not deleted: no apply has confirmed that id {live.id} is this project's",
        detail="`ledger rebuild` added it by its name, so it may be what someone made by hand",
        fix="confirm it by an apply first (--adopt where it differs), or delete it in the platform",
    )


def _not_owned(resource: Resource, live: Live, ownership: _Ownership) -> Diagnostic:
    path = ("metadata", "name")
    why, fix = ownership.why_not(live)
    return diagnose(
        resource,
        path,
        "destroy/not-owned",
        f"it is left alone: {why}",
        fix=fix,
        severity=Severity.WARNING,
    )
