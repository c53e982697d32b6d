"""What was sent by e-mail, and the templates there are, as tables and as data."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from peakctl.errors import counted
from peakctl.model import JsonDict
from peakctl.model.text import printable
from peakctl.operations.emails import Delivery, EmailResult
from peakctl.present.text import Line, line, table_lines

FIRST = 20
"""How many rows a table shows where nothing else is asked for."""
_EMAIL = {
    "id": "id",
    "status": "status",
    "subject": "subject",
    "template": "templateName",
    "created_at": "createdAt",
    "created_by": "createdBy",
}
_TEMPLATE = {
    "id": "id",
    "name": "name",
    "scope": "scope",
    "created_at": "createdAt",
    "created_by": "createdBy",
}
_TAGS = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def sent_row(result: EmailResult) -> JsonDict:
    """A send in JSON."""
    email = result.email
    return {
        "id": result.number,
        "delivery": str(result.delivery),
        "subject": email.subject,
        "template": email.template,
        "recipients": {"to": [*email.to], "cc": [*email.cc], "bcc": [*email.bcc]},
    }


def sent_lines(result: EmailResult) -> tuple[Line, ...]:
    """What became of a send; nothing where that is told as an error."""
    if result.delivery is Delivery.UNKNOWN:
        return ()
    email = result.email
    many = counted(len((*email.to, *email.cc, *email.bcc)), "recipient")
    return (line((f"Sent e-mail {result.number} to {many}.", "bold")),)


def email_row(email: Mapping[str, object]) -> JsonDict:
    """An e-mail of the listing in JSON."""
    return _row(email, _EMAIL)


def template_row(template: Mapping[str, object]) -> JsonDict:
    """A template of the listing in JSON."""
    return _row(template, _TEMPLATE)


def email_lines(rows: Sequence[JsonDict], most: int | None = FIRST) -> tuple[Line, ...]:
    """A table of what was sent, and how much more there is."""
    if not rows:
        return (line("Nothing was sent."),)
    words = ("id", "status", "subject", "template", "created_at", "created_by")
    return _table(rows, words, most, "e-mail")


def template_lines(rows: Sequence[JsonDict]) -> tuple[Line, ...]:
    """A table of templates."""
    if not rows:
        return (line("There is no template."),)
    return _table(rows, ("name", "scope", "created_at", "created_by"), None, "template")


def described_row(email: Mapping[str, object]) -> JsonDict:
    """One e-mail with its recipients in JSON."""
    recipients = email.get("recipients")
    details = email.get("statusDetails")
    return {
        **email_row(email),
        "delivered_at": email.get("deliveredAt"),
        "recipients": recipients if isinstance(recipients, Mapping) else {},
        "deliveries": [
            {word: each.get(word) for word in ("email", "status", "description")}
            for each in (details if isinstance(details, list) else ())
            if isinstance(each, Mapping)
        ],
    }


def described_lines(row: JsonDict) -> tuple[Line, ...]:
    """One e-mail: what it is, then how it went for each recipient."""
    words = ("subject", "template", "status", "created_at", "created_by", "delivered_at")
    lines = [line(("E-mail ", "bold"), (str(row["id"]), "bold"))]
    lines += [line(f"  {_title(word)}: {_cell(row[word])}") for word in words if row[word]]
    for each in row["deliveries"]:
        why = f" ({_cell(each['description'])})" if each["description"] else ""
        lines.append(line(f"  {_cell(each['email'])}: {_cell(each['status'])}{why}"))
    return tuple(lines)


def described_template_row(template: Mapping[str, object]) -> JsonDict:
    """One template with its subject and text in JSON."""
    more = {word: template.get(word) for word in ("subject", "body")}
    return {**template_row(template), **more}


def described_template_lines(row: JsonDict) -> tuple[Line, ...]:
    """One template, its text without tags."""
    text = html.unescape(_TAGS.sub("\n", str(row["body"] or "")))
    rows = [each.strip() for each in text.splitlines() if each.strip()]
    return (
        line((f"Template {_cell(row['name'])}", "bold"), f", {_cell(row['scope'])}"),
        line(f"  subject: {_cell(row['subject'])}"),
        *(line(f"  {printable(each)}") for each in rows),
    )


def _row(found: Mapping[str, object], words: Mapping[str, str]) -> JsonDict:
    return {ours: found.get(theirs) for ours, theirs in words.items()}


def _table(
    rows: Sequence[JsonDict], words: Sequence[str], most: int | None, what: str
) -> tuple[Line, ...]:
    shown = rows if most is None else rows[:most]
    cells = [[_cell(row[word]) for word in words] for row in shown]
    lines = table_lines([_title(word) for word in words], cells)
    left = len(rows) - len(shown)
    more = (line((f"{counted(left, f'more {what}')}; --limit shows more", "dim")),) if left else ()
    return (*lines, *more)


def _title(word: str) -> str:
    return word.replace("_", " ")


def _cell(value: object) -> str:
    return "" if value is None else printable(str(value))
