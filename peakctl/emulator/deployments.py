"""Deployments of blocks and apps, their revisions and run parameters."""

from __future__ import annotations

from typing import Any

from peakctl.emulator import rollout
from peakctl.emulator import schemas as s
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.configs import require_release
from peakctl.emulator.listing import Listing, one_of
from peakctl.emulator.parameters import STAGED, STAGES, Definitions, merged, merged_stages
from peakctl.emulator.problems import conflict, invalid, not_found
from peakctl.emulator.rows import Body, Row, Transaction, Where
from peakctl.emulator.specs import KIND, NAMES, SORTABLE, TERM, edit_metadata, visible_spec
from peakctl.emulator.views import ID, MADE, METADATA, NULLABLE, STATUS, Field, View, stored
from peakctl.model import JsonObject

ROOTS = {
    "block-deployment": "/press/v1/blocks/deployments/",
    "app-deployment": "/press/v1/apps/deployments/",
}
EACH = Operations(ROOTS)
BOTH = Operations({" ".join(ROOTS): "/press/v1/deployments/"})
NEWER = Operations({" ".join(ROOTS): "/press/v2/deployments/"}, newer=True)
OF_SPEC = Operations({" ".join(ROOTS): "/press/v1/specs/"})
STATUSES = (
    "deploying", "deployed", "deleting", "delete_failed", "failed", "platform_resource_error",
    "redeploying", "rollback", "rollback_complete", "rollback_failed", "warning",
)  # fmt: skip
REVISION_STATUSES = (*(s for s in STATUSES if s != "redeploying"), "superseded")
IN_STATUS = one_of("status", "status", STATUSES)
BLOCK = View(
    deploymentId=ID, kind=stored("kind"), name=stored("block"), status=STATUS,
    platformId=Field(
        NULLABLE, lambda row: next((r["id"] for r in row.body.get("resources") or ()), None)
    ),
)  # fmt: skip
STATE = View(revision=Field(s.WHOLE, lambda row: int(row.name)), status=STATUS)
HEAD = View(id=ID, kind=stored("kind"), metadata=METADATA, spec=stored("spec", s.MAP))
ITEM = s.record({**HEAD.fields, "latestRevision": STATE.schema})
ALL = Listing(
    "deployments", "deploymentCount", sortable=SORTABLE, alias="deploymentsCount", item=ITEM,
    filters=(IN_STATUS, KIND, *NAMES, TERM),
)  # fmt: skip
DEPLOYED = Listing(
    "deployments", "deploymentCount", sortable=("createdAt", "createdBy", "name"), item=ITEM,
    filters=(one_of("version", "json_extract(body, '$.spec.release.version')"), IN_STATUS, *NAMES),
)  # fmt: skip
REVISION = View(id=stored("uuid"), **STATE, notes=stored("notes", NULLABLE), **MADE)
REVISIONS = Listing(
    "revisions", "revisionCount", REVISION, ("revision",), order="seq DESC", parent="id",
    sortable=("createdAt", "createdBy"),
    filters=(one_of("status", "status", REVISION_STATUSES),),
)  # fmt: skip
DESCRIBED = s.record({**HEAD.fields, "latestRevision": REVISION.schema})
RELEASE = s.optional(version=s.LINE)
CHOSEN = {
    "includes": s.items(s.record({"id": s.LINE, "releaseVersion": s.LINE})),
    "excludes": s.items(s.record({"id": s.LINE}, {"releaseVersion": s.LINE})),
}
NOTES = s.optional(notes=s.TEXT)
NAMED = {**s.METADATA, "name": s.LINE}
SPEC_OF = {"block-deployment": "block-spec", "app-deployment": "app-spec"}
RUN = "run"


# --- reads -----------------------------------------------------------------------------------


@EACH("GET", "", "List {kind}s", listing=ALL)
@BOTH("GET", "", "List deployments of both kinds", listing=ALL)
def list_deployments(call: Call) -> Body:
    return ALL.page(call, shown=_item_shown)


