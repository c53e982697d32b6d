"""Guards over a whole plan: what must not happen without consent, and what not in this run.

A broken template or a wrong parameter file shows as many changes at once, each of them plausible.

A robot that may build and edit must not delete: what it may do is a list of classes, and what an
action does is data, found by calls, consequences and words of schemas, never by a kind's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from peakctl.engine.plan.causes import only_follows
from peakctl.engine.plan.places import source_path
from peakctl.engine.plan.references import NEW
from peakctl.errors import Diagnostic
from peakctl.kinds.fields import Field, Kind
from peakctl.ledger.remembered import RolledBack, read_mark
from peakctl.model import Action, ActionClass, Effect, Guards, Key, Ledger, Path, Plan, Step, Verb
from peakctl.model.values import MISSING, dotted, is_unset, leaf_places, value_at

DEFAULT = Guards()
ORDER = tuple(ActionClass)
OF_STEPS: Mapping[Step, ActionClass] = MappingProxyType(
    {
        Step.CREATE: ActionClass.CREATE,
        Step.CREATE_VERSION: ActionClass.BUILD,
        Step.UPDATE_VERSION: ActionClass.BUILD,
        Step.CREATE_RELEASE: ActionClass.BUILD,
        Step.CREATE_REVISION: ActionClass.EDIT,
        Step.PATCH_PARAMETERS: ActionClass.EDIT,
        Step.UPDATE_METADATA: ActionClass.EDIT,
        Step.UPDATE: ActionClass.EDIT,
        Step.REDEPLOY: ActionClass.RESTART,
        Step.DELETE: ActionClass.DELETE,
        Step.WAIT: ActionClass.READ,
    }
)
OF_EFFECTS: Mapping[Effect, ActionClass] = MappingProxyType(
    {Effect.RESTARTS: ActionClass.RESTART, Effect.STOPS: ActionClass.DELETE}
)


# --- classes of actions -------------------------------------------------------------------------


def with_classes(plan: Plan, kinds: Mapping[str, Kind]) -> Plan:
    """The plan with the classes of each action."""
    found = ((action, classes_of(action, kinds.get(action.key.kind))) for action in plan.actions)
    return replace(
        plan,
        actions=tuple(
            action if action.classes == classes else replace(action, classes=classes)
            for action, classes in found
        ),
    )


def classes_of(action: Action, kind: Kind | None) -> tuple[ActionClass, ...]:
    """The classes of an action, the gravest last; `read` alone where it changes nothing.

    What is created has calls of its own for some fields: they are part of the create. `kind` is
    None for one that this peakctl does not know.
    """
    found = {OF_STEPS[step] for step in action.steps}
    if ActionClass.CREATE in found:
        found -= {ActionClass.BUILD, ActionClass.EDIT}
    found |= {OF_EFFECTS[c.effect] for c in action.consequences if c.effect in OF_EFFECTS}
    if kind is not None and action.steps and _shares(action, kind):
        found.add(ActionClass.SHARE)
    doing = [each for each in ORDER if each in found and each is not ActionClass.READ]
    return tuple(doing) or (ActionClass.READ,)


def not_allowed(plan: Plan, allowed: Collection[str] | None) -> tuple[Diagnostic, ...]:
    """An error for each pending action that does more than `allowed`, which is None for all."""
    if allowed is None:
        return ()
    return tuple(
        _refused_class(action, beyond, allowed)
        for action in plan.pending
        if (beyond := [each for each in action.classes if each not in {*allowed, ActionClass.READ}])
    )


def narrower(*lists: Collection[str] | None) -> tuple[str, ...] | None:
    """The classes that all of the lists allow; None where none of them says anything."""
    said = [each for each in lists if each is not None]
    return tuple(e for e in ORDER if all(e in each for each in said)) if said else None


def _shares(action: Action, kind: Kind) -> bool:
    """Whether it changes who else may use the resource."""
    fields = dict(_sharing(kind.root))
    if Step.CREATE in action.steps:
        stated = ((value_at(action.desired, path), rule) for path, rule in fields.items())
        return any(value not in (MISSING, None, [], rule.default) for value, rule in stated)
    return any(_meet(change.path, path) for change in action.changes for path in fields)


def _sharing(root: Field) -> Iterator[tuple[Path, Field]]:
    spec = root.properties["spec"]
    for variant in (spec, *spec.variants.values()):
        for word, rule in variant.properties.items():
            if rule.shares:
                yield ("spec", word), rule


def _meet(one: Path, two: Path) -> bool:
    """Whether one of the paths leads to the other."""
    shared = min(len(one), len(two))
    return one[:shared] == two[:shared]


def _refused_class(action: Action, beyond: Iterable[str], allowed: Collection[str]) -> Diagnostic:
    resource, path = action.resource, ("metadata", "name")
    return Diagnostic(
        code="guard/not-allowed",
        summary=f"{action.verb} is not allowed here: it is of class {', '.join(beyond)}",
        key=action.key,
        locations=(resource.document.locate(path),) if resource else (),
        detail=f"allowed: {', '.join(allowed) or 'nothing'}",
        fix="leave it to a run that may, or have `--allow` or `allow` of peakctl.yaml changed",
    )


# --- many changes at once -----------------------------------------------------------------------


def mass_change(
    plan: Plan,
    kinds: Mapping[str, Kind],
    *,
    allowed: int | None,
    limits: Guards = DEFAULT,
    agreed: Collection[Key] = (),
) -> tuple[Diagnostic, ...]:
    """An error when the plan changes or deletes unusually much of what exists, else nothing.

    Unusual is what exceeds `limits`: the changes and deletes of one kind, or the deletes of all
    kinds together. A replacement is a delete. What only follows something that this run makes (the
    new version of an image) does not count. `allowed` is the number of all that count, from whoever
    has read the plan, and `agreed` are those that were agreed to elsewhere: they do not count. Not
    for a destroy, which asks with its own number.
    """
    exist = Counter(a.key.kind for a in plan.actions if a.live or a.verb is Verb.DELETE)
    counted = [each for each in counted_changes(plan, kinds) if each.key not in agreed]
    changed = Counter(action.key.kind for action in counted)
    deleted = sum(action.deletes for action in counted)
    words = [
        f"{number} of {exist[kind]} {kind}"
        for kind, number in sorted(changed.items())
        if limits.changes.exceeded(number, exist[kind])
    ]
    if limits.deletes.exceeded(deleted, exist.total()):
        words.append(f"{deleted} of {exist.total()} resources of all kinds deleted")
    if not words or allowed == changed.total():
        return ()
    return (_refusal(", ".join(words), changed.total(), allowed, limits),)


def counted_changes(plan: Plan, kinds: Mapping[str, Kind]) -> list[Action]:
    """The actions that count as changes: their number is what is consented to."""
    made = {action.key: action for action in plan.actions if action.verb in NEW}
    return [a for a in plan.actions if _counts(a, kinds, made)]


def undone_rollbacks(
    plan: Plan, ledger: Ledger, kinds: Mapping[str, Kind]
) -> tuple[Diagnostic, ...]:
    """An error for each action that would undo a rollback whose change no manifest has yet."""
    marked = {each.live_id: read_mark(each.digests) for each in ledger.owned.values()}
    found = []
    for action in plan.actions:
        mark = marked.get(action.live.live_id) if action.live else None
        if mark is not None and mark.is_undone_by(action):
            found.append(_undone(action, mark, kinds[action.key.kind]))
    return tuple(found)


def _undone(action: Action, mark: RolledBack, kind: Kind) -> Diagnostic:
    paths = [change.path for change in action.changes if mark.concerns(change.path)]
    told = [c.path for c in action.shown if any(mark.concerns(each.path) for each in c.wire)]
    resource = action.resource
    at = [resource.document.locate(source_path(p, action, kind)) for p in paths if resource]
    fields = f"{', '.join(told)}: " if told else ""
    return Diagnostic(
        code="guard/rolled-back",
        summary=f"the plan would undo a rollback: it was rolled back to {mark.to}",
        key=action.key,
        locations=tuple(sorted(set(at))[:1]),
        detail=f"{fields}the manifests do not have what the rollback has put there",
        fix="make the change in the manifests that the rollback printed (with --dry-run it prints"
        " it again), and apply; or, to go forward again all the same: --forward",
    )


def _refusal(words: str, count: int, allowed: int | None, limits: Guards) -> Diagnostic:
    summary = f"the plan changes or deletes unusually many: {words}"
    if allowed is not None:
        summary = f"--allow-mass-change {allowed} was given, but {count} change: {words}"
    return Diagnostic(
        code="guard/mass-change",
        summary=summary,
        detail=(
            f"of each kind, {limits.changes} may change at once\n"
            f"of all kinds together, {limits.deletes} may be deleted at once\n"
            f"in all {count} would change, not counting what only follows a new version"
        ),
        fix=f"read the plan; if that is what you want, add --allow-mass-change {count}",
    )


def _counts(action: Action, kinds: Mapping[str, Kind], made: Mapping[Key, Action]) -> bool:
    """Whether the action changes or deletes what exists, by somebody's wish."""
    if action.verb in (Verb.CREATE, Verb.KEEP):
        return False
    return action.deletes or not only_follows(action, kinds[action.key.kind], made)


def unset_values(plan: Plan) -> tuple[Diagnostic, ...]:
    """An error for each pending action that would send a value that is not known here."""
    found = []
    for action in plan.pending:
        places = (dotted(p) for p, leaf in leaf_places(action.desired) if is_unset(leaf))
        if unset := ", ".join(places):
            found.append(
                Diagnostic(
                    code="guard/unset-variable",
                    summary="it would send values whose variables are not set",
                    key=action.key,
                    detail=unset,
                    fix="set them; with --unset-env unknown a plan can be looked at, not applied",
                )
            )
    return tuple(found)
