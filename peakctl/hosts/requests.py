"""What a host says of the requests that were merged: their plans, their approvals, their words.

All of it is evidence only as far as the author of a request cannot make it: `GithubRequests` and
`GitlabRequests` say for each plan why it is none. Times are the host's own.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from peakctl.errors import HostError
from peakctl.hosts.job import text_at
from peakctl.model.records import dataclass

if TYPE_CHECKING:  # who asks nothing of a host loads no client
    from peakctl.hosts.client import HostClient

LARGEST_ARTIFACT = 128 * 2**20
"""Bytes of an archive of a job: a plan file has 64 MiB at most, and packs well."""
LARGEST_PLAN = 64 * 2**20
MOST_MEMBERS = 1000
"""Files of an archive; the job of a plan keeps a handful."""
SUFFIX = ".peakplan"


@dataclass(frozen=True, slots=True)
class Request:
    """A pull or merge request: `head` is the last commit of its branch, `source` that branch.

    `author` opened it. `merged_as` are the commits that its merge made on `target`. `foreign` says
    that the branch is in a fork.
    """

    number: str
    head: str
    author: str
    source: str = ""
    target: str = ""
    merged_as: tuple[str, ...] = ()
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan that a job of the request left, and when the host had got it."""

    data: bytes
    at: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """That somebody approved a request: `at` is when, `id` their account.

    `flaw` says why it does not count.
    """

    by: str
    id: str
    at: float
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody said on a request where it may be a consent; `id` is their account.

    `flaw` says why nothing in it counts. `at` is None where the host does not tell when it was.
    """

    by: str
    id: str
    text: str
    at: float | None
    url: str = ""
    flaw: str = ""


class Requests(Protocol):
    """The requests of the repository of a job. Methods raise HostError.

    `made_by` names what makes plans: on GitHub a workflow file, on GitLab a job.
    """

    async def of_commit(self, commit: str) -> tuple[Request, ...]:
        """Those whose merge brought a commit to the branch of the job."""

    async def request(self, number: str) -> Request:
        """One request, merged or not."""

    async def plan(self, request: Request, name: str, made_by: str) -> PlanFile | str:
        """The plan that `made_by` made last for the head of a request; else why there is none.

        `name` is that of its artifact, where the host has names.
        """

    async def seen_at(self, request: Request, made_by: str) -> float | None:
        """When the host first had the head of a request, at the latest; None if it is not told."""

    async def reviews(self, request: Request) -> tuple[Review, ...]:
        """Who approved the head of a request and has not taken it back, or why it is void."""

    def words(self, request: Request) -> AsyncIterator[Words]:
        """All that was said on a request, but for its title and description."""

    async def may_write(self, id_: str) -> bool:
        """Whether an account may write to the repository."""


def moment_at(value: object, *path: str) -> float | None:
    """The time at `path`, in seconds since 1970."""
    try:
        return datetime.fromisoformat(text_at(value, *path)).timestamp()
    except (ValueError, OverflowError):
        return None


def packed_plan(data: bytes, digest: str = "") -> bytes | str:
    """The plan file in the archive of a job, or what is wrong with that.

    `digest` is what the host says of the archive, "" where it says nothing.
    """
    told = digest.removeprefix("sha256:")
    if told and told != hashlib.sha256(data).hexdigest():
        return "its archive is not the one that the host has a digest of"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            plans = [each for each in members if each.filename.endswith(SUFFIX)]
            if len(members) > MOST_MEMBERS or len(plans) != 1:
                return f"its archive has {len(plans)} plan files among {len(members)}"
            with archive.open(plans[0]) as opened:
                found = opened.read(LARGEST_PLAN + 1)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        return "its archive cannot be read"
    except Exception as error:  # noqa: BLE001 - zlib.error and its likes: the archive is a stranger's
        return f"its archive cannot be read: {type(error).__name__}"
    return found if len(found) <= LARGEST_PLAN else "its plan file is too large"


async def download_archive(client: HostClient, path: str) -> bytes | None:
    """The archive of a job; None where the host does not have it any more. Raises HostError."""
    try:
        return await client.download(path, LARGEST_ARTIFACT)
    except HostError as error:
        if error.status in (404, 410):
            return None
        raise


def check_number(found: Request, number: str, path: str) -> Request:
    """The request that was asked for. Raises HostError where the host tells of another one."""
    if found.number != number:
        raise HostError.of(f"GET {path}: the host tells of another request, or of none")
    return found
