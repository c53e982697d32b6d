"""How deployments roll out: revisions, the blocks of an app, what is made, how it ends."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from peakctl.emulator import schemas as s
from peakctl.emulator.builds import rehearse_upload
from peakctl.emulator.configs import existing_images, inline_images, mapped
from peakctl.emulator.executions import start_execution
from peakctl.emulator.image_usage import VERSION, is_ready, latest_ready, set_usage
from peakctl.emulator.parameters import Definitions, merged_stages, put_values
from peakctl.emulator.rows import Body, Row, Transaction, Where, due
from peakctl.emulator.services import FIELDS, usual_fields
from peakctl.emulator.workflows import add_workflow, drop_workflow, keep_document
from peakctl.model import JsonObject
from peakctl.model.records import dataclass

FAMILIES = ("block-deployment", "app-deployment")
BUSY = ("deploying", "redeploying", "updating", "deleting")
# Parameter values that ask for an end; `-once` fails until the first redeploy.
ASKED = {
    "fail-deployment": "failed",
    "fail-deployment-once": "failed",
    "rollback-deployment": "rollback_complete",
    "warn-deployment": "warning",
    "break-deployment": "platform_resource_error",
}
WORST_FIRST = ("failed", "platform_resource_error", "rollback_complete", "warning", "deployed")


def release_of(tx: Transaction, row: Row) -> Row:
    """The release that a deployment is at, of an own spec or of a public one of another tenant."""
    spec = row.body["spec"]
    wanted = Where("id = ?", (f"{spec['id']}/{spec['release']['version']}",))
    public = Where("parent IN (SELECT id FROM items WHERE facet = 'public')")
    found = tx.select(("release",), (wanted,), anyone=public)
    return found[0] if found else tx.require("release", spec["id"])


def definitions_of(tx: Transaction, *rows: Row) -> Definitions:
    """The parameters that deployments have; the later ones win where names meet."""
    return Definitions(*(release_of(tx, row).body["parameters"] for row in rows))


def children_of(tx: Transaction, row: Row) -> list[Row]:
    """The block deployments of an app."""
    return tx.children("block-deployment", row.id) if row.kind == "app-deployment" else []


def latest_revision(tx: Transaction, row: Row) -> Row:
    return tx.require("revision", f"{row.id}/{row.body['revision']}")


def start_revision(tx: Transaction, row: Row, notes: str | None) -> Row:
    """A new revision with what the deployment now holds; older ones become superseded."""
    for older in tx.children("revision", row.id):
        older.status = "superseded"
        tx.save(older)
    number = row.body.get("revision", 0) + 1
    row.body["revision"] = number
    held = {key: row.body.get(key) for key in ("spec", "parameters", "appParameters")}
    body = {"uuid": str(uuid.uuid4()), "notes": notes, **held}
    at, name = f"{row.id}/{number}", str(number)
    revision = tx.add("revision", body, key=at, parent=row.id, name=name, status="deploying")
    _begin(tx, row, "deploying")
    return revision


def restart_revision(tx: Transaction, row: Row) -> Row:
    """The latest revision once more."""
    revision = latest_revision(tx, row)
    tx.set_status(revision, "deploying")
    _begin(tx, row, "redeploying")
    return revision


def _begin(tx: Transaction, row: Row, status: str) -> None:
    if row.kind == "block-deployment":
        again, release = status == "redeploying", release_of(tx, row)
        row.body["outcome"] = _end_of(tx, release, row.body["parameters"], again=again)
    tx.begin(row, status, tx.options.deploy_seconds, "revision-done")


@due("revision-done")
def finish_revision(tx: Transaction, row: Row) -> None:
    """The deployment's time is over."""
    if row.status == "deleting":
        return
    if row.kind == "app-deployment":
        row.body["outcome"] = _worst(child.status for child in children_of(tx, row))
    for each in (row, latest_revision(tx, row)):
        tx.set_status(each, row.body["outcome"])
    if row.kind == "block-deployment" and row.status in ("deployed", "warning"):
        release = release_of(tx, row)
        _make(tx, row, release)
        if release.body["autoRunOnDeploy"]:
            run(tx, row)


