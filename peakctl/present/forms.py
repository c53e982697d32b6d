"""Every form of a report by its name: the text of a file, or of standard output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peakctl.present.report import Report

STREAMED = "jsonl"
"""The form whose lines are written as they come, where somebody listens to the run."""


OF_HOSTS = ("github", "gitlab", "codequality", "sarif", "junit")
"""Forms that code hosts and CI read: their places are relative to the repository's root."""


MARKDOWN_HOSTS = ("github", "github-summary", "gitlab", "azure", "bitbucket")
"""`markdown:HOST` is as long as that host takes; `markdown` as long as a comment of GitHub."""


def form_text(report: Report, form: str) -> str:
    """A report in one form. What a form needs is loaded with it. Raises KeyError for no form."""
    return FORMS[form](report)


def _text(report: Report) -> str:
    from peakctl.present.problems import problem_lines
    from peakctl.present.text import to_plain

    problems = problem_lines(report.diagnostics, report.excerpts) if report.diagnostics else ()
    return to_plain((*problems, *([()] if problems else ()), *report.shown, *report.lines))


def _json(report: Report) -> str:
    from peakctl.present.plan_json import json_text

    return json_text(report)


def _yaml(report: Report) -> str:
    from peakctl.present.plan_json import yaml_text

    return yaml_text(report)


def _jsonl(report: Report) -> str:
    from peakctl.present.events import event_lines

    return event_lines(report)


def _markdown(report: Report, host: str = "github") -> str:
    from peakctl.present.markdown_room import HOSTS
    from peakctl.present.plan_markdown import markdown_text

    return markdown_text(report, limit=HOSTS[host])


def _html(report: Report) -> str:
    from peakctl.present.html_page import html_text

    return html_text(report)


def _of_host(report: Report, form: str) -> str:
    from peakctl.present.host_reports import TEXTS

    return TEXTS[form](report)


FORMS: Mapping[str, Callable[[Report], str]] = {
    "text": _text,
    "json": _json,
    "jsonl": _jsonl,
    "yaml": _yaml,
    "markdown": _markdown,
    **{f"markdown:{host}": partial(_markdown, host=host) for host in MARKDOWN_HOSTS},
    "html": _html,
    **{form: partial(_of_host, form=form) for form in OF_HOSTS},
}
"""Each form and what writes it; a module of a form is loaded with it."""
