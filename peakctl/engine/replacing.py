"""What failed to be created: replaced where that takes nothing from anybody, told where it may.

A resource whose creation failed was never up, and the platform cannot repair it. It is deleted and
created again if this project's ledger records that a run of the project created this very id, and
if nothing protects it. Whatever comes of it concerns this resource alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.engine.steps import Chosen, plan_create
from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.fields import REPLACE
from peakctl.model import Action, State, Step, Verb

if TYPE_CHECKING:
    from peakctl.engine.observe import LiveState
    from peakctl.kinds.fields import Kind
    from peakctl.model import Live, Owned, Resource, Tree

_ADVICE = "look at it in the platform, and delete it there; the next apply creates it"


def choose_replacement(
    resource: Resource, kind: Kind, desired: Tree, live: Live, world: LiveState
) -> Chosen | None:
    """What is done about a failed creation, or a deletion under way; None for all else.

    Where it is not replaced, the action waits for what will not come: so the apply fails for this
    resource and what needs it, and goes on with the rest.
    """
    if live.foreign:
        return None
    if live.status in kind.lifecycle.deleting:
        note = f"id {live.id} is {live.status} now; created again once it is gone"
        return Chosen(_again(plan_create(resource, kind, desired), live, Step.WAIT, note))
    if live.state is not State.FAILED or kind.lifecycle.on_failed not in ("", REPLACE):
        return None
    found = _objection(resource, kind, live, world)
    if found is not None:
        why, fix = found
        return Chosen(_left(resource, desired, live, why), (_told(resource, live, why, fix),))
    note = f"live status is {live.status}: id {live.id} never ran, so it is deleted and made again"
    created = plan_create(resource, kind, desired)
    return Chosen(replace(_again(created, live, Step.DELETE, note), verb=Verb.REPLACE))


def _again(created: Action, live: Live, first: Step, note: str) -> Action:
    return replace(created, steps=(first, *created.steps), live=live, notes=(note,))


def _left(resource: Resource, desired: Tree, live: Live, why: str) -> Action:
    return Action(
        resource.key,
        Verb.KEEP,
        (Step.WAIT,),
        notes=(f"live status is {live.status}, and it is not replaced: {why}",),
        desired=desired,
        live=live,
        resource=resource,
    )


def _objection(
    resource: Resource, kind: Kind, live: Live, world: LiveState
) -> tuple[str, str] | None:
    """Why it is not replaced and what to do; None when it may be."""
    owned = _owned(live, world)
    if resource.protect or (owned is not None and owned.protect):
        fix = "take lifecycle.protect out of its manifest and apply; the apply after replaces it"
        return "it is protected", fix
    if kind.lifecycle.on_failed != REPLACE:
        return "its kind never is", kind.lifecycle.advice or _ADVICE
    if owned is None or not world.owners.is_ours(live):
        return "it is not this project's by the ledger", _ADVICE
    fix = f"delete it: peakctl destroy --select {resource.key}; the next apply creates it"
    if not owned.created:
        return "the ledger does not record that a run of this project created it", fix
    if owned.was_ready or _was_to_change(live, world):
        return "it may have run before", fix
    return None


def _was_to_change(live: Live, world: LiveState) -> bool:
    """Whether a run that never reported was to change it: it was there by then."""
    intents = world.ledger.intents if world.ledger else ()
    return any((i.key.kind, str(i.id)) == (live.key.kind, str(live.id)) for i in intents)


def _owned(live: Live, world: LiveState) -> Owned | None:
    """What our ledger says of this very id."""
    owned = world.ledger.owned.values() if world.ledger else ()
    same = (o for o in owned if (o.key.kind, str(o.id)) == (live.key.kind, str(live.id)))
    return next(same, None)


def _told(resource: Resource, live: Live, why: str, fix: str) -> Diagnostic:
    path = ("metadata", "name")
    return Diagnostic(
        code="live/failed",
        summary=f"live status is {live.status}, and it is not replaced: {why}",
        key=resource.key,
        path=path,
        locations=(resource.document.locate(path),),
        detail="an apply fails for it and for what needs it, and goes on with the rest",
        fix=fix,
        severity=Severity.WARNING,
    )