def begin_delete(tx: Transaction, row: Row) -> None:
    """The deployment and its blocks go to deleting, and some time later are gone."""
    for each in (*children_of(tx, row), row):
        tx.set_status(each, "deleting")
    tx.schedule(tx.options.delete_seconds, "deployment-gone", kind=row.kind, id=row.id)


@due("deployment-gone")
def drop_with_blocks(tx: Transaction, row: Row) -> None:
    for each in (*children_of(tx, row), row):
        drop(tx, each)


def drop(tx: Transaction, row: Row) -> None:
    """Remove a deployment, its revisions and what it made."""
    for resource in row.body.get("resources") or ():
        made = tx.get(resource["kind"], resource["id"])
        if made is not None and made.kind == "workflow":
            drop_workflow(tx, made)
        elif made is not None:
            set_usage(tx, made, ())
            tx.drop(made)
    tx.drop(row, "revision")


# --- how it ends, decided at the start -------------------------------------------------------


def _worst(ends: Iterable[str]) -> str:
    found = set(ends)
    return next((end for end in WORST_FIRST if end in found), "deployed")


def _end_of(tx: Transaction, release: Row, parameters: Body, *, again: bool) -> str:
    """The end of a block's deployment; `again` when the same revision is deployed once more."""
    kind = "service" if "steps" not in release.body["config"] else "workflow"
    config = _config(release, parameters)
    asked = set(s.texts_in(parameters)) & set(ASKED)
    ends = [ASKED[text] for text in asked if not (again and text.endswith("-once"))]
    owner = tx.at(release.tenant, tx.now)
    ends += ["failed"] * (not _builds(owner, release, kind, config))
    ends += ["failed"] * (not all(_runs(owner, d) for _, d in existing_images(kind, config)))
    return _worst(ends)


def _config(release: Row, parameters: Body) -> Body:
    """The config of a release with the values of the build parameters in it."""
    build = Definitions(release.body["parameters"]).with_defaults("build", parameters.get("build"))
    config: Body = put_values(release.body["config"], build)
    return config


def _builds(tx: Transaction, release: Row, kind: str, config: Body) -> bool:
    images = inline_images(kind, config)
    artifact = release.body["artifact"]
    if not images or artifact is None:
        return True
    row = tx.get("artifact-version", f"{artifact['id']}/{artifact['version']}")
    data = tx.file(row.body["digest"]) if row else None
    built = (rehearse_upload(data, i.get("dockerfile"), i.get("context")) for i in images)
    return all(succeeds for _, succeeds in built)


def _runs(tx: Transaction, details: Body) -> bool:
    if details.get("versionId") is None:
        return latest_ready(tx, str(details.get("id"))) is not None
    return is_ready(tx.get(VERSION, details["versionId"]))


# --- what it makes ---------------------------------------------------------------------------


def _make(tx: Transaction, row: Row, release: Row) -> None:
    """Make what the block describes, or bring it up to its release."""
    config = _config(release, row.body["parameters"])
    made = _make_workflow(tx, row, config) if "steps" in config else _make_service(tx, row, config)
    row.body["resources"] = [{"kind": row.body["kind"], "name": made.name, "id": made.id}]
    tx.save(row)


def _existing(tx: Transaction, row: Row, kind: str) -> Row | None:
    ids = [resource["id"] for resource in row.body.get("resources") or ()]
    return tx.get(kind, ids[0]) if ids else None


def _make_workflow(tx: Transaction, row: Row, config: Body) -> Row:
    steps = {name: _step(row, config, name, step) for name, step in config["steps"].items()}
    kept = {key: config.get(key) or [] for key in ("triggers", "watchers")}
    document = {"name": row.name, "steps": steps, **kept, "tags": []}
    existing = _existing(tx, row, "workflow")
    if existing is None:
        return add_workflow(tx, document, owner=row.id)
    keep_document(tx, existing, document)
    return existing


