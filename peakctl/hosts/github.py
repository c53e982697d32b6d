"""GitHub: its Actions, and its pull requests with their comments, plans and approvals.

All of it also with GitHub Enterprise, and with what speaks as they do.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from peakctl.errors import HostError
from peakctl.hosts.client import HostClient
from peakctl.hosts.comments import Comment
from peakctl.hosts.job import BRANCH, COMMIT, NUMBER, Job, Variables, at, text_at
from peakctl.hosts.requests import (
    PlanFile,
    Request,
    Review,
    Words,
    check_number,
    download_archive,
    moment_at,
    packed_plan,
)
from peakctl.model import CiJob, JsonDict, JsonObject

LIMIT = 65_536
"""Characters of a comment."""
SUMMARY_LIMIT = 2**20
"""Bytes of all that a step writes to its summary."""
ACTIONS_BOT = "github-actions[bot]"
"""Who writes with the token of a job (`GITHUB_TOKEN`)."""
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+\Z")
_RUN = re.compile(r"[1-9][0-9]{0,18}\Z")
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
MAY_WRITE = ("admin", "write")
"""Words of the permission API; it says `write` for the role `maintain`, too."""
_EXPIRED = "the artifact with its plan has expired"
DEFINES = ".github/"
"""Where what defines a run is: workflows, and the actions that they use."""
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
    request = _number(read, event)
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


def _number(read: Variables, event: JsonObject) -> str:
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


async def end_of(client: HostClient, job: Job, other: CiJob) -> str | None:
    """When the whole attempt of another run ended; None while it has not."""
    if not _RUN.match(other.run):
        return None
    path = f"/repos/{job.repository}/actions/runs/{other.run}/attempts/{other.attempt}"
    found = await client.get(path)
    return text_at(found, "updated_at") if text_at(found, "status") == "completed" else None


def headers(token: str) -> dict[str, str]:
    """What each request carries."""
    return {**_HEADERS, "Authorization": f"Bearer {token}"}


class GithubRequests:
    """The pull requests of the repository of a job, and which of their plans are evidence.

    A run of `pull_request` takes its workflow from the merge of the request into its base branch.
    It is evidence where the request changes nothing below `.github`, and no request of the same
    branch could have started it for another base. Everything else that a request may run is none:
    caches, artifacts of other workflows, outputs, comments.
    """

    def __init__(self, client: HostClient, job: Job) -> None:
        self._client = client
        self._repository = job.repository
        self._root = f"/repos/{job.repository}"
        self._branch = job.more.get("branch", "")
        self._graphql = job.more.get("graphql", "")
        self._known: dict[str, bool] = {}

    async def of_commit(self, commit: str) -> tuple[Request, ...]:
        path = f"{self._root}/commits/{commit}/pulls"
        found = [_request(each, self._repository) async for each in self._client.pages(path)]
        return tuple(r for r in found if r.merged_as and r.target == self._branch != "")

    async def request(self, number: str) -> Request:
        path = f"{self._root}/pulls/{number}"
        found = _request(await self._client.get(path), self._repository)
        return check_number(found, number, path)

    async def plan(self, request: Request, name: str, made_by: str) -> PlanFile | str:
        """As `Requests`: the newest run of the workflow `made_by` counts alone."""
        run = await self._run(request, made_by)
        if isinstance(run, str):
            return run
        path = f"{self._root}/actions/runs/{run['id']}/artifacts"
        found = [
            each
            async for each in self._client.pages(path, {"name": name}, within="artifacts")
            if text_at(each, "name") == name
        ]
        if not found:
            return f'the run that planned it has no artifact "{name}"'
        kept = max(found, key=lambda each: moment_at(each, "created_at") or 0.0)
        made = moment_at(kept, "created_at")
        if at(kept, "expired") is True or made is None:
            return _EXPIRED
        if why := await self._why_no_evidence(request, run):
            return why
        id_ = text_at(kept, "id", fits=NUMBER.match)
        data = await download_archive(self._client, f"{self._root}/actions/artifacts/{id_}/zip")
        if data is None:
            return _EXPIRED
        plan = packed_plan(data, text_at(kept, "digest"))
        return plan if isinstance(plan, str) else PlanFile(plan, made, text_at(run, "html_url"))

    async def seen_at(self, request: Request, made_by: str) -> float | None:
        """When the last run for the head was made: what was said later was said of this head.

        The first one may be older than a push back and forth.
        """
        if not made_by:
            return None
        times = [moment_at(each, "created_at") async for each in self._runs(request, made_by)]
        return max((time for time in times if time is not None), default=None)

    async def reviews(self, request: Request) -> tuple[Review, ...]:
        """The last word of each person counts; a comment is none."""
        last: dict[str, JsonDict] = {}
        async for each in self._client.pages(f"{self._root}/pulls/{request.number}/reviews"):
            who = text_at(each, "user", "login")
            if who and text_at(each, "state") in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
                last[who] = each
        return tuple(
            Review(who, who, moment_at(each, "submitted_at") or 0.0, self._flaw(request, who, each))
            for who, each in last.items()
            if text_at(each, "state") == "APPROVED"
        )

    async def words(self, request: Request) -> AsyncIterator[Words]:
        """Comments, then reviews, then labels that are still there."""
        issue = f"{self._root}/issues/{request.number}"
        async for each in self._client.pages(f"{issue}/comments"):
            is_same = text_at(each, "created_at") == text_at(each, "updated_at") != ""
            flaw = "" if is_same else "the comment was edited"
            yield _words(each, text_at(each, "body"), "created_at", flaw)
        reviews = f"{self._root}/pulls/{request.number}/reviews"
        spoken = [each async for each in self._client.pages(reviews) if text_at(each, "body")]
        if any("peakctl: allow" in text_at(each, "body") for each in spoken):
            try:
                unedited, why = await self._unedited(request), "the review was edited"
            except HostError:
                unedited, why = set(), "it is not told whether the review was edited"
            for each in spoken:
                flaw = "" if text_at(each, "id") in unedited else why
                yield _words(each, text_at(each, "body"), "submitted_at", flaw)
        async for found in self._labels(f"{issue}/timeline"):
            yield found

    async def may_write(self, id_: str) -> bool:
        if id_ not in self._known:
            path = f"{self._root}/collaborators/{quote(id_, safe='')}/permission"
            try:
                found = text_at(await self._client.get(path), "permission")
            except HostError as error:
                if error.status != 404:
                    raise
                found = ""
            self._known[id_] = found in MAY_WRITE
        return self._known[id_]

    # --- runs ------------------------------------------------------------------------------------

    async def _runs(self, request: Request, made_by: str) -> AsyncIterator[JsonDict]:
        query = {"head_sha": request.head, "event": "pull_request"}
        runs = self._client.pages(f"{self._root}/actions/runs", query, within="workflow_runs")
        async for each in runs:
            is_ours = text_at(each, "path").partition("@")[0] == made_by
            is_here = text_at(each, "head_sha") == request.head != ""
            is_of_request = text_at(each, "event") == "pull_request"
            home = text_at(each, "head_repository", "full_name").lower()
            is_its_branch = (
                text_at(each, "head_branch") == request.source != ""
                and home == self._repository.lower()
            )
            if is_ours and is_here and is_of_request and is_its_branch:
                yield each

    async def _run(self, request: Request, made_by: str) -> JsonDict | str:
        """The newest run of the workflow for the head, or why it has no plan."""
        if request.foreign:
            return "it comes from a fork, whose jobs have no tenant to plan on"
        if not made_by:
            return "it is not known which workflow makes plans: --plan-from"
        runs = [each async for each in self._runs(request, made_by)]
        found = [each for each in runs if text_at(each, "conclusion") != "skipped"]
        if not found:
            return f"no run of {made_by} has planned its head {request.head[:12]}"
        newest = max(found, key=lambda each: moment_at(each, "created_at") or 0.0)
        if text_at(newest, "conclusion") != "success":
            how = text_at(newest, "conclusion") or "under way"
            return f"the last run that planned its head is {how.replace('_', ' ')}"
        return newest if text_at(newest, "id", fits=NUMBER.match) else "its run has no number"

    async def _why_no_evidence(self, request: Request, run: JsonDict) -> str:
        """Why what a run has left may have been made by what the request itself defines."""
        pull = await self._client.get(f"{self._root}/pulls/{request.number}")
        files = [
            each async for each in self._client.pages(f"{self._root}/pulls/{request.number}/files")
        ]
        names = {text_at(e, w) for e in files for w in ("filename", "previous_filename")}
        if any(name.startswith(DEFINES) for name in names):
            return f"it changes {DEFINES}, and with that the workflow that made its plan"
        if at(pull, "changed_files") != len(files):
            return f"it changes too many files to see whether one is of {DEFINES}"
        began = moment_at(run, "created_at") or 0.0
        async for each in self._client.pages(f"{self._root}/issues/{request.number}/timeline"):
            moved = moment_at(each, "created_at")
            if text_at(each, "event") == "base_ref_changed" and (moved is None or moved >= began):
                return "its base branch was changed after it was planned"
        if await self._has_twin(request, began):
            return "its branch had a request into another branch, whose workflow may have run"
        return ""

    async def _has_twin(self, request: Request, began: float) -> bool:
        """Whether another request of the same branch was open as a run began."""
        owner = self._repository.partition("/")[0]
        query = {"head": f"{owner}:{request.source}", "state": "all"}
        async for each in self._client.pages(f"{self._root}/pulls", query):
            if text_at(each, "number") == request.number:
                continue
            opened, closed = moment_at(each, "created_at"), moment_at(each, "closed_at")
            if (opened or 0.0) <= began and (closed is None or closed >= began):
                return True
        return False

    # --- words -----------------------------------------------------------------------------------

    def _flaw(self, request: Request, who: str, review: JsonDict) -> str:
        if text_at(review, "user", "type") != "User":
            return "that is no person"
        if who.lower() == request.author.lower() or not request.author:
            return "they opened the request"
        if text_at(review, "commit_id") != request.head or not request.head:
            return f"{request.head[:12]} was pushed since"
        return ""

    async def _labels(self, path: str) -> AsyncIterator[Words]:
        """Labels that were set and not taken away again, each with who set it last."""
        there: dict[str, JsonDict] = {}
        async for each in self._client.pages(path):
            name, event = text_at(each, "label", "name"), text_at(each, "event")
            if name and event == "labeled":
                there[name] = each
            elif event == "unlabeled":
                there.pop(name, None)
        for name, each in there.items():
            who = text_at(each, "actor", "login")
            flaw = "" if text_at(each, "actor", "type") == "User" else "that is no person"
            yield Words(who, who, name, moment_at(each, "created_at"), flaw=flaw)

    async def _unedited(self, request: Request) -> set[str]:
        """The reviews of which GitHub says that nobody has edited them."""
        owner, _, name = self._repository.partition("/")
        variables: dict[str, object] = {"owner": owner, "name": name, "number": int(request.number)}
        nodes: list[object] = []
        after = None
        while len(nodes) < 5000:
            body = {"query": REVIEW_EDITS, "variables": {**variables, "after": after}}
            answer = await self._client.post(self._graphql, body)
            found = at(answer, "data", "repository", "pullRequest", "reviews")
            got = at(found, "nodes")
            nodes += got if isinstance(got, list) else []
            if at(found, "pageInfo", "hasNextPage") is not True:
                break
            after = text_at(found, "pageInfo", "endCursor")
        return {
            text_at(each, "fullDatabaseId")
            for each in nodes
            if isinstance(each, dict) and "lastEditedAt" in each and each["lastEditedAt"] is None
        }


def _request(value: object, repository: str) -> Request:
    merged = text_at(value, "merge_commit_sha", fits=COMMIT.match)
    here = text_at(value, "head", "repo", "full_name").lower() == repository.lower()
    return Request(
        number=text_at(value, "number", fits=NUMBER.match),
        head=text_at(value, "head", "sha", fits=COMMIT.match),
        author=text_at(value, "user", "login"),
        source=text_at(value, "head", "ref", fits=BRANCH.match),
        target=text_at(value, "base", "ref", fits=BRANCH.match),
        merged_as=(merged,) if merged and text_at(value, "merged_at") else (),
        foreign=not here,
    )


def _words(value: object, text: str, when: str, flaw: str) -> Words:
    who = text_at(value, "user", "login")
    if text_at(value, "user", "type") != "User":
        flaw = "that is no person"
    return Words(who, who, text, moment_at(value, when), text_at(value, "html_url"), flaw)
