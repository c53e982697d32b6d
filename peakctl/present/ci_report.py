"""A report as a CI job tells it: the comment on a request, the summary, outputs for later steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from peakctl.model import Effect, Status, Verb
from peakctl.model.records import dataclass
from peakctl.model.text import printable
from peakctl.present.markdown_room import HOSTS, LIMIT
from peakctl.present.plan_markdown import markdown_text
from peakctl.present.reasons import reached
from peakctl.present.report import Report

COUNTS = {
    Verb.CREATE: "creates",
    Verb.BUILD: "builds",
    Verb.RELEASE: "releases",
    Verb.REVISE: "revises",
    Verb.EDIT: "edits",
    Verb.REDEPLOY: "redeploys",
    Verb.REPLACE: "replaces",
    Verb.DELETE: "deletes",
    Verb.KEEP: "unchanged",
}
"""The names of the outputs that count resources, by what is done about them."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a comment says of the job that wrote it. `at` is in seconds since 1970.

    `page` is where the page of the same result (`-o html`) can be opened. `is_to_be_approved` says
    that the plan is applied only once somebody has approved it on the request.
    """

    commit: str = ""
    url: str = ""
    at: float = 0.0
    approver: str = ""
    page: str = ""
    consents: tuple[str, ...] = ()
    is_to_be_approved: bool = False


def ci_markdown(
    report: Report, facts: JobFacts, consents: Sequence[str] = (), host: str = "github"
) -> str:
    """The report as Markdown, with the facts of the job below its heading.

    `consents` are the lines that somebody may write on the request to consent to the plan. The text
    is as long as `host` takes: a name of `HOSTS`; for others as long as a comment of GitHub.
    """
    rows = markdown_text(report, limit=HOSTS.get(host, LIMIT)).split("\n")
    heading = next((i for i, row in enumerate(rows) if row.startswith("### ")), 0)
    is_asked = consents and not report.ok
    asked = ("", _ASK, "", *(f"    {each}" for each in consents)) if is_asked else ()
    given = [_APPROVE] if facts.is_to_be_approved and report.ok else []
    given += [f"- consent of `{_plain(each)}`" for each in facts.consents]
    told = ("", *given) if given else ()
    return "\n".join((rows[heading], "", facts_line(facts), *told, *asked, *rows[heading + 1 :]))


_ASK = (
    "**Consent**: if this is right, somebody who may write to this repository and did not open the"
    " request writes this line as a comment, and runs the job again:"
)


_APPROVE = (
    "**Approval**: the apply of this plan needs an approval of this request by somebody who may"
    " write to the repository and did not open it. One from before this plan, or before another"
    " push, does not count."
)


def facts_line(facts: JobFacts) -> str:
    """Commit, job, page, time and approvers, as one line of Markdown."""
    at = f"{datetime.fromtimestamp(facts.at, UTC):%Y-%m-%d %H:%M} UTC"
    commit = f"commit `{printable(facts.commit)[:12]}`" if facts.commit else "no commit"
    job = f"[job]({_address(facts.url)})" if facts.url else ""
    page = f"[page]({_address(facts.page)})" if facts.page else ""
    who = _plain(facts.approver)[:100]
    approved = f"approved by `{who}`" if who else ""
    return " · ".join(word for word in (commit, job, page, at, approved) if word)


def _plain(text: str) -> str:
    """A text of others on one line, that ends no code."""
    return printable(text).replace("`", "").replace("\n", " ")


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")


def ci_outputs(report: Report, plan_file: str | None = None) -> dict[str, str]:
    """What later steps may ask: `has_changes`, counts, `plan`. Empty is what is not known.

    The counts are those of the plan, `failed` of what did not end well.
    """
    plan = report.plan
    changes = len(plan.pending) if plan else None
    found = {
        "ok": _word(report.ok),
        "exit_code": str(int(report.exit_code)),
        "has_changes": "" if changes is None else _word(changes > 0),
        "changes": "" if changes is None else str(changes),
    }
    for verb, name in COUNTS.items():
        found[name] = str(plan.count(verb)) if plan else ""
    found["restarts"] = str(len(reached(plan, Effect.RESTARTS))) if plan else ""
    found["undeclared"] = str(len(report.undeclared)) if plan else ""
    found["failed"] = str(sum(o.status in _BAD for o in report.outcomes)) if plan else ""
    return found | {"plan": plan_file or ""}


_BAD = (Status.FAILED, Status.BLOCKED, Status.UNKNOWN, Status.CANCELLED)


def _word(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"
