"""Write schemas/output: the JSON Schema of what each command prints with `-o json` and `-o jsonl`.

Each file stands alone, so that a program can take the one that it needs. They allow fields that
they do not name: a later release of the same `format_version` may add some.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peakctl.engine.drift import DriftKind
from peakctl.engine.gc import KeptFor
from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.sections import Occasion
from peakctl.model import ActionClass, Cause, Effect, Phase, Status, Step, Verb
from peakctl.operations.running import Ended
from peakctl.operations.status import Health
from peakctl.operations.why import Source
from peakctl.present.plan_json import FORMAT_VERSION
from peakctl.present.result_file import (
    MOST_ACTIONS,
    MOST_FIELDS,
    MOST_PROBLEMS,
    PATH_LENGTH,
    TEXT_LENGTH,
)

Schema = dict[str, Any]
FOLDER = Path(__file__).resolve().parent.parent / "schemas" / "output"
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ID: Schema = {"type": ["string", "integer", "null"]}
ANY: Schema = {}
KEY: Schema = {"type": "string", "description": "Kind/name", "pattern": "^[A-Z][A-Za-z]*/"}


def told(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def listed(items: Schema, description: str = "") -> Schema:
    found: Schema = {"type": "array", "items": items}
    return told(found, description) if description else found


def words(values: Any) -> Schema:
    return {"enum": [str(each) for each in values]}


def record(*, optional: tuple[str, ...] = (), null: bool = False, **fields: Schema) -> Schema:
    """An object whose fields are all there, but for the optional ones."""
    return {
        "type": ["object", "null"] if null else "object",
        "required": [name for name in fields if name not in optional],
        "properties": fields,
    }


PLACE = record(file=TEXT, line=COUNT, column=COUNT)
PROBLEM = record(
    code=told(TEXT, "Stable; docs/diagnostics.md explains each."),
    severity=words(["error", "warning", "note"]),
    summary=TEXT,
    key=told(TEXT_OR_NULL, "The resource, Kind/name."),
    path=told(TEXT, "The field, dotted; empty for none."),
    locations=listed(ref("place"), "Places in files, from the folder of the project."),
    detail=TEXT,
    fix=told(TEXT, "What to do."),
)
WIRE = record(optional=("before", "after"), path=TEXT, before=ANY, after=ANY)
CHANGE = record(
    optional=("before", "after"),
    path=told(TEXT, "Every path of the change in one text: steps.{a,b}.command"),
    paths=listed(TEXT, "The fields that change alike, as in the manifest."),
    before=told(ANY, "Left out where the field is not there; secrets are (sensitive)."),
    after=told(ANY, 'As `before`; {"unknown": "Kind/name.id"} is known after the apply.'),
    sensitive=FLAG,
    redeploys=told(FLAG, "Whether it restarts something."),
    wire=listed(WIRE, "The same as the platform has it, with ids."),
)
TOTAL = record(null=True, files=COUNT, size=told(COUNT, "Bytes, before compression."))
FILES = record(
    null=True,
    complete=told(FLAG, "False where the files of the live version are not known."),
    counts=record(added=COUNT, changed=COUNT, removed=COUNT, renamed=COUNT),
    total=TOTAL,
    before=TOTAL,
    added=listed(TEXT),
    changed=listed(TEXT),
    removed=listed(TEXT),
    renamed=listed(record(before=TEXT, after=TEXT)),
    newest=listed(TEXT),
)
CAUSE = record(
    cause=words(Cause),
    sentence=TEXT,
    file=TEXT_OR_NULL,
    line={"type": ["integer", "null"]},
    paths=listed(TEXT),
    follows=TEXT_OR_NULL,
    version=TEXT_OR_NULL,
    detail=TEXT,
)
CONSEQUENCE = record(effect=words(Effect), sentence=TEXT, keys=listed(KEY), detail=TEXT)
DESIRED = {
    **record(
        optional=("metadata", "spec"),
        null=True,
        apiVersion={"const": "peakctl/v1"},
        kind=words(load_kinds()),
        metadata={"type": "object"},
        spec={"type": "object"},
    ),
    "description": "The manifest after its templates: references by name, secrets masked. Null for "
    "what no manifest names, and in a saved plan.",
}
ACTION = record(
    key=KEY,
    kind=TEXT,
    name=TEXT,
    id=told(ID, "The platform's; null for what is not there yet."),
    verb=words(Verb),
    **{
        "class": told(words(ActionClass), "The gravest of `classes`."),
        "classes": {**listed(words(ActionClass)), "minItems": 1},
    },
    causes=listed(ref("cause"), "Why it is in the plan."),
    consequences=listed(ref("consequence"), "What it does beside changing its resource."),
    steps=listed(words(Step), "The calls that it makes."),
    version=told(TEXT_OR_NULL, "The number that it makes, or keeps."),
    changes=listed(ref("change")),
    files=told(FILES, "What a new version of an archive changes."),
    ignored=listed(record(path=TEXT, reason=TEXT), "Differences that plan nothing."),
    notes=listed(TEXT),
    after=listed(KEY, "The actions that must be ready before it starts."),
    location={**PLACE, "type": ["object", "null"], "description": "Where it is declared."},
    labels={"type": ["object", "null"], "additionalProperties": TEXT},
    protect={"type": ["boolean", "null"]},
    desired=DESIRED,
)
FAILURE = record(
    null=True,
    what=TEXT,
    reason=TEXT,
    parts=listed(record(name=TEXT, status=TEXT, failed=FLAG)),
    log=listed(TEXT),
    log_of=TEXT,
)
OUTCOME = record(
    key=KEY,
    verb=words(Verb),
    status=words(Status),
    id=ID,
    took=told({"type": "number", "minimum": 0}, "Seconds."),
    message=TEXT,
    detail=listed(TEXT),
    cause=told(TEXT_OR_NULL, "The failed dependency that blocked it."),
    failure=FAILURE,
)
SUMMARY = told(
    record(**dict.fromkeys([*map(str, Verb), "restarts", "stops"], COUNT)),
    "How many resources there are under each verb, and how many restart or stop.",
)
DEFS = {
    "place": PLACE,
    "problem": PROBLEM,
    "change": CHANGE,
    "cause": CAUSE,
    "consequence": CONSEQUENCE,
    "action": ACTION,
    "outcome": OUTCOME,
    "summary": SUMMARY,
}
HEAD: Schema = {
    "format_version": {"const": FORMAT_VERSION},
    "tool_version": told(TEXT, "The version of peakctl."),
    "ok": told(FLAG, "Whether the command did what was asked; pending changes are no failure."),
    "exit_code": COUNT,
    "command": TEXT,
    "project": TEXT_OR_NULL,
    "environment": TEXT_OR_NULL,
    "name_prefix": told(TEXT, "What begins every name; left out where nothing does."),
    "policy": record(
        revision=TEXT, commit=TEXT, changes=listed(record(path=TEXT, before=TEXT, after=TEXT))
    ),
    "errors": listed(ref("problem")),
    "warnings": listed(ref("problem")),
}
PLANNED: Schema = {
    "summary": ref("summary"),
    "actions": listed(ref("action"), "In the order in which they start."),
    "outcomes": listed(ref("outcome"), "How each action ended; empty where nothing was applied."),
    "undeclared": listed(record(key=KEY, id=ID), "Owned, and in no manifest any more."),
}
SAVED = record(optional=("apply", "tenant"), file=TEXT, apply=TEXT, tenant={"type": "object"})
STAGES = listed(record(stage=TEXT, does=TEXT), "With --explain.")
CHECK = record(
    key=KEY,
    method=TEXT,
    path=TEXT,
    ok=FLAG,
    status=told(
        {"type": ["integer", "null"]}, "Of the service's answer; null where there was none."
    ),
    problem=told(TEXT, "Why it did not pass; empty where it did."),
    body=told(TEXT, "The beginning of the answer."),
    took=told({"type": ["number", "null"]}, "Seconds, as the platform measured them."),
    attempts=COUNT,
)
APPLIED: Schema = {
    "outputs": told({"type": "object"}, "What changed resources give to people: addresses."),
    "stopped": told(TEXT, "Why a run was stopped before its end."),
    "health_checks": listed(CHECK, "The health checks that were made afterwards."),
    "took": {"type": "number", "minimum": 0},
}
RESOURCES = listed(
    record(key=KEY, kind=TEXT, name=TEXT, location=ref("place"), references=listed(TEXT))
)
DRIFT = record(
    key=KEY,
    kind=TEXT,
    name=TEXT,
    id=ID,
    drift=words(DriftKind),
    sentence=told(TEXT, "The same for people."),
    by=told(TEXT_OR_NULL, "Who did it, if the platform tells."),
    at=TEXT_OR_NULL,
    paths=listed(TEXT, "The fields that differ."),
    changed_in_manifest=listed(TEXT, "Those of them that the manifest has changed, too."),
    changes=listed(ref("change"), "From the manifest to what is live."),
    detail=TEXT,
    file=told(TEXT_OR_NULL, "Where the manifest is, null where none names it."),
    line={"type": ["integer", "null"]},
)
DRIFT_COUNTS = record(**dict.fromkeys((*map(str, DriftKind), "as_applied"), COUNT))
DRIFTED: Schema = {
    "summary": DRIFT_COUNTS,
    "drift": listed(DRIFT),
    "waiting": listed(KEY, "What an apply would change for other reasons."),
    "last_run": record(
        null=True, run=TEXT, who=TEXT, commit=TEXT_OR_NULL, ended=TEXT, outcome=TEXT
    ),
}
TIME_OR_NULL = told(TEXT_OR_NULL, "In UTC, as 2026-10-01T12:04:05Z; null where nothing tells it.")
STATUS = record(
    key=KEY,
    kind=TEXT,
    name=TEXT,
    id=ID,
    declared=told(FLAG, "Whether a manifest names it."),
    owned=told({"type": ["boolean", "null"]}, "Whether the project owns it; null: no ledger."),
    well=told(FLAG, "Whether nothing is wrong with it."),
    health=words(Health),
    status=told(TEXT, "The platform's word, in lower case with hyphens."),
    version=TEXT_OR_NULL,
    uses=listed(TEXT, "What it runs on, as `forecast 0.0.2`."),
    drift=told(
        {"enum": [*map(str, DriftKind), "", None]},
        "What was done outside; empty for nothing, null where no ledger tells.",
    ),
    paths=listed(TEXT, "The fields that were changed outside."),
    pending=told({"enum": [*map(str, Verb), None]}, "What an apply would do."),
    last_run=record(null=True, id=TEXT, status=TEXT, at=TIME_OR_NULL),
    next_run=told(TIME_OR_NULL, "By the live schedules, read in UTC."),
    address=TEXT_OR_NULL,
    changed=record(at=TIME_OR_NULL, by=TEXT_OR_NULL, commit=TEXT_OR_NULL),
    problems=listed(TEXT, "Why it is not well, a sentence each."),
    next=told(TEXT_OR_NULL, "The command that tells more of it."),
    file=told(TEXT_OR_NULL, "Where the manifest is, null where none names it."),
    line={"type": ["integer", "null"]},
)
STATUS_COUNTS = (
    *("resources", "well", "not_well", "to_apply", "drifted", "undeclared", "absent", "failed"),
    "under_way",
)
STATUSES: Schema = {
    "summary": record(**dict.fromkeys(STATUS_COUNTS, COUNT)),
    "well": told(FLAG, "Whether nothing is wrong with any of them."),
    "at": told(TEXT, "The platform's time of the look."),
    "resources": listed(STATUS),
}
OFFLINE: Schema = {
    "offline": told(
        record(base=TEXT, commit=TEXT), "With --offline: what the manifests are compared with."
    ),
    "removed": listed(KEY, "With --offline: what the base declares, and the manifests do not."),
}
ROLLBACK: Schema = record(
    to=told(TEXT, "What it goes back to, in words: a version, or a run."),
    commit=told(TEXT_OR_NULL, "The commit whose manifests are planned."),
    lasting=listed(
        record(
            key=KEY,
            path=TEXT,
            before=ANY,
            after=ANY,
            file=TEXT_OR_NULL,
            line={"type": ["integer", "null"]},
            column={"type": ["integer", "null"]},
        ),
        "The edits of manifests that make it last.",
    ),
    files=listed(TEXT, "Files of the project that differ from that commit."),
    command=told(TEXT_OR_NULL, "What puts its files into the working tree."),
)
LOG_LINES = listed(
    record(
        step=told(TEXT_OR_NULL, "Null for a build, and where one step was asked for."),
        at=TEXT_OR_NULL,
        text=told(TEXT, "Secrets are masked."),
    )
)
LOG = record(
    key=KEY,
    of=told(TEXT, "`build 7 of 0.0.1`, `execution ID`."),
    status=told(TEXT, "The platform's word."),
    ended=FLAG,
    lines=LOG_LINES,
)
EXECUTION_HEAD: Schema = {
    "key": KEY,
    "id": TEXT,
    "status": told(TEXT_OR_NULL, "The platform's word; null where it was not looked at."),
    "ended": FLAG,
    "started": TEXT_OR_NULL,
}
EXECUTION = record(
    **EXECUTION_HEAD,
    finished=TEXT_OR_NULL,
    steps=listed(
        record(name=TEXT, status=TEXT, type=TEXT, started=TEXT_OR_NULL, finished=TEXT_OR_NULL)
    ),
)
EXECUTIONS = listed(record(**EXECUTION_HEAD, duration=TEXT), "The newest first.")
RUN = record(
    key=KEY,
    outcome=told(words(Ended), "unknown: the answer was lost; nothing is sent again."),
    took=told({"type": "number", "minimum": 0}, "Seconds."),
    executions=listed(EXECUTION),
    logs=told(LOG_LINES, "The last lines of the steps that failed."),
)
SWITCHED = record(key=KEY, status=TEXT, changed=told(FLAG, "False where it was so before."))
REDEPLOY = record(
    key=KEY,
    revision=told(TEXT_OR_NULL, "The number of what is tried again."),
    before=told(TEXT, "Its status before."),
    status=told(TEXT, "Its status after it; the one before where nobody has agreed to it."),
    took={"type": "number", "minimum": 0},
    failure=FAILURE,
)
RUNS: dict[str, Schema] = {
    "run": {"run": RUN},
    "executions": {"executions": EXECUTIONS},
    "execution": {"execution": EXECUTION},
    "logs": {"log": LOG},
    "pause": {"pause": SWITCHED},
    "resume": {"resume": SWITCHED},
    "redeploy": {"redeploy": REDEPLOY},
    "test": {"health_checks": listed(CHECK)},
}
TIME = told(TEXT, "In UTC, as 2026-10-01T12:04:05Z.")
RAN = record(
    number=told(COUNT, "As the history counts runs."),
    run=told(TEXT, "Its id."),
    command=TEXT,
    outcome=told(TEXT, "done, partial, failed, interrupted, stopped, died or unlocked."),
    started=TIME,
    ended=TIME,
    who=TEXT,
    commit=told(TEXT, "Empty where none is known."),
    ci=record(null=True, run=TEXT, job=TEXT, attempt=COUNT, url=TEXT),
    branch=TEXT,
    dirty=told(
        {"type": ["boolean", "null"]}, "Whether files differed from the commit; null: not known."
    ),
    pull_request=TEXT,
    approver=TEXT,
    consents=listed(TEXT, "Those that were given on requests: who, to what, when and where."),
    plan_digest=TEXT,
    peakctl_version=TEXT,
    counts={"type": "object", "additionalProperties": COUNT},
    resources=listed(
        record(
            key=KEY,
            kind=TEXT,
            name=TEXT,
            verb=told(TEXT, "That of the action, or what another command did."),
            status=words(Status),
            version_before=TEXT_OR_NULL,
            version_after=TEXT_OR_NULL,
        )
    ),
    resources_left_out=told(COUNT, "How many more there were."),
    recovered=told(FLAG, "Whether it wrote no record itself: the ledger knew of it."),
)
NUMBERED = told(TEXT, "version, release or revision; empty where the platform keeps none.")
PAST = record(
    key=KEY,
    kind=TEXT,
    name=TEXT,
    id=TEXT,
    numbered=NUMBERED,
    versions=listed(
        record(
            number=TEXT,
            status=told(TEXT, "The platform's word."),
            made=TIME_OR_NULL,
            by=told(TEXT, "Who made it, as the platform tells."),
            notes=TEXT,
            run=told({"type": ["integer", "null"]}, "The number of the run that made it."),
            who=TEXT,
            commit=TEXT,
        ),
        "The newest first.",
    ),
    executions=told(
        {**EXECUTIONS, "type": ["array", "null"]}, "Of a workflow; null of any other kind."
    ),
    runs=told(
        {**listed(RAN), "type": ["array", "null"]}, "Those that changed it; null: no ledger."
    ),
)
RUNS_OF_PROJECT = record(
    name=told(TEXT, "The artifact that holds it."),
    id=told(ID, "Its id; null where there is no history yet."),
    total=told(COUNT, "How many runs it has."),
    runs=listed(RAN, "Those that were asked for, the newest first."),
)
HISTORY: Schema = {
    "history": {
        "description": "Of the project, or of KIND/NAME.",
        "anyOf": [RUNS_OF_PROJECT, PAST],
    },
    "diff": told(
        record(
            key=KEY,
            numbered=NUMBERED,
            before=TEXT,
            after=TEXT,
            changes=listed(ref("change")),
            files=FILES,
        ),
        "With --diff, and of `peakctl diff KIND/NAME A B`.",
    ),
}
PLACE_OR_NULL: Schema = {**PLACE, "type": ["object", "null"]}
OF_RUN = record(null=True, number=COUNT, command=TEXT, ended=TIME, who=TEXT, commit=TEXT_OR_NULL)
WHY = record(
    key=KEY,
    place=PLACE_OR_NULL,
    run=told(OF_RUN, "The run that changed it last; null where none is known."),
    action=told({"enum": [*map(str, Verb), None]}, "What an apply would do; null: not known."),
    causes=listed(ref("cause"), "Why it would."),
    fields=listed(
        record(
            path=told(TEXT, "Dotted, as in the manifest."),
            value=told(ANY, "Null where it has none; secrets are (sensitive)."),
            source=words(Source),
            place=PLACE_OR_NULL,
            expression=told(TEXT_OR_NULL, "What stands between the braces of a template."),
            parameters=listed(
                record(
                    name=TEXT,
                    given=told(TEXT, "Where its value is given, in words."),
                    place=PLACE_OR_NULL,
                )
            ),
            meaning=told(TEXT_OR_NULL, "What its absence means."),
            live=told(TEXT, "Whether it is so on the platform, in words."),
            planned=listed(ref("change")),
            skipped=listed(TEXT, "Why a difference plans nothing."),
            applied=told(FLAG, "False where the manifest was edited since."),
            since=told(OF_RUN, "The run that brought the value."),
            before=told(
                record(null=True, value=ANY, where=TEXT), "What it was before, where it is known."
            ),
        )
    ),
)
COLLECTED = record(
    key=KEY,
    kind=TEXT,
    name=TEXT,
    version=TEXT,
    version_id=ID,
    made=TIME_OR_NULL,
    verdict=words(["delete", "keep"]),
    kept_for=told({"enum": [*map(str, KeptFor), None]}, "Why it is kept; null: it is not."),
    used_by=listed(TEXT, "As `Kind/name` with a release, or a place in a manifest."),
    status=told(
        {"enum": [*map(str, Status), None]}, "What became of it; null where nothing was tried."
    ),
    reason=told(TEXT_OR_NULL, "Why it is still there."),
)
GRAPH: Schema = {
    "graph": record(
        resources=listed(
            record(
                key=KEY,
                kind=TEXT,
                name=TEXT,
                declared=told(TEXT_OR_NULL, "file:line:column; null for what no manifest names."),
            )
        ),
        references=listed(
            record(**{"from": KEY, "to": KEY, "path": TEXT, "version": TEXT_OR_NULL})
        ),
    ),
    "impact": told(
        record(
            key=KEY,
            live=FLAG,
            owner=told(TEXT_OR_NULL, "project/environment; null for nobody."),
            project=listed(
                record(
                    key=KEY,
                    via=told(KEY, "What it refers to: the resource, or what follows it."),
                    paths=listed(TEXT),
                    pinned=told(TEXT_OR_NULL, "The version that it stays at."),
                    follows=told(FLAG, "Whether a change reaches it."),
                ),
                "By the manifests of this project.",
            ),
            users=listed(
                record(
                    key=KEY,
                    id=ID,
                    label=TEXT,
                    versions=listed(TEXT),
                    owner=TEXT_OR_NULL,
                    part_of=told(TEXT_OR_NULL, "What made it for itself."),
                    declared=FLAG,
                ),
                "What is live and uses it, in every project.",
            ),
        ),
        "With --impact.",
    ),
}
PAST_AND_UPKEEP: dict[str, Schema] = {
    "history": HISTORY,
    "why": {"why": WHY},
    "gc": {"versions": listed(COLLECTED, "Every version that was looked at.")},
    "graph": GRAPH,
}
TYPES = listed(TEXT, "JSON types.")
EXPLAINED: Schema = {
    "fields": listed(
        record(
            optional=("default",),
            kind=TEXT,
            field=told(TEXT, "Dotted; * is a free key, [] an item of a list."),
            description=TEXT,
            types=TYPES,
            when=listed(TEXT, "The branches in which it is so: `type: sql`."),
            values=listed(ANY, "All that it may be; empty for no such list."),
            absent=told(TEXT_OR_NULL, "What a manifest without it means."),
            default=ANY,
            call=told(TEXT_OR_NULL, "What carries a change of it, in words."),
            restarts=FLAG,
            notes=listed(TEXT),
            example=told(ANY, "A part of a manifest."),
            fields=listed(record(name=TEXT, types=TYPES, required=FLAG, description=TEXT)),
        ),
        "Of a field: one for each meaning, where branches differ.",
    ),
    "codes": listed(
        record(code=TEXT, section=TEXT, exit_codes=TEXT_OR_NULL, advice=TEXT),
        "Of a code: one for each part of the docs that has it.",
    ),
    "kinds": listed(record(kind=TEXT, description=TEXT), "Without an argument."),
}
WHOAMI: Schema = {
    "stage": TEXT_OR_NULL,
    "endpoint": TEXT,
    "tenant": told(TEXT_OR_NULL, "The domain of its spoke; null where the platform names none."),
    "token_from": told(TEXT_OR_NULL, "The variable that the token is from."),
    "user": told({"type": "null"}, "No call of the platform tells who a token is."),
    "permissions": listed(record(feature=TEXT, actions=listed(TEXT))),
    "allowed": told(FLAG, "The answer to --can."),
}
VALIDATED: Schema = {
    "server_validation": told(
        record(
            passed=listed(KEY, "What the platform would take."),
            made=listed(KEY, "What an older platform made, and the project owns now."),
            left_out=listed(KEY, "What it cannot be asked about."),
        ),
        "With --server-validate.",
    ),
}
COMMANDS: dict[str, tuple[str, Schema]] = {
    "validate": ("What `peakctl validate -o json` prints.", {"resources": RESOURCES}),
    "plan": (
        "What `peakctl plan -o json` prints.",
        {**PLANNED, "stages": STAGES, "saved": SAVED, **OFFLINE, **VALIDATED},
    ),
    "drift": ("What `peakctl drift -o json` prints.", DRIFTED),
    "status": ("What `peakctl status -o json` prints.", STATUSES),
    "explain": ("What `peakctl explain -o json` prints.", EXPLAINED),
    "whoami": ("What `peakctl whoami -o json` prints.", WHOAMI),
    "apply": ("What `peakctl apply -o json` prints.", {**PLANNED, **APPLIED}),
    "destroy": ("What `peakctl destroy -o json` prints.", {**PLANNED, **APPLIED}),
    "rollback": (
        "What `peakctl rollback -o json` prints.",
        {
            **PLANNED,
            **APPLIED,
            "rollback": told(ROLLBACK, "What it goes back to, and how it lasts."),
        },
    ),
    "show": ("What `peakctl show -o json` prints.", {**PLANNED, "saved": SAVED}),
    **{
        name: (f"What `peakctl {name} -o json` prints.", each)
        for name, each in (RUNS | PAST_AND_UPKEEP).items()
    },
}
OPTIONAL = ("name_prefix", "policy")


def document(name: str, description: str, fields: Schema) -> Schema:
    """The schema of one command. Its own fields are left out when it failed before it had them."""
    whole = record(optional=(*OPTIONAL, *fields), **HEAD, **fields)
    needed = ["summary", "outcomes"] if "actions" in fields else []
    with_plan = {"dependentRequired": {"actions": needed}} if needed else {}
    return _head(name, description) | whole | with_plan | {"$defs": _used(whole)}


def events() -> Schema:
    """The schema of one line of `-o jsonl`."""
    names = ("format_version", "tool_version", "command", "project", "environment")
    each = {
        "run": record(**{name: HEAD[name] for name in names}),
        "action": ref("action"),
        "plan": record(summary=ref("summary")),
        "progress": record(
            at=told({"type": "number", "minimum": 0}, "Seconds since the first call."),
            phase=words(Phase),
            key=KEY,
            verb=words(Verb),
            step={"enum": [*map(str, Step), None]},
            message=TEXT,
            usual_seconds=told({"type": ["number", "null"]}, "How long such a step took before."),
        ),
        "outcome": ref("outcome"),
        "problem": ref("problem"),
        "drift": DRIFT,
        "summary": record(summary=DRIFT_COUNTS),
        "end": record(
            optional=("took", "stopped"),
            ok=HEAD["ok"],
            exit_code=COUNT,
            took=APPLIED["took"],
            stopped=TEXT,
        ),
    }
    cases = [
        {"if": {"properties": {"event": {"const": word}}}, "then": schema}
        for word, schema in each.items()
    ]
    whole = {
        "type": "object",
        "required": ["event"],
        "properties": {"event": told(TEXT, f"{', '.join(each)}, or one of a later release.")},
        "allOf": cases,
    }
    description = "One line of `-o jsonl`."
    return _head("events", description) | whole | {"$defs": _used(whole)}


def result() -> Schema:
    """The schema of the file that a job of a fork leaves for one that may comment.

    It comes from people who are not trusted: every text has a greatest length, every list a
    greatest number, and nothing is allowed that is not named.
    """
    kind = {"enum": [*load_kinds()]}

    def text(most: int) -> Schema:
        return {"type": "string", "maxLength": most}

    def strict(**fields: Schema) -> Schema:
        return {**record(**fields), "additionalProperties": False}

    def bounded(items: Schema, most: int) -> Schema:
        return {**listed(items), "maxItems": most}

    left_out = {**COUNT, "maximum": 1_000_000}
    action = strict(
        verb=words(Verb),
        kind=kind,
        name=text(PATH_LENGTH),
        fields=bounded(text(PATH_LENGTH), MOST_FIELDS),
    )
    problem = strict(
        code={"type": "string", "maxLength": 60, "pattern": "^[a-z][a-z0-9-]*/[a-z0-9-]+$"},
        severity=PROBLEM["properties"]["severity"],
        summary=text(TEXT_LENGTH),
        place=told(text(PATH_LENGTH), "file:line:column; empty for none."),
        detail=text(TEXT_LENGTH),
        fix=text(TEXT_LENGTH),
    )
    whole = strict(
        format_version={"const": FORMAT_VERSION},
        command={"const": "plan"},
        offline=told(FLAG, "Whether no tenant was asked."),
        exit_code={"type": "integer", "minimum": 0, "maximum": 255},
        counts={
            **record(**dict.fromkeys(map(str, Verb), left_out)),
            "type": ["object", "null"],
            "additionalProperties": False,
        },
        actions=bounded(action, MOST_ACTIONS),
        more_actions=left_out,
        removed=bounded(strict(kind=kind, name=text(PATH_LENGTH)), MOST_ACTIONS),
        problems=bounded(problem, MOST_PROBLEMS),
        more_problems=left_out,
    )
    description = (
        "What `peakctl ci plan --result-file` writes, and `peakctl ci comment` reads. It names no"
        " project, environment, request or commit: those are known to who reads it."
    )
    return _head("result", description) | {"description": description} | whole


def notification() -> Schema:
    """What a webhook of `notify` gets."""
    named = record(key=KEY, what=told(TEXT, "What was done, how it ended, or how it drifted."))
    whole = record(
        optional=("name_prefix",),
        format_version={"const": FORMAT_VERSION},
        event=words(Occasion),
        command=TEXT,
        project=TEXT,
        environment=TEXT,
        name_prefix=told(TEXT, "What begins every name; left out where nothing does."),
        exit_code=COUNT,
        summary=told(TEXT, "One line with counts; empty where nothing was planned."),
        counts={"type": "object", "additionalProperties": COUNT},
        resources=listed(named, "What did not end well first; 20 at most."),
        more_resources=told(COUNT, "How many are left out."),
        problems=listed(TEXT, "Codes of errors, see docs/diagnostics.md; 10 at most."),
        who=TEXT,
        commit=TEXT,
        links=record(optional=("job",), job=TEXT),
        text=told(TEXT, "All of it, for people."),
    )
    return _head("notification", "What a webhook of `notify` gets as JSON.") | whole


def _head(name: str, description: str) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://peakctl.dev/schemas/output/v{FORMAT_VERSION}/{name}.json",
        "title": f"peakctl output: {name}",
        "description": f"{description} Later releases of the same format_version may add fields.",
    }


def _used(schema: Schema) -> Schema:
    """The definitions that a schema refers to, those of definitions too."""
    found: Schema = {}
    left = [schema]
    while left:
        text = json.dumps(left.pop())
        for name, each in DEFS.items():
            if f'"#/$defs/{name}"' in text and name not in found:
                found[name] = each
                left.append(each)
    return {name: DEFS[name] for name in DEFS if name in found}


def texts() -> dict[str, str]:
    """The text of each file by its name."""
    found = {name: document(name, *each) for name, each in COMMANDS.items()}
    found["events"] = events()
    found["result"] = result()
    found["notification"] = notification()
    return {
        f"{name}.json": json.dumps(each, indent=2, ensure_ascii=False) + "\n"
        for name, each in found.items()
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
