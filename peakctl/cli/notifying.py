"""Telling of a run by the channels of peakctl.yaml, once its result is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.cli.exits import Interrupted
from peakctl.errors import Diagnostic, Severity
from peakctl.operations.notify import Message, channels_of, occasion_of, send_notifications

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.manifests.sections import Channel, Occasion
    from peakctl.operations.project import Project
    from peakctl.present.report import Report

TOLD = ("apply", "destroy", "rollback", "drift")
"""Commands whose runs are told of; `ci apply` is an apply."""


def notified(session: Session, report: Report) -> Report:
    """The report, told by the channels that there are for it; what went wrong is a warning in it.

    The exit code stays what it is.
    """
    opened = session.opened
    if opened is None or report.command not in TOLD or session.flags.dry_run:
        return report
    try:
        told = _notify(session, opened, report)
    except Exception as error:  # noqa: BLE001 - the run has ended as it has
        told = (_failed(error),)
    return replace(report, diagnostics=(*report.diagnostics, *told)) if told else report


def _notify(session: Session, opened: Project, report: Report) -> tuple[Diagnostic, ...]:
    from peakctl.cli.loop import run_async

    occasion = occasion_of(
        report.command,
        report.exit_code,
        changed=report.changed,
        began=bool(report.outcomes),
        in_ci=session.settings.ci,
    )
    channels = channels_of(opened, occasion) if occasion else ()
    if occasion is None or not channels:
        return ()
    message = _message(session, opened, report, occasion)
    hurried = session.interrupted is not None
    work = send_notifications(opened, channels, message, hurried=hurried)
    try:
        return run_async(session, work)
    except (Interrupted, KeyboardInterrupt):
        return (_cut_short(channels),)


def _message(session: Session, opened: Project, report: Report, occasion: Occasion) -> Message:
    from peakctl.operations.actor import actor_of, redacted
    from peakctl.present.ci_report import JobFacts
    from peakctl.present.notification import notification_of

    actor = redacted(actor_of(session.settings, opened.root), opened.redact)
    facts = JobFacts(actor.commit, actor.ci.url if actor.ci else "")
    return notification_of(report, occasion, facts, actor.who, opened.redact)


def _cut_short(channels: tuple[Channel, ...]) -> Diagnostic:
    many = "one message" if len(channels) == 1 else f"{len(channels)} messages"
    return Diagnostic(
        code="notify/failed",
        summary=f"it is not known whether {many} went out: interrupted",
        fix="the run has ended as it says",
        severity=Severity.WARNING,
    )


def _failed(error: Exception) -> Diagnostic:
    return Diagnostic(
        code="notify/failed",
        summary=f"nobody was told: {type(error).__name__}; this is a bug of peakctl",
        fix="the run has ended as it says; set PEAKCTL_DEBUG=1, and report what it shows",
        severity=Severity.WARNING,
    )