@OF_SPEC("GET", "{id}/releases/deployments", "List what was deployed from a spec", listing=DEPLOYED)
def list_deployed(call: Call) -> Body:
    key = call.params["id"]
    if not (call.tx.get("block-spec", key) or call.tx.get("app-spec", key)):
        raise not_found("spec", key)
    mine = Where("json_extract(body, '$.spec.id') = ?", (key,))
    return DEPLOYED.page(call, mine, shown=_item_shown)


def _head(call: Call, row: Row) -> Body:
    head = HEAD(row)
    if row.parent:
        head["parent"] = {"id": row.parent}
    return {**head, **MADE(row)} if call.options.full_reads else head


def _item_shown(call: Call, row: Row) -> Body:
    return {**_head(call, row), "latestRevision": STATE(rollout.latest_revision(call.tx, row))}


def _edited(call: Call, row: Row) -> Body:
    return {**_head(call, row), "latestRevision": _latest(call.tx, row)}


@EACH("GET", "{id}", "Describe a {kind}", answer=DESCRIBED)
def describe(call: Call) -> Body:
    """The example of an app has no parameters."""
    row = call.find()
    answer = _edited(call, row)
    if row.kind == "block-deployment" or call.options.full_reads:
        answer.update(_parameters_shown(call, row, row.body))
    return answer


def _latest(tx: Transaction, row: Row) -> Body:
    latest = {**REVISION(rollout.latest_revision(tx, row)), "resources": _resources(tx, row)}
    if row.kind == "app-deployment":
        latest["blocks"] = [BLOCK(child) for child in rollout.children_of(tx, row)]
    return latest


def _resources(tx: Transaction, row: Row) -> list[Body]:
    """(kind, name) of all that a deployment made, its blocks' included."""
    rows = [row, *rollout.children_of(tx, row)]
    found = [resource for each in rows for resource in each.body.get("resources") or ()]
    return [{"kind": resource["kind"], "name": resource["name"]} for resource in found]


EACH.lists("{id}/revisions", "List revisions of a {kind}", REVISIONS)


@EACH(
    "GET", "{id}/revisions/{revision}", "Describe a revision of a {kind}",
    answer=s.record({
        **REVISION.fields, "spec": s.MAP, "parameters": s.MAP, "resources": s.LIST,
        "latestRevision": REVISION.schema,
    }),
)  # fmt: skip
def describe_revision(call: Call) -> Body:
    row = call.find()
    revision = call.tx.require("revision", f"{row.id}/{call.params['revision']}")
    return {
        **REVISION(revision),
        "spec": revision.body["spec"],
        **_parameters_shown(call, row, revision.body),
        "resources": _resources(call.tx, row),
        "latestRevision": _latest(call.tx, row),
    }


# --- parameters as reads show them -----------------------------------------------------------


def _parameters_shown(call: Call, row: Row, body: Body) -> Body:
    """`parameters`, and for apps `appParameters`, with hidden values masked."""
    values = body["parameters"] or {}
    if row.kind == "block-deployment":
        return {"parameters": _masked(call, rollout.definitions_of(call.tx, row), values)}
    known = _block_definitions(call.tx, row)
    blocks = {k: _masked(call, known.get(k, Definitions()), v) for k, v in values.items()}
    answer: Body = {"parameters": blocks}
    if call.options.newer_calls:
        shared = body.get("appParameters") or {}
        answer["appParameters"] = _masked(call, _app_definitions(call.tx, row), shared)
    return answer


def _masked(call: Call, definitions: Definitions, values: Body) -> Body:
    return {
        stage: definitions.masked(stage, _in_effect(call, definitions, stage, values.get(stage)))
        for stage in STAGES
    }


def _in_effect(call: Call, definitions: Definitions, stage: str, values: Any) -> Body:
    """The values of one stage, with defaults if the option says so."""
    wanted = call.options.default_parameters
    return definitions.with_defaults(stage, values) if wanted else values or {}


