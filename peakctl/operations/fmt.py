"""Manifests with their keys in the order of the schema."""

from __future__ import annotations

import os
from pathlib import Path

from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.formatter import CannotFormat, format_manifest
from peakctl.model import Location, Source
from peakctl.model.records import dataclass
from peakctl.operations.load import read_sources
from peakctl.operations.new_files import write_files
from peakctl.operations.project import Project

_TOP = Path(os.sep)
"""Files that were named may lie anywhere."""


@dataclass(frozen=True, slots=True)
class FmtResult:
    """Which files were not in order, by the names that users are shown; `checked` are all.

    `diagnostics` are of files that were left as they are.
    """

    changed: tuple[str, ...]
    checked: int
    diagnostics: tuple[Diagnostic, ...] = ()


def fmt(project: Project, *, check: bool = False) -> FmtResult:
    """Put the keys of all manifests in order, or with `check` only say which are not.

    All files are written, or none. Raises ManifestsInvalid for files that cannot be read, and
    OSError where one cannot be written.
    """
    sources = read_sources(project)
    told: list[Diagnostic] = []
    files: dict[str, bytes] = {}
    changed: list[str] = []
    for source in sources:
        text = _formatted(source, told)
        if text != source.text:
            changed.append(source.display)
            files[os.path.relpath(os.path.realpath(source.path), _TOP)] = text.encode()
    if not check:
        write_files(_TOP, files, replace=files)
    return FmtResult(tuple(changed), len(sources), tuple(told))


def _formatted(source: Source, told: list[Diagnostic]) -> str:
    try:
        return format_manifest(source.text, load_kinds())
    except CannotFormat as error:
        told.append(
            Diagnostic(
                code="fmt/left-alone",
                summary=f"it is left as it is: {error}",
                locations=(Location(source.display, 1, 1),),
                severity=Severity.WARNING,
            )
        )
        return source.text
