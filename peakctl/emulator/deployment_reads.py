"""What reads show of deployments and revisions (contract, rows 61, 65, 66, 75-81)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.emulator.behaviour.deploying import children_of, latest_revision, release_of
from peakctl.emulator.parameters import STAGES, masked, with_defaults
from peakctl.emulator.rows import AUTHOR, Body, Row, Transaction
from peakctl.emulator.times import stamp

if TYPE_CHECKING:
    from peakctl.emulator.calls import Call

STATUSES = (
    "deploying", "deployed", "deleting", "delete_failed", "failed", "platform_resource_error",
    "redeploying", "rollback", "rollback_complete", "rollback_failed", "warning",
)  # fmt: skip
REVISION_STATUSES = (
    *(s for s in STATUSES if s not in ("redeploying", "warning")), "warning", "superseded",
)  # fmt: skip


def _head(call: Call, row: Row) -> Body:
    head: Body = {
        "id": row.id,
        "kind": row.body["kind"],
        "metadata": {**row.body["metadata"], "status": row.status},
        "spec": row.body["spec"],
    }
    if row.parent:
        head["parent"] = {"id": row.parent}
    if call.options.full_reads:
        head.update(createdAt=stamp(row.created), createdBy=AUTHOR)
    return head


def item_shown(call: Call, row: Row) -> Body:
    """A deployment in a listing."""
    revision = latest_revision(call.tx, row)
    return {
        **_head(call, row),
        "latestRevision": {"revision": int(revision.name), "status": revision.status},
    }


def revision_item(row: Row) -> Body:
    """A revision in a listing."""
    return {
        "id": row.body["uuid"],
        "revision": int(row.name),
        "status": row.status,
        "notes": row.body["notes"],
        "createdAt": stamp(row.created),
        "createdBy": AUTHOR,
    }


def resources_of(tx: Transaction, row: Row) -> list[Body]:
    """(kind, name) of all that a deployment made, its blocks' included."""
    rows = [row, *children_of(tx, row)]
    made = [resource for each in rows for resource in each.body.get("resources") or ()]
    return [{"kind": resource["kind"], "name": resource["name"]} for resource in made]


def _blocks(tx: Transaction, row: Row) -> list[Body]:
    return [
        {
            "deploymentId": child.id,
            "platformId": next((r["id"] for r in child.body.get("resources") or ()), None),
            "kind": child.body["kind"],
            "name": child.body["block"],
            "status": child.status,
        }
        for child in children_of(tx, row)
    ]


def _latest(tx: Transaction, row: Row) -> Body:
    latest = {**revision_item(latest_revision(tx, row)), "resources": resources_of(tx, row)}
    if row.kind == "app-deployment":
        latest["blocks"] = _blocks(tx, row)
    return latest


def edited(call: Call, row: Row) -> Body:
    """What an edit answers: no parameters, unlike a read."""
    return {**_head(call, row), "latestRevision": _latest(call.tx, row)}


def shown(call: Call, row: Row) -> Body:
    """Rows 65 and 66; the example of an app has no parameters."""
    answer = edited(call, row)
    if row.kind == "block-deployment" or call.options.full_reads:
        answer.update(parameters_shown(call, row, row.body))
    return answer


def revision_shown(call: Call, row: Row, revision: Row) -> Body:
    """Rows 77 and 78."""
    return {
        **revision_item(revision),
        "spec": revision.body["spec"],
        **parameters_shown(call, row, revision.body),
        "resources": resources_of(call.tx, row),
        "latestRevision": _latest(call.tx, row),
    }


def parameters_shown(call: Call, row: Row, body: Body) -> Body:
    """`parameters`, and for apps `appParameters`, masked."""
    tx = call.tx
    if row.kind == "block-deployment":
        release = release_of(tx, row)
        return {"parameters": _stages(call, release.body["parameters"], body["parameters"])}
    by_block = block_definitions(tx, row)
    blocks = {
        name: _stages(call, by_block.get(name), values)
        for name, values in (body["parameters"] or {}).items()
    }
    answer: Body = {"parameters": blocks}
    if call.options.newer_calls:
        known = app_definitions(tx, row)
        answer["appParameters"] = _stages(call, known, body.get("appParameters") or {})
    return answer


def _stages(call: Call, definitions: Body | None, values: Body) -> Body:
    return {
        stage: masked(definitions, stage, real_values(call, definitions, stage, values.get(stage)))
        for stage in STAGES
    }


def real_values(call: Call, definitions: Body | None, stage: str, values: Any) -> Body:
    """One stage unmasked, with defaults if the option says so."""
    values = values or {}
    return with_defaults(definitions, stage, values) if call.options.default_parameters else values


def block_definitions(tx: Transaction, row: Row) -> dict[str, Body | None]:
    """Parameter definitions of each block of an app deployment."""
    return {c.body["block"]: release_of(tx, c).body["parameters"] for c in children_of(tx, row)}


def app_definitions(tx: Transaction, row: Row) -> Body:
    """What may stand in appParameters: the app's own definitions, then any block's."""
    own = release_of(tx, row).body["parameters"] or {}
    blocks = block_definitions(tx, row).values()
    return join_definitions([*(b or {} for b in blocks), own])


def join_definitions(sources: list[Body]) -> Body:
    """Later sources win where names meet."""
    joined: Body = {}
    for stage in STAGES:
        by_name = {d["name"]: d for source in sources for d in source.get(stage) or ()}
        joined[stage] = list(by_name.values())
    return joined
