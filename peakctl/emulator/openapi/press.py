"""Specs, releases, deployments, revisions (contract, sections 2.5 and 2.6)."""

from __future__ import annotations

from peakctl.emulator.deployment_reads import REVISION_STATUSES, STATUSES
from peakctl.emulator.deployments import CREATE, EDIT, REVISE
from peakctl.emulator.openapi.notation import MADE, PAGE
from peakctl.emulator.openapi.operation import (
    FILE,
    PAGES,
    TEXT,
    WORDS,
    Operation,
    Schema,
    Table,
    any_of,
    json_text,
    sorted_by,
    word_of,
)
from peakctl.emulator.parameters import DEFINITIONS
from peakctl.emulator.releases import NEW
from peakctl.emulator.shapes import LINE, Shape, anything, flag, items, mapping, record
from peakctl.emulator.specs import EDIT as EDIT_SPEC
from peakctl.emulator.specs import KINDS, SCOPES, SORTABLE, spec_shape
from peakctl.emulator.specs import STATUSES as SPEC_STATUSES

SPEC_FILTERS: dict[str, Schema] = {
    **PAGES,
    "status": any_of(*SPEC_STATUSES),
    "featured": TEXT,
    "name": TEXT,
    "title": TEXT,
    "term": TEXT,
    "kind": any_of("workflow", "service", "app"),
    "scope": any_of(*SCOPES),
    "sort": sorted_by(*SORTABLE),
}
FILTERS: dict[str, Schema] = {
    **{key: SPEC_FILTERS[key] for key in (*PAGES, "name", "title", "term", "kind", "sort")},
    "status": any_of(*STATUSES),
}
SPEC = "id:text kind:text featured:flag scope:text metadata:{} latestRelease:{release}"
SPECS = f"{PAGE} specCount:int specs:[spec]"
DEPLOYMENT = "id:text kind:text metadata:{} spec:{} latestRevision:{revision}"
DEPLOYMENTS = f"{PAGE} deploymentCount:int deployments:[deployment]"
VALIDATE = {"validate": word_of("true", "false")}
RELEASED = "id:text release:{versionRef}"
PARTS: dict[str, Schema] = {
    "autoRunOnDeploy": json_text(flag),
    "parameters": json_text(DEFINITIONS),
    "artifact": FILE,
}
VISIBLE: dict[str, Schema] = {
    "featured": json_text(flag),
    "scope": word_of(*SCOPES),
    "tenants": json_text(items(LINE)),
}
NEW_RELEASE = record({"release": anything, "config": anything}, {"parameters": DEFINITIONS})
VALUES = record({}, {"parameters": mapping(anything), "appParameters": mapping(anything)})


def _texts(shape: Shape) -> Shape:
    """A spec of an app: a map whose values are JSON texts (contract, row 46)."""
    schema = {key: {"anyOf": [part, {"type": "null"}]} for key, part in VISIBLE.items()}
    optional = {**schema, "parameters": {"anyOf": [json_text(DEFINITIONS), {"type": "null"}]}}
    known = {"spec": json_text(shape), **optional}
    return Shape(anything.test, {"type": "object", "properties": known, "required": ["spec"]})


def _create(block: bool) -> Operation:  # noqa: FBT001
    if not block:
        body = _texts(spec_shape(KINDS["app-spec"]))
        return Operation(row=46, summary="Create an app spec", answer="", body=body, query=VALIDATE)
    spec = json_text(spec_shape(KINDS["block-spec"]))
    return Operation(
        row=45, summary="Create a block spec", answer="", query=VALIDATE,
        parts={"spec": spec, **VISIBLE, **PARTS}, required=("spec",),
    )  # fmt: skip


def _release(block: bool) -> Operation:  # noqa: FBT001
    if not block:
        return Operation(
            row=54, summary="Release an app spec", answer="", body=NEW_RELEASE, query=VALIDATE
        )
    return Operation(
        row=53, summary="Release a block spec", answer="", query=VALIDATE,
        parts={"spec": json_text(NEW), **PARTS}, required=("spec",),
    )  # fmt: skip


