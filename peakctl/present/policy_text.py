"""What a working tree changes of the rules that it is judged by: the first thing that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.model.text import printable
from peakctl.present.text import Line, line

if TYPE_CHECKING:  # shown beside what is no plan, too
    from peakctl.model import JsonDict, Policy, PolicyChange

_SHORT_COMMIT = 8


def policy_lines(policy: Policy | None) -> tuple[Line, ...]:
    """The changed rules, each with what is in force; nothing where none is."""
    if policy is None or not policy.changes:
        return ()
    return (
        line((policy_headline(policy), "warning")),
        *(line("    ", ("~ ", "edit"), printable(change_text(each))) for each in policy.changes),
        (),
    )


def change_text(change: PolicyChange) -> str:
    """One changed rule: its place, the one in force, and the one of the working tree."""
    return f"{change.path}: {change.before} -> {change.after}"


def policy_headline(policy: Policy) -> str:
    """That there are changes, and whose rules are in force."""
    where = f"{printable(policy.revision)} ({policy.commit[:_SHORT_COMMIT]})"
    return f"peakctl.yaml changes the policy; that of {where} is in force:"


def policy_document(policy: Policy) -> JsonDict:
    """The same for programs, also where nothing changes."""
    return {
        "revision": policy.revision,
        "commit": policy.commit,
        "changes": [
            {"path": each.path, "before": each.before, "after": each.after}
            for each in policy.changes
        ],
    }
