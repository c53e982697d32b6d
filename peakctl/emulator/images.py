"""Images and their versions, those that the platform provides included."""

from __future__ import annotations

import uuid

from peakctl.emulator import schemas as s
from peakctl.emulator.artifacts import check_zip
from peakctl.emulator.builds import BUILD_STATUSES, start_build
from peakctl.emulator.calls import Call, Operations
from peakctl.emulator.image_usage import SHOWN_IN_IMAGE, VERSION, refresh_image
from peakctl.emulator.listing import WORDS, Filter, Listing, containing, one_of
from peakctl.emulator.problems import invalid, not_found
from peakctl.emulator.rows import Body, Row, Transaction, due, stamp
from peakctl.emulator.versions import check_new, check_rises, next_version
from peakctl.emulator.views import CHANGED, MADE, NAME, NUMBER, Field, View, column, stored

IMAGES = Operations({"image": "/service/image-management/api/v2/images/"})
TYPES = ("workflow", "workspace-r", "workspace-python", "api", "webapp")
STATUSES = ("not-ready", "ready", "in-use", "deleting", "delete-failed")
ENTITY_TYPES = ("workflow", "workspace", "api", "webapp")
LATEST = "json_extract(body, '$.latestVersion.{}')"
DETAILS: dict[str, s.Schema] = {
    "source": s.text("github", "dockerfile", "upload"), "useCache": s.FLAG,
    "buildArguments": s.items(s.record({"name": s.LINE, "value": s.TEXT})),
    "secrets": s.items(s.LINE), "context": s.TEXT, "dockerfilePath": s.TEXT, "repository": s.TEXT,
    "branch": s.TEXT, "token": s.TEXT, "dockerfile": s.TEXT,
}  # fmt: skip
NEEDED = {"github": ("repository", "branch"), "dockerfile": ("dockerfile",), "upload": ()}
ENTITY = s.record({"entityId": s.LINE, "entityType": s.text(*ENTITY_TYPES)})
PARTS: dict[str, s.Schema] = {
    "name": s.LINE, "type": s.text(*TYPES), "version": s.LINE, "description": s.TEXT,
    "buildDetails": s.json_text(s.optional(**DETAILS)),
    "autodeployResources": s.json_text(s.items(ENTITY)), "artifact": s.FILE,
}  # fmt: skip
BUILT = {"buildId": s.TEXT, "versionId": s.WHOLE}
PROVIDED = (
    (9001, 9101, "peak-python", "workflow", "3.12.1"),
    (9002, 9102, "peak-http-server", "api", "1.0.0"),
    (9003, 9103, "peak-pages", "webapp", "1.0.0"),
)
"""Id, id of the version, name, type and version; beyond the ids that tenants' own images get."""


def _tagged(column: str) -> Filter:
    within = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE {{}})"  # noqa: S608 - our names
    return one_of("tags", "json_extract(value, '$.name')", within=within)


SHOWN = View(
    id=NUMBER, name=NAME, type=stored("type"), scope=column("facet"), **MADE,
    latestVersion=stored("latestVersion", s.MAP),
)  # fmt: skip
# The token is never returned.
SHOWN_VERSION = View(**SHOWN_IN_IMAGE, buildDetails=Field(
    s.MAP, lambda row: {k: v for k, v in row.body["buildDetails"].items() if k != "token"}
))  # fmt: skip


def provide(tx: Transaction) -> None:
    """Give the tenant the provided images, unless it has them."""
    if tx.get("image", PROVIDED[0][0]) is not None:
        return
    for image_id, version_id, name, word, number in PROVIDED:
        body = {"type": word, "latestVersion": {}}
        tx.add("image", body, key=str(image_id), name=name, facet="global")
        details: Body = {
            "description": "Provided by the platform", "autodeployResources": [],
            "buildDetails": {"source": "dockerfile", "useCache": True},
            "lastBuildAt": stamp(tx.now),
        }  # fmt: skip
        where = {"key": str(version_id), "parent": str(image_id), "name": number}
        tx.add(VERSION, details, **where, status="ready", facet="success")
        refresh_image(tx, str(image_id))


