"""Desired and live in, a plan out: pure, total, the same for any order of the manifests.

For each resource, in the order of the references: (1) put ids for names, (2) compare with live,
(3) refuse what cannot be done, (4) choose the calls by the fields that differ. What failed to be
created is replaced where that takes nothing from anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial

from peakctl.engine.diff.compare import compare
from peakctl.engine.diff.losses import losses
from peakctl.engine.diff.stored_forms import settle
from peakctl.engine.diff.unseen import leave_hidden, shown_fields
from peakctl.engine.graph import Edge, cycle_problem, find_cycles, find_edges, order_keys
from peakctl.engine.observe import identity
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.causes import find_reasons
from peakctl.engine.plan.consequences import find_consequences, with_followers
from peakctl.engine.plan.names import Names
from peakctl.engine.plan.parameters import Parameters, ParameterSet, is_dropped, without_implied
from peakctl.engine.plan.references import NEW, Pins, resolve
from peakctl.engine.plan.shown import refused
from peakctl.engine.plan.steps import UPLOADING, Chosen, choose_steps, plan_create
from peakctl.errors import Diagnostic, Severity, diagnose
from peakctl.kinds.fields import REPLACE, Field, Kind, is_ignored, said, variant
from peakctl.ledger.digests import StoredDigests, digest_ahead, stored_digests
from peakctl.ledger.ownership import Consent, assign_owners
from peakctl.model import Action, Change, Live, Owned, Plan, Resource, State, Step, Verb
from peakctl.model.records import dataclass
from peakctl.model.text import status_word
from peakctl.model.values import EMPTY, Key, Path, Tree, dotted, mapping_at, reveal, seal_at

NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what is to be said about it. With an error among them, the plan is not to run.

    `guards` are errors too: they say which consent the plan needs, so it is shown all the same.
    """

    plan: Plan
    diagnostics: tuple[Diagnostic, ...] = ()
    guards: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(d.severity is Severity.ERROR for d in (*self.diagnostics, *self.guards))


