"""Which host this job is of, and what speaks with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from peakctl.errors import HostError
from peakctl.hosts import azure, github, gitlab
from peakctl.hosts.client import HostClient
from peakctl.hosts.comments import Comments
from peakctl.hosts.job import OWN_TOKEN, Job
from peakctl.hosts.requests import Requests
from peakctl.model import CiJob
from peakctl.settings import Settings

if TYPE_CHECKING:
    from peakctl.api.http import httpx

_FINDERS: Mapping[str, Callable[[Mapping[str, str]], Job | None]] = {
    "github": github.find_job,
    "gitlab": gitlab.find_job,
    "azure": azure.find_job,
    "generic": lambda _: Job("generic"),
}
HOSTS = tuple(_FINDERS)
_COMMENTS: Mapping[str, Callable[[HostClient, Job], Comments]] = {
    "github": github.GithubComments,
    "gitlab": gitlab.GitlabComments,
    "azure": azure.AzureComments,
}
_REQUESTS: Mapping[str, Callable[[HostClient, Job], Requests]] = {
    "github": github.GithubRequests,
    "gitlab": gitlab.GitlabRequests,
}
_HEADERS = {"github": github.headers, "gitlab": gitlab.headers, "azure": azure.headers}
_TOKENS = {"github": github.TOKENS, "gitlab": gitlab.TOKENS, "azure": azure.TOKENS}
_MERGED = {"github": github.find_merged, "gitlab": gitlab.find_merged}
_ENDS = {"github": github.end_of, "gitlab": gitlab.end_of}
REQUEST_SECONDS = 180.0
"""How long after its end a request of a job may still arrive at the platform."""


def find_job(environment: Mapping[str, str], wanted: str | None = None) -> Job:
    """The job by the variables that its CI documents, of the host that is `wanted` if any is.

    Elsewhere it is one of `generic`, which can neither comment nor knows a request.
    """
    names = HOSTS if wanted is None else (wanted, "generic")
    found = (_FINDERS[name](environment) for name in names)
    return next(job for job in found if job is not None)


def open_transport(settings: Settings) -> httpx.AsyncBaseTransport:
    """The transport to a host: the certificates and proxies that the platform is reached with."""
    from peakctl.api.client import socket_transport
    from peakctl.api.limits import Limits

    return socket_transport(Limits(connect=10.0, read=20.0), settings.network)


def why_mute(job: Job) -> str:
    """Why no comment can be written for a job; "" where nothing stands in the way."""
    if job.host not in _COMMENTS:
        return "this CI is not one whose requests can be commented on"
    if not (job.repository and job.api):
        return "the variables do not tell which repository, or where its API is"
    if not job.token_from:
        names = " or ".join((*_TOKENS[job.host], OWN_TOKEN))
        return f"there is no token for {job.host}: set {names}"
    return ""


@contextlib.asynccontextmanager
async def connect(job: Job, settings: Settings) -> AsyncIterator[HostClient]:
    """A client with the token of the job. Raises HostError where `why_mute` has a reason."""
    why = why_mute(job)
    if why:
        raise HostError.of(why)
    token = settings.environment[job.token_from].strip()
    if not (token.isascii() and token.isprintable()):
        raise HostError.of(f"{job.token_from} holds characters that no token has")
    headers = _HEADERS[job.host](token)
    async with HostClient(open_transport(settings), job.api, headers) as client:
        yield client


def requests_of(client: HostClient, job: Job) -> Requests:
    """What GitHub or GitLab says of the requests of the repository of a job."""
    return _REQUESTS[job.host](client, job)


def comments_of(client: HostClient, job: Job) -> Comments:
    """The comments of the request of a job that has one."""
    return _COMMENTS[job.host](client, job)


async def find_merged(client: HostClient, job: Job, *, exactly: bool = False) -> str:
    """The request that brought the commit of the job, for a job on the branch; "" if none did.

    `exactly` leaves out those that only hold the commit: it must be what the merge made.
    """
    find = _MERGED.get(job.host)
    return await find(client, job, exactly=exactly) if find is not None and job.commit else ""


async def ended_at(client: HostClient, job: Job, other: CiJob) -> float | None:
    """When `other` ended, in seconds since 1970 by the host's clock; None unless that is certain.

    It is certain once so much time has passed that nothing of it can be on its way any more. Of
    GitHub the whole attempt of a run must have ended, of GitLab the job. Raises HostError.
    """
    find, is_ours = _ENDS.get(job.host), job.jobs_at and other.url.startswith(job.jobs_at)
    if find is None or not is_ours:  # what runs elsewhere has other numbers
        return None
    told, now = await find(client, job, other), client.server_time
    if told is None:
        return None
    try:
        ended = datetime.fromisoformat(told).timestamp()
    except ValueError:
        raise HostError.of("the host does not tell when a job has ended") from None
    return ended if now is not None and ended + REQUEST_SECONDS < now else None
