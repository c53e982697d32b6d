"""Why an action is in a plan and what it does beside its resource, in words; once for all forms."""

from __future__ import annotations

from collections.abc import Mapping

from peakctl.model import Action, Cause, Consequence, Effect, JsonDict, Key, Plan, Reason
from peakctl.present.text import first_names

_WORDS: Mapping[Cause, str] = {
    Cause.FIRST_APPLY: "first apply",
    Cause.MANIFEST_CHANGED: "manifest changed",
    Cause.CHANGED_OUTSIDE: "changed outside",
    Cause.DIFFERS: "manifest and platform differ",
    Cause.FOLLOWS: "follows",
    Cause.DELETED_OUTSIDE: "deleted outside",
    Cause.RENAMED_OUTSIDE: "renamed outside",
    Cause.RENAMED: "renamed",
    Cause.ADOPTED: "adopted",
    Cause.TAKEN_OVER: "taken over",
    Cause.FAILED: "failed state",
    Cause.UNDER_WAY: "under way",
    Cause.UNDECLARED: "no longer declared",
    Cause.DESTROYED: "destroy",
    Cause.ROLLED_BACK: "rollback",
}
_OF_DETAIL: Mapping[Cause, str] = {
    Cause.RENAMED: " from {}",
    Cause.RENAMED_OUTSIDE: " to {}",
    Cause.TAKEN_OVER: " from {}",
}
"""How the detail stands after the word; elsewhere in brackets."""
_NAMED = 5
"""Names in a summary or beside an action; of more there is a count."""


def reason_text(reason: Reason) -> str:
    """`manifest changed (manifests/price.yaml:12)`, `follows Image/forecast 0.0.2`."""
    words = _WORDS[reason.cause]
    if reason.follows is not None:
        return " ".join(filter(None, (words, str(reason.follows), reason.version)))
    more = reason.detail
    if not more and reason.place is not None:
        more = f"{reason.place.file}:{reason.place.line}"
    return words + (_OF_DETAIL.get(reason.cause, " ({})").format(more) if more else "")


def reasons_text(action: Action) -> str:
    """All reasons of an action, "" where nothing is done."""
    return "; ".join(map(reason_text, action.reasons))


def effects_text(action: Action) -> str:
    """All consequences of an action, "" for none."""
    return ", ".join(consequence_text(each, action.key) for each in action.consequences)


def because_text(action: Action) -> str:
    """The reasons of an action that are worth a line of their own, "" for none."""
    return "; ".join(reason_text(each) for each in action.reasons if not _is_plain(each))


def aside_text(action: Action) -> str:
    """What stands beside an action: plain reasons, then all its consequences; "" for nothing."""
    reasons = [reason_text(each) for each in action.reasons if _is_plain(each)]
    return ", ".join(filter(None, (*reasons, effects_text(action))))


def _is_plain(reason: Reason) -> bool:
    return reason.cause in (Cause.FIRST_APPLY, Cause.UNDECLARED, Cause.DESTROYED)


def consequence_text(consequence: Consequence, key: Key) -> str:
    """`restarts`, `followed by Workflow/nightly`; `key` is the resource of the action."""
    if consequence.effect is Effect.CALLERS:
        return consequence.detail
    words = "followed by" if consequence.effect is Effect.FOLLOWED else str(consequence.effect)
    others = [str(each) for each in consequence.keys if each != key]
    own = ["it too"] if others and len(others) < len(consequence.keys) else []
    names = first_names([*own, *others], _NAMED)
    return f"{words} {names}" if names else words


def effects_summary(plan: Plan) -> str:
    """`Restarts 2: Service/price-api, Deployment/eu.`, then what stops; "" for nothing."""
    parts = [("Restarts", Effect.RESTARTS), ("Stops", Effect.STOPS)]
    return " ".join(
        f"{word} {len(keys)}: {first_names([str(key) for key in keys], _NAMED)}."
        for word, effect in parts
        if (keys := reached(plan, effect))
    )


def reason_document(reason: Reason) -> JsonDict:
    """A reason as JSON; what is not known is null."""
    place = reason.place
    return {
        "cause": str(reason.cause),
        "sentence": reason.cause.sentence,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "paths": list(reason.paths),
        "follows": str(reason.follows) if reason.follows else None,
        "version": reason.version,
        "detail": reason.detail,
    }


def consequence_document(consequence: Consequence) -> JsonDict:
    """A consequence as JSON."""
    return {
        "effect": str(consequence.effect),
        "sentence": consequence.effect.sentence,
        "keys": [str(key) for key in consequence.keys],
        "detail": consequence.detail,
    }


def reached(plan: Plan, effect: Effect) -> tuple[Key, ...]:
    """Everything that a plan has this effect on, sorted."""
    found = (c.keys for a in plan.actions for c in a.consequences if c.effect is effect)
    return tuple(sorted({key for keys in found for key in keys}))