@dataclass(slots=True)
class _Planner:
    resources: Mapping[Key, Resource]
    observed: LiveState
    kinds: Mapping[str, Kind]
    retry_failed: bool
    pins: Pins
    problems: list[Diagnostic] = field(default_factory=list)
    shown: dict[str, Callable[[Path], bool]] = field(default_factory=dict)
    memory: Callable[[Live], StoredDigests] = field(init=False)

    def __post_init__(self) -> None:
        digest_ahead(self.observed.ledger, self.resources, self.observed.live)
        self.memory = stored_digests(self.observed.ledger)

    def action(self, key: Key) -> Action | None:
        """The action of one resource, or None when something is wrong with it."""
        resource, kind = self.resources[key], self.kinds[key.kind]
        found = [p for r in resource.references if (p := self.pins.problem(resource, r))]
        found += self._named(resource)
        parameters = Parameters(resource, self.resources, self.kinds, self.observed.definitions)
        found += parameters.check()
        if found:
            self.problems += found
            return None
        if renamed := identity.lost_name(resource, self.observed):
            self.problems.append(renamed)
        self.problems += identity.listing_warnings(resource, self.observed)
        found_live = self.observed.live.get(key)
        desired = resolve(resource, kind, self.pins.attributes)
        unread = parameters.unread_paths(desired, found_live.values if found_live else EMPTY)
        hidden = parameters.hidden_paths() | (found_live.hidden if found_live else frozenset())
        desired = seal_at(desired, hidden | unread | parameters.unsure_paths())
        if found_live is None:
            return self._uploading(resource, kind, plan_create(resource, kind, desired))
        live = replace(found_live, values=seal_at(found_live.values, hidden))
        chosen = choose_replacement(resource, kind, desired, live, self.observed)
        if chosen is None:
            values = without_implied(found_live.values, resource.values, parameters.sets)
            values = seal_at(values, hidden)
            chosen = self._compared(resource, desired, live, values, hidden, parameters.sets)
        self.problems += chosen.problems
        return self._uploading(resource, kind, chosen.action) if chosen.action else None

    def _uploading(self, resource: Resource, kind: Kind, action: Action) -> Action | None:
        """`action`, or None when the manifest lacks a folder that it would upload."""
        missing = missing_uploads(resource, kind, action)
        self.problems += missing
        return None if missing else action

    def _compared(
        self,
        resource: Resource,
        desired: Tree,
        live: Live,
        values: Tree,
        hidden: frozenset[Path],
        sets: tuple[ParameterSet, ...],
    ) -> Chosen:
        """What the difference between desired and `values`, those of `live`, asks for.

        Where it would make a version, one that is there already with the same content counts.
        """
        kind, memory = self.kinds[resource.key.kind], self.memory(live)
        values, left = leave_hidden(desired, values, hidden, partial(is_dropped, sets))
        diff = compare(
            kind,
            desired,
            values,
            shown=self._shown(kind),
            hidden=hidden,
            ignored=resource.ignore_changes,
            memory=memory,
        )
        if live.older and _makes_version(kind, diff.changes):
            same = next((old for old in live.older if self._is_same(kind, desired, old)), None)
            if same is not None:
                there = {**self.observed.live, resource.key: same}
                self.observed = replace(self.observed, live=there)
                found = self._compared(resource, desired, same, same.values, hidden, sets)
                return _at_older(found, same)
        diff, warnings = settle(resource, diff, memory)
        diff = replace(diff, skipped=(*diff.skipped, *left))
        self.problems += warnings
        action = Action(resource.key, Verb.KEEP, desired=desired, live=live, resource=resource)
        told, retry = partial(self._told, action), self.retry_failed
        chosen = choose_steps(resource, kind, desired, live, diff, retry_failed=retry, told=told)
        lost = losses(resource, kind, chosen.action, live, memory) if chosen.action else []
        return Chosen(None, (*chosen.problems, *lost)) if lost else chosen

    def _is_same(self, kind: Kind, desired: Tree, older: Live) -> bool:
        """Whether an older version has the content of the manifest, all of it."""
        diff = compare(kind, desired, older.values, shown=self._shown(kind))
        return not _makes_version(kind, diff.changes)

    def _told(self, action: Action, changes: Sequence[Change]) -> tuple[Change, ...]:
        """Changes that are refused, in the words of the manifest."""
        if not changes:
            return ()
        names = Names((), self.observed, self.kinds, {})
        return refused(changes, action, self.kinds[action.key.kind], names)

    def _named(self, resource: Resource) -> list[Diagnostic]:
        """Why it is not certain which live resource is meant, or the name cannot be taken."""
        if resource.key in self.observed.live:
            return []
        ambiguous = identity.ambiguity(resource, self.observed)
        return (
            [ambiguous]
            if ambiguous
            else [*identity.taken_name(resource, self.observed, self.kinds)]
        )

    def _shown(self, kind: Kind) -> Callable[[Path], bool]:
        """One predicate a kind: each looks through every live resource of its kind, once."""
        if kind.name not in self.shown:
            self.shown[kind.name] = shown_fields(kind, self.observed)
        return self.shown[kind.name]