IMAGES.lists("", "List images", Listing(
    "images", "imageCount", SHOWN,
    filters=(
        containing("searchTerm", "name", LATEST.format("version")),
        one_of("status", "status", STATUSES),
        one_of("scope", "facet", ("custom", "global")),
        one_of("lastBuildStatus", LATEST.format("lastBuildStatus"), BUILD_STATUSES),
        _tagged("body, '$.latestVersion.tags'"),
    ),
))  # fmt: skip
IMAGES.lists("{image}/versions", "List versions", Listing(
    "versions", "versionCount", SHOWN_VERSION, (VERSION,), order="seq DESC", parent="image",
    filters=(
        containing("searchTerm", "name"),
        one_of("status", "status", STATUSES),
        one_of("lastBuildStatus", "facet", BUILD_STATUSES),
        _tagged("body, '$.tags'"),
    ),
))  # fmt: skip


@IMAGES(
    "POST", "", "Create an image and build its first version", status=201, seeds=("image",),
    parts=s.form(PARTS, ("name", "type")), answer=s.record({**BUILT, "imageId": s.WHOLE}),
)  # fmt: skip
def create(call: Call) -> Body:
    sent = call.form()
    body = {"type": sent["type"], "latestVersion": {}}
    key = str(call.tx.number("image"))
    image = call.tx.add("image", body, key=key, name=sent["name"], facet="custom")
    built = _add_version(call, image, sent)
    return {"buildId": built["buildId"], "imageId": image.number, "versionId": built["versionId"]}


@IMAGES("GET", "{image}", "Describe an image", answer=SHOWN.schema)
def describe(call: Call) -> Body:
    return SHOWN(call.find("image"))


@IMAGES("DELETE", "{image}", "Delete an image")
def delete(call: Call) -> Body:
    image = call.find("image")
    _begin_delete(call, call.tx.children(VERSION, image.id))
    call.tx.schedule(call.options.delete_seconds, "image-gone", id=image.id)
    return {}


def _begin_delete(call: Call, versions: list[Row]) -> None:
    """The versions go to deleting, and some time later are gone; used ones are refused."""
    for version in versions:
        if call.tx.users_of(VERSION, version.id):
            raise invalid("version", f"{version.name} is in use and cannot be deleted")
    for version in versions:
        call.tx.set_status(version, "deleting")
    if versions:
        refresh_image(call.tx, versions[0].parent)
    ids = [version.id for version in versions]
    call.tx.schedule(call.options.delete_seconds, "versions-gone", versions=ids)


@due("versions-gone", VERSION, "versions")
def drop_version(tx: Transaction, row: Row) -> None:
    tx.drop(row)
    refresh_image(tx, row.parent)


due("image-gone", "image")(Transaction.drop)


@IMAGES(
    "POST", "{image}/versions", "Build a new version", status=201, seeds=("image-version",),
    parts=s.form(PARTS, ()), answer=s.record(BUILT),
)  # fmt: skip
def create_version(call: Call) -> Body:
    """create-or-update sends name and type too; they cannot differ."""
    image = call.find("image")
    sent = call.form()
    s.refuse_change(sent, name=image.name, type=image.body["type"])
    return _add_version(call, image, sent)


def _add_version(call: Call, image: Row, sent: Body) -> Body:
    """A new version and its build."""
    tx = call.tx
    taken = [row.name for row in tx.children(VERSION, image.id)]
    allow = check_rises if call.options.rising_versions else check_new
    wanted = sent["version"]
    number = next_version(taken) if wanted is None else allow(wanted, taken, "version")
    body = {
        "description": sent["description"],
        "buildDetails": _read_details(sent["buildDetails"], None),
        "autodeployResources": _read_autodeploy(tx, sent["autodeployResources"]),
    }
    key = str(tx.number(VERSION))
    return _build(call, tx.add(VERSION, body, key=key, parent=image.id, name=number), sent)


