"""The request whose untrusted job left a result, as a trusted job and the host tell it.

On GitHub the trusted job is one of `workflow_run`: its event names the run that has ended, with
the commit and the branch that it was of. A run of a fork names no request, so the open ones of that
branch are asked for. Nothing here is read from what the untrusted job has written.
"""

from __future__ import annotations

import re

from peakctl.errors import HostError
from peakctl.hosts.client import HostClient
from peakctl.hosts.job import BRANCH, COMMIT, NUMBER, Job, at, text_at
from peakctl.model import JsonObject
from peakctl.model.records import dataclass

_REPOSITORY = re.compile(r"([A-Za-z0-9_.-]+)/[A-Za-z0-9_.-]+\Z")
_ID = re.compile(r"[1-9][0-9]{0,18}\Z")


@dataclass(frozen=True, slots=True)
class EndedRun:
    """The run of another workflow whose end started this job: its commit, and where that is from.

    `id` is its number.
    """

    id: str
    head: str
    branch: str
    repository: str


def read_run(event: JsonObject) -> EndedRun | None:
    """The run of a pull request that an event of `workflow_run` tells of, if it is whole."""
    run = at(event, "workflow_run")
    found = EndedRun(
        id=text_at(run, "id", fits=_ID.match),
        head=text_at(run, "head_sha", fits=COMMIT.match),
        branch=text_at(run, "head_branch", fits=BRANCH.match),
        repository=text_at(run, "head_repository", "full_name", fits=_REPOSITORY.match),
    )
    whole = all((found.id, found.head, found.branch, found.repository))
    return found if whole and at(run, "event") == "pull_request" else None


async def find_request(client: HostClient, job: Job, run: EndedRun) -> str:
    """The number of the open request of the branch of a run, if the run is of its last commit.

    "" where there is none: it was closed, or pushed to since. Raises HostError; also where several
    requests are of that branch and commit, since a comment on one would be a guess.
    """
    owner = run.repository.partition("/")[0]
    query = {"state": "open", "head": f"{owner}:{run.branch}"}
    numbers = [
        text_at(pull, "number", fits=NUMBER.match)
        async for pull in client.pages(f"/repos/{job.repository}/pulls", query)
        if text_at(pull, "head", "sha") == run.head
        and text_at(pull, "head", "repo", "full_name").lower() == run.repository.lower()
    ]
    if len(numbers) > 1:
        told = ", ".join(f"#{number}" for number in numbers)
        raise HostError.of(f"several requests are of that commit: {told}")
    return numbers[0] if numbers else ""
