"""Block specs and app specs (contract, rows 43-52, 59 and section 3.4)."""

from __future__ import annotations

import json
from typing import Any

from peakctl.emulator.calls import Call, read_json
from peakctl.emulator.listing import Listing, answer_page, containing, one_of, starting
from peakctl.emulator.problems import conflict, invalid, not_found
from peakctl.emulator.releases import add_release, latest_release, read_release, release_shown
from peakctl.emulator.rows import AUTHOR, Body, Row, Where
from peakctl.emulator.shapes import (
    LINE,
    METADATA,
    Shape,
    anything,
    check,
    flag,
    items,
    record,
    text,
)
from peakctl.emulator.spec_config import existing_images, foreign
from peakctl.emulator.times import stamp

STATUSES = ("available", "unavailable", "archived")
SCOPES = ("private", "public", "shared")
SORTABLE = ("createdAt", "createdBy", "name", "title")
PUBLIC = Where("facet = 'public'")
TITLE = "json_extract(body, '$.metadata.title')"
RELEASE = record({"version": LINE}, {"notes": text(empty=True)})
KINDS = {"block-spec": ("workflow", "service", "webapp"), "app-spec": ("app",)}
OLD_KINDS = {"webapp": "service"}  # what older texts of the platform call a service block


def spec_shape(kinds: tuple[str, ...]) -> Shape:
    metadata = {key: shape for key, shape in METADATA.items() if key != "summary"}
    return record(
        {
            "version": anything,
            "kind": text(*kinds),
            "metadata": record({"name": LINE, "summary": LINE}, metadata),
            "release": RELEASE,
            "config": anything,
        }
    )


VISIBLE = record({}, {"featured": flag, "scope": text(*SCOPES), "tenants": items(LINE)})
EDIT = record(
    {},
    {
        "metadata": record(
            {}, {**METADATA, "name": LINE, "summary": LINE, "status": text(*STATUSES)}
        ),
        "featured": flag,
        "scope": text(*SCOPES),
        "tenants": items(LINE),
    },
)


def _check_visible(visible: Body) -> None:
    check(VISIBLE, visible)
    if visible["scope"] == "shared" and not visible.get("tenants"):
        raise invalid("tenants", "is required with scope shared")
    if visible["scope"] != "shared" and visible.get("tenants"):
        raise invalid("tenants", "is only for scope shared")


def _refuse_taken(call: Call, kind: str, name: str) -> None:
    if call.options.strict_names and call.tx.named((kind,), name):
        raise conflict(f"metadata.name: a spec {name} already exists")


def _create(call: Call, kind: str, sent: Body) -> Body:
    """`sent` has spec, featured, scope, tenants, autoRunOnDeploy and parameters."""
    spec = sent["spec"]
    check(spec_shape(KINDS[kind]), spec)
    if spec["version"] not in (1, "1") or spec["version"] is True:
        raise invalid("version", "must be 1")
    visible = {
        "featured": bool(sent["featured"]) if sent["featured"] in (None, True, False) else "",
        "scope": sent["scope"] or "private",
        "tenants": sent["tenants"],
    }
    _check_visible(visible)
    _refuse_taken(call, kind, spec["metadata"]["name"])
    word = OLD_KINDS.get(spec["kind"], spec["kind"])
    body = {**visible, "tenants": visible["tenants"] or [], "kind": word}
    release = read_release(call, {"body": body, "kind": kind}, spec, sent)
    if call.ask("validate") == "true":
        return {"success": True, "message": "the spec is valid"}
    metadata = {k: v for k, v in spec["metadata"].items() if k in {*METADATA, "name"}}
    body["metadata"] = {"tags": [], **metadata}
    row = call.tx.add(kind, body, name=metadata["name"], status="available", facet=visible["scope"])
    add_release(call.tx, row, release)
    return {"id": row.id}


def create_block(call: Call) -> Body:
    """Row 45: parts, even without a file."""
    names = ("spec", "featured", "tenants", "autoRunOnDeploy", "parameters")
    sent = {name: call.json(name) for name in names}
    return _create(call, "block-spec", {**sent, "scope": call.text("scope")})


def create_app(call: Call) -> Body:
    """Row 46: a JSON object whose values are JSON texts."""
    body = call.record()
    sent = {name: _json_text(body, name) for name in ("spec", "featured", "tenants", "parameters")}
    return _create(call, "app-spec", {**sent, "scope": body.get("scope"), "autoRunOnDeploy": None})


def _json_text(body: Body, name: str) -> Any:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(name, "must be JSON text")
    return read_json(value, name)


def find_spec(call: Call, kind: str) -> Row:
    """The tenant's own spec."""
    row = call.tx.get(kind, call.params["id"])
    if row is None:
        raise not_found(kind.replace("-", " "), call.params["id"])
    return row