def _specs(what: str, row: int) -> Table:
    root, block = f"/press/v1/{what}s/specs/", what == "block"
    one = root + "{id}"
    return {
        ("GET", root): Operation(
            row=row, summary=f"List {what} specs", answer=SPECS, query=SPEC_FILTERS
        ),
        ("POST", root): _create(block),
        ("GET", one): Operation(row=row + 4, summary=f"Describe a {what} spec", answer=SPEC),
        ("PATCH", one): Operation(
            row=row + 6, summary=f"Edit a {what} spec", answer=SPEC, body=EDIT_SPEC
        ),
        ("DELETE", one): Operation(row=row + 8, summary=f"Delete a {what} spec", answer=""),
        ("POST", one + "/releases"): _release(block),
        ("GET", one + "/releases"): Operation(
            row=row + 12, summary=f"List releases of a {what} spec",
            query={**PAGES, "sort": sorted_by("createdAt", "createdBy")},
            answer=f"{PAGE} releaseCount:int releases:[release]",
        ),
        ("GET", one + "/releases/{version}"): Operation(
            row=row + 14, summary=f"Describe a release of a {what} spec",
            answer=f"id:text notes:text? config:any {MADE}",
        ),
    }  # fmt: skip


def _deployments(what: str, row: int) -> Table:
    root = f"/press/v1/{what}s/deployments/"
    one = root + "{id}"
    revisions = {**PAGES, "status": any_of(*REVISION_STATUSES),
                 "sort": sorted_by("createdAt", "createdBy")}  # fmt: skip
    return {
        ("GET", root): Operation(
            row=row, summary=f"List {what} deployments", answer=DEPLOYMENTS, query=FILTERS
        ),
        ("POST", root): Operation(
            row=row + 2, summary=f"Deploy a {what} spec", answer="id:text", body=CREATE, also=(404,)
        ),
        ("GET", one): Operation(
            row=row + 4, summary=f"Describe a {what} deployment", answer=DEPLOYMENT
        ),
        ("PATCH", one): Operation(
            row=row + 6, summary=f"Edit a {what} deployment", answer=DEPLOYMENT, body=EDIT
        ),
        ("DELETE", one): Operation(row=row + 8, summary=f"Delete a {what} deployment", answer=""),
        ("POST", one + "/redeploy"): Operation(
            row=row + 10, summary=f"Deploy the latest revision of a failed {what} again",
            answer="deploymentId:text revision:int revisionId:text",
        ),
        ("POST", one + "/revisions"): Operation(
            row=row + 12, summary=f"Deploy another revision of a {what}",
            answer="id:text revision:int", body=REVISE,
        ),
        ("GET", one + "/revisions"): Operation(
            row=row + 14, summary=f"List revisions of a {what} deployment", query=revisions,
            answer=f"{PAGE} revisionCount:int revisions:[revision]",
        ),
        ("GET", one + "/revisions/{revision}"): Operation(
            row=row + 16, summary=f"Describe a revision of a {what} deployment",
            answer=f"id:text revision:int status:text notes:text? {MADE} spec:{{}} parameters:{{}}"
            " resources:list latestRevision:{revision}",
        ),
    }  # fmt: skip


RUN = "deployments/{id}/parameters/run"
PRESS: Table = {
    **_specs("block", 43),
    **_specs("app", 44),
    **_deployments("block", 61),
    **_deployments("app", 62),
    ("GET", "/press/v1/specs/"): Operation(
        row=59, summary="List specs of both kinds", answer=SPECS, query=SPEC_FILTERS
    ),
    ("GET", "/press/v1/specs/{id}/releases/deployments"): Operation(
        row=60, summary="List what was deployed from a spec", answer=DEPLOYMENTS,
        query={
            **{key: FILTERS[key] for key in (*PAGES, "status", "name", "title")},
            "version": WORDS, "sort": sorted_by("createdAt", "createdBy", "name"),
        },
    ),
    ("GET", "/press/v1/deployments/"): Operation(
        row=79, summary="List deployments of both kinds", answer=DEPLOYMENTS, query=FILTERS
    ),
    ("POST", "/press/v1/deployments/{id}/execute"): Operation(
        row=80, summary="Run what is set to run on deploy", answer="executeResponse:[executed]"
    ),
    ("GET", f"/press/v1/{RUN}"): Operation(row=81, summary="Read run parameters", answer=""),
    ("PATCH", f"/press/v1/{RUN}"): Operation(
        row=82, summary="Change run parameters of a block", answer="", body=mapping(anything)
    ),
    ("PATCH", f"/press/v2/{RUN}"): Operation(
        row=83, summary="Change run parameters of a block or an app", answer="", body=VALUES
    ),
}  # fmt: skip
