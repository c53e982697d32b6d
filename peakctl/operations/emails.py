"""E-mails through the platform's own alerts: sent once, listed, described, and their templates.

No call sends free text: an e-mail is a template of the tenant or of the platform, filled in with
parameters. A send whose answer is lost is looked for in the list of what was sent, and never sent
again: where it is not found, nobody knows.
"""

from __future__ import annotations

import contextlib
import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from peakctl.adapters.emails import Attachment, Emails, number_of
from peakctl.api.lost_answers import find_lost_write
from peakctl.errors import ApiError, Diagnostic, PeakctlError, UsageError, nearest_names
from peakctl.ledger.revisions import named
from peakctl.model import JsonDict, JsonObject
from peakctl.model.records import dataclass
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.tenant import check_tenant

ATTACHMENTS = 3
ATTACHMENT_LIMIT = 10 * 10**6
"""Bytes of one attachment."""
SUFFIXES = (".pdf", ".docx", ".doc", ".csv", ".txt", ".xlsx", ".xls", ".zip")
"""What the platform takes as attachments."""
SCOPES = ("global", "custom")
"""Templates of the platform, and of the tenant."""
ADDRESS = re.compile(r"[^\s@,;<>\"\x00-\x20\x7f]+@[^\s@,;<>\"\x00-\x20\x7f]+\Z")
_LOOK_BACK = timedelta(days=1)
"""How far back what was sent is looked at: more than two clocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An e-mail to send. `parameters` fill in the template; `attachments` are files."""

    to: tuple[str, ...]
    subject: str
    template: str
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    parameters: JsonObject = field(default_factory=dict)
    attachments: tuple[str | Path, ...] = ()

    def body(self) -> JsonDict:
        """What is sent."""
        found: JsonDict = {"recipients": [*self.to]}
        if self.cc:
            found["cc"] = [*self.cc]
        if self.bcc:
            found["bcc"] = [*self.bcc]
        found |= {"subject": self.subject, "templateName": self.template}
        return found | ({"templateParameters": dict(self.parameters)} if self.parameters else {})


class Delivery(enum.StrEnum):
    """What became of a send: the platform has the e-mail, or nobody knows."""

    SENT = "sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class EmailResult:
    """An e-mail that was handed over. `number` is the platform's, None where it is not known."""

    email: Email
    delivery: Delivery
    number: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


async def send_email_async(project: Project, email: Email) -> EmailResult:
    """Send an e-mail, once. Calling this is the consent.

    Raises UsageError for what the platform would not take, PeakctlError for a template that is not
    there, GuardRefused for another tenant than the environment's, NotAuthenticated, ApiError. Where
    the answer was lost and the e-mail is not found, the delivery is unknown.
    """
    check_email(email)
    async with connect(project) as platform:
        return await send_email(platform, email)


async def list_emails_async(
    project: Project, since: datetime | timedelta | None = None, until: datetime | None = None
) -> tuple[JsonDict, ...]:
    """What was sent, the newest first: number, status, subject, template, when and by whom.

    Without `since` that is the last 90 days, as the platform has it. Raises NotAuthenticated,
    ApiError.
    """
    async with connect(project) as platform:
        return await list_emails(platform, since, until)


async def describe_email_async(project: Project, number: int) -> JsonDict:
    """One e-mail with its recipients, and how it went for each. Raises PeakctlError for none."""
    async with connect(project) as platform:
        return await describe_email(platform, number)


async def email_templates_async(
    project: Project, scopes: Iterable[str] = (), term: str = ""
) -> tuple[JsonDict, ...]:
    """The templates that may be sent, by name; of `SCOPES`, all where none is named."""
    async with connect(project) as platform:
        return await email_templates(platform, scopes, term)


# --- on a platform that is connected -------------------------------------------------------------


async def send_email(platform: Platform, email: Email, *, known: bool = False) -> EmailResult:
    """As `send_email_async`. A template that is `known` is not looked for first."""
    check_email(email)
    files = _read_files(email)
    emails = emails_of(platform)
    with telling() as told:
        told += await _check_tenant(platform)
        if not known:
            await _require_template(emails, email.template)
        before = await _numbers(platform, emails)
        try:
            number = await emails.send(email.body(), files)
        except ApiError as error:
            if not error.doubtful:
                raise
            found = None if before is None else await _look(platform, emails, email, before)
            if found is None:
                return EmailResult(email, Delivery.UNKNOWN, None, (*told, not_known(str(error))))
            number = found
        return EmailResult(email, Delivery.SENT, number, tuple(told))


async def list_emails(
    platform: Platform,
    since: datetime | timedelta | None = None,
    until: datetime | None = None,
) -> tuple[JsonDict, ...]:
    """As `list_emails_async`."""
    if isinstance(since, timedelta):
        since = _now(platform) - since
    found = await emails_of(platform).sent(_moment(since), _moment(until))
    return tuple(sorted(found, key=lambda each: str(each.get("createdAt")), reverse=True))


async def describe_email(platform: Platform, number: int) -> JsonDict:
    """As `describe_email_async`."""
    found = await emails_of(platform).describe(number)
    if found is None:
        summary = f"there is no e-mail {number}"
        fix = "see what was sent: peakctl emails list"
        raise PeakctlError(Diagnostic("live/no-email", summary, fix=fix))
    return found


