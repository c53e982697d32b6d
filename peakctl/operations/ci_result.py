"""The result file of an untrusted job: read with care, and told on the request that it is of."""

from __future__ import annotations

import asyncio
import io
import json
import os
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from peakctl.errors import Diagnostic, HostError, PeakctlError, Severity
from peakctl.hosts.comments import Marker, upsert
from peakctl.hosts.find import comments_of, connect, why_mute
from peakctl.hosts.job import OWN_TOKEN, read_event
from peakctl.hosts.untrusted import EndedRun, find_request, read_run
from peakctl.kinds.validate import is_output
from peakctl.model import JsonDict
from peakctl.model.records import dataclass
from peakctl.operations.ci import POSTING_SECONDS, CiContext, explained
from peakctl.settings import Settings

LARGEST_RESULT = 4 * 2**20
"""Bytes of a result file, unpacked too; more than its schema has room for."""
_ZIP = b"PK\x03\x04"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class UnusableResult(PeakctlError):
    """A result file that is not shown."""


@dataclass(frozen=True, slots=True)
class ToldResult:
    """Where a result was told. `request` is "" where no open request is of its commit."""

    request: str = ""
    url: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


def read_result(file: str | Path) -> JsonDict:
    """What is in a result file, or in the zip archive of that one file that hosts make of it.

    No more than `LARGEST_RESULT` is ever held, and it has the shape of schemas/output/result.json.
    Raises UnusableResult.
    """
    data = _read(Path(file))
    if data.startswith(_ZIP):
        data = _unzipped(data)
    try:
        found = json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)
        data = json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _unusable("it is no JSON") from None
    if not is_output("result", found):
        raise _unusable("it has not the shape of schemas/output/result.json")
    return dict(found)


def _read(path: Path) -> bytes:
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | _NOT_WAITING)
        with os.fdopen(number, "rb") as opened:
            data = opened.read(LARGEST_RESULT + 1)
    except (OSError, ValueError) as error:
        raise _unusable(getattr(error, "strerror", None) or "it is no path") from None
    if len(data or b"") > LARGEST_RESULT:
        raise _too_large()
    return data or b""


_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)  # a pipe would have no end


def _unzipped(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].compress_type not in _METHODS:
                raise _unusable("the archive does not hold one plain file")
            with archive.open(members[0]) as member:
                found = member.read(LARGEST_RESULT + 1)  # whatever its header says
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError):
        raise _unusable("the archive cannot be unpacked") from None
    if len(found) > LARGEST_RESULT:
        raise _too_large()
    return found


def _once(pairs: list[tuple[str, object]]) -> JsonDict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(word: str) -> object:
    raise ValueError(word)


def _too_large() -> UnusableResult:
    return _unusable(f"it has more than {LARGEST_RESULT // 2**20} MiB")


def _unusable(why: str) -> UnusableResult:
    return UnusableResult(
        Diagnostic(
            code="ci/result",
            summary=f"the result of the job is not shown: {why}",
            fix="the log of that job has what it printed",
        )
    )


# --- telling -------------------------------------------------------------------------------------


def ended_run(settings: Settings) -> EndedRun | None:
    """The run whose end started this job, by the event of GitHub."""
    event = read_event(settings.environment.get("GITHUB_EVENT_PATH", ""))
    return None if isinstance(event, str) else read_run(event)


async def tell_result(
    context: CiContext, settings: Settings, marker: Marker, body: str, run: EndedRun | None
) -> ToldResult:
    """Write the comment on the request that `run` is of, else on that of the job itself.

    Raises PeakctlError where it cannot be written.
    """
    job = context.job
    if why := why_mute(job):
        raise PeakctlError(_not_told(why))
    try:
        async with asyncio.timeout(POSTING_SECONDS), connect(job, settings) as client:
            request = job.request if run is None else await find_request(client, job, run)
            if not request:
                return ToldResult(diagnostics=(_nowhere(run),))
            comment = await upsert(comments_of(client, job.merged(request)), marker, body)
            return ToldResult(request, comment.url)
    except TimeoutError:
        raise PeakctlError(_not_told(f"the host took over {POSTING_SECONDS:.0f} seconds")) from None
    except HostError as error:
        told = (explained(each, job, error.status) for each in error.diagnostics)
        fix = "docs/ci.md says what the token must be allowed"
        raise PeakctlError(*(replace(d, fix=fix, severity=Severity.ERROR) for d in told)) from None


def _not_told(why: str) -> Diagnostic:
    summary = f"no comment was written: {why}"
    return Diagnostic("ci/no-comment", summary, fix="docs/ci.md has a job that may comment")


def _nowhere(run: EndedRun | None) -> Diagnostic:
    if run is None:
        return Diagnostic(
            code="ci/no-comment",
            summary="no comment was written: this job is of no request, and of no run that ended",
            fix=f"start it by workflow_run, as docs/ci.md shows; the token is {OWN_TOKEN}",
            severity=Severity.WARNING,
        )
    return Diagnostic(
        code="ci/no-comment",
        summary=f"no comment was written: no open request is at {run.head[:12]} any more",
        fix="nothing: what was pushed since has a run of its own",
        severity=Severity.NOTE,
    )
