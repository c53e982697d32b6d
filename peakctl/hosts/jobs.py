"""Whether another job of the same host has ended, so that nobody waits for a lease that it left."""

from __future__ import annotations

import re
from datetime import datetime

from peakctl.errors import HostError
from peakctl.hosts.client import HostClient
from peakctl.hosts.job import Job, text_at
from peakctl.model import CiJob

REQUEST_SECONDS = 180.0
"""How long after its end a request of a job may still arrive at the platform."""
_NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z")
_OVER = ("success", "failed", "canceled", "skipped")


async def ended_at(client: HostClient, job: Job, other: CiJob) -> float | None:
    """When `other` ended, in seconds since 1970 by the host's clock; None unless that is certain.

    It is certain once so much time has passed that nothing of it can be on its way any more. Of
    GitHub the whole attempt of a run must have ended, of GitLab the job. Raises HostError.
    """
    find = {"github": _of_github, "gitlab": _of_gitlab}.get(job.host)
    if find is None or not _is_ours(job, other):
        return None
    ended, now = await find(client, job, other), client.server_time
    return (
        ended if ended is not None and now is not None and ended + REQUEST_SECONDS < now else None
    )


def _is_ours(job: Job, other: CiJob) -> bool:
    """Whether the other job is of the same host and project: its numbers mean nothing elsewhere."""
    return bool(job.jobs_at) and other.url.startswith(job.jobs_at)


async def _of_github(client: HostClient, job: Job, other: CiJob) -> float | None:
    if not _NUMBER.match(other.run):
        return None
    path = f"/repos/{job.repository}/actions/runs/{other.run}/attempts/{other.attempt}"
    found = await client.get(path)
    return _time(text_at(found, "updated_at")) if text_at(found, "status") == "completed" else None


async def _of_gitlab(client: HostClient, job: Job, other: CiJob) -> float | None:
    """The attempt of a job of GitLab is its id."""
    found = await client.get(f"/projects/{job.more['own']}/jobs/{other.attempt}")
    return _time(text_at(found, "finished_at")) if text_at(found, "status") in _OVER else None


def _time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise HostError.of("the host does not tell when a job has ended") from None
