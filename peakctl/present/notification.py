"""A run as a message: for Slack, for Teams, as JSON, and as the parameters of an e-mail.

It has counts, names and links, and no value: whoever reads a chat need not be allowed to read what
is applied. Words of others are text in every shape: no mention, no link.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from peakctl.errors import Severity
from peakctl.manifests.sections import Occasion, Shape
from peakctl.model import JsonDict
from peakctl.model.records import dataclass
from peakctl.model.text import safe_line
from peakctl.present.ci_report import JobFacts
from peakctl.present.plan_json import FORMAT_VERSION, problems_of
from peakctl.present.plan_text import applied_summary, plan_summary
from peakctl.present.report import Report

MOST = 20
"""Resources that are named; the others are counted."""
MOST_CODES = 10
_SHORT_COMMIT = 12
_HAPPENED = {
    Occasion.APPLY: "{command} done",
    Occasion.FAILURE: "{command} failed (exit code {exit_code})",
    Occasion.DRIFT: "changed outside",
}
_COLOURS = {Occasion.APPLY: "good", Occasion.FAILURE: "attention", Occasion.DRIFT: "warning"}
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Named:
    """A resource, and what became of it in a word."""

    key: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What is told of a run. `summary` is its last line; `resources` are those worth naming first.

    `counts` are by what was done, and by how it ended where that is not well. `codes` are those of
    its errors. Every text is safe to show.
    """

    occasion: Occasion
    command: str
    exit_code: int
    project: str
    environment: str
    prefix: str
    summary: str
    counts: Mapping[str, int]
    resources: tuple[Named, ...]
    left_out: int
    codes: tuple[str, ...]
    who: str
    commit: str
    job: str

    @property
    def happened(self) -> str:
        """`apply failed (exit code 14)`"""
        return _HAPPENED[self.occasion].format(command=self.command, exit_code=self.exit_code)

    @property
    def where(self) -> str:
        """`shop, prod`; `shop, preview, prefix pr-7-`"""
        prefix = f"prefix {self.prefix}" if self.prefix else ""
        return ", ".join(filter(None, (self.project, self.environment, prefix)))

    @property
    def subject(self) -> str:
        """One line, for the subject of an e-mail."""
        return f"peakctl: {self.where}: {self.happened}"

    def lines(self) -> Iterator[str]:
        """The message as plain text."""
        yield self.subject
        if self.summary:
            yield self.summary
        yield from (f"- {each.key}: {each.what}" for each in self.resources)
        if self.left_out:
            yield f"- and {self.left_out} more"
        if self.codes:
            yield f"Problems: {', '.join(self.codes)}"
        yield from (f"{name}: {value}" for name, value in self._facts())
        if self.job:
            yield f"Job: {self.job}"

    def _facts(self) -> Iterator[tuple[str, str]]:
        if self.who:
            yield "By", self.who
        if self.commit:
            yield "Commit", self.commit[:_SHORT_COMMIT]

    def parameters(self) -> JsonDict:
        """What fills in the template of an e-mail: `text` has all of it."""
        return {
            "text": "\n".join(self.lines()),
            "subject": self.subject,
            "event": str(self.occasion),
            "command": self.command,
            "project": self.project,
            "environment": self.environment,
            "namePrefix": self.prefix,
            "exitCode": self.exit_code,
            "summary": self.summary,
            "resources": [f"{each.key}: {each.what}" for each in self.resources],
            "moreResources": self.left_out,
            "problems": [*self.codes],
            "who": self.who,
            "commit": self.commit,
            "job": self.job,
        }

    def body(self, shape: Shape) -> JsonDict:
        """What a webhook gets."""
        shapes = {Shape.JSON: _json, Shape.SLACK: _slack, Shape.TEAMS: _teams}
        return shapes[shape](self)


