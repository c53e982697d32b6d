"""Plans made by hand, as the engine hands them to who prints them."""

from __future__ import annotations

from dataclasses import replace

from peakctl.model import Action, Change, Plan, ShownChange, dotted


def shown(change: Change, **more: object) -> ShownChange:
    """A change that reads in a manifest as it does on the wire."""
    path = dotted(change.path)
    made = ShownChange(
        path,
        change.before,
        change.after,
        (path,),
        (change,),
        change.sensitive,
        change.redeploys,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def as_shown(*actions: Action) -> Plan:
    """The plan of some actions, with what they change for readers."""
    return Plan(
        tuple(
            replace(
                action,
                shown=action.shown or tuple(map(shown, action.changes)),
                skipped=tuple(replace(s, shown=dotted(s.path)) for s in action.skipped),
            )
            for action in actions
        )
    )
