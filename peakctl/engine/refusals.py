"""What a plan refuses about a resource that is there, told with place and next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.engine.versions import Decision, Verdict
from peakctl.errors import Diagnostic, Severity
from peakctl.model import MISSING, Change, Live, Resource, dotted

if TYPE_CHECKING:
    from peakctl.engine.diff import Diff
    from peakctl.kinds.fields import Kind


def refusals(resource: Resource, kind: Kind, live: Live, diff: Diff) -> list[Diagnostic]:
    """Why the live resource may not be changed at all, or not in these fields."""
    problems: list[Diagnostic] = []
    if live.foreign:
        problems.append(
            Diagnostic(
                code="live/not-ours",
                summary=f'"{resource.key.name}" is not this project\'s to change: {live.foreign}',
                key=resource.key,
                path=("metadata", "name"),
                locations=(resource.document.locate(("metadata", "name")),),
                fix="choose another name, or manage what it belongs to instead",
            )
        )
    return problems + [_immutable(resource, c) for c in diff.changes if c.immutable]


def _immutable(resource: Resource, change: Change) -> Diagnostic:
    before, after = (_told(value) for value in (change.before, change.after))
    return Diagnostic(
        code="plan/immutable",
        summary=f"{dotted(change.path)} cannot change once the resource is there",
        key=resource.key,
        path=change.path,
        locations=(resource.document.locate(change.path),),
        detail=f"live: {before}, manifest: {after}; {change.immutable}",
        fix="choose a new metadata.name, and delete the old resource when nothing uses it",
    )


def _told(value: object) -> str:
    return "nothing" if value is MISSING else str(value)


def version_problems(
    resource: Resource, kind: Kind, decision: Decision, diff: Diff
) -> list[Diagnostic]:
    """Why the manifest's fixed number cannot be made, or what to know of it, as a warning."""
    versions = kind.versions
    if versions is None or decision.verdict in (Verdict.KEEP, Verdict.MAKE):
        return []
    severity = Severity.ERROR
    fields = sorted({dotted(c.path) for c in diff.changes if c.call == versions.call})
    if decision.verdict is Verdict.REUSED:
        summary = f'version "{decision.version}" is there with other content, and never changes'
        detail = f"these fields differ: {', '.join(fields)}"
    elif decision.verdict is Verdict.LOWER:
        summary = f'version "{decision.version}" does not rise above those that exist'
        detail = "it is built; what names no version of this image may go on using a higher one"
        severity = Severity.WARNING
    else:
        summary = f'version "{decision.version}" is not there, and numbers must rise'
        detail = ""
    return [
        Diagnostic(
            code=f"plan/version-{decision.verdict}",
            summary=summary,
            key=resource.key,
            path=versions.at,
            locations=(resource.document.locate(versions.at),),
            detail=detail,
            fix=f"use {decision.proposal}, or leave the number out to let peakctl choose",
            severity=severity,
        )
    ]
