"""A report as one JSON document, the same shape on every path, errors included."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from peakctl import __version__, model
from peakctl.errors import Diagnostic, Severity
from peakctl.model import Action, Location, Secret
from peakctl.model.values import MISSING, JsonDict, Value, dotted
from peakctl.present.changes import shown_changes
from peakctl.present.files import files_document
from peakctl.present.outcome_text import detail_rows
from peakctl.present.policy_text import policy_document
from peakctl.present.problems import in_order
from peakctl.present.reasons import consequence_document, reached, reason_document
from peakctl.present.report import Report
from peakctl.present.values import masked, to_json

API_VERSION = "peakctl/v1"
FORMAT_VERSION = 1
_UNSAFE = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def json_text(report: Report) -> str:
    """The document as text, ended by a line feed; characters that steer a terminal are escaped."""
    text = json.dumps(json_document(report), indent=2, ensure_ascii=False, allow_nan=False)
    return escaped(text) + "\n"


def escaped(text: str) -> str:
    """JSON with the characters that steer a terminal as escapes."""
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def yaml_text(report: Report) -> str:
    """The same document as YAML."""
    import yaml

    text = json.dumps(json_document(report), ensure_ascii=False, allow_nan=False)
    document, plain = json.loads(text), _UNSAFE.search(text) is None
    return str(
        yaml.dump(
            document, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=plain, width=10_000
        )
    )


def problems_of(report: Report) -> tuple[Diagnostic, ...]:
    """All problems, what failed among them, in order; each once."""
    return in_order((*report.diagnostics, *_failures(report.outcomes)))


def json_document(report: Report) -> JsonDict:
    """The document as data. Actions and outcomes are there for plan, apply and destroy."""
    problems = problems_of(report)
    document: JsonDict = {
        "format_version": FORMAT_VERSION,
        "tool_version": __version__,
        "ok": report.ok,
        "exit_code": report.exit_code,
        "command": report.command,
        "project": report.project,
        "environment": report.environment,
        **({"name_prefix": report.name_prefix} if report.name_prefix else {}),
        **({"policy": policy_document(report.policy)} if report.policy else {}),
        "errors": [problem_document(d) for d in problems if d.severity is Severity.ERROR],
        "warnings": [problem_document(d) for d in problems if d.severity is not Severity.ERROR],
    }
    if report.plan is not None:
        document["summary"] = summary(report.plan)
        places = report.declared
        document["actions"] = [action_document(a, places.get(a.key)) for a in report.plan.actions]
        document["outcomes"] = [outcome_document(outcome) for outcome in report.outcomes]
    if report.undeclared:
        document["undeclared"] = [{"key": str(o.key), "id": o.id} for o in report.undeclared]
    if report.outcomes:
        document["outputs"] = {str(o.key): to_json(o.outputs) for o in report.outcomes if o.outputs}
    if report.stopped:
        document["stopped"] = report.stopped
    if report.took is not None:
        document["took"] = round(report.took, 3)
    document.update(to_json(report.extra))
    return document


def summary(plan: model.Plan) -> dict[str, int]:
    """How many resources there are under each verb, and how many restart or stop."""
    counts = {str(verb): plan.count(verb) for verb in model.Verb}
    effects = {"restarts": model.Effect.RESTARTS, "stops": model.Effect.STOPS}
    return counts | {word: len(reached(plan, effect)) for word, effect in effects.items()}


def _failures(outcomes: Iterable[model.Outcome]) -> Iterator[Diagnostic]:
    """What failed or is in doubt, as errors: readers of `errors` need not know of outcomes."""
    for outcome in outcomes:
        if outcome.status in (model.Status.FAILED, model.Status.UNKNOWN):
            yield Diagnostic(
                code=f"run/{outcome.status}",
                summary=f"{outcome.verb}: {outcome.message}",
                key=outcome.key,
                detail="\n".join(detail_rows(outcome)),
            )


def problem_document(diagnostic: Diagnostic) -> JsonDict:
    """One problem; what it has not is null or empty."""
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "summary": diagnostic.summary,
        "key": str(diagnostic.key) if diagnostic.key else None,
        "path": dotted(diagnostic.path),
        "locations": [
            {"file": place.file, "line": place.line, "column": place.column}
            for place in diagnostic.locations
        ],
        "detail": diagnostic.detail,
        "fix": diagnostic.fix,
    }


def action_document(action: model.Action, place: model.Location | None = None) -> JsonDict:
    """One action of a plan; `place` is where its resource is declared."""
    return {
        "key": str(action.key),
        "kind": action.key.kind,
        "name": action.key.name,
        "id": action.live.id if action.live else None,
        "verb": str(action.verb),
        "class": str(action.classes[-1]),
        "classes": [str(each) for each in action.classes],
        "causes": [reason_document(reason) for reason in action.reasons],
        "consequences": [consequence_document(each) for each in action.consequences],
        "steps": [str(step) for step in action.steps],
        "version": action.version,
        "changes": [change_document(change) for change in shown_changes(action)],
        "files": files_document(action.files),
        "ignored": [{"path": s.shown, "reason": s.reason} for s in action.skipped],
        "notes": [*action.notes, *action.asides],
        "after": _names(action),
        **facts_document(action, place),
    }


def _names(action: model.Action) -> Sequence[str]:
    return [str(key) for key in sorted(action.after)]


def change_document(shown: model.ShownChange) -> JsonDict:
    """Manifest form, and beside it what the platform has.

    `before` or `after` is left out where the field is not there, which null would not say.
    """
    return {
        "path": shown.path,
        "paths": list(shown.paths),
        **_sides(shown, sensitive=shown.sensitive),
        "sensitive": shown.sensitive,
        "redeploys": shown.restarts,
        "wire": [
            {"path": dotted(each.path), **_sides(each, sensitive=each.sensitive)}
            for each in shown.wire
        ],
    }


def _sides(change: model.ShownChange | model.Change, *, sensitive: bool) -> JsonDict:
    sides = {"before": change.before, "after": change.after}
    return {
        name: _seen(value, sensitive=sensitive)
        for name, value in sides.items()
        if value is not MISSING
    }


def _seen(value: Value, *, sensitive: bool) -> object:
    return to_json(masked(value) if sensitive else value)


def outcome_document(outcome: model.Outcome) -> JsonDict:
    """How one action ended."""
    return {
        "key": str(outcome.key),
        "verb": str(outcome.verb),
        "status": str(outcome.status),
        "id": outcome.id,
        "took": round(outcome.took, 3),
        "message": outcome.message,
        "detail": list(outcome.detail),
        "cause": str(outcome.cause) if outcome.cause else None,
        "failure": failure_document(outcome.failure) if outcome.failure else None,
    }


def failure_document(failure: model.Failure) -> JsonDict:
    """What the platform tells of a failure."""
    return {
        "what": failure.what,
        "reason": failure.reason,
        "parts": [
            {"name": part.name, "status": part.status, "failed": part.failed}
            for part in failure.parts
        ],
        "log": list(failure.log),
        "log_of": failure.log_of,
    }


# --- what a policy asks of an action beside its changes ------------------------------------------


def facts_document(action: Action, place: Location | None) -> JsonDict:
    """Where an action is declared, its labels, its manifest.

    What no manifest names, and what a saved plan does not hold, is null.

    `desired` is the manifest after its templates, files filled in: references are by name, secrets
    are masked, and so is what the platform hides. It is null for what is deleted: nothing is
    desired then, and only what would be sent tells which parameters are hidden.
    """
    resource = action.resource
    at = {"file": place.file, "line": place.line, "column": place.column} if place else None
    if resource is None:
        return {"location": at, "labels": None, "protect": None, "desired": None}
    values: Mapping[str, Value] = {
        word: _sealed(each, action.desired.get(word)) for word, each in resource.values.items()
    }
    manifest = {"apiVersion": API_VERSION, "kind": action.key.kind, **to_json(values)}
    return {
        "location": at,
        "labels": dict(resource.labels),
        "protect": resource.protect,
        "desired": manifest if action.desired else None,
    }


def _sealed(value: Value, sent: Value) -> Value:
    """A value of the manifest, masked wherever that which is sent is a secret."""
    if isinstance(sent, Secret):
        return sent
    if isinstance(value, Mapping) and isinstance(sent, Mapping):
        return {key: _sealed(each, sent.get(key)) for key, each in value.items()}
    if isinstance(value, list) and isinstance(sent, list) and len(value) == len(sent):
        return [_sealed(*pair) for pair in zip(value, sent, strict=True)]
    return value
