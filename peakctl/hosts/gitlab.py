"""GitLab: its CI, and its merge requests with their notes, plans and approvals."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

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
from peakctl.model import CiJob, JsonDict

LIMIT = 1_000_000
"""Characters of a note."""
_APPLIES = re.compile(r"apply\Z")
"""How the names of the jobs of this project end: that of the plan is the same with `plan`."""
DEVELOPER = 30
"""The least access level that may push; maintainers have 40, owners 50."""
CONFIGURATION, INCLUDED = ".gitlab-ci.yml", ".gitlab/"
"""Where what defines a pipeline is, unless the project says otherwise, and what it includes."""
_APPROVED, _RETRACTED = "approved this merge request", "unapproved this merge request"
_MOVED = "changed target branch from"
_EXPIRED = "the artifacts with its plan have expired"
_OVER = ("success", "failed", "canceled", "skipped")
"""The states of a job that has ended."""
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


async def end_of(client: HostClient, job: Job, other: CiJob) -> str | None:
    """When another job ended, whose id is its attempt; None while it has not."""
    found = await client.get(f"/projects/{job.more['own']}/jobs/{other.attempt}")
    return text_at(found, "finished_at") if text_at(found, "status") in _OVER else None


def headers(token: str) -> dict[str, str]:
    """What each request carries."""
    return {"PRIVATE-TOKEN": token}


class GitlabRequests:
    """The merge requests of the project of a job, and which of their plans are evidence.

    A pipeline of a merge request takes its configuration from the branch of the request. It is
    evidence where the request changes none of the files that define jobs. GitLab tells when a
    branch was pushed (the versions of a request), and who approved; when that was, in the notes
    that it writes itself.
    """

    def __init__(self, client: HostClient, job: Job) -> None:
        self._client = client
        self._root = f"/projects/{job.repository}"
        self._branch = job.more.get("branch", "")
        self._known: dict[str, bool] = {}

    async def of_commit(self, commit: str) -> tuple[Request, ...]:
        path = f"{self._root}/repository/commits/{commit}/merge_requests"
        found = [_request(each) async for each in self._client.pages(path)]
        return tuple(r for r in found if r.merged_as and r.target == self._branch != "")

    async def request(self, number: str) -> Request:
        path = f"{self._root}/merge_requests/{number}"
        return check_number(_request(await self._client.get(path)), number, path)

    async def plan(self, request: Request, name: str, made_by: str) -> PlanFile | str:
        """As `Requests`: the job `made_by` of the newest pipeline counts alone, whatever `name`."""
        job = await self._job(request, made_by)
        if isinstance(job, str):
            return job
        made = moment_at(job, "finished_at")
        if not at(job, "artifacts_file") or made is None:
            return _EXPIRED
        if why := await self._why_no_evidence(request, moment_at(job, "created_at") or 0.0):
            return why
        id_ = text_at(job, "id", fits=NUMBER.match)
        data = await download_archive(self._client, f"{self._root}/jobs/{id_}/artifacts")
        if data is None:
            return _EXPIRED
        plan = packed_plan(data)
        return plan if isinstance(plan, str) else PlanFile(plan, made, text_at(job, "web_url"))

    async def seen_at(self, request: Request, made_by: str) -> float | None:
        """When the branch of the request was last pushed, as GitLab has noted it."""
        path = f"{self._merge_request(request)}/versions"
        versions = [each async for each in self._client.pages(path)]
        times = [moment_at(each, "created_at") for each in versions]
        return max((time for time in times if time is not None), default=None)

    async def reviews(self, request: Request) -> tuple[Review, ...]:
        """Who has approved, and the time of the note that GitLab wrote of it.

        GitLab keeps an approval over a push unless the project says otherwise: one that is older
        than the last push is void here.
        """
        approvals = await self._client.get(f"{self._merge_request(request)}/approvals")
        listed = at(approvals, "approved_by")
        now = [text_at(each, "user", "id") for each in listed] if isinstance(listed, list) else []
        times: dict[str, float] = {}
        names: dict[str, str] = {}
        async for each in self._notes(request):
            who = text_at(each, "author", "id")
            names[who] = text_at(each, "author", "username")
            if each.get("system") is True and text_at(each, "body") == _APPROVED:
                times[who] = moment_at(each, "created_at") or 0.0
            elif each.get("system") is True and text_at(each, "body") == _RETRACTED:
                times.pop(who, None)
        pushed = await self.seen_at(request, "")
        return tuple(
            Review(names[who], who, times[who], _flaw(request, who, times[who], pushed))
            for who in now
            if who in times
        )

    async def words(self, request: Request) -> AsyncIterator[Words]:
        """Notes of people, then labels that are still there."""
        async for each in self._notes(request):
            if each.get("system") is True:
                continue
            is_same = text_at(each, "created_at") == text_at(each, "updated_at") != ""
            yield Words(
                text_at(each, "author", "username"),
                text_at(each, "author", "id"),
                text_at(each, "body"),
                moment_at(each, "created_at"),
                flaw="" if is_same else "the comment was edited",
            )
        async for found in self._labels(request):
            yield found

    async def may_write(self, id_: str) -> bool:
        """A bot of an access token is a member too: no note of it is a person's."""
        if id_ not in self._known:
            self._known[id_] = bool(NUMBER.match(id_)) and await self._may_write(id_)
        return self._known[id_]

    async def _may_write(self, id_: str) -> bool:
        try:
            member = await self._client.get(f"{self._root}/members/all/{id_}")
            user = await self._client.get(f"/users/{id_}")
        except HostError as error:
            if error.status != 404:
                raise
            return False
        level, state = at(member, "access_level"), text_at(member, "state")
        is_member = isinstance(level, int) and level >= DEVELOPER and state == "active"
        return is_member and at(user, "bot") is not True

    # --- pipelines -------------------------------------------------------------------------------

    async def _job(self, request: Request, made_by: str) -> JsonDict | str:
        """The job that planned the head of a request last, or why there is none."""
        if request.foreign:
            return "it comes from a fork, whose jobs have no tenant to plan on"
        if not made_by:
            return "it is not known which job makes plans: --plan-from"
        pushed = await self.seen_at(request, made_by)
        path = f"{self._merge_request(request)}/pipelines"
        pipelines = [each async for each in self._client.pages(path)]
        found = [each for each in pipelines if _is_of_head(request, each, pushed)]
        if not found:
            return f"no pipeline has planned its head {request.head[:12]}"
        newest = max(found, key=lambda each: moment_at(each, "created_at") or 0.0)
        number = text_at(newest, "id", fits=NUMBER.match)
        jobs = self._client.pages(f"{self._root}/pipelines/{number}/jobs")
        ours = [each async for each in jobs if text_at(each, "name") == made_by]
        if not ours:
            return f'the last pipeline of its head has no job "{made_by}"'
        job = max(ours, key=lambda each: moment_at(each, "created_at") or 0.0)
        status = text_at(job, "status")
        return job if status == "success" else f"the last job that planned its head is {status}"

    async def _why_no_evidence(self, request: Request, began: float) -> str:
        """Why what a job has left may have been made by what the request itself defines."""
        found = await self._client.get(self._merge_request(request))
        files = self._client.pages(f"{self._merge_request(request)}/diffs")
        changed = [each async for each in files]
        names = {text_at(each, word) for each in changed for word in ("new_path", "old_path")}
        file = text_at(await self._client.get(self._root), "ci_config_path") or CONFIGURATION
        if any(name in (file, CONFIGURATION) or name.startswith(INCLUDED) for name in names):
            return f"it changes {file} or {INCLUDED}, and with that the job that made its plan"
        if text_at(found, "changes_count") != str(len(changed)):
            return "it changes too many files to see whether one defines jobs"
        async for each in self._notes(request):
            moved = moment_at(each, "created_at")
            is_move = each.get("system") is True and text_at(each, "body").startswith(_MOVED)
            if is_move and (moved is None or moved >= began):
                return "its target branch was changed after it was planned"
        return ""

    def _merge_request(self, request: Request) -> str:
        return f"{self._root}/merge_requests/{request.number}"

    # --- words -----------------------------------------------------------------------------------

    def _notes(self, request: Request) -> AsyncIterator[JsonDict]:
        query = {"sort": "asc", "order_by": "created_at"}
        return self._client.pages(f"{self._merge_request(request)}/notes", query)

    async def _labels(self, request: Request) -> AsyncIterator[Words]:
        there: dict[str, JsonDict] = {}
        path = f"{self._merge_request(request)}/resource_label_events"
        async for each in self._client.pages(path):
            name, action = text_at(each, "label", "name"), text_at(each, "action")
            if name and action == "add":
                there[name] = each
            elif action == "remove":
                there.pop(name, None)
        for name, each in there.items():
            who, id_ = text_at(each, "user", "username"), text_at(each, "user", "id")
            yield Words(who, id_, name, moment_at(each, "created_at"))


