"""Azure Pipelines, for repositories of Azure Repos."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from peakctl.hosts.client import HostClient
from peakctl.hosts.comments import Comment
from peakctl.hosts.job import Job, Variables, at, text_at

LIMIT = 150_000
"""Characters of a comment."""
_VERSION = {"api-version": "7.1"}
_PREVIEW = {"api-version": "7.1-preview.1"}
_CLOSED = 4
"""The status of a thread that nobody has to resolve before the request can be completed."""
_ID = re.compile(r"[0-9a-fA-F-]{36}\Z")
TOKENS = ("SYSTEM_ACCESSTOKEN",)
"""Variables that may hold the token, beside the one of peakctl itself."""


def find_job(environment: Mapping[str, str]) -> Job | None:
    """The job, if this is one of Azure Pipelines."""
    if environment.get("TF_BUILD", "").lower() != "true":
        return None
    read = Variables(environment)
    is_repos = read.text("BUILD_REPOSITORY_PROVIDER") == "TfsGit"
    return Job(
        host="azure",
        repository=read.fitting("BUILD_REPOSITORY_ID", _ID, "an id") if is_repos else "",
        request=read.number("SYSTEM_PULLREQUEST_PULLREQUESTID"),
        head=read.commit("SYSTEM_PULLREQUEST_SOURCECOMMITID"),
        base_branch=read.branch("SYSTEM_PULLREQUEST_TARGETBRANCH"),
        commit=read.commit("BUILD_SOURCEVERSION"),
        api=read.address("SYSTEM_COLLECTIONURI"),
        token_from=read.token(*TOKENS),
        foreign=read.text("SYSTEM_PULLREQUEST_ISFORK").lower() == "true",
        more={"project": read.text("SYSTEM_TEAMPROJECT")},
        problems=tuple(read.problems),
    )


class AzureComments:
    """The first comments of the threads of one pull request."""

    limit = LIMIT

    def __init__(self, client: HostClient, job: Job) -> None:
        self._client = client
        project = quote(job.more.get("project", ""), safe="")
        repository = f"/{project}/_apis/git/repositories/{job.repository}"
        self._path = f"{repository}/pullRequests/{job.request}/threads"

    async def author(self) -> str:
        """The id of the identity that the token belongs to."""
        answer = await self._client.get("/_apis/connectionData", _PREVIEW)
        return text_at(answer, "authenticatedUser", "id")

    async def all(self) -> AsyncIterator[Comment]:
        """The first comment of every thread; they all come at once."""
        answer = await self._client.get(self._path, _VERSION)
        found = at(answer, "value")
        for thread in found if isinstance(found, list) else ():
            comments = at(thread, "comments")
            first = comments[0] if isinstance(comments, list) and comments else None
            if first is not None and at(thread, "isDeleted") is not True:
                yield _comment(first, text_at(thread, "id"))

    async def create(self, body: str) -> Comment:
        comment = {"parentCommentId": 0, "content": body, "commentType": 1}
        thread = {"comments": [comment], "status": _CLOSED}
        answer = await self._client.post(self._path, thread, _VERSION)
        comments = at(answer, "comments")
        first = comments[0] if isinstance(comments, list) and comments else None
        return _comment(first, text_at(answer, "id"))

    async def update(self, comment: Comment, body: str) -> Comment:
        path = f"{self._path}/{comment.thread}/comments/{comment.id}"
        answer = await self._client.patch(path, {"content": body}, _VERSION)
        return _comment(answer, comment.thread)


def _comment(value: object, thread: str) -> Comment:
    return Comment(
        id=text_at(value, "id"),
        author=text_at(value, "author", "id"),
        body=text_at(value, "content"),
        thread=thread,
    )


def headers(token: str) -> dict[str, str]:
    """What each request carries."""
    return {"Authorization": f"Bearer {token}"}
