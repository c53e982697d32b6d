"""Block specs, app specs and their releases."""

from __future__ import annotations

import json
import uuid
from typing import Any

from peakctl.emulator import configs
from peakctl.emulator import schemas as s
from peakctl.emulator.artifacts import add_artifact, add_version
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.listing import TITLE, Filter, Listing, containing, one_of, starting
from peakctl.emulator.parameters import DEFINITIONS, check_definitions
from peakctl.emulator.problems import invalid, not_found
from peakctl.emulator.rows import Body, Row, Transaction, Where
from peakctl.emulator.versions import check_rises
from peakctl.emulator.views import ID, MADE, METADATA, NAME, NULLABLE, View, column, stored

ROOTS = {"block-spec": "/press/v1/blocks/specs/", "app-spec": "/press/v1/apps/specs/"}
SPECS = Operations(ROOTS)
BLOCKS = Operations({"block-spec": ROOTS["block-spec"]})
APPS = Operations({"app-spec": ROOTS["app-spec"]})
BOTH = Operations({"block-spec app-spec": "/press/v1/specs/"})
STATUSES = ("available", "unavailable", "archived")
SCOPES = ("private", "public", "shared")
KINDS = ("workflow", "service", "app")
OLD_KINDS = {"webapp": "service"}  # what older texts of the platform call a service block
PUBLIC = Where("facet = 'public'")
NAMES = (starting("name", "name"), starting("title", TITLE))
TERM = containing(
    "term", "name", TITLE, "json_extract(body, '$.metadata.description')",
    "json_extract(body, '$.metadata.summary')",
)  # fmt: skip
KIND = one_of("kind", "json_extract(body, '$.kind')", KINDS)
SORTABLE = ("createdAt", "createdBy", "name", "title")


def _featured(call: Call) -> list[Where]:
    featured = call.ask("featured")
    column = "json_extract(body, '$.featured')"
    return [] if featured is None else [Where(f"{column} = ?", (featured.lower() == "true",))]


HEAD = View(
    id=ID, kind=stored("kind"), scope=column("facet"), featured=stored("featured", s.FLAG),
    metadata=METADATA,
)  # fmt: skip
ALL = Listing(
    "specs", "specCount", sortable=SORTABLE, alias="specsCount",
    item=s.record({**HEAD.fields, "latestRelease": s.MAP}),
    filters=(
        one_of("status", "status", STATUSES), one_of("scope", "facet", SCOPES),
        Filter("featured", s.TEXT, _featured), *NAMES, KIND, TERM,
    ),
)  # fmt: skip
RELEASE_ITEM = View(id=stored("uuid"), version=NAME, notes=stored("notes", NULLABLE), **MADE)
RELEASES = Listing(
    "releases", "releaseCount", RELEASE_ITEM, ("release",), order="seq DESC",
    sortable=("createdAt", "createdBy"),
)  # fmt: skip
DESCRIBED = s.record({**HEAD.fields, "latestRelease": RELEASE_ITEM.schema})
RELEASE = s.record({"version": s.LINE}, {"notes": s.TEXT})
NEW = s.record({"release": RELEASE, "config": s.ANYTHING})
VISIBLE: dict[str, s.Schema] = {
    "featured": s.FLAG, "scope": s.text(*SCOPES), "tenants": s.items(s.LINE),
}  # fmt: skip
EDITED = {**s.METADATA, "name": s.LINE, "summary": s.LINE, "status": s.text(*STATUSES)}
# What travels beside a spec: JSON texts, but for the scope.
BESIDE: dict[str, s.Schema] = {
    "featured": s.json_text(s.FLAG), "scope": VISIBLE["scope"],
    "tenants": s.json_text(s.items(s.LINE)), "parameters": s.json_text(DEFINITIONS),
}  # fmt: skip
OF_BLOCKS = {"autoRunOnDeploy": s.json_text(s.FLAG), "artifact": s.FILE}
VALIDATE = {"validate": s.text("true", "false")}


def _spec(*kinds: str) -> s.Schema:
    metadata = {key: schema for key, schema in s.METADATA.items() if key != "summary"}
    return s.json_text(s.record({
        "version": s.ANYTHING, "kind": s.text(*kinds),
        "metadata": s.record({"name": s.LINE, "summary": s.LINE}, metadata), "release": RELEASE,
        "config": s.ANYTHING,
    }))  # fmt: skip


@SPECS("GET", "", "List {kind}s", listing=ALL)
@BOTH("GET", "", "List specs of both kinds", listing=ALL)
def list_specs(call: Call) -> Body:
    """Own ones and everybody's public ones."""
    return ALL.page(call, shown=_item_shown, anyone=PUBLIC)


def _head(call: Call, row: Row) -> Body:
    head = HEAD(row)
    if call.options.full_reads:
        head.update(tenants=row.body["tenants"], **MADE(row))
    return head


def _item_shown(call: Call, row: Row) -> Body:
    return {**_head(call, row), "latestRelease": {"version": row.body["latest"]}}


