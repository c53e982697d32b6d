"""A plan file for people: whose it is, what was approved in it, and what it was saved as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.present.plan_text import plan_lines, plan_summary
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.model import JsonDict
    from peakctl.operations.saved_plan import SavedPlan


def saved_plan_lines(
    saved: SavedPlan, *, verbose: bool = False, show_ignored: bool = False
) -> tuple[Line, ...]:
    """What was approved, as `plan` shows it; the summary last."""
    shown = plan_lines(saved.plan, verbose=verbose, show_ignored=show_ignored)
    return (
        line((_whose(saved), "dim")),
        (),
        *shown,
        line((plan_summary(saved.plan), "bold")),
    )


def saved_plan_document(saved: SavedPlan) -> JsonDict:
    """What JSON says of the file itself."""
    tenant = saved.tenant
    return {
        "saved": {"file": saved.file, "tenant": {"domain": tenant.domain, "ledger": tenant.ledger}}
    }


def saved_lines(file: str, command: str) -> tuple[Line, ...]:
    """That a plan was saved, and what to type to carry it out."""
    return (
        line("Saved the plan to ", (file, "bold"), "."),
        line("Carry it out: ", (command, "bold")),
        (),
    )


def _whose(saved: SavedPlan) -> str:
    approval = saved.approval
    parts = [
        f"project {approval.project}" if approval.project else "no project",
        f"environment {approval.environment}" if approval.environment else "",
        f"tenant {saved.tenant.domain}" if saved.tenant.domain else "",
    ]
    return f"Saved plan: {', '.join(filter(None, parts))}"