def _block_definitions(tx: Transaction, row: Row) -> dict[str, Definitions]:
    """Parameter definitions of each block of an app deployment."""
    return {
        child.body["block"]: rollout.definitions_of(tx, child)
        for child in rollout.children_of(tx, row)
    }


def _app_definitions(tx: Transaction, row: Row) -> Definitions:
    """What may stand in appParameters: the app's own definitions, then any block's."""
    return rollout.definitions_of(tx, *rollout.children_of(tx, row), row)


# --- changes ---------------------------------------------------------------------------------


@EACH(
    "POST", "", "Create a {kind}", status=201, seeds=("{kind}",), also=(404,),
    answer=s.record({"id": s.TEXT}),
    body=s.record(
        {"spec": s.record({"id": s.LINE}, {"release": RELEASE, **CHOSEN})},
        {"metadata": s.optional(**NAMED), "revision": NOTES},
    ),
)  # fmt: skip
def create(call: Call) -> Body:
    body = call.checked()
    spec = visible_spec(call, SPEC_OF[call.kind], body["spec"]["id"])
    release = require_release(call.tx, spec, body["spec"].get("release"), "spec.release.version")
    sent = body.get("metadata") or {}
    metadata = {k: v for k, v in sent.items() if k in NAMED and v is not None}
    metadata = {"name": f"{spec.name}-deployment", "tags": [], **metadata}
    name = metadata["name"]
    call.refuse_taken(rollout.FAMILIES, name, "metadata.name")
    row = call.tx.add(call.kind, {"kind": spec.body["kind"], "metadata": metadata}, name=name)
    call.tx.link(row, "spec", spec.id)
    _deploy(call, row, spec, release, body, body["spec"])
    return {"id": row.id}


def _deploy(call: Call, row: Row, spec: Row, release: Row, body: Body, sent: Body) -> Row:
    """Start a revision of a block or an app; app blocks start before the app itself."""
    row.body["spec"] = {"id": spec.id, "release": {"version": release.name}}
    notes = (body.get("revision") or {}).get("notes")
    if row.kind == "block-deployment":
        row.body["parameters"] = _block_values(call, release, body, row.body.get("parameters"))
        return rollout.start_revision(call.tx, row, notes)
    chosen = {key: sent.get(key) or [] for key in CHOSEN}
    if call.options.newer_calls:
        row.body["spec"].update(chosen)
    blocks = _read_blocks(call, release, chosen)
    values, app_values = _read_values(call, row, release, blocks, body)
    row.body.update(parameters=values, appParameters=app_values)
    rollout.deploy_blocks(call.tx, row, blocks, notes)
    return rollout.start_revision(call.tx, row, notes)


def _block_values(call: Call, release: Row, body: Body, before: Body | None) -> Body:
    sent = body.get("parameters") or {}
    s.check(STAGED, sent, "parameters")
    values = merged_stages(before if call.options.carry_parameters else None, sent)
    Definitions(release.body["parameters"]).check(values, "parameters", values)
    return values


def _read_blocks(call: Call, release: Row, chosen: Body) -> list[rollout.Block]:
    """The release's blocks without the excluded, with the included; these may change releases."""
    versions = {block["id"]: block["release"]["version"] for block in release.body["config"]}
    for index, block in enumerate(chosen["includes"]):
        _find_block(call, block["id"], block["releaseVersion"], f"includes[{index}]")
        versions[block["id"]] = block["releaseVersion"]
    for index, block in enumerate(chosen["excludes"]):
        if versions.pop(block["id"], None) is None:
            raise invalid(f"excludes[{index}].id", f"the app has no block {block['id']}")
    return [_find_block(call, key, version, "config") for key, version in versions.items()]


def _find_block(call: Call, key: str, version: str, at: str) -> rollout.Block:
    spec = visible_spec(call, "block-spec", key)
    release = require_release(call.tx, spec, {"version": version}, f"{at}.releaseVersion")
    return rollout.Block(spec, release)