def notification_of(
    report: Report, occasion: Occasion, facts: JobFacts, who: str, redact: Redact
) -> Notification:
    """The message of a report."""

    def shown(text: str) -> str:
        return safe_line(redact(text))

    named = [*_named(report)]
    errors = (d.code for d in problems_of(report) if d.severity is Severity.ERROR)
    return Notification(
        occasion=occasion,
        command=report.command,
        exit_code=int(report.exit_code),
        project=shown(report.project or ""),
        environment=shown(report.environment or ""),
        prefix=shown(report.name_prefix),
        summary=_summary(report),
        counts=Counter(each.what for each in named),
        resources=tuple(Named(shown(each.key), each.what) for each in named[:MOST]),
        left_out=max(len(named) - MOST, 0),
        codes=tuple(dict.fromkeys(map(shown, errors)))[:MOST_CODES],
        who=shown(who),
        commit=shown(facts.commit),
        job=facts.url,
    )


def _summary(report: Report) -> str:
    if report.plan is not None and report.outcomes:
        return applied_summary(report.plan, report.outcomes, report.took or 0.0)
    if report.plan is not None:
        return plan_summary(report.plan)
    counts = report.extra.get("summary")
    if not isinstance(counts, Mapping):
        return ""
    return ", ".join(f"{n} {word.replace('_', ' ')}" for word, n in counts.items() if n)


def _named(report: Report) -> Iterator[Named]:
    """What did not end well, then what was changed; what drifted."""
    bad = [each for each in report.outcomes if not each.status.good]
    yield from (Named(str(each.key), str(each.status)) for each in bad)
    done = (each for each in report.outcomes if each.status.good and each.changed)
    yield from (Named(str(each.key), str(each.verb)) for each in done)
    drifted = report.extra.get("drift")
    for each in drifted if isinstance(drifted, list) else ():
        yield Named(str(each["key"]), str(each["drift"]))


# --- shapes --------------------------------------------------------------------------------------


def _json(found: Notification) -> JsonDict:
    return {
        "format_version": FORMAT_VERSION,
        "event": str(found.occasion),
        "command": found.command,
        "project": found.project,
        "environment": found.environment,
        **({"name_prefix": found.prefix} if found.prefix else {}),
        "exit_code": found.exit_code,
        "summary": found.summary,
        "counts": dict(found.counts),
        "resources": [{"key": each.key, "what": each.what} for each in found.resources],
        "more_resources": found.left_out,
        "problems": [*found.codes],
        "who": found.who,
        "commit": found.commit,
        "links": {"job": found.job} if found.job else {},
        "text": "\n".join(found.lines()),
    }


SLACK_LIMIT = 2900
"""Characters of one block; Slack takes 3,000."""


def _slack(found: Notification) -> JsonDict:
    head, *rows = found.lines()
    told = [each for each in rows if not each.startswith("Job: ")]
    blocks = [_section(f"*{_in_slack(head)}*")]
    if told:
        blocks.append(_section("\n".join(map(_in_slack, told))))
    if found.job:
        blocks.append(_section(f"<{_in_slack(found.job).replace('|', '%7C')}|Job>"))
    return {"text": _in_slack(head), "blocks": blocks}


def _section(text: str) -> JsonDict:
    """A block in which nothing is made a link or a mention by itself."""
    shown = {"type": "mrkdwn", "text": _cut(text, SLACK_LIMIT), "verbatim": True}
    return {"type": "section", "text": shown}


def _cut(text: str, most: int) -> str:
    """The first whole lines that fit."""
    if len(text) <= most:
        return text
    kept = text[:most].rpartition("\n")[0] or text[:most]
    return f"{kept}\n…"


def _in_slack(text: str) -> str:
    """Text as Slack shows it: `<`, `>` and `&` are what its mentions and links are made of."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(found: Notification) -> JsonDict:
    head, *rows = found.lines()
    told = [each for each in rows if not each.startswith("Job: ")]
    runs = [{"type": "TextRun", "text": _cut(each, SLACK_LIMIT)} for each in told]
    body: list[JsonDict] = [
        {
            "type": "RichTextBlock",
            "inlines": [
                {
                    "type": "TextRun",
                    "text": head,
                    "weight": "bolder",
                    "color": _COLOURS[found.occasion],
                }
            ],
        },
        *({"type": "RichTextBlock", "inlines": [run]} for run in runs),
    ]
    links = [{"type": "Action.OpenUrl", "title": "Job", "url": found.job}] if found.job else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        **({"actions": links} if links else {}),
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}
