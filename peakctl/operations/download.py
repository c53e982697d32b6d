"""The archive of a version as a file, as the platform keeps it. Nothing is overwritten unasked."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from peakctl.errors import Diagnostic, PeakctlError, Severity, UsageError, nearest_names
from peakctl.kinds.fields import NOT_RETURNED, Field, Kind
from peakctl.model import KeptVersion, Key, Listed
from peakctl.model.records import dataclass
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project
from peakctl.operations.target import find_target

_LONGEST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """What was downloaded: which version, where it is now, and how many bytes it has."""

    key: Key
    version: str
    file: Path
    size: int
    diagnostics: tuple[Diagnostic, ...] = ()


async def download_async(
    project: Project,
    key: Key,
    version: str | None = None,
    *,
    to: Path | str | None = None,
    force: bool = False,
) -> DownloadResult:
    """Write the archive of a version (None: of the newest) to a file.

    `to` is that file, or a folder for one named after resource and version (default: the working
    folder). A file that is there is overwritten with `force` alone. Raises UsageError for a kind
    without archives and for a file that is there, PeakctlError where there is no such resource or
    version, OSError, and NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await download_archive(platform, key, version, to=to, force=force)


async def download_archive(
    platform: Platform,
    key: Key,
    version: str | None = None,
    *,
    to: Path | str | None = None,
    force: bool = False,
) -> DownloadResult:
    """As `download_async`, on a platform that is connected."""
    if key.kind not in platform.kinds:
        raise UsageError(Diagnostic("usage/unknown-kind", f'there is no kind "{key.kind}"'))
    _refuse_kind(platform.kinds[key.kind], platform.kinds)
    _refuse_early(to, force=force)
    listed = await find_target(platform, key)
    adapter = platform.adapters[key.kind]
    found = _choose(key, version, await adapter.versions(listed))
    path = await adapter.archive_path(listed, found.number)
    if path is None:
        raise PeakctlError(_holds_none(key, found.number))
    file = _file_of(listed, found.number, Path() if to is None else Path(to))
    _refuse_file(file, force=force)
    with _written(file, force=force) as sink:
        await platform.api.save(path, sink)
        size = _checked(sink, key, found.number)
    return DownloadResult(key, found.number, file, size, _older(key, found, version))


def _choose(key: Key, wanted: str | None, versions: Sequence[KeptVersion]) -> KeptVersion:
    """The version that is asked for, or the newest. Raises PeakctlError where it is not there."""
    for each in versions:
        if wanted in (None, each.number):
            return each
    numbers = [each.number for each in versions]
    near = nearest_names(wanted or "", numbers) or numbers[:_SHOWN]
    raise PeakctlError(
        Diagnostic(
            code="live/no-version",
            summary=f"there is no version {wanted}" if wanted else "it has no version",
            key=key,
            detail=f"versions: {', '.join(numbers[:_SHOWN])}" if numbers else "",
            fix=f"did you mean: {key}@{near[0]}" if near else f"see peakctl get {key.kind}",
        )
    )


def _older(key: Key, found: KeptVersion, wanted: str | None) -> tuple[Diagnostic, ...]:
    """Without a version the newest is taken, which the user is told: it may be another tomorrow."""
    if wanted is not None:
        return ()
    summary = f"the newest version is {found.number}"
    fix = f"to download the same one later: {key}@{found.number}"
    return (Diagnostic("download/newest", summary, key=key, fix=fix, severity=Severity.NOTE),)


# --- which kinds ---------------------------------------------------------------------------------


def _refuse_kind(kind: Kind, kinds: Mapping[str, Kind]) -> None:
    """Return for a kind whose archives the platform gives back. Raises UsageError otherwise."""
    found = set(_archives(kind.root))
    if True in found:
        return
    those = " and ".join(name for name, each in kinds.items() if True in {*_archives(each.root)})
    why, fix = "resources of this kind have no archive", f"see one: peakctl get {kind.name} NAME"
    if NOT_RETURNED in found:
        why = "the platform does not give archives of this kind back"
        fix = f"find the commit of a version: peakctl history {kind.name}/NAME"
    raise UsageError(
        Diagnostic(
            code="usage/no-archive",
            summary=f"{kind.name}: {why}",
            detail=f"archives can be downloaded of {those}",
            fix=fix,
        )
    )


def _archives(rule: Field) -> Iterator[bool | str]:
    """What the schema says of each field that names a folder to upload."""
    if rule.archive:
        yield rule.archive
    inner = [*rule.properties.values(), *rule.variants.values(), rule.items, rule.extra]
    for each in inner:
        if each is not None and each.touches:
            yield from _archives(each)


def _holds_none(key: Key, version: str) -> Diagnostic:
    return Diagnostic(
        code="live/no-archive",
        summary=f"version {version} holds no archive",
        key=key,
        detail="it is made of images that existed before, or was deleted meanwhile",
        fix=f"see what it is made of: peakctl get {key.kind} {key.name}",
    )


# --- the file ------------------------------------------------------------------------------------


def safe_name(name: str, version: str) -> str:
    """A name of a file for a version, on every system: `price-model-1.2.0.zip`."""
    words = _UNSAFE.sub("_", f"{name[:_LONGEST]}-{version[:_LONGEST]}").lstrip(".-")
    words = f"_{words}" if _DEVICE.match(words) else words
    return f"{words or 'archive'}.zip"


def _file_of(listed: Listed, version: str, to: Path) -> Path:
    return to / safe_name(listed.name, version) if to.is_dir() else to


def _refuse_early(to: Path | str | None, *, force: bool) -> None:
    """As `_refuse_file`, before anything is asked: where the name of the file is known by then."""
    if to is not None and not Path(to).is_dir():
        _refuse_file(Path(to), force=force)


def _refuse_file(file: Path, *, force: bool) -> None:
    """Return where `file` may be written. Raises UsageError otherwise."""
    why, fix = "", ""
    if file.is_dir():
        why, fix = "it is a folder", "name a file, or a folder that has no folder of that name"
    elif os.path.lexists(file) and not (force and file.is_file() and not file.is_symlink()):
        why = "it exists" if file.is_file() and not file.is_symlink() else "it is no plain file"
        fix = "name another file with --to" + (", or add --force" if why == "it exists" else "")
    elif not file.parent.is_dir():
        why, fix = f'there is no folder "{file.parent}"', "make that folder, or name another"
    if why:
        raise UsageError(Diagnostic("files/exists", f'"{file}" cannot be written: {why}', fix=fix))


@contextlib.contextmanager
def _written(file: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A file beside `file`, for its owner alone, that takes its name once it is whole.

    Without `force` a file that has come to be there meanwhile stays as it is: FileExistsError.
    """
    number, part = tempfile.mkstemp(dir=file.parent, prefix=".peakctl-", suffix=".part")
    try:
        with os.fdopen(number, "w+b") as sink:
            yield sink
        if force:
            Path(part).replace(file)
        else:
            os.link(part, file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(part).unlink()


def _checked(sink: BinaryIO, key: Key, version: str) -> int:
    """The size of a whole archive. Raises PeakctlError for what is none."""
    sink.flush()
    size = sink.seek(0, os.SEEK_END)
    if not zipfile.is_zipfile(sink):
        raise PeakctlError(
            Diagnostic(
                code="download/no-archive",
                summary=f"what the platform gives for version {version} is no zip archive",
                key=key,
                detail=f"{size} bytes; nothing was written",
                fix="run the same command again; if it says the same, the archive is damaged there",
            )
        )
    return size
