"""A plan without a tenant, which says in every form that it is one."""

from __future__ import annotations

from peakctl.errors import Diagnostic, Severity
from peakctl.model import JsonDict
from peakctl.operations.offline import OfflineResult
from peakctl.present.plan_markdown import escaped
from peakctl.present.plan_text import plan_lines, plan_summary
from peakctl.present.text import Line, first_names, line

_NAMED = 20


def _compared(found: OfflineResult) -> str:
    return f"manifests compared with those of {found.revision} ({found.base[:12]}), no tenant asked"


def offline_note(found: OfflineResult) -> Diagnostic:
    """What says in forms that have nothing but problems that this is no plan of a tenant."""
    names = first_names([str(key) for key in found.removed], _NAMED)
    detail = "what is live may differ; this plan can be neither saved nor applied"
    return Diagnostic(
        code="plan/offline",
        summary=f"offline: {_compared(found)}",
        detail=f"{detail}\nno longer declared: {names}" if names else detail,
        severity=Severity.NOTE,
    )


def offline_summary(found: OfflineResult) -> str:
    """`Offline plan: 1 to edit, 3 unchanged.`, the counts as in every plan."""
    words = plan_summary(found.plan)
    if words.startswith("Plan: "):
        return f"Offline plan: {words.removeprefix('Plan: ')}"
    return f"Offline: {words[:1].lower()}{words[1:]}"


def offline_lines(
    found: OfflineResult, *, show_all: bool = False, verbose: bool = False
) -> tuple[Line, ...]:
    """The plan between two lines that say what it is."""
    names = first_names([str(key) for key in found.removed], _NAMED)
    removed = (line("No longer declared: ", (names, "bold")), ()) if names else ()
    return (
        line(("OFFLINE", "note"), f": {_compared(found)}. What is live may differ."),
        (),
        *plan_lines(found.plan, show_all=show_all, verbose=verbose),
        *removed,
        line((offline_summary(found), "bold")),
    )


def offline_document(found: OfflineResult) -> JsonDict:
    """What the JSON document has beside a plan's own parts."""
    return {
        "offline": {"base": found.revision, "commit": found.base},
        "removed": [str(key) for key in found.removed],
    }


def offline_sections(found: OfflineResult) -> tuple[str, ...]:
    """What Markdown has ahead of the plan."""
    names = first_names([escaped(str(key)) for key in found.removed], _NAMED)
    removed = (f"**No longer declared:** {names}\n",) if names else ()
    return (f"**OFFLINE**: {escaped(_compared(found))}. What is live may differ.\n", *removed)