def visible_spec(call: Call, kind: str, key: str) -> Row:
    """Own, or public of another tenant."""
    row = call.tx.get(kind, key) or foreign(call.tx, kind, key)
    if row is None:
        raise not_found(kind.replace("-", " "), key)
    return row


def _head(call: Call, row: Row) -> Body:
    head = {
        "id": row.id,
        "kind": row.body["kind"],
        "featured": row.body["featured"],
        "scope": row.facet,
        "metadata": {**row.body["metadata"], "status": row.status},
    }
    if call.options.full_reads:
        head.update(tenants=row.body["tenants"], createdAt=stamp(row.created), createdBy=AUTHOR)
    return head


def item_shown(call: Call, row: Row) -> Body:
    return {**_head(call, row), "latestRelease": {"version": row.body["latest"]}}


def _edited(call: Call, row: Row) -> Body:
    """What an edit answers: no parameters, unlike a read."""
    release = latest_release(call.tx, row)
    return {**_head(call, row), "latestRelease": release_shown(call, release)}


def full_shown(call: Call, row: Row) -> Body:
    """Rows 47 and 48; the example of an app has no parameters."""
    answer = _edited(call, row)
    if row.kind == "block-spec" or call.options.full_reads:
        answer["parameters"] = latest_release(call.tx, row).body["parameters"] or {}
    return answer


def describe(call: Call, kind: str) -> Body:
    """Rows 47 and 48."""
    return full_shown(call, visible_spec(call, kind, call.params["id"]))


def update(call: Call, kind: str) -> Body:
    """Rows 49 and 50. An edit that changes nothing is refused (contract, section 3.0)."""
    row = find_spec(call, kind)
    body = call.record()
    check(EDIT, body)
    before = json.dumps([row.body, row.status], sort_keys=True)
    metadata = body.get("metadata") or {}
    if metadata.get("name") not in (None, row.name):
        _refuse_taken(call, kind, metadata["name"])
    known = {k: v for k, v in metadata.items() if k in {*METADATA, "name"}}
    row.body["metadata"] = {
        k: v for k, v in {**row.body["metadata"], **known}.items() if v is not None
    }
    row.name = row.body["metadata"].setdefault("name", row.name)
    row.status = metadata.get("status") or row.status
    row.body.update(
        {k: body[k] for k in ("featured", "scope", "tenants") if body.get(k) is not None}
    )
    if row.body["scope"] != "shared" and "tenants" not in body:
        row.body["tenants"] = []
    _check_visible(row.body)
    _keep_private(call, row)
    row.facet = row.body["scope"]
    if json.dumps([row.body, row.status], sort_keys=True) == before:
        raise invalid("body", "No changes detected")
    call.tx.touch(row)
    return _edited(call, row)


def _keep_private(call: Call, row: Row) -> None:
    if row.kind == "app-spec" or row.body["scope"] == "private":
        return
    config = latest_release(call.tx, row).body["config"]
    if existing_images(row.body["kind"], config):
        raise invalid("scope", "must stay private as a step uses an existing image")


def delete(call: Call, kind: str) -> Body:
    """Rows 51 and 52: with all releases; refused while something needs it."""
    row = find_spec(call, kind)
    users = call.tx.users_of("spec", row.id)
    if users:
        raise invalid("id", f"spec {row.name} is used by {users[0][0]} {users[0][1]}")
    for release in call.tx.children("release", row.id):
        call.tx.drop(release)
    call.tx.drop(row)
    return {}


def _visible_filters(call: Call) -> list[Where]:
    featured = call.ask("featured")
    where = [*one_of(call, "status", "status", STATUSES), *one_of(call, "scope", "facet", SCOPES)]
    if featured is not None:
        column = "json_extract(body, '$.featured')"
        where.append(Where(f"{column} = ?", (featured.lower() == "true",)))
    return where


def list_specs(call: Call, *kinds: str) -> Body:
    """Rows 43, 44 and 59: own ones and everybody's public ones."""
    count = "specCount"
    where = [
        *_visible_filters(call),
        *starting(call, "name", "name"),
        *starting(call, "title", TITLE),
        *one_of(call, "kind", "json_extract(body, '$.kind')", ("workflow", "service", "app")),
        *containing(
            call, "term", "name", TITLE,
            "json_extract(body, '$.metadata.description')",
            "json_extract(body, '$.metadata.summary')",
        ),
    ]  # fmt: skip
    listing = Listing(kinds, "specs", count, sortable=SORTABLE, alias="specsCount")
    return answer_page(call, listing, where, lambda row: item_shown(call, row), anyone=PUBLIC)
