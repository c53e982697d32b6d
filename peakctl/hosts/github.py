"""GitHub Actions, on github.com, with GitHub Enterprise, and on what speaks as they do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Mapping

from peakctl.errors import HostError
from peakctl.hosts.client import HostClient
from peakctl.hosts.comments import Comment
from peakctl.hosts.job import BRANCH, COMMIT, NUMBER, Job, Variables, at, text_at
from peakctl.model import JsonObject

LIMIT = 65_536
"""Characters of a comment."""
SUMMARY_LIMIT = 2**20
"""Bytes of all that a step writes to its summary."""
ACTIONS_BOT = "github-actions[bot]"
"""Who writes with the token of a job (`GITHUB_TOKEN`)."""
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+\Z")
_PULL_REF = re.compile(r"refs/pull/([1-9][0-9]{0,17})/(?:merge|head)\Z")
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_WORKFLOW_REF = re.compile(r"[^@\s]+?/[^@\s/]+/(\.github/workflows/[^@\s]+)@\S+\Z")
REVIEW_EDITS = (
    "query($owner:String!,$name:String!,$number:Int!,$after:String)"
    "{repository(owner:$owner,name:$name){pullRequest(number:$number)"
    "{reviews(first:100,after:$after){pageInfo{hasNextPage endCursor}"
    "nodes{fullDatabaseId lastEditedAt}}}}}"
)
"""Which reviews of a request were edited, and when: the REST API does not tell."""
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
"""Variables that may hold the token, beside the one of peakctl itself."""


def find_job(environment: Mapping[str, str]) -> Job | None:
    """The job, if this is one of GitHub Actions."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return None
    read = Variables(environment)
    event = read.event("GITHUB_EVENT_PATH")
    pull, queue = at(event, "pull_request"), at(event, "merge_group")
    repository = read.fitting("GITHUB_REPOSITORY", _REPOSITORY, "owner/name")
    request = _request(read, event)
    head_repository = text_at(pull, "head", "repo", "full_name")
    workflow = read.text("GITHUB_WORKFLOW_REF")
    return Job(
        host="github",
        repository=repository,
        request=request,
        head=text_at(pull, "head", "sha", fits=COMMIT.match)
        or text_at(queue, "head_sha", fits=COMMIT.match),
        base=text_at(pull, "base", "sha", fits=COMMIT.match)
        or text_at(queue, "base_sha", fits=COMMIT.match),
        base_branch=read.branch("GITHUB_BASE_REF")
        or text_at(pull, "base", "ref", fits=BRANCH.match)
        or _branch(text_at(queue, "base_ref")),
        commit=read.commit("GITHUB_SHA"),
        api=read.address("GITHUB_API_URL", "https://api.github.com"),
        token_from=read.token(*TOKENS),
        summary_file=read.text("GITHUB_STEP_SUMMARY"),
        outputs_file=read.text("GITHUB_OUTPUT"),
        jobs_at=_jobs_at(read.address("GITHUB_SERVER_URL"), repository),
        foreign=bool(pull) and head_repository.lower() != repository.lower(),
        more={
            "graphql": read.address("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
            "branch": _branch(read.text("GITHUB_REF")),
            "made_by": found[1] if (found := _WORKFLOW_REF.match(workflow)) else "",
        },
        problems=tuple(read.problems),
    )


def _branch(ref: str) -> str:
    name = ref.removeprefix("refs/heads/")
    return name if name != ref and BRANCH.match(name) else ""


def _jobs_at(server: str, repository: str) -> str:
    return f"{server}/{repository}/actions/runs/" if server and repository else ""


def _request(read: Variables, event: JsonObject) -> str:
    """The number of the pull request; none where variable and event name different ones."""
    told = text_at(event, "pull_request", "number", fits=NUMBER.match)
    found = _PULL_REF.match(read.text("GITHUB_REF"))
    if found and told and found[1] != told:
        summary = f"GITHUB_REF is of request {found[1]}, and the event of request {told}"
        read.warn_of(summary, "no comment is written: it is not known where")
        return ""
    return found[1] if found else told


class GithubComments:
    """The comments of one pull request."""

    limit = LIMIT

    def __init__(self, client: HostClient, job: Job) -> None:
        self._client = client
        self._graphql = job.more.get("graphql", "")
        self._path = f"/repos/{job.repository}/issues"
        self._request = job.request

    async def author(self) -> str:
        """Our own name. Only GraphQL tells it to the token of a job; that one is a bot's."""
        with contextlib.suppress(HostError):
            answer = await self._client.post(self._graphql, {"query": "query{viewer{login}}"})
            if found := text_at(answer, "data", "viewer", "login"):
                return found
        with contextlib.suppress(HostError):
            if found := text_at(await self._client.get("/user"), "login"):
                return found
        return ACTIONS_BOT

    async def all(self) -> AsyncIterator[Comment]:
        """Every comment, the first one first."""
        async for each in self._client.pages(f"{self._path}/{self._request}/comments"):
            yield _comment(each)

    async def create(self, body: str) -> Comment:
        path = f"{self._path}/{self._request}/comments"
        return _comment(await self._client.post(path, {"body": body}))

    async def update(self, comment: Comment, body: str) -> Comment:
        path = f"{self._path}/comments/{comment.id}"
        return _comment(await self._client.patch(path, {"body": body}))


def _comment(value: object) -> Comment:
    return Comment(
        id=text_at(value, "id"),
        author=text_at(value, "user", "login"),
        body=text_at(value, "body"),
        url=text_at(value, "html_url"),
    )


async def find_merged(client: HostClient, job: Job, *, exactly: bool) -> str:
    """The number of the pull request that brought the commit of the job; "" where none did."""
    path = f"/repos/{job.repository}/commits/{job.commit}/pulls"
    found = [each async for each in client.pages(path) if text_at(each, "merged_at")]
    first = next((e for e in found if text_at(e, "merge_commit_sha") == job.commit), None)
    chosen = first or (found[0] if found and not exactly else None)
    return text_at(chosen, "number", fits=NUMBER.match)


def headers(token: str) -> dict[str, str]:
    """What each request carries."""
    return {**_HEADERS, "Authorization": f"Bearer {token}"}