def _read_values(
    call: Call, row: Row, release: Row, blocks: list[rollout.Block], body: Body
) -> tuple[Body, Body]:
    """(values by block, values of the app), checked against what the blocks define."""
    values: Body = body.get("parameters") or {}
    shared: Body = body.get("appParameters") or {} if call.options.newer_calls else {}
    s.check(s.mapping(STAGED), values, "parameters")
    s.check(STAGED, shared, "appParameters")
    if call.options.carry_parameters:
        values, shared = _carried(row, values, shared)
    known = {block.spec.name: block for block in blocks}
    for name in values:
        if name not in known:
            raise invalid(f"parameters.{name}", "is not a block of this app")
    releases = (*(block.release for block in blocks), release)
    Definitions(*(each.body["parameters"] for each in releases)).check(shared, "appParameters")
    for name, block in known.items():
        own = values.get(name) or {}
        in_effect = rollout.inherited(block.definitions, own, shared)
        block.definitions.check(own, f"parameters.{name}", in_effect)
    return values, shared


def _carried(row: Row, values: Body, shared: Body) -> tuple[Body, Body]:
    before = row.body.get("parameters") or {}
    joined = {
        name: merged_stages(before.get(name), values.get(name)) for name in {**before, **values}
    }
    return joined, merged_stages(row.body.get("appParameters"), shared)


@EACH(
    "POST", "{id}/revisions", "Deploy another revision of a {kind}", status=201,
    answer=s.record({"id": s.TEXT, "revision": s.WHOLE}),
    body=s.optional(release=RELEASE, revision=NOTES, blocksConfig=s.optional(**CHOSEN)),
)  # fmt: skip
def revise(call: Call) -> Body:
    row = call.find()
    body = call.checked()
    _refuse_busy(row)
    spec = visible_spec(call, SPEC_OF[call.kind], row.body["spec"]["id"])
    if (body.get("spec") or {}).get("id") not in (None, spec.id):
        raise invalid("spec.id", "a revision cannot change the spec")
    release = require_release(call.tx, spec, body.get("release"), "release.version")
    revision = _deploy(call, row, spec, release, body, body.get("blocksConfig") or {})
    return {"id": row.id, "revision": int(revision.name)}


def _refuse_busy(row: Row) -> None:
    if row.status in rollout.BUSY:
        raise conflict(f"status: deployment {row.name} is {row.status}")


@EACH(
    "POST", "{id}/redeploy", "Deploy the latest revision of a failed {kind} again",
    answer=s.record({"deploymentId": s.TEXT, "revision": s.WHOLE, "revisionId": s.TEXT}),
)  # fmt: skip
def redeploy(call: Call) -> Body:
    """Only failed or warning; of an app, only such blocks."""
    row = call.find()
    if row.status not in ("failed", "warning"):
        raise conflict(f"status: deployment {row.name} is {row.status}, not failed or warning")
    for child in rollout.children_of(call.tx, row):
        if child.status in ("failed", "warning"):
            rollout.restart_revision(call.tx, child)
    revision = rollout.restart_revision(call.tx, row)
    number, key = int(revision.name), revision.body["uuid"]
    return {"deploymentId": row.id, "revision": number, "revisionId": key}


@EACH("PATCH", "{id}", "Edit a {kind}", body=s.optional(**NAMED), answer=DESCRIBED)
def update(call: Call) -> Body:
    """Metadata at the top of the body; nothing is deployed, and no parameters are answered."""
    row = call.find()
    body = call.checked()
    if body.get("name") not in (None, row.name):
        call.refuse_taken(rollout.FAMILIES, body["name"], "name")
    edit_metadata(row, body)
    call.tx.touch(row)
    return _edited(call, row)


@EACH("DELETE", "{id}", "Delete a {kind} with all that it made")
def delete(call: Call) -> Body:
    row = call.find()
    if row.parent:
        raise invalid("id", f"deployment {row.name} belongs to app deployment {row.parent}")
    _refuse_busy(row)
    rollout.begin_delete(call.tx, row)
    return {}


