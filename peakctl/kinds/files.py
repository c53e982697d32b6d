"""Files that a manifest names: inside the project, and complained of where they are named."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

from peakctl import files
from peakctl.errors import Diagnostic, PeakctlError, Severity
from peakctl.model import Secret, reveal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from peakctl.kinds.complaints import Complaints
    from peakctl.model import Archive, Document, Path

TEXT_FILES = (".md", ".txt")
"""What the platform's own client takes for descriptions and notes."""


class Surroundings(Protocol):
    """What of a document under way the files beside it concern."""

    document: Document
    complaints: Complaints
    project_root: FilePath
    pack: Callable[[FilePath, Sequence[str] | None, FilePath], Archive] | None


def read_text(name: str | Secret, path: Path, reading: Surroundings) -> str | None:
    """The text of the file `name` beside the manifest; None with a complaint at `path`.

    Every line end is a line feed, as in a text that stands in the manifest itself.
    """
    add = reading.complaints.add
    if isinstance(name, Secret):
        reading.complaints.tainted(path, "a path")
        return None
    file = _inside(name, path, reading)
    if file is None:
        return None
    if file.suffix.lower() not in TEXT_FILES:
        add("file-type", path, f'"{name}" is neither .md nor .txt', fix="name a .md or .txt file")
        return None
    try:
        text = files.read_text(file)
    except files.Unreadable as error:
        code = "file-missing" if error.code == "unreadable" else "file-type"
        summary = f'"{name}" cannot be read: {error.reason}'
        add(code, path, summary, fix=error.fix or _beside(reading))
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def pack_folder(value: Mapping[str, Any], path: Path, reading: Surroundings) -> Archive | None:
    """The archive of the folder that an `artifact` field names; None with complaints."""
    name = value["path"]
    if isinstance(name, Secret):
        reading.complaints.tainted((*path, "path"), "a path")
        return None
    folder = _inside(name, (*path, "path"), reading)
    if folder is None:
        return None
    if reading.pack is None:
        raise TypeError("an artifact cannot be read without pack")
    ignore = value.get("ignore_files")
    place = (*path, "path")
    try:
        archive = reading.pack(folder, reveal(ignore), reading.project_root)
    except PeakctlError as error:
        for problem in error.diagnostics:
            reading.complaints.place(problem, place)
        return None
    for n in archive.notices:
        warning = Diagnostic(
            n.code, n.summary, detail=n.detail, fix=n.fix, severity=Severity.WARNING
        )
        reading.complaints.place(warning, place)
    return archive


def _inside(name: str, path: Path, reading: Surroundings) -> FilePath | None:
    """The file or folder `name`, resolved; None with a complaint when it leaves the project."""
    root = reading.project_root.resolve()
    named = FilePath(reading.document.folder) / name
    try:
        found = FilePath(os.path.realpath(named))
    except (OSError, ValueError):
        reading.complaints.add("file-missing", path, f'"{name}" is not a path')
        return None
    if found.is_relative_to(root):
        is_broken = os.path.islink(named) and not os.path.exists(found)  # noqa: PTH110, PTH114
        return named if is_broken else found
    summary = f'"{name}" leads out of the project'
    fix = "move it under the folder of peakctl.yaml"
    reading.complaints.add("outside-project", path, summary, fix=fix)
    return None


def _beside(reading: Surroundings) -> str:
    return f"paths are relative to the manifest's folder, {reading.document.folder}"
