"""Routes of specs and releases (contract, rows 43-60)."""

from __future__ import annotations

from functools import partial

from peakctl.emulator.calls import Call, Endpoint, Handler
from peakctl.emulator.deployment_reads import STATUSES
from peakctl.emulator.deployment_reads import item_shown as deployment_shown
from peakctl.emulator.listing import Listing, answer_page, one_of, starting
from peakctl.emulator.problems import not_found
from peakctl.emulator.releases import create_release, item_shown, release_shown
from peakctl.emulator.rows import Body, Where
from peakctl.emulator.specs import (
    create_app,
    create_block,
    delete,
    describe,
    find_spec,
    list_specs,
    update,
    visible_spec,
)

RELEASES = Listing(
    ("release",), "releases", "releaseCount", order="seq DESC", sortable=("createdAt", "createdBy")
)
DEPLOYED = Listing(
    ("block-deployment", "app-deployment"),
    "deployments",
    "deploymentCount",
    sortable=("createdAt", "createdBy", "name"),
)


def list_all(kind: str, call: Call) -> Body:
    return list_specs(call, kind)


def list_both(call: Call) -> Body:
    """Row 59."""
    return list_specs(call, "block-spec", "app-spec")


def describe_one(kind: str, call: Call) -> Body:
    return describe(call, kind)


def update_one(kind: str, call: Call) -> Body:
    return update(call, kind)


def delete_one(kind: str, call: Call) -> Body:
    return delete(call, kind)


def release_one(kind: str, call: Call) -> Body:
    return create_release(call, find_spec(call, kind))


def list_releases(kind: str, call: Call) -> Body:
    """Rows 55 and 56."""
    spec = visible_spec(call, kind, call.params["id"])
    where = [Where("parent = ?", (spec.id,))]
    anyone = Where("tenant = ?", (spec.tenant,))
    return answer_page(call, RELEASES, where, item_shown, anyone=anyone)


def describe_release(kind: str, call: Call) -> Body:
    """Rows 57 and 58."""
    spec = visible_spec(call, kind, call.params["id"])
    tx = call.tx.at(spec.tenant, call.tx.now)
    row = tx.get("release", f"{spec.id}/{call.params['version']}")
    if row is None:
        raise not_found("release", call.params["version"])
    return release_shown(call, row)


def list_deployed(call: Call) -> Body:
    """Row 60."""
    tx, key = call.tx, call.params["id"]
    if not (tx.get("block-spec", key) or tx.get("app-spec", key)):
        raise not_found("spec", key)
    where = [
        Where("json_extract(body, '$.spec.id') = ?", (key,)),
        *one_of(call, "version", "json_extract(body, '$.spec.release.version')"),
        *one_of(call, "status", "status", STATUSES),
        *starting(call, "name", "name"),
        *starting(call, "title", "json_extract(body, '$.metadata.title')"),
    ]
    return answer_page(call, DEPLOYED, where, lambda row: deployment_shown(call, row))


def _family(root: str, kind: str, create: Handler) -> tuple[Endpoint, ...]:
    one, releases = root + "{id}", root + "{id}/releases"
    return (
        Endpoint("GET", root, partial(list_all, kind)),
        Endpoint("POST", root, create, 201),
        Endpoint("GET", one, partial(describe_one, kind)),
        Endpoint("PATCH", one, partial(update_one, kind)),
        Endpoint("DELETE", one, partial(delete_one, kind)),
        Endpoint("POST", releases, partial(release_one, kind), 201),
        Endpoint("GET", releases, partial(list_releases, kind)),
        Endpoint("GET", releases + "/{version}", partial(describe_release, kind)),
    )


ENDPOINTS = (
    *_family("/press/v1/blocks/specs/", "block-spec", create_block),
    *_family("/press/v1/apps/specs/", "app-spec", create_app),
    Endpoint("GET", "/press/v1/specs/", list_both),
    Endpoint("GET", "/press/v1/specs/{id}/releases/deployments", list_deployed),
)
