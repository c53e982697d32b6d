"""Plan files: written by plan, held against a new plan by apply."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.engine.plan.approval import (
    FORMAT,
    NOWHERE,
    Approval,
    approve,
    left_deletes,
    objections,
    other_format,
    read_approval,
    write_approval,
)
from peakctl.errors import Diagnostic, PlanStale, Severity, UsageError
from peakctl.ledger.digests import LIGHT
from peakctl.present.text import counted
from peakctl.private import write_private

LARGEST = 64 * 2**20
"""Bytes of a plan file; an action takes about 400."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.cli.planning import Prepared, Wanted
    from peakctl.cli.session import Connection, Session
    from peakctl.engine.observe.tenant import Tenant
    from peakctl.kinds.fields import Kind
    from peakctl.model import Key, Plan


def save_plan(
    session: Session, connection: Connection, prepared: Prepared, file: str, tenant: Tenant
) -> None:
    """Write the consent to a plan, but for one that a guard refuses.

    Raises UsageError when the file cannot be written.
    """
    if prepared.guards:
        summary = f'"{file}" was not written: what is refused cannot be approved'
        session.warnings.append(
            Diagnostic("plan/not-saved", summary, fix="see the error", severity=Severity.WARNING)
        )
        return
    approval = _approved(session, connection, prepared.plan, tenant=tenant)
    if not tenant.is_known:
        session.warnings.append(_unbound(file))
    try:
        write_private(Path(file), write_approval(approval).encode())
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
        text = data.decode() if len(data) <= LARGEST else ""
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise _unusable(f'"{file}" cannot be read', why) from None
    approval = read_approval(text)
    if approval is None:
        raise _unreadable(file, text)
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


async def tell_less(
    session: Session,
    connection: Connection,
    wanted: Wanted,
    prepared: Prepared,
    approval: Approval,
) -> None:
    """Warn of approved deletes that a missing flag leaves out, of what is owned and there still.

    Raises ApiError or NotAuthenticated when that cannot be looked up.
    """
    from peakctl.engine.rebuild import find_there

    flags, ledger = session.flags, prepared.world.ledger
    left = [k for k in left_deletes(approval, prepared.plan) if k not in wanted.resources]
    owned = {key: o for key in left if ledger and (o := ledger.owned.get(key))}
    needs = {key: _flags_for(connection.kinds.get(key.kind)) for key in owned}
    missing = {"--prune": not flags.prune, "--prune-history": not flags.prune_history}
    words = {key: [word for word in each if missing[word]] for key, each in needs.items()}
    held = {key: owned[key] for key in owned if words[key]}
    there = await find_there(held.values(), prepared.world, connection.adapters)
    keys = [key for key, each in held.items() if (key.kind, str(each.id)) in there]
    if keys:
        session.warnings.append(_less(keys, sorted({w for key in keys for w in words[key]})))


def _flags_for(kind: Kind | None) -> tuple[str, ...]:
    """What a plan needs to delete something of a kind that no manifest names."""
    return ("--prune", "--prune-history") if kind and kind.history else ("--prune",)


def _less(keys: list[Key], flags: list[str]) -> Diagnostic:
    verb = "is" if len(keys) == 1 else "are"
    return Diagnostic(
        code="plan/less",
        summary=f"{counted(len(keys), 'approved delete')} {verb} left out for want of a flag",
        detail=f"approved, and not deleted: {', '.join(map(str, keys))}",
        fix=f"give the flags of the plan again: add {' '.join(flags)}",
        severity=Severity.WARNING,
    )


def _approved(
    session: Session,
    connection: Connection,
    plan: Plan,
    *,
    cost: int = 0,
    tenant: Tenant = NOWHERE,
) -> Approval:
    return approve(
        plan,
        connection.kinds,
        project=_project(session),
        environment=_environment(session),
        salt=secrets.token_hex(16),
        cost=cost,
        tenant=tenant,
    )


def _unbound(file: str) -> Diagnostic:
    return Diagnostic(
        code="plan/unbound",
        summary=f'"{file}" is not bound to a tenant',
        detail="nothing there tells yet which tenant it is: no spoke domain, no ledger",
        fix="`apply FILE` will ask whether it is the right one, or needs `tenant` in peakctl.yaml",
        severity=Severity.WARNING,
    )


def _unreadable(file: str, text: str) -> PlanStale:
    """What is wrong with a plan file that cannot be read."""
    number = other_format(text)
    if number is None:
        return _unusable(f'"{file}" is not a whole plan file of this peakctl', "")
    which = "a newer" if number > FORMAT else "an older"
    summary = f'"{file}" was saved by {which} peakctl: its format is {number}, not {FORMAT}'
    why = "a plan of an older one says nothing of the tenant that it was made for"
    return _unusable(summary, why if number < FORMAT else "")


def _unusable(summary: str, detail: str) -> PlanStale:
    fix = "plan again with --out, and have the new plan approved"
    return PlanStale(Diagnostic("plan/unusable", summary, detail=detail, fix=fix))


def _project(session: Session) -> str:
    return session.project.name if session.project else ""


def _environment(session: Session) -> str:
    return session.environment.name if session.environment else ""
