"""`peakctl emails send|list|describe|templates`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Since, Word

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from peakctl.cli.session import Session
    from peakctl.model import JsonDict
    from peakctl.operations.emails import Email
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl emails templates -e prod                  what may be sent
  peakctl emails send -e prod --to a@example.com --subject Done --template report
  peakctl emails list -e prod --since 7d
  peakctl emails describe 12 -e prod
"""
SEND_EPILOG = """\b
Examples:
  peakctl emails send --to a@example.com --cc b@example.com --subject 'Sales of May' \\
    --template report --parameter month=May --attach sales.xlsx
  peakctl emails send --to a@example.com --subject Done --template report \\
    --parameters '{"rows": 12}'

It is sent once. Where the answer is lost, the list of what was sent is looked at; where it is not
found there, nobody knows.

Exit codes: 0 sent, 1 no such template, or not known whether it was sent, 12 another tenant,
15 not permitted, 64 wrong usage.
"""
LIST_EPILOG = """\b
Examples:
  peakctl emails list -e prod --since 7d
  peakctl emails list -e prod -o json | jq '.emails[].subject'

Exit codes: 0 done, 15 not permitted, 64 wrong usage.
"""
DESCRIBE_EPILOG = """\b
Examples:
  peakctl emails describe 12 -e prod

Exit codes: 0 done, 1 there is none of that number, 15 not permitted, 64 wrong usage.
"""
TEMPLATES_EPILOG = """\b
Examples:
  peakctl emails templates -e prod
  peakctl emails templates --scope custom --search report
  peakctl emails templates report                   its subject and text

No call of the platform makes or changes templates.

Exit codes: 0 done, 1 there is none of that name, 15 not permitted, 64 wrong usage.
"""


@options.group(epilog=EPILOG)
@options.directory
def emails() -> None:
    """Send e-mails through the platform, and see what was sent.

    Each is a template of the platform or the tenant, filled in with parameters.
    """


_FORMS = options.output("text", "json", "yaml")


def _many(flag: str, text: str) -> Callable[[options.F], options.F]:
    return click.option(flag, type=Word(), multiple=True, metavar="ADDRESS", help=text)


@emails.command(context_settings=options.CONTEXT, epilog=SEND_EPILOG)
@_many("--to", "Whom it goes to. Repeatable.")
@_many("--cc", "Who gets a copy. Repeatable.")
@_many("--bcc", "Who gets a copy that others do not see. Repeatable.")
@click.option("--subject", type=Word(), required=True, help="The subject.")
@click.option("--template", type=Word(), required=True, help="The template, by its name.")
@click.option(
    "--parameter", type=Word(), multiple=True, metavar="NAME=VALUE", help="Text. Repeatable."
)
@click.option("--parameters", type=Word(), metavar="JSON", help="An object of more parameters.")
@click.option(
    "--attach", type=click.Path(), multiple=True, metavar="FILE", help="3 files at most, of 10 MB."
)
@options.environment
@_FORMS
@options.connection
@options.display
def send(**typed: object) -> int:
    """Send an e-mail, once."""
    words = ("to", "cc", "bcc", "subject", "template", "parameter", "parameters", "attach")
    asked = {word: typed.pop(word) for word in words}
    return options.run("emails send", typed, _send, asked)


@emails.command("list", context_settings=options.CONTEXT, epilog=LIST_EPILOG)
@click.option("--since", type=Since(), metavar="TIME", help="7d, 36h or 2026-11-01. Default: 90d.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="How many. Default: 20 as text, else all."
)
@options.environment
@_FORMS
@options.connection
@options.display
def list_(since: datetime | timedelta | None, limit: int | None, **flags: object) -> int:
    """List what was sent, the newest first."""
    return options.run("emails list", flags, _list, since, limit)


@emails.command(context_settings=options.CONTEXT, epilog=DESCRIBE_EPILOG)
@click.argument("number", type=click.IntRange(min=0), metavar="ID")
@options.environment
@_FORMS
@options.connection
@options.display
def describe(number: int, **flags: object) -> int:
    """Show an e-mail, and how it went for each recipient."""
    return options.run("emails describe", flags, _describe, number)


@emails.command(context_settings=options.CONTEXT, epilog=TEMPLATES_EPILOG)
@click.argument("name", required=False)
@click.option("--scope", type=click.Choice(["global", "custom"]), help="Of the platform, or yours.")
@click.option("--search", type=Word(), help="Part of the name.")
@options.environment
@_FORMS
@options.connection
@options.display
def templates(name: str | None, scope: str | None, search: str | None, **flags: object) -> int:
    """List the templates, or show the one called NAME."""
    scopes = (scope,) if scope else ()
    return options.run("emails templates", flags, _templates, name, scopes, search or "")


def _email(asked: JsonDict) -> Email:
    """What was typed. Raises UsageError with all that is wrong with it."""
    import json

    from peakctl.operations.emails import Email, check_email

    pairs = [each.partition("=") for each in asked["parameter"]]
    wrong = ("".join(each) for each in pairs if not (each[0] and each[1]))
    flaws = [(f'"{each}" is no parameter', "write NAME=VALUE") for each in wrong]
    try:
        more = json.loads(asked["parameters"] or "{}")
    except (ValueError, RecursionError):
        more = None
    if not isinstance(more, dict):
        flaws.append(("--parameters is no JSON object", "write one like '{\"rows\": 12}'"))
        more = {}
    more |= {name: value for name, _, value in pairs}
    words = {word: asked[word] for word in ("to", "cc", "bcc", "subject", "template")}
    email = Email(**words, parameters=more, attachments=asked["attach"])
    check_email(email, flaws)
    return email


async def _send(session: Session, asked: JsonDict) -> Report:
    import asyncio

    from peakctl.cli.exits import Exit
    from peakctl.operations.emails import Delivery, not_known, send_email
    from peakctl.present.emails import sent_lines, sent_row

    email = _email(asked)
    async with session.connected() as platform:
        try:
            found = await send_email(platform, email)
        except asyncio.CancelledError:
            if session.interrupted is None:
                raise
            told = (not_known("interrupted"),)
            return session.report(exit_code=session.interrupted, diagnostics=told)
    session.warnings += found.diagnostics
    unknown = found.delivery is Delivery.UNKNOWN
    code = Exit.ERROR if unknown else Exit.DONE
    return session.result("email", sent_row(found), sent_lines(found), exit_code=code, wrote=True)


async def _list(session: Session, since: datetime | timedelta | None, limit: int | None) -> Report:
    from peakctl.operations.emails import list_emails
    from peakctl.present.emails import FIRST, email_lines, email_row

    async with session.connected() as platform:
        found = await list_emails(platform, since)
    rows = [email_row(each) for each in found]
    return session.result("emails", rows[:limit], email_lines(rows, limit or FIRST))


async def _describe(session: Session, number: int) -> Report:
    from peakctl.operations.emails import describe_email
    from peakctl.present.emails import described_lines, described_row

    async with session.connected() as platform:
        row = described_row(await describe_email(platform, number))
    return session.result("email", row, described_lines(row))


async def _templates(
    session: Session, name: str | None, scopes: tuple[str, ...], search: str
) -> Report:
    from peakctl.operations.emails import describe_template, email_templates
    from peakctl.present import emails as shown

    async with session.connected() as platform:
        if name is not None:
            row = shown.described_template_row(await describe_template(platform, name))
            return session.result("template", row, shown.described_template_lines(row))
        found = await email_templates(platform, scopes, search)
    rows = [shown.template_row(each) for each in found]
    return session.result("templates", rows, shown.template_lines(rows))