def _request(value: object) -> Request:
    """`author` is the number of the account: names can change."""
    made = (text_at(value, word, fits=COMMIT.match) for word in _MERGED_AS)
    is_merged = text_at(value, "state") == "merged"
    return Request(
        number=text_at(value, "iid", fits=NUMBER.match),
        head=text_at(value, "sha", fits=COMMIT.match),
        author=text_at(value, "author", "id"),
        source=text_at(value, "source_branch", fits=BRANCH.match),
        target=text_at(value, "target_branch", fits=BRANCH.match),
        merged_as=tuple(filter(None, made)) if is_merged else (),
        foreign=text_at(value, "source_project_id") != text_at(value, "target_project_id"),
    )


_MERGED_AS = ("merge_commit_sha", "squash_commit_sha", "sha")
"""What a merge leaves on the branch; the last one where it is fast-forward."""


def _is_of_head(request: Request, pipeline: object, pushed: float | None) -> bool:
    """Whether a pipeline ran for the head: one of a merged result has a commit of its own."""
    if text_at(pipeline, "source") not in ("merge_request_event", ""):
        return False
    ref, began = text_at(pipeline, "ref"), moment_at(pipeline, "created_at")
    if text_at(pipeline, "sha") == request.head != "":
        return ref in (f"refs/merge-requests/{request.number}/{w}" for w in ("head", "merge"))
    is_result = ref == f"refs/merge-requests/{request.number}/merge"
    return is_result and began is not None and pushed is not None and began >= pushed


def _flaw(request: Request, who: str, when: float, pushed: float | None) -> str:
    if who == request.author or not request.author:
        return "they opened the request"
    if pushed is None or when < pushed:
        return f"{request.head[:12]} was pushed since"
    return ""