def make_plan(
    resources: Mapping[Key, Resource],
    observed: LiveState,
    kinds: Mapping[str, Kind],
    *,
    retry_failed: bool = False,
    consent: Consent = NO_CONSENT,
) -> Planned:
    """What would make the tenant look like `resources`. All problems are reported at once."""
    edges, problems = find_edges(resources)
    order = order_keys(resources, edges)
    if len(order) < len(resources):
        cycles = [cycle_problem(cycle, resources) for cycle in find_cycles(edges)]
        return Planned(Plan(()), (*problems, *cycles))
    pins = Pins(resources, kinds, observed)
    problems += identity.same_resources(resources, observed, kinds)
    planner = _Planner(resources, observed, kinds, retry_failed, pins, problems)
    actions: dict[Key, Action] = {}
    made: dict[Key, Action] = {}
    broken: set[Key] = set()
    after = _by_source(edges)
    for key in order:
        if after.get(key, frozenset()) & broken:
            broken.add(key)
            continue
        planned = planner.action(key)
        if planned is None:
            broken.add(key)
            continue
        reasons = find_reasons(planned, kinds[key.kind], made, planner.observed, planner.memory)
        consequences = find_consequences(planned, kinds, pins.attributes)
        action = planned
        if reasons or consequences:
            action = replace(planned, reasons=reasons, consequences=consequences)
        actions[key] = action
        if action.verb in NEW:
            made[key] = action
        planner.pins.remember(action)
    plan, guards = assign_owners(
        Plan(_ordered(with_followers(actions), after)), observed.owners, consent
    )
    return Planned(plan, tuple(planner.problems), guards)


def _makes_version(kind: Kind, changes: Sequence[Change]) -> bool:
    return kind.versions is not None and any(c.call == kind.versions.call for c in changes)


def _at_older(chosen: Chosen, older: Live) -> Chosen:
    """The same with a word on why the newest version is not used."""
    if chosen.action is None:
        return chosen
    aside = (
        f"version {older.version} has what the manifest says and is used; {older.latest} is newer"
    )
    action = replace(chosen.action, asides=(*chosen.action.asides, aside))
    return replace(chosen, action=action)


def _by_source(edges: list[Edge]) -> dict[Key, frozenset[Key]]:
    out: dict[Key, set[Key]] = {}
    for edge in edges:
        out.setdefault(edge.source, set()).add(edge.target)
    return {key: frozenset(targets) for key, targets in out.items()}


def _ordered(
    actions: Mapping[Key, Action], after: Mapping[Key, frozenset[Key]]
) -> tuple[Action, ...]:
    """Actions with what they wait for: only actions that do something are waited for."""
    busy = {key for key, action in actions.items() if action.steps}
    waits = {key: frozenset(after.get(key, frozenset()) & busy) for key in actions}
    return tuple(
        replace(action, after=waits[key]) if waits[key] else action
        for key, action in actions.items()
    )


def is_empty(plan: Plan) -> bool:
    """Whether applying the plan would write nothing."""
    return all(action.verb is Verb.KEEP for action in plan.actions)


_ADVICE = "look at it in the platform, and delete it there; the next apply creates it"


def choose_replacement(
    resource: Resource, kind: Kind, desired: Tree, live: Live, observed: LiveState
) -> Chosen | None:
    """What is done about a failed creation, or a deletion under way; None for all else.

    Where it is not replaced, the action waits for what will not come: so the apply fails for this
    resource and what needs it, and goes on with the rest.
    """
    if live.foreign:
        return None
    if live.status in kind.lifecycle.deleting:
        note = f"id {live.id} is {status_word(live.status)} now; created again once it is gone"
        return Chosen(_again(plan_create(resource, kind, desired), live, Step.WAIT, note))
    if live.state is not State.FAILED or kind.lifecycle.on_failed not in ("", REPLACE):
        return None
    found = _objection(resource, kind, live, observed)
    if found is not None:
        why, fix = found
        return Chosen(
            _left(resource, desired, live, why), (_not_replaced(resource, live, why, fix),)
        )
    status = status_word(live.status)
    note = f"live status is {status}: id {live.id} never ran, so it is deleted and made again"
    created = plan_create(resource, kind, desired)
    return Chosen(replace(_again(created, live, Step.DELETE, note), verb=Verb.REPLACE))


def _again(created: Action, live: Live, first: Step, note: str) -> Action:
    return replace(created, steps=(first, *created.steps), live=live, notes=(note,))


