"""The result of one command, before it is written as text, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from peakctl.errors import Diagnostic
from peakctl.model.records import dataclass
from peakctl.present.text import Line

if TYPE_CHECKING:  # many results are of no plan
    from peakctl.model import JsonObject, Key, Location, Outcome, Owned, Plan, Policy


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one command. `took` is in seconds.

    `lines` (or `text`, where it is to be printed as it stands) are the result for people; `extra`
    has the command's own part of the JSON document (`resources` of `get`, say). `wrote` is true of
    a command that has no outcomes and changed something all the same. `policy` is set where the
    rules come from another commit. `undeclared` is what the project owns and no manifest names.
    `stopped` is why a run was stopped before its end, if it was. `excerpts` are the lines that
    diagnostics point at, as far as they may be shown; JSON has the places alone. `again` is what to
    type to run the command again. `shown` are lines that stood before a question, and are shown.
    `declared` has where resources are declared, as far as a form asks for it; `file` is that of the
    project.
    `sections` are the command's own part of the Markdown, `events` that of JSON lines, and
    `findings` what it has for the forms of code hosts beside problems.
    `name_prefix` begins the live names of the environment.
    """

    command: str
    exit_code: int = 0
    project: str | None = None
    environment: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    plan: Plan | None = None
    outcomes: tuple[Outcome, ...] = ()
    took: float | None = None
    lines: tuple[Line, ...] = ()
    text: str = ""
    extra: JsonObject = field(default_factory=dict)
    wrote: bool = False
    policy: Policy | None = None
    undeclared: tuple[Owned, ...] = ()
    stopped: str = ""
    excerpts: Mapping[Location, str] = field(default_factory=dict)
    again: str = ""
    shown: tuple[Line, ...] = ()
    declared: Mapping[Key, Location] = field(default_factory=dict)
    file: str = "peakctl.yaml"
    sections: tuple[str, ...] = ()
    events: tuple[tuple[str, JsonObject], ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    name_prefix: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command did what was asked; pending changes are not a failure."""
        return self.exit_code in (0, 2)

    @property
    def changed(self) -> bool:
        """Whether something was changed, or is still being changed, on the platform."""
        return self.wrote or any(outcome.changed for outcome in self.outcomes)

    def redacted(self, redact: Callable[[str], str]) -> Report:
        """The same, with `redact` applied to every text that the platform may have a part in.

        `text` is left as it is: whoever gives one has looked at its values.
        """

        def masked(found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
            return tuple(
                replace(d, summary=redact(d.summary), detail=redact(d.detail)) for d in found
            )

        lines = tuple(tuple((redact(text), role) for text, role in row) for row in self.lines)
        extra = {word: _redacted(value, redact) for word, value in self.extra.items()}
        return replace(
            self,
            diagnostics=masked(self.diagnostics),
            findings=masked(self.findings),
            lines=lines,
            extra=extra,
            sections=tuple(map(redact, self.sections)),
            events=tuple((name, _redacted(each, redact)) for name, each in self.events),
        )


def _redacted(value: object, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {word: _redacted(each, redact) for word, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each, redact) for each in value]
    return value
