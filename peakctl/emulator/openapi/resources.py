"""Artifacts, images, services, workflows (contract, sections 2.1 to 2.4)."""

from __future__ import annotations

from peakctl.emulator import artifacts, executions, images, services, workflows
from peakctl.emulator.image_versions import AUTODEPLOY, DETAILS
from peakctl.emulator.openapi.notation import MADE, PAGE
from peakctl.emulator.openapi.operation import (
    DATES,
    FILE,
    PAGES,
    TEXT,
    WORD,
    WORDS,
    Operation,
    Schema,
    Table,
    any_of,
    json_text,
    word_of,
)
from peakctl.emulator.shapes import LINE, TAGS, flag, mapping, record
from peakctl.emulator.workflow_shapes import RETRY, SHARED, TRIGGERS, WATCHERS

A, I, S, W = artifacts.ROOT, images.ROOT, services.ROOT, workflows.ROOT  # noqa: E741
UPLOAD = {"artifact": FILE, "scan": json_text(flag), "validate": json_text(flag)}
VERSION: dict[str, Schema] = {
    "description": TEXT,
    "buildDetails": json_text(record({}, DETAILS)),
    "autodeployResources": json_text(AUTODEPLOY),
    "artifact": FILE,
}
STATES = {
    "status": any_of(*images.STATUSES),
    "lastBuildStatus": any_of(*images.BUILD_STATUSES),
    "tags": WORDS,
}
BUILT = "buildId:text versionId:int"
TOKEN = {"nextToken": TEXT}
DOCUMENT = record(
    {"name": LINE, "steps": mapping(record({}, SHARED))},
    {
        "tags": TAGS,
        "retryOptions": RETRY,
        "metadata": record({}, {"allowConcurrentExecution": flag}),
        "triggers": TRIGGERS,
        "watchers": WATCHERS,
    },
)
STEP_LOGS = "stepRunStatus:text logs:[logLine] nextToken:text?"

