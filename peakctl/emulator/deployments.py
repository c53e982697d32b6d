"""Making and changing deployments (contract, rows 63, 64, 67-74 and section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.emulator.app_blocks import deploy_blocks, read_blocks, read_values
from peakctl.emulator.behaviour.deploying import (
    BUSY,
    FAMILIES,
    begin_delete,
    children_of,
    find_release,
    restart_revision,
    start_revision,
)
from peakctl.emulator.deployment_reads import edited
from peakctl.emulator.parameters import STAGES, check_required, check_values
from peakctl.emulator.problems import conflict, invalid, not_found
from peakctl.emulator.shapes import LINE, METADATA, TEXT, check, items, record
from peakctl.emulator.specs import visible_spec

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call
    from peakctl.emulator.rows import Body, Row

RELEASE = record({}, {"version": LINE})
INCLUDES = items(record({"id": LINE, "releaseVersion": LINE}))
EXCLUDES = items(record({"id": LINE}, {"releaseVersion": LINE}))
SPEC_OF = {"block-deployment": "block-spec", "app-deployment": "app-spec"}
CREATE = record(
    {
        "spec": record(
            {"id": LINE}, {"release": RELEASE, "includes": INCLUDES, "excludes": EXCLUDES}
        )
    },
    {"metadata": record({}, {**METADATA, "name": LINE}), "revision": record({}, {"notes": TEXT})},
)
REVISE = record(
    {},
    {
        "release": RELEASE,
        "revision": record({}, {"notes": TEXT}),
        "blocksConfig": record({}, {"includes": INCLUDES, "excludes": EXCLUDES}),
    },
)
EDIT = record({}, {**METADATA, "name": LINE})


def refuse_taken(call: Call, name: str, field: str) -> None:
    if call.options.strict_names and call.tx.named(FAMILIES, name):
        raise conflict(f"{field}: a deployment {name} already exists")


def find_deployment(call: Call, *kinds: str) -> Row:
    for kind in kinds or FAMILIES:
        row = call.tx.get(kind, call.params["id"])
        if row is not None:
            return row
    raise not_found("deployment", call.params["id"])


def _release(call: Call, spec: Row, sent: Any, field: str) -> Row:
    """The release that was asked for, else the latest."""
    version = (sent or {}).get("version") or spec.body["latest"]
    found = find_release(call.tx, spec.id, version)
    if found is None:
        raise invalid(field, f"spec {spec.name} has no release {version}")
    return found


def create(call: Call, kind: str) -> Body:
    """Rows 63 and 64."""
    body = call.record()
    check(CREATE, body)
    spec = visible_spec(call, SPEC_OF[kind], body["spec"]["id"])
    release = _release(call, spec, body["spec"].get("release"), "spec.release.version")
    sent = body.get("metadata") or {}
    metadata = {k: v for k, v in sent.items() if k in {*METADATA, "name"} and v is not None}
    metadata = {"name": f"{spec.name}-deployment", "tags": [], **metadata}
    refuse_taken(call, metadata["name"], "metadata.name")
    row = call.tx.add(
        kind, {"kind": spec.body["kind"], "metadata": metadata}, name=metadata["name"]
    )
    call.tx.link(row, "spec", spec.id)
    chosen = {k: body["spec"].get(k) or [] for k in ("includes", "excludes")}
    _deploy(call, row, spec, release, body, chosen)
    return {"id": row.id}


def _deploy(call: Call, row: Row, spec: Row, release: Row, body: Body, chosen: Body) -> Row:
    """Start a revision of a block or an app; app blocks start before the app itself."""
    row.body["spec"] = {"id": spec.id, "release": {"version": release.name}}
    notes = (body.get("revision") or {}).get("notes")
    if row.kind == "block-deployment":
        row.body["parameters"] = _block_values(call, release, body, row.body.get("parameters"))
        return start_revision(call.tx, call.options, row, notes)
    if call.options.newer_calls:
        row.body["spec"].update(chosen)
    blocks = read_blocks(call, release, chosen)
    values, app_values = read_values(call, row, release, blocks, body)
    row.body.update(parameters=values, appParameters=app_values)
    deploy_blocks(call, row, blocks, notes)
    return start_revision(call.tx, call.options, row, notes)


def _block_values(call: Call, release: Row, body: Body, before: Body | None) -> Body:
    sent = body.get("parameters") or {}
    check(record({}, {stage: record({}) for stage in STAGES}), sent, "parameters")
    values: Body = {}
    for stage in STAGES:
        kept = (before or {}).get(stage) or {} if call.options.carry_parameters else {}
        values[stage] = {**kept, **(sent.get(stage) or {})}
        at = f"parameters.{stage}"
        check_values(release.body["parameters"], stage, values[stage], at)
        check_required(release.body["parameters"], stage, values[stage], at)
    return values


def revise(call: Call, kind: str) -> Body:
    """Rows 73 and 74."""
    row = find_deployment(call, kind)
    body = call.record()
    check(REVISE, body)
    _refuse_busy(row)
    spec = visible_spec(call, SPEC_OF[kind], row.body["spec"]["id"])
    if (body.get("spec") or {}).get("id") not in (None, spec.id):
        raise invalid("spec.id", "a revision cannot change the spec")
    release = _release(call, spec, body.get("release"), "release.version")
    chosen = {k: (body.get("blocksConfig") or {}).get(k) or [] for k in ("includes", "excludes")}
    revision = _deploy(call, row, spec, release, body, chosen)
    return {"id": row.id, "revision": int(revision.name)}


def _refuse_busy(row: Row) -> None:
    if row.status in BUSY:
        raise conflict(f"status: deployment {row.name} is {row.status}")


def redeploy(call: Call, kind: str) -> Body:
    """Rows 71 and 72: only failed or warning; of an app, only such blocks."""
    row = find_deployment(call, kind)
    if row.status not in ("failed", "warning"):
        raise conflict(f"status: deployment {row.name} is {row.status}, not failed or warning")
    for child in children_of(call.tx, row):
        if child.status in ("failed", "warning"):
            restart_revision(call.tx, call.options, child)
    revision = restart_revision(call.tx, call.options, row)
    return {
        "deploymentId": row.id,
        "revision": int(revision.name),
        "revisionId": revision.body["uuid"],
    }


def update(call: Call, kind: str) -> Body:
    """Rows 67 and 68: metadata at the top of the body; nothing is deployed."""
    row = find_deployment(call, kind)
    body = call.record()
    check(EDIT, body)
    if body.get("name") not in (None, row.name):
        refuse_taken(call, body["name"], "name")
    known = {k: v for k, v in body.items() if k in {*METADATA, "name"}}
    merged = {**row.body["metadata"], **known}
    row.body["metadata"] = {k: v for k, v in merged.items() if v is not None}
    row.name = row.body["metadata"].setdefault("name", row.name)
    call.tx.touch(row)
    return edited(call, row)


def delete(call: Call, kind: str) -> Body:
    """Rows 69 and 70: with all that it made."""
    row = find_deployment(call, kind)
    if row.parent:
        raise invalid("id", f"deployment {row.name} belongs to app deployment {row.parent}")
    _refuse_busy(row)
    begin_delete(call.tx, call.options, row)
    return {}
