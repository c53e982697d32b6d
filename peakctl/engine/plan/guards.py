"""Guards over a whole plan: what must not happen without consent.

A broken template or a wrong parameter file shows as many changes at once, each of them plausible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from peakctl.engine.plan.causes import only_follows
from peakctl.engine.plan.references import NEW
from peakctl.errors import Diagnostic
from peakctl.kinds.fields import Kind
from peakctl.model import Action, Guards, Key, Plan, Verb

DEFAULT = Guards()


def mass_change(
    plan: Plan, kinds: Mapping[str, Kind], *, allowed: int | None, limits: Guards = DEFAULT
) -> tuple[Diagnostic, ...]:
    """An error when the plan changes or deletes unusually much of what exists, else nothing.

    Unusual is what exceeds `limits`: the changes and deletes of one kind, or the deletes of all
    kinds together. A replacement is a delete. What only follows something that this run makes (the
    new version of an image) does not count. `allowed` is the number of all that count, from whoever
    has read the plan. Not for a destroy, which asks with its own number.
    """
    exist = Counter(a.key.kind for a in plan.actions if a.live or a.verb is Verb.DELETE)
    counted = counted_changes(plan, kinds)
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
