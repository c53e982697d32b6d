"""What a CI job does around a plan or an apply: where it tells of it, and under which marker."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from peakctl.errors import Diagnostic, HostError, PeakctlError, Severity
from peakctl.hosts.comments import Marker, upsert
from peakctl.hosts.find import (
    comments_of,
    connect,
    ended_at,
    find_job,
    find_merged,
    requests_of,
    why_mute,
)
from peakctl.hosts.github import SUMMARY_LIMIT
from peakctl.hosts.job import Job
from peakctl.ledger.lease import LEASE
from peakctl.manifests.project import find_project
from peakctl.model import Lease
from peakctl.model.records import dataclass
from peakctl.operations.ancestry import Checkout
from peakctl.operations.project import Project, place_of
from peakctl.settings import Settings

POSTING_SECONDS = 60.0
"""How long all requests to the host may take together."""
HURRIED_SECONDS = 4.0
"""The same once the job is being cancelled: its runner ends it within seconds."""


@dataclass(frozen=True, slots=True)
class CiContext:
    """The job, the checkout that it works on, and the folder of the project in it.

    `head` is what the job is about: the last commit of the request's branch, else the commit that
    is checked out. `plan_from` was typed: what makes the plans of requests.
    """

    job: Job
    checkout: Checkout
    head: str
    folder: str
    plan_from: str | None = None

    @property
    def made_by(self) -> str:
        """What makes the plans of requests: this workflow, or the job of this one's name."""
        return self.plan_from or self.job.more.get("made_by", "")


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a result was told: the address of the comment, if the host gives one, and warnings."""

    url: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


def find_context(
    settings: Settings, wanted: str | None = None, plan_from: str | None = None
) -> CiContext:
    """The job that this process is, by its variables. Raises nothing, asks nobody but git."""
    job = find_job(settings.environment, wanted)
    file = find_project(Path.cwd())
    root = file.parent if file else Path.cwd()
    checkout = Checkout(root, settings.environment)
    top = checkout.top
    folder = os.path.relpath(os.path.realpath(root), os.path.realpath(top)) if top else "."
    head = job.head or job.commit or checkout.head()
    return CiContext(job, checkout, head, Path(folder).as_posix(), plan_from)


def marker_of(
    context: CiContext, command: str, project: Project | None, environment: str | None
) -> Marker:
    """What the comment on a result is found by.

    The tenant is the one that the environment names, else the address that is asked, as a digest.
    A project that could not be opened is known by its folder.
    """
    if project is None:
        return Marker(command, environment=environment or "", folder=context.folder)
    return Marker(
        command,
        project=project.name or "",
        environment=_slot_of(project),
        tenant=_tenant_word(project),
        folder=context.folder,
    )


def _slot_of(project: Project) -> str:
    """The environment, with its prefix as far as that can be told."""
    try:
        return project.slot
    except PeakctlError:
        return project.environment_name or ""


def _tenant_word(project: Project) -> str:
    environment = project.environment
    if environment is not None and environment.tenant:
        return environment.tenant
    try:
        place = place_of(project)
    except PeakctlError:
        return ""
    return hashlib.sha256(place.encode()).hexdigest()[:8]


async def post(
    context: CiContext, settings: Settings, marker: Marker, body: str, *, hurried: bool = False
) -> Posted:
    """Write the comment on the request of the job, or on the one that brought its commit.

    Raises nothing: what goes wrong is a warning.
    """
    job = context.job
    seconds = HURRIED_SECONDS if hurried else POSTING_SECONDS
    if job.host == "generic" or (not job.request and marker.command == "plan"):
        return Posted()
    if why := why_mute(job):
        return Posted(diagnostics=(_silent(why),))
    try:
        async with asyncio.timeout(seconds), connect(job, settings) as client:
            if not job.request:
                job = job.merged(await find_merged(client, job))
            if not job.request:
                return Posted()
            comment = await upsert(comments_of(client, job), marker, body)
            return Posted(comment.url)
    except TimeoutError:
        return Posted(diagnostics=(_silent(f"the host took more than {seconds:.0f} seconds"),))
    except HostError as error:
        return Posted(diagnostics=tuple(explained(d, job, error.status) for d in error.diagnostics))
    except PeakctlError as error:  # certificates, a proxy
        return Posted(diagnostics=tuple(_silent(d.summary) for d in error.diagnostics))


def explained(told: Diagnostic, job: Job, status: int | None) -> Diagnostic:
    """What a host has refused, with the permission that is missing."""
    summary = f"no comment was written: {told.summary}"
    if status in (401, 403, 404) and job.foreign:
        why = "the request comes from a fork, whose jobs get a token that may only read"
        return replace(told, summary=summary, detail=why)
    if status in (401, 403, 404):
        return replace(told, summary=summary, detail=_NEEDS[job.host])
    return replace(told, summary=summary)


_NEEDS = {
    "github": "the job needs `permissions: {pull-requests: write}`",
    "gitlab": "the token needs the scope `api` and the role Reporter at least",
    "azure": "the build service needs the permission Contribute to pull requests",
}


def _silent(why: str) -> Diagnostic:
    return Diagnostic(
        code="ci/no-comment",
        summary=f"no comment was written: {why}",
        fix="the result above stands; --no-comment says that none is wanted",
        severity=Severity.WARNING,
    )


@dataclass(frozen=True, slots=True)
class Merged:
    """The request whose merge made the commit of a job, and who approved its last commit."""

    request: str = ""
    approvers: tuple[str, ...] = ()


async def find_request(context: CiContext, settings: Settings) -> Merged:
    """The request that a job on the branch applies. Raises nothing: the host may not tell."""
    job = context.job
    if job.request or job.host not in ("github", "gitlab") or why_mute(job):
        return Merged(job.request)
    found = Merged()
    try:
        async with asyncio.timeout(POSTING_SECONDS), connect(job, settings) as client:
            found = Merged(await find_merged(client, job, exactly=True))
            if found.request:
                requests = requests_of(client, job)
                reviews = await requests.reviews(await requests.request(found.request))
                found = replace(found, approvers=tuple(r.by for r in reviews if not r.flaw))
    except (TimeoutError, PeakctlError):
        pass  # what cannot be asked now is told when the result is
    return found


def own_rules(why: str, *, lacks: bool) -> Diagnostic:
    """That a request is judged by the rules that it has itself; `lacks` is for want of a commit."""
    fix = "nothing to do: they are in force once they are merged"
    if lacks:
        fix = "fetch the whole history: fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab"
    return Diagnostic(
        code="ci/own-rules",
        summary="this plan is made by the rules of the request itself",
        detail=why,
        fix=fix,
        severity=Severity.NOTE,
    )


# --- a lease that a job has left -----------------------------------------------------------------


async def has_ended(context: CiContext, settings: Settings, lease: Lease) -> bool:
    """Whether the host says that the job which holds a lease is over, and left it behind.

    A lease that was renewed after that end is held by somebody who is alive. Raises nothing.
    """
    other = lease.actor.ci
    if other is None or why_mute(context.job):
        return False
    try:
        async with asyncio.timeout(POSTING_SECONDS), connect(context.job, settings) as client:
            ended = await ended_at(client, context.job, other)
    except (TimeoutError, PeakctlError):
        return False
    return ended is not None and lease.until - LEASE <= ended + CLOCKS


CLOCKS = 30.0
"""Seconds by which the clocks of the platform and of a host may differ."""

# --- files --------------------------------------------------------------------------------------


def append_summary(file: str, text: str) -> tuple[Diagnostic, ...]:
    """Add `text` to the summary of the step. A warning where that fails."""
    try:
        path = Path(file)
        used = path.stat().st_size if path.exists() else 0
        data = text.encode("utf-8", "backslashreplace")
        if used + len(data) > SUMMARY_LIMIT:
            return (_not_written(file, f"the summary would have more than {SUMMARY_LIMIT} bytes"),)
        with path.open("ab") as opened:
            opened.write(data)
    except (OSError, ValueError) as error:
        return (_not_written(file, getattr(error, "strerror", None) or "it is no path"),)
    return ()


def append_outputs(file: str, outputs: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """Add `name=value` lines for the steps that follow. A warning where that fails."""
    try:
        with Path(file).open("a", encoding="utf-8", errors="backslashreplace") as opened:
            opened.writelines(f"{name}={_one_line(value)}\n" for name, value in outputs.items())
    except (OSError, ValueError) as error:
        return (_not_written(file, getattr(error, "strerror", None) or "it is no path"),)
    return ()


def write_result(file: str, text: str) -> tuple[Diagnostic, ...]:
    """Write the result for another job. A warning where that fails."""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        return (_not_written(file, getattr(error, "strerror", None) or "it is no path"),)
    return ()


def _one_line(value: str) -> str:
    return " ".join(value.splitlines())


def _not_written(file: str, why: str) -> Diagnostic:
    return Diagnostic(
        code="ci/file",
        summary=f'"{file}" was not written: {why}',
        fix="the result above stands; name another file",
        severity=Severity.WARNING,
    )