@BOTH(
    "POST", "{id}/execute", "Run what is set to run on deploy, of the latest revision",
    answer=s.record({"executeResponse": s.items(s.record(
        s.texts("blockSpecId", "version", "executionId", "status")
    ))}),
)  # fmt: skip
def execute(call: Call) -> Body:
    row = call.find()
    ran: list[Body] = []
    for block in rollout.children_of(call.tx, row) or [row]:
        release = rollout.release_of(call.tx, block)
        key = rollout.run(call.tx, block) if release.body["autoRunOnDeploy"] else None
        if key is not None:
            spec = block.body["spec"]["id"]
            done = {"version": release.name, "executionId": key, "status": "executed"}
            ran.append({"blockSpecId": spec, **done})
    return {"executeResponse": ran}


# --- run parameters without a revision ----------------------------------------------
# Running blocks read their values here, so hidden ones are answered as they are.


@BOTH("GET", "{id}/parameters/run", "Read run parameters")
def read_parameters(call: Call) -> Body:
    """A flat map for blocks, both levels for apps."""
    row = call.find()
    return _app_values(call, row) if row.kind == "app-deployment" else _run_values(call, row)


def _run_values(call: Call, row: Row) -> Body:
    definitions = rollout.definitions_of(call.tx, row)
    return _in_effect(call, definitions, RUN, row.body["parameters"].get(RUN))


def _app_values(call: Call, row: Row) -> Body:
    values, shared = row.body["parameters"] or {}, row.body.get("appParameters") or {}
    blocks = {
        name: _in_effect(call, definitions, RUN, (values.get(name) or {}).get(RUN))
        for name, definitions in _block_definitions(call.tx, row).items()
    }
    own = _app_definitions(call.tx, row)
    return {"appParameters": _in_effect(call, own, RUN, shared.get(RUN)), "parameters": blocks}


@BOTH(
    "PATCH", "{id}/parameters/run", "Change run parameters of a block", body=s.mapping(s.ANYTHING)
)
def patch_parameters(call: Call) -> Body:
    row = call.find()
    if row.kind == "app-deployment":
        raise invalid("id", f"deployment {row.name} is an app; use v2")
    _patch_block(call, row, call.record(), "body")
    return _run_values(call, row)


def _patch_block(call: Call, row: Row, values: JsonObject, at: str) -> None:
    rollout.definitions_of(call.tx, row).check_stage(RUN, values, at)
    _put(row.body["parameters"], values)
    call.tx.touch(row)


def _put(staged: Body, values: JsonObject) -> None:
    staged[RUN] = merged(staged.get(RUN), values)


@NEWER(
    "PATCH", "{id}/parameters/run", "Change run parameters of a block or an app",
    body=s.optional(parameters=s.mapping(s.ANYTHING), appParameters=s.mapping(s.ANYTHING)),
)  # fmt: skip
def patch_both(call: Call) -> Body:
    """`{parameters}` for blocks, `{appParameters, parameters{block}}` for apps."""
    row = call.find()
    body = call.record()
    if row.kind == "block-deployment":
        _patch_block(call, row, body.get("parameters") or {}, "parameters")
        return {"parameters": _run_values(call, row)}
    _patch_app(call, row, body.get("parameters") or {}, body.get("appParameters") or {})
    return _app_values(call, row)


def _patch_app(call: Call, row: Row, blocks: JsonObject, shared: JsonObject) -> None:
    s.check(s.mapping(s.MAP), blocks, "parameters")
    _app_definitions(call.tx, row).check_stage(RUN, shared, "appParameters")
    definitions = _block_definitions(call.tx, row)
    for name, values in blocks.items():
        if name not in definitions:
            raise invalid(f"parameters.{name}", "is not a block of this app")
        definitions[name].check_stage(RUN, values, f"parameters.{name}")
        _put(row.body["parameters"].setdefault(name, {}), values)
    _put(row.body.setdefault("appParameters", {}), shared)
    call.tx.touch(row)
    for child in rollout.children_of(call.tx, row):
        values = rollout.child_values(definitions[child.body["block"]], row, child)
        child.body["parameters"][RUN] = values[RUN]
        call.tx.touch(child)
