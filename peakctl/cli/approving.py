"""Plan files: written by plan, held against a new plan by apply."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.engine.approval import Approval, approve, objections, read_approval, write_approval
from peakctl.engine.ledger.digests import LIGHT
from peakctl.errors import Diagnostic, PlanStale, Severity, UsageError

LARGEST = 64 * 2**20
"""Bytes of a plan file; an action takes about 400."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.cli.planning import Prepared
    from peakctl.cli.session import Connection, Session
    from peakctl.model import Plan


def save_plan(session: Session, connection: Connection, prepared: Prepared, file: str) -> None:
    """Write the consent to a plan, but for one that a guard refuses.

    Raises UsageError when the file cannot be written.
    """
    if prepared.guards:
        summary = f'"{file}" was not written: what is refused cannot be approved'
        session.warnings.append(
            Diagnostic("plan/not-saved", summary, fix="see the error", severity=Severity.WARNING)
        )
        return
    approval = _approved(session, connection, prepared.plan)
    try:
        Path(file).write_text(write_approval(approval), "utf-8")
    except OSError as error:
        raise UsageError(
            Diagnostic(
                code="usage/plan-file",
                summary=f'"{file}" cannot be written',
                detail=error.strerror or "",
                fix="name a file in a folder that exists",
            )
        ) from None


def load_approval(session: Session, file: str) -> Approval:
    """The consent in a plan file. Raises PlanStale when it is not whole, or for something else."""
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(LARGEST + 1)  # no more, should it have no end
        approval = read_approval(data.decode()) if len(data) <= LARGEST else None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise _unusable(f'"{file}" cannot be read', why) from None
    if approval is None:
        raise _unusable(f'"{file}" is not a whole plan file of this peakctl', "")
    here = (_project(session), _environment(session))
    if (approval.project, approval.environment) != here:
        there = f"project {approval.project or '-'}, environment {approval.environment or '-'}"
        raise _unusable(f'"{file}" approves another run', f"it is for {there}")
    return approval


def agreement(
    session: Session, connection: Connection, plan: Plan, approval: Approval | None
) -> Callable[[Plan], None]:
    """What raises PlanStale for a plan beyond what was consented to.

    That is a plan file, or else `plan`, which was shown.
    """
    consent, fix = approval, "plan again with --out, and have the new plan approved"
    if consent is None:
        consent = _approved(session, connection, plan, cost=LIGHT)
        fix = f"look at the new plan: {session.again()}"

    def agreed(now: Plan) -> None:
        found = objections(consent, now, connection.kinds, fix)
        if found:
            raise PlanStale(*found)

    return agreed


def _approved(session: Session, connection: Connection, plan: Plan, *, cost: int = 0) -> Approval:
    return approve(
        plan,
        connection.kinds,
        project=_project(session),
        environment=_environment(session),
        salt=secrets.token_hex(16),
        cost=cost,
    )


def _unusable(summary: str, detail: str) -> PlanStale:
    fix = "plan again with --out, and have the new plan approved"
    return PlanStale(Diagnostic("plan/unusable", summary, detail=detail, fix=fix))


def _project(session: Session) -> str:
    return session.project.name if session.project else ""


def _environment(session: Session) -> str:
    return session.environment.name if session.environment else ""