ARTIFACTS: Table = {
    ("GET", A): Operation(
        row=1, summary="List artifacts", query=PAGES,
        answer=f"{PAGE} artifactCount:int artifacts:[artifact]",
    ),
    ("POST", A): Operation(
        row=2, summary="Create an artifact", answer="id:text version:int",
        parts={"name": WORD, "description": TEXT, "source": TEXT, **UPLOAD},
        required=("name", "artifact"),
    ),
    ("GET", A + "{id}"): Operation(
        row=3, summary="Describe an artifact; the pages are pages of versions", query=PAGES,
        answer=f"{PAGE} id:text name:text description:text? versionCount:int"
        " versions:[artifactVersion]",
    ),
    ("PUT", A + "{id}"): Operation(
        row=4, summary="Add a version", answer="version:int", parts=UPLOAD, required=("artifact",)
    ),
    ("PATCH", A + "{id}"): Operation(
        row=5, summary="Change name or description", answer="", body=artifacts.EDIT
    ),
    ("DELETE", A + "{id}"): Operation(row=6, summary="Delete an artifact", answer=""),
    ("DELETE", A + "{id}/{version}"): Operation(row=7, summary="Delete a version", answer=""),
    ("GET", A + "{id}/download"): Operation(
        row=8, summary="Download the latest version", answer=None
    ),
    ("GET", A + "{id}/{version}/download"): Operation(
        row=9, summary="Download a version", answer=None
    ),
}  # fmt: skip
IMAGES: Table = {
    ("GET", I): Operation(
        row=10, summary="List images", answer=f"{PAGE} imageCount:int images:[image]",
        query={**PAGES, **STATES, "searchTerm": TEXT, "scope": any_of("custom", "global")},
    ),
    ("POST", I): Operation(
        row=11, summary="Create an image and build its first version",
        answer=f"{BUILT} imageId:int",
        parts={"name": WORD, "type": word_of(*images.TYPES), "version": WORD, **VERSION},
        required=("name", "type"),
    ),
    ("GET", I + "{image}"): Operation(
        row=12, summary="Describe an image",
        answer=f"id:int name:text type:text scope:text {MADE} latestVersion:{{}}",
    ),
    ("DELETE", I + "{image}"): Operation(row=13, summary="Delete an image", answer=""),
    ("GET", I + "{image}/versions"): Operation(
        row=14, summary="List versions", query={**PAGES, **STATES, "searchTerm": TEXT},
        answer=f"{PAGE} versionCount:int versions:[imageVersion]",
    ),
    ("POST", I + "{image}/versions"): Operation(
        row=15, summary="Build a new version", answer=BUILT,
        parts={"name": WORD, "type": word_of(*images.TYPES), "version": WORD, **VERSION},
    ),
    ("GET", I + "{image}/versions/{version}"): Operation(
        row=16, summary="Describe a version",
        answer=f"imageName:text imageType:text id:int version:text status:text {MADE}"
        " updatedAt:text updatedBy:text pullUrl:text buildDetails:{} tags:list",
    ),
    ("PATCH", I + "{image}/versions/{version}"): Operation(
        row=17, summary="Build a version again that is not ready", answer=BUILT, parts=VERSION
    ),
    ("DELETE", I + "{image}/versions/{version}"): Operation(
        row=18, summary="Delete a version", answer=""
    ),
    ("DELETE", I + "{image}/versions"): Operation(
        row=19, summary="Delete several versions", answer="", query={"versionIds": WORDS},
        needs=("versionIds",),
    ),
    ("GET", I + "{image}/builds"): Operation(
        row=20, summary="List builds", answer=f"{PAGE} buildCount:int builds:[build]",
        query={
            **PAGES, **DATES, "count": TEXT, "versions": WORDS,
            "buildStatus": any_of(*images.BUILD_STATUSES),
        },
    ),
    ("GET", I + "{image}/builds/{build}/logs"): Operation(
        row=21, summary="Read the log of a build", query=TOKEN,
        answer="buildStatus:text startTime:text finishTime:text? logs:[buildLine] nextToken:text?",
    ),
    ("GET", I + "{image}/builds/{build}/logs/download"): Operation(
        row=22, summary="Where the log of a build can be fetched", answer="downloadUrl:text"
    ),
    ("GET", "/files/builds/{tenant}/{build}.log"): Operation(
        row=0, summary="The log of a build as a file", answer=None
    ),
}  # fmt: skip
SERVICES: Table = {
    ("GET", S): Operation(
        row=23, summary="List services (featureType=services) or webapps",
        answer=PAGE,
        query={
            **PAGES, "status": any_of(*services.STATUSES), "searchTerm": TEXT, "featureType": TEXT,
            "serviceType": any_of(*services.TYPES),
        },
    ),
    ("POST", S): Operation(
        row=24, summary="Create a service or a webapp", answer="id:text", body=services.CREATE
    ),
    ("GET", S + "{id}"): Operation(
        row=25, summary="Describe a service or a webapp",
        answer="id:text name:text status:text serviceType:text imageDetails:{} resources:{}"
        f" sessionStickiness:flag minInstances:int {MADE} updatedAt:text updatedBy:text tags:list",
    ),
    ("PATCH", S + "{id}"): Operation(
        row=26, summary="Change a service or a webapp", answer="id:text", body=services.PATCH
    ),
    ("DELETE", S + "{id}"): Operation(
        row=27, summary="Delete a service or a webapp", answer="id:text"
    ),
    ("POST", S + "{name}/test"): Operation(
        row=28, summary="Send a request to a service", body=services.TEST,
        answer="responseBody:text responseStatus:int reqStartTime:text reqEndTime:text"
        " responseSize:text",
    ),
}  # fmt: skip
WORKFLOWS: Table = {
    ("GET", W): Operation(
        row=29, summary="List workflows", answer=f"{PAGE} workflowsCount:int workflows:[workflow]",
        query={
            **PAGES, "workflowStatus": any_of(*workflows.STATUSES), "searchTerm": TEXT,
            "lastExecutionStatus": any_of(*workflows.RUN_STATUSES), "lastModifiedBy": WORDS,
        },
    ),
    ("POST", W): Operation(
        row=30, summary="Create a workflow", answer="id:int triggers:list", body=DOCUMENT
    ),
    ("GET", W + "{id}"): Operation(
        row=31, summary="Describe a workflow",
        answer="id:int name:text status:text createdAt:text updatedAt:text steps:{}"
        " lastExecution:{} triggers:list watchers:list tags:list",
    ),
    ("PUT", W + "{id}"): Operation(
        row=32, summary="Replace a workflow", answer="id:int triggers:list", body=DOCUMENT
    ),
    ("DELETE", W + "{id}"): Operation(row=33, summary="Delete a workflow", answer=""),
    ("POST", W + "{id}/execute"): Operation(
        row=34, summary="Run a workflow", answer="executionId:text", body=executions.EXECUTE,
        also=(429,),
    ),
    ("GET", W + "executions/{id}"): Operation(
        row=35, summary="List runs",
        answer=f"{PAGE} executionsCount:int executions:[execution] workflowId:int",
        query={
            **PAGES, **DATES, "count": TEXT, "statuses": any_of(*workflows.RUN_STATUSES)
        },
    ),
    ("GET", W + "{id}/executions/{run}"): Operation(
        row=36, summary="Describe a run",
        answer="status:text runId:text executedAt:text finishedAt:text? steps:[stepRun]",
    ),
    ("GET", W + "{id}/executions/{run}/logs"): Operation(
        row=37, summary="Read the log of a step", answer=STEP_LOGS,
        query={"stepName": WORD, **TOKEN}, needs=("stepName",),
    ),
    ("GET", W + "{id}/executions/{run}/logs/download"): Operation(
        row=38, summary="Where the log of a step can be fetched", answer="downloadUrl:text",
        query={"stepName": WORD}, needs=("stepName",),
    ),
    ("GET", "/files/runs/{tenant}/{id}/{run}.log"): Operation(
        row=0, summary="The log of a step as a file", answer=None, query={"stepName": WORD},
        needs=("stepName",),
    ),
    ("POST", W + "{id}/pause"): Operation(row=41, summary="Pause a workflow", answer=""),
    ("POST", W + "{id}/resume"): Operation(row=42, summary="Resume a workflow", answer=""),
}  # fmt: skip
