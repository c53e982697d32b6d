"""Owned and in no manifest: what is deleted, last and users first, and what survives and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.engine.graph import Edge, find_cycle, order_keys
from peakctl.engine.mentions import Mention, mentions
from peakctl.engine.orphans import Orphan, Orphans, observe_orphans
from peakctl.engine.survivors import Rules, needed_note, read_rules
from peakctl.errors import Diagnostic
from peakctl.model import Action, Key, Plan, State, Step, Verb

if TYPE_CHECKING:
    from peakctl.kinds.fields import Kind
    from peakctl.model import Ledger, Resource

__all__ = ["Orphan", "Orphans", "add_prune", "observe_orphans", "plan_prune"]

Users = Mapping[Key, frozenset[Key]]


def plan_prune(
    orphans: Orphans,
    ledger: Ledger,
    kinds: Mapping[str, Kind],
    resources: Mapping[Key, Resource],
    *,
    history: bool = False,
    others: Iterable[Ledger] = (),
) -> tuple[tuple[Action, ...], tuple[Diagnostic, ...], frozenset[Key]]:
    """The deletes, users before what they use; what is not deleted and why; and what is gone.

    What is gone is for the ledger to forget. `history` allows kinds whose versions go with them;
    what one of the ledgers in `others` owns too is left alone. An error (`guard/prune-used`) tells
    of a manifest that still refers to what would be deleted.
    """
    rules = read_rules(orphans, ledger, kinds, resources, history=history, others=others)
    kept = {o.owned.key: why for o in orphans.found if (why := rules.why(o))}
    doomed = {o.owned.key: o for o in orphans.found if o.owned.key not in kept}
    users = _users(ledger, orphans, rules)
    used = [*_still_used(doomed, orphans, kinds, resources)]
    staying = {key for key, why in kept.items() if why.binds} | {key for key, _ in used}
    needed = _needed(doomed.keys() - staying, users, staying)
    going = {k: o for k, o in doomed.items() if k not in needed and k not in staying}
    notes = {key: why.told for key, why in kept.items() if why.told}
    notes |= {key: needed_note(key, user) for key, user in needed.items()}
    told = (*(problem for _, problem in used), *(notes[key] for key in sorted(notes)))
    gone = frozenset(k for k in orphans.gone if rules.stands_for(ledger.owned[k]) == k)
    return _deletes(going, users, kinds), told, gone


def add_prune(plan: Plan, deletes: Sequence[Action]) -> Plan:
    """The plan with the deletes at its end: each waits for all else that the plan does."""
    busy = frozenset(a.key for a in plan.actions if a.steps)
    last = (replace(action, after=action.after | busy) for action in deletes)
    return Plan((*plan.actions, *last))


def _users(ledger: Ledger, orphans: Orphans, rules: Rules) -> Users:
    """Who uses what, as the ledger has it; of several keys with one id, the one that counts."""
    counts = {key: rules.stands_for(owned) for key, owned in ledger.owned.items()}
    users: dict[Key, set[Key]] = {}
    for key, owned in ledger.owned.items():
        gone = key in orphans.gone and counts[key] == key
        for used in () if gone else owned.uses:
            if counts.get(used, used) != counts[key]:
                users.setdefault(counts.get(used, used), set()).add(counts[key])
    return {key: frozenset(by) for key, by in users.items()}


def _still_used(
    doomed: Mapping[Key, Orphan],
    orphans: Orphans,
    kinds: Mapping[str, Kind],
    resources: Mapping[Key, Resource],
) -> Iterable[tuple[Key, Diagnostic]]:
    """What would be deleted although a manifest refers to it, with an error for each place."""
    by_id = {Key(key.kind, str(o.owned.id)): key for key, o in doomed.items()}
    by_name = {key: key for key in doomed}
    for key, resource in sorted(resources.items()):
        live = orphans.declared.get(key)
        for mention in mentions(resource, kinds[key.kind], resources, live):
            names = by_id if mention.by_id else by_name
            for kind in mention.kinds:
                if used := names.get(Key(kind, mention.word)):
                    yield used, _refusal(resource, mention, used)


def _refusal(resource: Resource, mention: Mention, used: Key) -> Diagnostic:
    return Diagnostic(
        code="guard/prune-used",
        summary=f"it refers to {used}, which is in no manifest and would be deleted",
        key=resource.key,
        path=mention.at,
        locations=(resource.document.locate(mention.at),),
        fix=f"add a manifest of {used} again, or refer to something else",
    )


def _needed(keys: Iterable[Key], users: Users, staying: Iterable[Key]) -> dict[Key, Key]:
    """What stays because something that stays uses it, each with its user."""
    out: dict[Key, Key] = {}
    open_, waiting = sorted(keys), deque(sorted(staying))
    while waiting:
        user = waiting.popleft()
        for key in open_:
            if key not in out and user in users.get(key, ()):
                out[key] = user
                waiting.append(key)
    return out


def _deletes(
    going: Mapping[Key, Orphan], users: Users, kinds: Mapping[str, Kind]
) -> tuple[Action, ...]:
    edges = _without_loops(
        Edge(user, key, ()) for key in going for user in users.get(key, ()) if user in going
    )
    after: dict[Key, set[Key]] = {key: set() for key in going}
    for edge in edges:
        after[edge.target].add(edge.source)
    return tuple(
        Action(
            key,
            Verb.DELETE,
            (Step.DELETE,),
            notes=_notes(going[key], going, users.get(key, frozenset()), kinds[key.kind]),
            after=frozenset(after[key]),
            live=going[key].live,
        )
        for key in reversed(order_keys(going, edges))
    )


def _without_loops(edges: Iterable[Edge]) -> list[Edge]:
    """The edges but for one of each loop: what uses each other goes all the same."""
    left = set(edges)
    while loop := find_cycle(left):
        left.remove(loop[-1])
    return sorted(left)


def _notes(
    orphan: Orphan, going: Mapping[Key, Orphan], users: frozenset[Key], kind: Kind
) -> tuple[str, ...]:
    """What a person needs to know before it is deleted."""
    live = orphan.live
    first = sorted(str(user) for user in users if user in going)
    until = sorted(str(user) for user in users if user not in going)
    also = sorted({d for d in orphan.dependents if d not in first and d not in until})
    return (
        f"id {orphan.owned.id}; owned by this project, and in no manifest",
        *([f"live status is {live.status}"] if live and live.state is not State.READY else ()),
        *(["all its versions are deleted with it"] if kind.history else ()),
        *([f"used by {', '.join(first)}, deleted before it"] if first else ()),
        *([f"used until now by {', '.join(until)}"] if until else ()),
        *(
            [f"id {', '.join(orphan.namesakes)} has its name, and stays"]
            if orphan.namesakes
            else ()
        ),
        *([f"on the platform {', '.join(also)} still uses it"] if also else ()),
    )
