"""The log of an image's build, by the name of the image."""

from __future__ import annotations

from peakctl.errors import Diagnostic, PeakctlError, UsageError
from peakctl.model import BuildLog, Key
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project


async def build_log_async(
    project: Project, key: Key, version: str | None = None, *, failed: bool = False
) -> BuildLog:
    """The log of the newest build of a resource, or of its newest failed one.

    `version` is that of the image, None any. Secrets that are known are masked in it. Raises
    UsageError for a kind that is not there, PeakctlError where there is no such build, and
    NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await find_build_log(platform, key, version, failed=failed)


async def find_build_log(
    platform: Platform, key: Key, version: str | None = None, *, failed: bool = False
) -> BuildLog:
    """As `build_log`, on a platform that is connected."""
    adapter = platform.adapters.get(key.kind)
    if adapter is None:
        raise UsageError(Diagnostic("usage/unknown-kind", f'there is no kind "{key.kind}"'))
    for listed in await adapter.find(key.name):
        found = await adapter.build_log(listed, version, failed=failed)
        if found is not None:
            redact = platform.project.redact
            lines = tuple(redact(line) for line in found.lines)
            return BuildLog(found.build, found.version, found.status, lines)
    of = f" of version {version}" if version else ""
    raise PeakctlError(
        Diagnostic(
            code="live/no-build",
            summary=f"there is no {'failed ' if failed else ''}build{of}",
            key=key,
            fix=f"see what there is: peakctl get {key.kind} {key.name}",
        )
    )
