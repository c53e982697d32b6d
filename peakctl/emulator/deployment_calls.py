"""Routes of deployments and revisions (contract, rows 61-83)."""

from __future__ import annotations

from functools import partial
from typing import Any

from peakctl.emulator.behaviour.deploying import children_of, release_of
from peakctl.emulator.behaviour.making import run_resource
from peakctl.emulator.calls import Call, Endpoint
from peakctl.emulator.deployment_reads import (
    REVISION_STATUSES,
    STATUSES,
    item_shown,
    revision_item,
    revision_shown,
    shown,
)
from peakctl.emulator.deployments import create, delete, find_deployment, redeploy, revise, update
from peakctl.emulator.listing import Listing, answer_page, containing, one_of, starting
from peakctl.emulator.problems import not_found
from peakctl.emulator.rows import Body, Where
from peakctl.emulator.run_parameters import patch, patch_both, read

TITLE = "json_extract(body, '$.metadata.title')"
REVISIONS = Listing(
    ("revision",), "revisions", "revisionCount", order="seq DESC",
    sortable=("createdAt", "createdBy"),
)  # fmt: skip
SORTABLE = ("createdAt", "createdBy", "name", "title")


def list_all(kinds: tuple[str, ...], call: Call) -> Body:
    """Rows 61, 62 and 79."""
    where = [
        *one_of(call, "status", "status", STATUSES),
        *one_of(call, "kind", "json_extract(body, '$.kind')", ("workflow", "service", "app")),
        *starting(call, "name", "name"),
        *starting(call, "title", TITLE),
        *containing(
            call, "term", "name", TITLE,
            "json_extract(body, '$.metadata.description')",
            "json_extract(body, '$.metadata.summary')",
        ),
    ]  # fmt: skip
    listing = Listing(
        kinds, "deployments", "deploymentCount", sortable=SORTABLE, alias="deploymentsCount"
    )
    return answer_page(call, listing, where, lambda row: item_shown(call, row))


def create_one(kind: str, call: Call) -> Body:
    return create(call, kind)


def describe_one(kind: str, call: Call) -> Body:
    return shown(call, find_deployment(call, kind))


def update_one(kind: str, call: Call) -> Body:
    return update(call, kind)


def delete_one(kind: str, call: Call) -> Body:
    return delete(call, kind)


def redeploy_one(kind: str, call: Call) -> Body:
    return redeploy(call, kind)


def revise_one(kind: str, call: Call) -> Body:
    return revise(call, kind)


def list_revisions(kind: str, call: Call) -> Body:
    """Rows 75 and 76, newest first."""
    row = find_deployment(call, kind)
    where = [
        Where("parent = ?", (row.id,)),
        *one_of(call, "status", "status", REVISION_STATUSES),
    ]
    return answer_page(call, REVISIONS, where, revision_item)


def describe_revision(kind: str, call: Call) -> Body:
    """Rows 77 and 78."""
    row = find_deployment(call, kind)
    revision = call.tx.get("revision", f"{row.id}/{call.params['revision']}")
    if revision is None:
        raise not_found("revision", call.params["revision"])
    return revision_shown(call, row, revision)


def execute(call: Call) -> Body:
    """Row 80: what is set to run on deploy, of the latest revision."""
    row = find_deployment(call)
    blocks = children_of(call.tx, row) or [row]
    ran: list[dict[str, Any]] = []
    for block in blocks:
        release = release_of(call.tx, block)
        key = (
            run_resource(call.tx, call.options, block) if release.body["autoRunOnDeploy"] else None
        )
        if key is not None:
            ran.append(
                {
                    "blockSpecId": block.body["spec"]["id"],
                    "version": release.name,
                    "executionId": key,
                    "status": "executed",
                }
            )
    return {"executeResponse": ran}


def _family(root: str, kind: str) -> tuple[Endpoint, ...]:
    one = root + "{id}"
    return (
        Endpoint("GET", root, partial(list_all, (kind,))),
        Endpoint("POST", root, partial(create_one, kind), 201),
        Endpoint("GET", one, partial(describe_one, kind)),
        Endpoint("PATCH", one, partial(update_one, kind)),
        Endpoint("DELETE", one, partial(delete_one, kind)),
        Endpoint("POST", one + "/redeploy", partial(redeploy_one, kind)),
        Endpoint("POST", one + "/revisions", partial(revise_one, kind), 201),
        Endpoint("GET", one + "/revisions", partial(list_revisions, kind)),
        Endpoint("GET", one + "/revisions/{revision}", partial(describe_revision, kind)),
    )


BOTH = ("block-deployment", "app-deployment")
RUN = "/deployments/{id}/parameters/run"
ENDPOINTS = (
    *_family("/press/v1/blocks/deployments/", "block-deployment"),
    *_family("/press/v1/apps/deployments/", "app-deployment"),
    Endpoint("GET", "/press/v1/deployments/", partial(list_all, BOTH)),
    Endpoint("POST", "/press/v1/deployments/{id}/execute", execute),
    Endpoint("GET", "/press/v1" + RUN, read),
    Endpoint("PATCH", "/press/v1" + RUN, patch),
    Endpoint("PATCH", "/press/v2" + RUN, patch_both, newer=True),
)