def _step(row: Row, config: Body, name: str, step: Body) -> Body:
    kept = {k: v for k, v in step.items() if k not in ("image", "imageRef", "imageDetails")}
    details = mapped(step.get("imageDetails"))
    if details:
        return {**kept, "imageId": details["id"], "imageVersionId": details.get("versionId")}
    image = mapped(step.get("image") or (config.get("images") or {}).get(step.get("imageRef")))
    if not image and not step.get("imageRef"):
        return kept
    return {**kept, "imageName": f"{row.name}-{name}", "imageVersion": image.get("version")}


def _make_service(tx: Transaction, row: Row, config: Body) -> Row:
    body: Body = {k: v for k, v in config.items() if k in FIELDS and k != "imageDetails"}
    body["imageDetails"] = _image(tx, mapped(config.get("imageDetails")))
    service = _existing(tx, row, "service")
    if service is None:
        name = row.name if not tx.named(("service",), row.name) else f"{row.name}-{row.id[:4]}"
        service = tx.add("service", {"turn": 0, "owner": row.id, "webapp": False}, name=name)
    service.body.update({**usual_fields(tx, config.get("serviceType")), **body})
    service.status, service.facet = "AVAILABLE", config.get("serviceType") or "web-app"
    tx.touch(service)
    version = (body["imageDetails"] or {}).get("versionId")
    set_usage(tx, service, [version] if version is not None else [])
    return service


def _image(tx: Transaction, details: JsonObject) -> Body | None:
    if not details:
        return None
    version = tx.get(VERSION, details.get("versionId")) or latest_ready(tx, str(details["id"]))
    return {"imageId": details["id"], "versionId": version.number if version else None}


def run(tx: Transaction, row: Row) -> str | None:
    """Execute the workflow of a block; services have nothing to run. The answer is an id."""
    workflow = _existing(tx, row, "workflow") if row.body["kind"] == "workflow" else None
    return start_execution(tx, workflow, []).id if workflow else None


# --- the blocks of an app --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an app: its spec and the release to deploy."""

    spec: Row
    release: Row

    @property
    def definitions(self) -> Definitions:
        return Definitions(self.release.body["parameters"])


def inherited(definitions: Definitions, values: Body, shared: Body) -> Body:
    """A block's values: the app's where it defines the same name, its own above them."""
    app = {
        stage: {name: v for name, v in (given or {}).items() if name in definitions.names(stage)}
        for stage, given in shared.items()
    }
    return merged_stages(app, values)


def deploy_blocks(tx: Transaction, row: Row, blocks: list[Block], notes: str | None) -> None:
    """A deployment or a new revision per block; blocks that the app lost are removed."""
    existing = {child.body["spec"]["id"]: child for child in children_of(tx, row)}
    for block in blocks:
        child = existing.pop(block.spec.id, None) or _add_child(tx, row, block)
        version = {"version": block.release.name}
        child.body["spec"] = {"id": block.spec.id, "release": version}
        child.body["parameters"] = child_values(block.definitions, row, child)
        start_revision(tx, child, notes)
    for lost in existing.values():
        drop(tx, lost)


def child_values(definitions: Definitions, row: Row, child: Row) -> Body:
    """What an app gives to one of its blocks."""
    values = (row.body["parameters"] or {}).get(child.body["block"]) or {}
    return inherited(definitions, values, row.body.get("appParameters") or {})


def _add_child(tx: Transaction, row: Row, block: Block) -> Row:
    name = f"{row.name}-{block.spec.name}"
    if tx.named(FAMILIES, name):
        name = f"{name}-{row.id[:4]}"
    spec = block.spec.body
    metadata = {**spec["metadata"], "name": name}
    body = {"kind": spec["kind"], "metadata": metadata, "block": block.spec.name}
    child = tx.add("block-deployment", body, name=name, parent=row.id)
    tx.link(child, "spec", block.spec.id)
    return child