def _left(resource: Resource, desired: Tree, live: Live, why: str) -> Action:
    return Action(
        resource.key,
        Verb.KEEP,
        (Step.WAIT,),
        notes=(f"live status is {status_word(live.status)}, and it is not replaced: {why}",),
        desired=desired,
        live=live,
        resource=resource,
    )


def _objection(
    resource: Resource, kind: Kind, live: Live, observed: LiveState
) -> tuple[str, str] | None:
    """Why it is not replaced and what to do; None when it may be."""
    owned = _owned(live, observed)
    if resource.protect or (owned is not None and owned.protect):
        fix = "take lifecycle.protect out of its manifest and apply; the apply after replaces it"
        return "it is protected", fix
    if kind.lifecycle.on_failed != REPLACE:
        return "its kind never is", kind.lifecycle.advice or _ADVICE
    if owned is None or not observed.owners.is_ours(live):
        return "it is not this project's by the ledger", _ADVICE
    fix = f"delete it: peakctl destroy --select {resource.key}; the next apply creates it"
    if not owned.created:
        return "the ledger does not record that a run of this project created it", fix
    if owned.was_ready or _was_to_change(live, observed):
        return "it may have run before", fix
    return None


def _was_to_change(live: Live, observed: LiveState) -> bool:
    """Whether a run that never reported was to change it: it was there by then."""
    intents = observed.ledger.intents if observed.ledger else ()
    return any(i.live_id == live.live_id for i in intents)


def _owned(live: Live, observed: LiveState) -> Owned | None:
    """What our ledger says of this very id."""
    owned = observed.ledger.owned.values() if observed.ledger else ()
    same = (o for o in owned if o.live_id == live.live_id)
    return next(same, None)


def _not_replaced(resource: Resource, live: Live, why: str, fix: str) -> Diagnostic:
    path = ("metadata", "name")
    return diagnose(
        resource,
        path,
        "live/failed",
        f"live status is {status_word(live.status)}, and it is not replaced: {why}",
        detail="an apply fails for it and for what needs it, and goes on with the rest",
        fix=fix,
        severity=Severity.WARNING,
    )


# --- folders that the manifest leaves out, since their changes are ignored -----------------------


def missing_uploads(resource: Resource, kind: Kind, action: Action) -> list[Diagnostic]:
    """An error for each folder that `action` would have to upload, and that no field names.

    Such a manifest says that what is live counts, whatever it holds: where nothing is live, and
    for a new version, there is nothing to send.
    """
    if not UPLOADING & {*action.steps}:
        return []
    spec = mapping_at(resource.values, ("spec",))
    rule = variant(kind.root.properties["spec"], spec)
    return [
        _missing(resource, action, word)
        for word, field in rule.properties.items()
        if field.archive
        and ("spec", word) not in (*resource.archives, *resource.unread)
        and is_ignored(("spec", word), resource.ignore_changes)
        and _has_place(rule, field, spec)
    ]


def _has_place(rule: Field, field: Field, spec: Tree) -> bool:
    """Whether the field goes with what is said beside it: no folder with a build from git."""
    return all(
        reveal(said(rule, spec, tuple(other.split(".")))) in allowed
        for other, allowed in field.only_if.items()
    )


def _missing(resource: Resource, action: Action, word: str) -> Diagnostic:
    path = ("spec", word)
    new = "it is not live, so it would be created" if action.live is None else "it changes"
    return diagnose(
        resource,
        path,
        "plan/no-artifact",
        f"{new}, and the manifest has no {dotted(path)} to upload",
        place=("lifecycle", "ignoreChanges"),
        detail=(
            f"{dotted(path)} stands under lifecycle.ignoreChanges instead, which only serves"
            " what is live already"
        ),
        fix=(
            f"give the folder as {dotted(path)}: {{path: ...}}, and take {dotted(path)} out of"
            " lifecycle.ignoreChanges"
        ),
    )