@BLOCKS(
    "POST", "", "Create a block spec", status=201, query=VALIDATE, seeds=("block-spec",),
    parts=s.form(
        {"spec": _spec("workflow", *OLD_KINDS, "service"), **BESIDE, **OF_BLOCKS}, ("spec",)
    ),
)  # fmt: skip
def create_block(call: Call) -> Body:
    return _create(call, call.form())


@APPS(
    "POST", "", "Create an app spec; a mapping of JSON strings", status=201,
    seeds=("app-spec",), query=VALIDATE, body=s.record({"spec": _spec("app")}, BESIDE),
)  # fmt: skip
def create_app(call: Call) -> Body:
    return _create(call, {**call.texts(), "autoRunOnDeploy": None, "artifact": None})


def _create(call: Call, sent: Body) -> Body:
    spec = sent["spec"]
    if spec["version"] not in (1, "1") or spec["version"] is True:
        raise invalid("version", "must be 1")
    body = {
        "featured": bool(sent["featured"]), "scope": sent["scope"] or "private",
        "tenants": sent["tenants"] or [], "kind": OLD_KINDS.get(spec["kind"], spec["kind"]),
    }  # fmt: skip
    _check_visible(body)
    call.refuse_taken((call.kind,), spec["metadata"]["name"], "metadata.name")
    release = _read_release(call, body, spec, sent)
    if _asks(call):
        return {"success": True, "message": "the spec is valid"}
    metadata = {k: v for k, v in spec["metadata"].items() if k in {*s.METADATA, "name"}}
    body["metadata"] = {"tags": [], **metadata}
    row = call.tx.add(
        call.kind, body, name=metadata["name"], status="available", facet=body["scope"]
    )
    _add_release(call.tx, row, release)
    return {"id": row.id}


def _asks(call: Call) -> bool:
    """Whether nothing is to be stored; before 1.29 there is no such question, and it is stored."""
    return call.options.newer_calls and call.ask("validate") == "true"


def _check_visible(body: Body) -> None:
    if body["scope"] == "shared" and not body.get("tenants"):
        raise invalid("tenants", "is required with scope shared")
    if body["scope"] != "shared" and body.get("tenants"):
        raise invalid("tenants", "is only for scope shared")


def visible_spec(call: Call, kind: str, key: str) -> Row:
    """Own, or public of another tenant; else a 404."""
    row = configs.find_spec(call.tx, kind, key)
    if row is None:
        raise not_found(kind, key)
    return row


def _latest_release(tx: Transaction, spec: Row) -> Row:
    return tx.at(spec.tenant, tx.now).require("release", f"{spec.id}/{spec.body['latest']}")


def _edited(call: Call, row: Row) -> Body:
    release = _release_shown(call, _latest_release(call.tx, row))
    return {**_head(call, row), "latestRelease": release}


@SPECS("GET", "{id}", "Describe a {kind}", answer=DESCRIBED)
def describe(call: Call) -> Body:
    """The example of an app has no parameters."""
    row = visible_spec(call, call.kind, call.params["id"])
    answer = _edited(call, row)
    if call.kind == "block-spec" or call.options.full_reads:
        answer["parameters"] = _latest_release(call.tx, row).body["parameters"] or {}
    return answer


@SPECS(
    "PATCH", "{id}", "Edit a {kind}", answer=DESCRIBED,
    body=s.optional(metadata=s.optional(**EDITED), **VISIBLE),
)  # fmt: skip
def update(call: Call) -> Body:
    """An edit that changes nothing is refused; unlike a read it answers no parameters."""
    row = call.find()
    body = call.checked()
    before = json.dumps([row.body, row.status], sort_keys=True)
    metadata = body.get("metadata") or {}
    if metadata.get("name") not in (None, row.name):
        call.refuse_taken((call.kind,), metadata["name"], "metadata.name")
    edit_metadata(row, metadata)
    row.status = metadata.get("status") or row.status
    row.body.update({k: body[k] for k in VISIBLE if body.get(k) is not None})
    if row.body["scope"] != "shared" and "tenants" not in body:
        row.body["tenants"] = []
    _check_visible(row.body)
    if row.kind == "block-spec" and row.body["scope"] != "private":
        config = _latest_release(call.tx, row).body["config"]
        if configs.existing_images(row.body["kind"], config):
            raise invalid("scope", "must stay private as a step uses an existing image")
    row.facet = row.body["scope"]
    if json.dumps([row.body, row.status], sort_keys=True) == before:
        raise invalid("body", "No changes detected")
    call.tx.touch(row)
    return _edited(call, row)


def edit_metadata(row: Row, sent: Body) -> None:
    """What is left out stays; null removes, but for the name."""
    known = {k: v for k, v in sent.items() if k in {*s.METADATA, "name"}}
    merged = {**row.body["metadata"], **known}
    row.body["metadata"] = {k: v for k, v in merged.items() if v is not None}
    row.name = row.body["metadata"].setdefault("name", row.name)