async def email_templates(
    platform: Platform, scopes: Iterable[str] = (), term: str = ""
) -> tuple[JsonDict, ...]:
    """As `email_templates_async`."""
    found = await emails_of(platform).templates(scopes, term)
    return tuple(sorted(found, key=lambda each: str(each.get("name"))))


async def describe_template(platform: Platform, name: str) -> JsonDict:
    """A template with its subject and text. Raises PeakctlError for none, with the nearest ones."""
    return await _require_template(emails_of(platform), name)


def emails_of(platform: Platform) -> Emails:
    """The e-mails of the tenant."""
    return Emails(platform.api)


# --- before it is sent ---------------------------------------------------------------------------


def check_email(email: Email, others: Iterable[tuple[str, str]] = ()) -> None:
    """Return for an e-mail that can be sent. Raises UsageError with all that is wrong.

    `others` are flaws that were found before, each with what to do.
    """
    flaws = (*others, *_flaws(email))
    if flaws:
        raise UsageError(*(Diagnostic("usage/email", flaw, fix=fix) for flaw, fix in flaws))


def _flaws(email: Email) -> Iterator[tuple[str, str]]:
    if not email.to:
        yield "the e-mail has no recipient", "name one with --to"
    for address in (*email.to, *email.cc, *email.bcc):
        if not ADDRESS.match(address):
            yield f'"{address}" is no address', "write one like someone@example.com"
    for word, text in (("subject", email.subject), ("template", email.template)):
        if not text.strip() or not text.isprintable():
            flaw = "has a line break or a control character" if text.strip() else "is empty"
            yield f"the {word} {flaw}", "write it in one line"
    yield from _flaws_of_files(email)


def _flaws_of_files(email: Email) -> Iterator[tuple[str, str]]:
    if len(email.attachments) > ATTACHMENTS:
        many = f"{len(email.attachments)} attachments, and the platform takes {ATTACHMENTS}"
        yield many, "put them into one .zip"
    for file in map(Path, email.attachments):
        if why := _why_not(file):
            yield f'"{file}" cannot be attached: {why}', f"the platform takes {', '.join(SUFFIXES)}"


def _why_not(file: Path) -> str:
    if not file.is_file():
        return "it is a folder; make a .zip of it" if file.is_dir() else "there is no such file"
    if file.suffix.lower() not in SUFFIXES:
        return f'"{file.suffix}" is of no type that is taken'
    return "it has more than 10 MB" if file.stat().st_size > ATTACHMENT_LIMIT else ""


def _read_files(email: Email) -> tuple[Attachment, ...]:
    return tuple(Attachment(file.name, file.read_bytes()) for file in map(Path, email.attachments))


async def _check_tenant(platform: Platform) -> tuple[Diagnostic, ...]:
    """Return for the tenant that the environment is meant for. Raises GuardRefused for another."""
    project = platform.project
    if project.environment is None or project.environment.tenant is None:
        return ()
    owner = project.owner
    ours = named(await platform.ledgers.list(), owner) if owner else ()
    return await check_tenant(platform, str(ours[0].id) if ours else None)


async def _require_template(emails: Emails, name: str) -> JsonDict:
    found = await emails.template(name)
    if found is not None:
        return found
    near = nearest_names(name, [str(each.get("name")) for each in await emails.templates()])
    raise PeakctlError(
        Diagnostic(
            code="live/no-template",
            summary=f'there is no e-mail template "{name}"',
            fix=f"did you mean: {', '.join(near)}" if near else "see: peakctl emails templates",
        )
    )


# --- a lost answer -------------------------------------------------------------------------------


async def _numbers(platform: Platform, emails: Emails) -> frozenset[str] | None:
    """What was sent before, by number; None where the token may not see it."""
    with contextlib.suppress(PeakctlError):
        found = await emails.sent(_moment(_now(platform) - _LOOK_BACK))
        return frozenset(str(each.get("id")) for each in found)
    return None


async def _look(
    platform: Platform, emails: Emails, email: Email, before: frozenset[str]
) -> int | None:
    """The one e-mail that is there now, was not before, and is what was sent; None otherwise."""
    since = _moment(_now(platform) - _LOOK_BACK)

    async def look() -> list[int] | None:
        new = [
            number_of(each["id"])
            for each in await emails.sent(since)
            if each.get("id") is not None
            and str(each["id"]) not in before
            and (each.get("subject"), each.get("templateName")) == (email.subject, email.template)
        ]
        return [n for n in new if _is_same(await emails.describe(n), email)] or None

    found = await find_lost_write(look, platform.project.clock, ignored=PeakctlError)
    return found[0] if found and len(found) == 1 else None


def _is_same(described: JsonDict | None, email: Email) -> bool:
    """Whether it went to the same people."""
    recipients = described.get("recipients") if described else None
    if not isinstance(recipients, dict):
        return False
    wanted = {"to": email.to, "cc": email.cc, "bcc": email.bcc}
    return all(
        sorted(map(str, recipients.get(word) or ())) == sorted(addresses)
        for word, addresses in wanted.items()
    )


def not_known(why: str) -> Diagnostic:
    """That nobody knows whether an e-mail was sent."""
    return Diagnostic(
        code="emails/unknown",
        summary="it is not known whether the e-mail was sent",
        detail=why,
        fix="see peakctl emails list before you send it again: it may have arrived",
    )


def _now(platform: Platform) -> datetime:
    return datetime.fromtimestamp(platform.project.clock.now(), UTC)


def _moment(at: datetime | timedelta | None) -> str:
    if not isinstance(at, datetime):
        return ""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
