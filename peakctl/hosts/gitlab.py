"""GitLab CI, on gitlab.com and self-hosted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

from peakctl.hosts.client import HostClient
from peakctl.hosts.comments import Comment
from peakctl.hosts.job import NUMBER, Job, Variables, text_at

LIMIT = 1_000_000
"""Characters of a note."""
_APPLIES = re.compile(r"apply\Z")
"""How the names of the jobs of this project end: that of the plan is the same with `plan`."""
TOKENS = ("GITLAB_TOKEN",)
"""Variables that may hold the token, beside the one of peakctl itself."""


def find_job(environment: Mapping[str, str]) -> Job | None:
    """The job, if this is one of GitLab CI.

    A merge request of a fork has its notes in the project that it goes to.
    """
    if not environment.get("GITLAB_CI"):
        return None
    read = Variables(environment)
    own = read.number("CI_PROJECT_ID")
    target = read.number("CI_MERGE_REQUEST_PROJECT_ID")
    source = read.number("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    request = read.number("CI_MERGE_REQUEST_IID")
    commit = read.commit("CI_COMMIT_SHA")
    return Job(
        host="gitlab",
        repository=target or own,
        request=request,
        head=(read.commit("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or commit) if request else "",
        base=read.commit("CI_MERGE_REQUEST_TARGET_BRANCH_SHA"),
        base_branch=read.branch("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
        commit=commit,
        api=read.address("CI_API_V4_URL"),
        token_from=read.token(*TOKENS),
        jobs_at=f"{address}/-/jobs/" if (address := read.address("CI_PROJECT_URL")) else "",
        foreign=bool(source) and source != (target or own),
        more={
            "own": own,
            "branch": read.branch("CI_COMMIT_BRANCH"),
            "made_by": _APPLIES.sub("plan", read.text("CI_JOB_NAME")),
        },
        problems=tuple(read.problems),
    )


class GitlabComments:
    """The notes of one merge request."""

    limit = LIMIT

    def __init__(self, client: HostClient, job: Job) -> None:
        self._client = client
        self._path = f"/projects/{job.repository}/merge_requests/{job.request}/notes"

    async def author(self) -> str:
        """The number of the account that the token belongs to."""
        return text_at(await self._client.get("/user"), "id")

    async def all(self) -> AsyncIterator[Comment]:
        """Every note, the first one first."""
        query = {"sort": "asc", "order_by": "created_at"}
        async for each in self._client.pages(self._path, query):
            if each.get("system") is not True:
                yield _comment(each)

    async def create(self, body: str) -> Comment:
        return _comment(await self._client.post(self._path, {"body": body}))

    async def update(self, comment: Comment, body: str) -> Comment:
        path = f"{self._path}/{comment.id}"
        return _comment(await self._client.put(path, {"body": body}))


def _comment(value: object) -> Comment:
    return Comment(
        id=text_at(value, "id"), author=text_at(value, "author", "id"), body=text_at(value, "body")
    )


async def find_merged(client: HostClient, job: Job, *, exactly: bool) -> str:
    """The number of the merge request that brought the commit of the job; "" where none did."""
    path = f"/projects/{job.repository}/repository/commits/{job.commit}/merge_requests"
    found = [each async for each in client.pages(path) if text_at(each, "state") == "merged"]
    brought = ("merge_commit_sha", "squash_commit_sha", "sha")
    first = next((e for e in found if job.commit in (text_at(e, w) for w in brought)), None)
    chosen = first or (found[0] if found and not exactly else None)
    return text_at(chosen, "iid", fits=NUMBER.match)


def headers(token: str) -> dict[str, str]:
    """What each request carries."""
    return {"PRIVATE-TOKEN": token}
