"""The step table: which calls a difference asks for, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakctl.engine.diff import IGNORED, Diff
from peakctl.engine.ignored import keep_live
from peakctl.engine.refusals import refusals, version_problems
from peakctl.engine.tree import variant
from peakctl.engine.versions import Decision, Verdict, decide
from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.paths import value_at
from peakctl.model import (
    MISSING,
    STEP_VERBS,
    Action,
    Change,
    Live,
    Resource,
    State,
    Step,
    Tree,
    Verb,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peakctl.kinds.fields import Field, Kind, Versions

CALL_STEPS = {
    "build": Step.CREATE_VERSION,
    "release": Step.CREATE_RELEASE,
    "revise": Step.CREATE_REVISION,
    "patch": Step.PATCH_PARAMETERS,
    "update": Step.UPDATE,
    "edit": Step.UPDATE_METADATA,
}
SEVERITY = list(Verb)
STEP_ORDER = list(CALL_STEPS.values())


@dataclass(frozen=True, slots=True)
class Chosen:
    """An action, or the problems that forbid it; warnings may come along with an action."""

    action: Action | None
    problems: tuple[Diagnostic, ...] = ()


def verb_of(steps: Iterable[Step]) -> Verb:
    """The most severe verb of some steps; an action without steps keeps."""
    return min((STEP_VERBS[s] for s in steps), key=SEVERITY.index, default=Verb.KEEP)


def fixed_version(versions: Versions, desired: Tree) -> str | None:
    """The number that the manifest states; None for `auto`."""
    stated = value_at(desired, versions.at)
    return None if stated in (MISSING, None, "auto") else str(stated)


def plan_create(resource: Resource, kind: Kind, desired: Tree) -> Action:
    """The action for a resource that is not there."""
    steps = [Step.CREATE]
    late = [
        (path, rule)
        for path, rule in stated_fields(kind.root, desired)
        if rule.after_create and value_at(desired, path) is not None
    ]
    steps += dict.fromkeys(CALL_STEPS[rule.call] for _, rule in late)
    version = None
    if kind.versions is not None:
        version = fixed_version(kind.versions, desired) or kind.versions.first
    changes = tuple(
        Change(path, MISSING, value_at(desired, path), rule.call) for path, rule in late
    )
    return Action(
        resource.key,
        Verb.CREATE,
        tuple(steps),
        changes,
        version=version,
        desired=desired,
        resource=resource,
    )


def stated_fields(
    rule: Field, value: Tree, path: tuple[str | int, ...] = ()
) -> list[tuple[tuple[str | int, ...], Field]]:
    """Every property of the schema that `value` states, free maps and lists not entered."""
    out: list[tuple[tuple[str | int, ...], Field]] = []
    for word, inner in variant(rule, value).properties.items():
        here = value_at(value, (word,))
        if here is MISSING:
            continue
        out.append(((*path, word), inner))
        if isinstance(here, dict):
            out += stated_fields(inner, here, (*path, word))
    return out


def choose_steps(
    resource: Resource,
    kind: Kind,
    desired: Tree,
    live: Live,
    diff: Diff,
    *,
    retry_failed: bool = False,
) -> Chosen:
    """The action for a resource that is there."""
    problems = refusals(resource, kind, live, diff)
    decision = _decide(kind, desired, live, diff)
    problems += version_problems(resource, kind, decision, diff)
    if any(p.severity is Severity.ERROR for p in problems):
        return Chosen(None, tuple(problems))
    steps = _called(kind, diff, decision)
    steps, notes = _mend(kind, live, steps, decision, retry_failed=retry_failed)
    for skipped in diff.skipped:
        if skipped.reason == IGNORED:
            keep_live(kind.root, desired, live.values, skipped.path)
    action = Action(
        resource.key,
        verb_of(steps),
        tuple(steps),
        diff.changes,
        diff.skipped,
        (*notes, *live.notes),
        version=_number(kind, live, decision, steps),
        desired=desired,
        live=live,
        resource=resource,
    )
    return Chosen(action, tuple(problems))


def _number(kind: Kind, live: Live, decision: Decision, steps: list[Step]) -> str | None:
    """The number that the action makes, or keeps; None for a kind whose versions have none."""
    if kind.versions is None:
        return None
    made = decision.version if {Step.CREATE_VERSION, Step.CREATE_RELEASE} & set(steps) else None
    return made or live.version


def _decide(kind: Kind, desired: Tree, live: Live, diff: Diff) -> Decision:
    versions = kind.versions
    if versions is None:
        return Decision(Verdict.KEEP, None)
    differs = any(c.call == versions.call for c in diff.changes)
    fixed = fixed_version(versions, desired)
    mendable = kind.lifecycle.on_failed == Step.UPDATE_VERSION and live.state is State.FAILED
    if mendable and fixed in (None, live.version):
        return Decision(Verdict.KEEP, live.version)
    return decide(
        fixed,
        live.version,
        live.latest,
        differs=differs,
        first=versions.first,
        flavours=versions.flavours,
    )


def _called(kind: Kind, diff: Diff, decision: Decision) -> list[Step]:
    """The calls that carry the changes, in the order in which they are made."""
    calls = {c.call for c in diff.changes if c.call}  # none: live has another shape than the schema
    for change in diff.changes:
        instead = kind.removals.get(change.call)
        if instead and change.after is MISSING:
            calls.add(instead)
    for call in list(calls):
        calls -= set(kind.carries.get(call, ()))
    if kind.versions is not None:
        calls.discard(kind.versions.call)
        if decision.makes:
            calls.add(kind.versions.call)
    return sorted((CALL_STEPS[c] for c in calls), key=STEP_ORDER.index)


def _mend(
    kind: Kind, live: Live, steps: list[Step], decision: Decision, *, retry_failed: bool
) -> tuple[list[Step], list[str]]:
    """What the live state adds: waiting for what is under way, mending what failed."""
    if live.state is State.PENDING:
        return [Step.WAIT, *steps], [f"{live.status} now; waited for first"]
    if live.state is State.WARNING:
        return steps, [f"live status is {live.status}"]
    if live.state is State.FAILED and not decision.makes:
        mended = Step(kind.lifecycle.on_failed)
        if not {Step.CREATE_REVISION, mended} & set(steps):
            return [*steps, mended], [f"live status is {live.status}"]
    if live.state is State.STUCK:
        return _unstick(kind, live, steps, retry_failed=retry_failed)
    return steps, []


def _unstick(
    kind: Kind, live: Live, steps: list[Step], *, retry_failed: bool
) -> tuple[list[Step], list[str]]:
    """A state that nothing but new content mends: a revision, where the kind has revisions."""
    if "revise" not in kind.carries or Step.CREATE_REVISION in steps:
        return steps, [f"live status is {live.status}"]
    carried = {CALL_STEPS[call] for call in kind.carries["revise"]}
    if retry_failed or carried & set(steps):
        rest = [step for step in steps if step not in carried]
        return [Step.CREATE_REVISION, *rest], [f"live status is {live.status}; tried again"]
    return steps, [f"live status is {live.status}; --retry-failed makes a new revision"]
