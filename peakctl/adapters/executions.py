"""Executions of workflows, and the logs of steps and of builds (docs/platform.md, 2.2, 2.4)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from peakctl.adapters import parts
from peakctl.adapters.answers import items, mapping, require
from peakctl.adapters.failures import BLOCKS
from peakctl.api.client import SPOKE_HOST, Api
from peakctl.api.failures import Asked, odd_answer
from peakctl.errors import ApiError
from peakctl.model import JsonDict, JsonObject, State
from peakctl.model.records import dataclass

WORDS: Mapping[str, State] = {
    "success": State.READY,
    "failed": State.FAILED,
    "stopped": State.FAILED,
    "skipped": State.FAILED,
    "running": State.PENDING,
    "pending": State.PENDING,
    "stopping": State.PENDING,
    "building": State.PENDING,
}
"""What a status of an execution, a step or a build means; one that is not here has not ended."""
MOST_PARTS = 50


def state_of(word: str) -> State:
    """The state that a status word stands for; what nobody knows is still under way."""
    return WORDS.get(word.lower(), State.PENDING)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One message of a log. `at` is in seconds since 1970, None where the platform tells none."""

    text: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a log, the token of the next one, and the status of what writes the log."""

    lines: tuple[LogLine, ...] = ()
    token: str | None = None
    status: str = ""


def moment_of(value: object) -> float | None:
    """Seconds since 1970 of a time: milliseconds, as a number or a text, or an ISO date.

    None for anything else, and for what no clock shows.
    """
    text = str(value)
    try:
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", text):
            return float(text) / 1000
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


async def read_log(
    api: Api, path: str, token: str | None, query: Sequence[tuple[str, str]] = ()
) -> LogPart:
    """The part of the log at `path` that `token` stands for; the first one for None.

    Raises ApiError, with status 404 for a log that is not there (any more).
    """
    asked = (*query, *((("nextToken", token),) if token else ()))
    page = mapping(await api.get(path, asked))
    lines = tuple(
        LogLine(str(each.get("message") or ""), moment_of(each.get("timestamp")))
        for each in items(page.get("logs"))
    )
    status = page.get("stepRunStatus") or page.get("buildStatus") or ""
    following = page.get("nextToken")
    return LogPart(lines, str(following) if following else None, str(status))


class Executions:
    """What can be asked of the executions of a workflow, by the ids of both.

    `domain` gives that of the spoke on which the tenant is, which keeps the logs of steps there.
    """

    def __init__(self, api: Api, domain: Callable[[], Awaitable[str | None]] | None = None) -> None:
        self._api = api
        self._domain = domain

    def _at(self, workflow: str | int, *rest: str) -> str:
        return parts.WORKFLOWS + "/".join(quote(str(each), safe="") for each in (workflow, *rest))

    async def workflow(self, workflow: str | int) -> JsonObject:
        """The workflow itself, with its steps and its status."""
        return mapping(await self._api.get(self._at(workflow)))

    async def newest(
        self, workflow: str | int, *, limit: int | None = None, statuses: Sequence[str] = ()
    ) -> list[JsonDict]:
        """The newest executions, at most `limit` (None: all that the platform keeps).

        With a limit the listing counts more than it has, which is no fault of it then.
        """
        query = tuple(("statuses", each) for each in statuses)
        path = f"{parts.WORKFLOWS}executions/{quote(str(workflow), safe='')}"
        found: list[JsonDict] = []
        pages = 0
        if limit:
            few = (("count", str(limit)), *query)
            found, pages = await self._api.pages_within(path, ("executions",), few, 1)
        if not pages or (limit and pages > 1 and len(found) < limit):
            found = await self._api.pages(path, ("executions",), query)
        newest = sorted(found, key=lambda each: str(each.get("executedAt") or ""), reverse=True)
        return newest[:limit]

    async def describe(self, workflow: str | int, execution: str) -> JsonObject | None:
        """One execution with its steps; None where the workflow has none of that id (404)."""
        path = self._at(workflow, "executions", execution)
        try:
            found = mapping(await self._api.get(path))
        except ApiError as error:
            if error.status in (404, 422):
                return None
            raise
        if not isinstance(found.get("status"), str):  # it would be followed for ever
            raise odd_answer(Asked("GET", path), "the answer has no status")
        return found

    async def log(
        self, workflow: str | int, execution: str, step: JsonObject, token: str | None
    ) -> LogPart:
        """A part of the log of a step, as its execution shows it."""
        node = step.get("nodeId")  # only those on a spoke need one
        domain = await self._domain() if node and self._domain else None
        if domain is not None:
            return await self._spoke_log(domain, step, token)
        path = self._at(workflow, "executions", execution, "logs")
        return await read_log(self._api, path, token, (("stepName", str(step.get("name"))),))

    async def _spoke_log(self, domain: str, step: JsonObject, token: str | None) -> LogPart:
        times = {"startTime": step.get("startedAt"), "endTime": step.get("finishedAt")}
        query = [("logSource", str(step.get("nodeId")))]
        query += [(word, str(at)) for word, at in times.items() if at]
        host = f"service.{domain.partition('.')[0].lower()}"
        path = f"{host}/spoke/api/v1/logs/workflow"
        if not SPOKE_HOST.fullmatch(host):
            raise odd_answer(Asked("GET", path), "the platform names a spoke that is none")
        return await read_log(self._api, path, token, query)

    async def execute(self, workflow: str | int, body: JsonObject) -> str:
        """Start one; its id. Raises ApiError: `doubtful` where it may have been started."""
        answer = await self._api.send("POST", self._at(workflow, "execute"), json=body)
        return str(require(answer, "executionId"))

    async def switch(self, workflow: str | int, word: str) -> None:
        """`pause` or `resume` a workflow. Raises ApiError, 404 where the platform lacks the call.

        Client 1.29 has it.
        """
        await self._api.send("POST", self._at(workflow, word), json={})

    async def execute_resources(self, deployment: str | int) -> list[JsonObject]:
        """Run what a deployment runs by itself; an answer for each, with `executionId`."""
        path = f"press/v1/deployments/{quote(str(deployment), safe='')}/execute"
        answer = await self._api.send("POST", path, json={})
        return items(require(answer, "executeResponse"))


async def workflows_of(api: Api, family: str, id_: str | int) -> list[JsonObject]:
    """The items of the listing for the workflows that a deployment has made, its blocks' too.

    A request for the deployment, for each block of an app, and for each workflow.
    """
    root = f"press/v1/{family}/deployments/{quote(str(id_), safe='')}"
    latest = mapping(mapping(await api.get(root)).get("latestRevision"))
    made = items(latest.get("resources"))
    for block in items(latest.get("blocks"))[:MOST_PARTS]:
        whole = mapping(await api.get(f"{BLOCKS}{block.get('deploymentId')}"))
        made += items(mapping(whole.get("latestRevision")).get("resources"))
    words = parts.WORKFLOW_WORDS
    named = [each for each in made if str(each.get("kind")).lower() in words][:MOST_PARTS]
    found = [await parts.find_part(api, each) for each in named]
    return [item for item in found if item.get("id") is not None]