def _read_details(sent: Body | None, before: Body | None) -> Body:
    if sent is None:
        return dict(before or {"source": "upload", "useCache": True})
    details = {
        "source": (before or {}).get("source", "upload"),
        "useCache": True,
        **{k: v for k, v in sent.items() if k in DETAILS and v is not None},
    }
    for field in NEEDED[details["source"]]:
        if not details.get(field):
            raise invalid(f"buildDetails.{field}", f"is required for source {details['source']}")
    return details


def _read_autodeploy(tx: Transaction, entities: list[Body] | None) -> list[Body]:
    for index, entity in enumerate(entities or ()):
        kind = {"workflow": "workflow", "workspace": ""}.get(entity["entityType"], "service")
        if kind and tx.get(kind, entity["entityId"]) is None:
            field = f"autodeployResources[{index}].entityId"
            raise invalid(field, f"{kind} {entity['entityId']} does not exist")
    return entities or []


def _build(call: Call, version: Row, sent: Body) -> Body:
    build = start_build(call.tx, version, _keep_upload(call.tx, version, sent))
    answer: Body = {"buildId": build.id, "versionId": version.number}
    if version.body["autodeployResources"]:
        answer["autodeploymentId"] = str(uuid.uuid4())
    return answer


def _keep_upload(tx: Transaction, version: Row, sent: Body) -> bytes | None:
    """Store a new upload, or find the one that the version already has."""
    data: bytes | None = sent["artifact"]
    if data is not None:
        check_zip(data)
        tx.unlink(version, "file")
        version.body["digest"] = tx.put_file(data, version)
    elif version.body.get("digest"):
        data = tx.file(version.body["digest"])
    if version.body["buildDetails"]["source"] == "upload" and data is None:
        raise invalid("artifact", "is required for source upload")
    return data


SHOWN_WHOLE = View(**SHOWN_VERSION, **MADE, **CHANGED)


@IMAGES(
    "GET", "{image}/versions/{version}", "Describe a version",
    answer=s.record({**SHOWN_WHOLE.fields, **s.texts("imageName", "imageType", "pullUrl")}),
)  # fmt: skip
def describe_version(call: Call) -> Body:
    row, image = call.find_child(VERSION, "version", "image"), call.find("image")
    of_image = {"imageName": image.name, "imageType": image.body["type"]}
    url = f"registry.emulator/{image.id}/{image.name}:{row.name}"
    return {**of_image, **SHOWN_WHOLE(row), "pullUrl": url}


@IMAGES(
    "PATCH", "{image}/versions/{version}", "Build a version again that is not ready",
    parts=s.form(PARTS, ()), answer=s.record(BUILT),
)  # fmt: skip
def update_version(call: Call) -> Body:
    """The number, name and type may be sent, but never change."""
    version, image = call.find_child(VERSION, "version", "image"), call.find("image")
    if version.status != "not-ready":
        raise invalid("version", f"{version.name} is {version.status} and cannot be updated")
    sent = call.form()
    s.refuse_change(sent, version=version.name, name=image.name, type=image.body["type"])
    body = version.body
    if sent["description"] is not None:
        body["description"] = sent["description"]
    body["buildDetails"] = _read_details(sent["buildDetails"], body["buildDetails"])
    body["autodeployResources"] = _read_autodeploy(call.tx, sent["autodeployResources"])
    return _build(call, version, sent)


@IMAGES("DELETE", "{image}/versions/{version}", "Delete a version")
def delete_version(call: Call) -> Body:
    _begin_delete(call, [call.find_child(VERSION, "version", "image")])
    return {}


@IMAGES(
    "DELETE", "{image}/versions", "Delete several versions",
    query={"versionIds": WORDS}, needs=("versionIds",),
)  # fmt: skip
def delete_versions(call: Call) -> Body:
    mine = {row.id: row for row in call.tx.children(VERSION, call.find("image").id)}
    wanted = call.asks("versionIds")
    if not wanted:
        raise invalid("versionIds", "is required")
    for key in wanted:
        if key not in mine:
            raise not_found("version", key)
    _begin_delete(call, [mine[key] for key in dict.fromkeys(wanted)])
    return {}