@SPECS("DELETE", "{id}", "Delete a {kind} with all its releases")
def delete(call: Call) -> Body:
    row = call.find()
    users = call.tx.users_of("spec", row.id)
    if users:
        raise invalid("id", f"spec {row.name} is used by {users[0][0]} {users[0][1]}")
    call.tx.drop(row, "release")
    return {}


def _read_release(call: Call, spec: Body, body: Body, sent: Body, taken: Any = ()) -> Body:
    """A checked release; `body` has release and config, `sent` what travels beside it."""
    if body.get("config") is None:
        raise invalid("config", "is required")
    version = check_rises(body["release"]["version"], list(taken), "release.version")
    parameters = sent.get("parameters")
    if parameters is not None:
        check_definitions(parameters)
    if call.kind == "block-spec":
        data, kind = sent["artifact"], spec["kind"]
        configs.check_block_config(call.tx, kind, body["config"], spec["scope"], data)
        configs.check_names(body["config"], parameters)
    else:
        configs.check_app_config(call.tx, body["config"], spec)
    return {
        "version": version, "notes": body["release"].get("notes"), "config": body["config"],
        "parameters": parameters, "autoRunOnDeploy": bool(sent.get("autoRunOnDeploy")),
        "data": sent.get("artifact"),
    }  # fmt: skip


def _add_release(tx: Transaction, spec: Row, release: Body) -> None:
    """Store it; an upload becomes one more version of the spec's own artifact."""
    data = release.pop("data")
    body = {**release, "uuid": str(uuid.uuid4()), "artifact": None}
    name = release["version"]
    row = tx.add("release", body, key=f"{spec.id}/{name}", parent=spec.id, name=name)
    if data is not None:
        artifact = tx.get("artifact", spec.body.get("artifact"))
        artifact = artifact or add_artifact(tx, spec.name, f"artifact of spec {spec.name}")
        number = add_version(tx, artifact, data)
        spec.body["artifact"] = artifact.id
        row.body["artifact"] = {"id": artifact.id, "version": number}
        tx.link(row, "artifact-version", f"{artifact.id}/{number}")
        tx.save(row)
    if spec.kind == "app-spec":
        for block in release["config"]:
            tx.link(row, "spec", block["id"])
    spec.body["latest"] = release["version"]
    tx.touch(spec)


@BLOCKS(
    "POST", "{id}/releases", "Release a block spec", status=201, seeds=("block-release",),
    parts=s.form(
        {"spec": s.json_text(NEW), "parameters": BESIDE["parameters"], **OF_BLOCKS}, ("spec",)
    ),
    query=VALIDATE,
)  # fmt: skip
def release_block(call: Call) -> Body:
    spec = call.find()
    sent = call.form()
    return _release(call, spec, sent["spec"], sent)


@APPS(
    "POST", "{id}/releases", "Release an app spec", status=201, seeds=("app-release",),
    body=s.record({"release": RELEASE, "config": s.ANYTHING}, {"parameters": DEFINITIONS}),
    query=VALIDATE,
)  # fmt: skip
def release_app(call: Call) -> Body:
    spec = call.find()
    body = call.checked()
    return _release(call, spec, body, {"parameters": body.get("parameters")})


def _release(call: Call, spec: Row, body: Body, sent: Body) -> Body:
    taken = [row.name for row in call.tx.children("release", spec.id)]
    release = _read_release(call, spec.body, body, sent, taken)
    if _asks(call):
        return {"success": True, "message": "the release is valid"}
    _add_release(call.tx, spec, release)
    return {"id": spec.id, "release": {"version": release["version"]}}


def _release_shown(call: Call, row: Row) -> Body:
    answer = {**RELEASE_ITEM(row), "config": row.body["config"]}
    is_app = isinstance(row.body["config"], list)
    if is_app and call.options.full_reads:
        answer["config"] = [{"autoRunOnDeploy": False, **block} for block in row.body["config"]]
    if not is_app:
        answer.update(artifact=row.body["artifact"], autoRunOnDeploy=row.body["autoRunOnDeploy"])
    if not is_app or call.options.full_reads:
        answer["parameters"] = row.body["parameters"] or {}
    return answer


@SPECS("GET", "{id}/releases", "List releases of a {kind}", listing=RELEASES)
def list_releases(call: Call) -> Body:
    spec = visible_spec(call, call.kind, call.params["id"])
    mine, anyone = Where("parent = ?", (spec.id,)), Where("tenant = ?", (spec.tenant,))
    return RELEASES.page(call, mine, anyone=anyone)


@SPECS(
    "GET", "{id}/releases/{version}", "Describe a release of a {kind}",
    answer=s.record({**RELEASE_ITEM.fields, "config": s.ANYTHING}),
)  # fmt: skip
def describe_release(call: Call) -> Body:
    spec = visible_spec(call, call.kind, call.params["id"])
    tx = call.tx.at(spec.tenant, call.tx.now)
    return _release_shown(call, tx.require("release", f"{spec.id}/{call.params['version']}"))
