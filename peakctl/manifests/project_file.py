"""Finding and reading peakctl.yaml, with every complaint about it in its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError
from peakctl.manifests.parse import parse_value
from peakctl.manifests.project_check import check_project
from peakctl.manifests.render import Rendered
from peakctl.manifests.sources import PROJECT_FILES, read_text
from peakctl.model import Location, Source

if TYPE_CHECKING:
    from pathlib import Path

    from peakctl.manifests.project import Project


def find_project(start: Path) -> Path | None:
    """The nearest peakctl.yaml from the folder `start` upwards."""
    start = start.absolute()
    files = (folder / name for folder in (start, *start.parents) for name in PROJECT_FILES)
    return next((file for file in files if os.path.lexists(file)), None)


def load_project(start: Path) -> Project | None:
    """The project that the folder `start` lies in, None outside of any.

    Raises UsageError with all that is wrong in peakctl.yaml.
    """
    file = find_project(start)
    if file is None:
        return None
    text = read_text(file, file.name)
    if isinstance(text, Diagnostic):
        raise UsageError(text)
    other = file.with_name(PROJECT_FILES[1])
    if other != file and os.path.lexists(other):
        raise UsageError(_two_files(file, other))
    return parse_project(text, file, file.name)


def parse_project(text: str, file: Path, display: str, *, files: bool = True) -> Project:
    """The project that `text`, of `file`, describes. Complaints call it `display`.

    Without `files`, those that it names need not be there: it is of another commit. Raises
    UsageError with all that is wrong.
    """
    source = Source(str(file), display, text)
    value, document, problems = parse_value(Rendered(source, text))
    if document is None:
        raise UsageError(*(problems or (_empty(display),)))
    return check_project(value, document, file, problems, files=files)


def _empty(display: str) -> Diagnostic:
    return Diagnostic(
        code="project/empty",
        summary=f"{display} is empty",
        locations=(Location(display, 1, 1),),
        fix="begin with project: <name>",
    )


def _two_files(file: Path, other: Path) -> Diagnostic:
    return Diagnostic(
        code="project/two-files",
        summary=f"there are both {file.name} and {other.name}",
        locations=(Location(file.name, 1, 1), Location(other.name, 1, 1)),
        fix="keep one of them",
    )
