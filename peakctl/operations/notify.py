"""Telling of a run by e-mail and webhook, as `notify` of peakctl.yaml has it.

What goes wrong here is a warning: the run has ended, and nothing that is told changes how. Each
message is sent once.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.manifests.sections import Channel, Mail, Occasion, Shape, Webhook
from peakctl.model import JsonDict
from peakctl.operations.project import Project

SECONDS = 60.0
"""How long all messages of a run may take together."""
HURRIED_SECONDS = 4.0
"""The same once the job is being cancelled: its runner ends it within seconds."""
_USAGE = 64
_DRIFT = 2


class Message(Protocol):
    """What is told of a run, in each form that a channel takes."""

    @property
    def subject(self) -> str:
        """One line, for the subject of an e-mail."""

    def parameters(self) -> JsonDict:
        """What fills in the template of an e-mail."""

    def body(self, shape: Shape) -> JsonDict:
        """What a webhook gets."""


def occasion_of(
    command: str, exit_code: int, *, changed: bool, began: bool, in_ci: bool
) -> Occasion | None:
    """What a run is told as; None for one that is not worth telling.

    `changed` says that it changed something, `began` that it sent its first call. What fails before
    that is told by a job of a CI alone: elsewhere somebody stands before it.
    """
    if command == "drift" and exit_code == _DRIFT:
        return Occasion.DRIFT
    if exit_code in (0, _DRIFT):
        return Occasion.APPLY if changed and command != "drift" else None
    return Occasion.FAILURE if began or (in_ci and exit_code != _USAGE) else None


def channels_of(project: Project, occasion: Occasion) -> tuple[Channel, ...]:
    """The channels that are told of it; none where the run is of a pull or merge request."""
    from peakctl.hosts.reviews import is_of_request

    file = project.file
    found = file.channels_for(project.environment) if file else ()
    chosen = tuple(each for each in found if occasion in each.after)
    return () if chosen and is_of_request(project.settings.environment) else chosen


async def send_notifications(
    project: Project,
    channels: tuple[Channel, ...],
    message: Message,
    *,
    hurried: bool = False,
) -> tuple[Diagnostic, ...]:
    """Send the message to all channels at once. Gives warnings; raises a cancellation alone."""
    seconds = HURRIED_SECONDS if hurried else SECONDS
    jobs = [_told(project, each, message, seconds) for each in channels]
    return tuple(d for d in await asyncio.gather(*jobs) if d is not None)


async def _told(
    project: Project,
    channel: Channel,
    message: Message,
    seconds: float,
) -> Diagnostic | None:
    """The warning of one channel, if there is one."""
    try:
        async with asyncio.timeout(seconds):
            if isinstance(channel.way, Webhook):
                return await _post(project, channel.way, message)
            return await _mail(project, channel.way, message)
    except TimeoutError:
        return _not_sent(channel.way, f"it took more than {seconds:.0f}s, and may have arrived")
    except PeakctlError as error:
        return _not_sent(channel.way, "; ".join(d.summary for d in error.diagnostics))
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has ended as it has
        return _not_sent(channel.way, f"a bug of peakctl: {type(error).__name__}")


async def _post(project: Project, hook: Webhook, message: Message) -> Diagnostic | None:
    from peakctl.hosts.find import open_transport
    from peakctl.hosts.webhooks import flaw_of, post_message

    address = project.settings.environment.get(hook.url_from, "").strip()
    flaw = flaw_of(address) if address else "the variable is not set"
    if flaw:
        return _no_address(hook, flaw)
    await post_message(open_transport(project.settings), address, message.body(hook.shape))
    return None


async def _mail(project: Project, mail: Mail, message: Message) -> Diagnostic | None:
    from peakctl.operations.emails import Delivery, Email, send_email
    from peakctl.operations.platform import connect

    email = Email(
        to=mail.to,
        cc=mail.cc,
        bcc=mail.bcc,
        subject=mail.subject or message.subject,
        template=mail.template,
        parameters={**message.parameters(), **mail.parameters},
    )
    async with connect(project) as platform:
        sent = await send_email(platform, email, known=True)
    if sent.delivery is Delivery.UNKNOWN:
        return _not_sent(mail, "it is not known whether it went out; it is not sent again")
    return None


def _not_sent(way: Mail | Webhook, why: str) -> Diagnostic:
    return Diagnostic(
        code="notify/failed",
        summary=f"{_name(way)} was not told",
        detail=why,
        fix="the run has ended as it says; docs/notify.md tells what a channel needs",
        severity=Severity.WARNING,
    )


def _no_address(hook: Webhook, flaw: str) -> Diagnostic:
    return Diagnostic(
        code="notify/no-address",
        summary=f"{_name(hook)} was not told: {flaw}",
        fix=f"set {hook.url_from} to the https address of the webhook, as a secret of the job",
        severity=Severity.WARNING,
    )


def _name(way: Mail | Webhook) -> str:
    if isinstance(way, Webhook):
        return f"the webhook of {way.url_from}"
    return f"the e-mail of template {way.template}"
