"""What more the platform tells of a failure: the parts that failed, the end of a log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from peakctl.adapters import parts
from peakctl.adapters.answers import is_failure, items, mapping, reason_in
from peakctl.api.client import Api
from peakctl.errors import ApiError, PeakctlError
from peakctl.model import Failure, JsonObject, LogPage, PartState
from peakctl.model.text import printable

LINES = 20
PAGES = 50
IMAGES = "service/image-management/api/v2/images/"
BLOCKS = "press/v1/blocks/deployments/"


async def explain_deployment(api: Api, described: JsonObject, what: str) -> Failure:
    """The states of what a deployment has made or consists of; at most a few requests.

    A read that fails leaves out what it would have told.
    """
    latest = mapping(described.get("latestRevision"))
    made, blocks = items(latest.get("resources")), items(latest.get("blocks"))
    since = str(latest.get("createdAt") or "")
    found = [
        *await asyncio.gather(*(_block(api, block) for block in blocks[: parts.MOST_PARTS])),
        *await asyncio.gather(*(_resource(api, each, since) for each in made[: parts.MOST_PARTS])),
    ]
    named = [_named(each) for each in (*blocks[parts.MOST_PARTS :], *made[parts.MOST_PARTS :])]
    logged = next((each for each in found if each.log), Failure())
    return Failure(
        what,
        parts=tuple(part for each in found for part in each.parts) + tuple(named),
        log=logged.log,
        log_of=logged.log_of,
    )


async def explain_service(api: Api, described: JsonObject) -> Failure:
    """The image version that a service runs: one request. The platform keeps no log of services."""
    details = mapping(described.get("imageDetails"))
    id_, version_id = details.get("imageId"), details.get("versionId")
    if id_ is None or version_id is None:
        return Failure()
    version = await parts.get_mapping(api, f"{IMAGES}{id_}/versions/{version_id}")
    if not version:
        return Failure(
            parts=(PartState(f"image {id_}", "its version cannot be read", failed=True),)
        )
    build = version.get("lastBuildStatus")
    ready = version.get("status") in ("ready", "in-use")
    word = str(version.get("status") if ready or not build else f"its build: {build}")
    name = f"image {version.get('imageName') or id_} {version.get('version')}"
    return Failure(parts=(PartState(name, word, failed=not ready),))


async def _block(api: Api, block: JsonObject) -> Failure:
    """A block of an app; of one that failed the platform's reason, where its own read has one."""
    status = str(block.get("status") or "")
    part = PartState(f"block {block.get('name')}", status, is_failure(status))
    if part.failed and block.get("deploymentId") is not None:
        own = await parts.get_mapping(api, f"{BLOCKS}{block['deploymentId']}")
        if reason := reason_in(own):
            part = PartState(part.name, f"{status}: {reason}", failed=True)
    return Failure(parts=(part,))


async def _resource(api: Api, made: JsonObject, since: str) -> Failure:
    """Something that a block has made, by its kind and name, as its own listing shows it."""
    word, name = str(made.get("kind")).lower(), _named(made).name
    item = await parts.find_part(api, made)
    if word in parts.WORKFLOW_WORDS:
        return await _workflow(api, name, item, since)
    status = str(item.get("status") or "")
    return Failure(parts=(PartState(name, status, is_failure(status)),))


async def _workflow(api: Api, name: str, item: JsonObject, since: str) -> Failure:
    """A workflow, and of a run that failed since the revision began: which step, and its log."""
    run = mapping(item.get("lastExecution"))
    failed = is_failure(str(run.get("status"))) and str(run.get("executedAt") or "") >= since
    if not failed:
        return Failure(parts=(PartState(name, str(item.get("status") or "")),))
    path = f"{parts.WORKFLOWS}{item.get('id')}/executions/{run.get('executionId')}"
    steps = items((await parts.get_mapping(api, path)).get("steps"))
    step = next((str(s.get("name")) for s in steps if is_failure(str(s.get("status")))), "")
    log = await _log(api, f"{path}/logs", step) if step else ()
    where = f" in step {step}" if step else ""
    part = PartState(name, f"its run failed{where}", failed=True)
    return Failure(parts=(part,), log=log, log_of=f"step {step} of {name}")


async def _log(api: Api, path: str, step: str) -> tuple[str, ...]:
    try:
        return await log_lines(api, path, (("stepName", step),))
    except PeakctlError:  # a spoke tenant's logs are elsewhere, say
        return ()


def _named(made: JsonObject) -> PartState:
    return PartState(f"{str(made.get('kind') or 'block').lower()} {made.get('name')}", "")


# --- logs --------------------------------------------------------------------------------------


async def log_lines(
    api: Api, path: str, query: Sequence[tuple[str, str]] = (), most: int = LINES
) -> tuple[str, ...]:
    """The last lines of the log at `path`; empty when the platform has none (404)."""
    messages: list[str] = []
    token: str | None = None
    for _ in range(PAGES):
        try:
            page = await api.get(path, (*query, *((("nextToken", token),) if token else ())))
        except ApiError as error:
            if error.status == 404:
                break
            raise
        logs = page.get("logs") or []
        messages = (messages + [str(line.get("message") or "") for line in logs])[-most:]
        if not logs or page.get("nextToken") in (None, "", token):
            break
        token = page["nextToken"]
    return last_lines(messages, most)


async def log_page(api: Api, path: str, token: str | None) -> LogPage:
    """The part of the log at `path` that `token` stands for; the first one for None."""
    page = await api.get(path, (("nextToken", token),) if token else ())
    messages = [str(line.get("message") or "") for line in page.get("logs") or []]
    return LogPage(last_lines(messages, LINES), page.get("nextToken") or token)


def last_lines(messages: Iterable[str], most: int) -> tuple[str, ...]:
    """The last `most` lines of some log messages, without anything that steers a terminal."""
    lines = [
        printable(line).replace("\t", "    ").rstrip()
        for message in messages
        for line in message.splitlines()
    ]
    return tuple(line for line in lines if line)[-most:]
