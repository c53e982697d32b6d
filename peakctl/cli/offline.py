"""`peakctl plan --offline`: no tenant, no credentials, and nothing that can be applied."""

from __future__ import annotations

from peakctl.cli.exits import Exit
from peakctl.cli.session import Session
from peakctl.errors import Diagnostic, UsageError
from peakctl.operations.offline import plan_offline
from peakctl.present.offline import offline_document, offline_lines, offline_note, offline_sections
from peakctl.present.report import Report

COMMAND = "plan --offline"
"""The name of the command in every form, so that none is taken for a plan of a tenant."""


def plan_without_tenant(session: Session) -> Report:
    """The report of what the manifests change of those of a commit."""
    flags = session.flags
    _check(session)
    allow = tuple(c for each in flags.allow for c in each.split(",")) if flags.allow else None
    found = plan_offline(
        session.project, flags.base or "", select=flags.select, exclude=flags.exclude, allow=allow
    )
    pending = found.has_changes and flags.detailed_exitcode
    code = Exit.CHANGES_PENDING if pending else Exit.DONE
    return session.report(
        plan=found.plan,
        exit_code=Exit.REFUSED if found.guards else code,
        diagnostics=(offline_note(found), *found.diagnostics, *found.guards),
        lines=offline_lines(found, show_all=flags.show_all, verbose=flags.verbose),
        extra=offline_document(found),
        sections=offline_sections(found),
    )


def _check(session: Session) -> None:
    """Raise UsageError for flags of a plan that there is nothing to do for without a tenant."""
    flags = session.flags
    if not (flags.offline and flags.base):
        summary = "--offline and --base go together: what is compared, and with what"
        raise _usage(summary, "for one: peakctl plan --offline --base origin/main")
    beyond = {
        "--out": flags.out is not None,
        "--explain": flags.explain,
        "--server-validate": flags.server_validate,
        "--prune": flags.prune,
        "--adopt": flags.adopt,
        "--take-over": bool(flags.take_over),
        "--retry-failed": flags.retry_failed,
        "--allow-mass-change": flags.allow_mass_change is not None,
    }
    given = [word for word, was in beyond.items() if was]
    if given:
        summary = f"--offline does not go with {', '.join(given)}: nothing of it is applied"
        raise _usage(summary, "leave it out, or plan with a tenant")


def _usage(summary: str, fix: str) -> UsageError:
    return UsageError(Diagnostic("usage/offline", summary, fix=fix))
