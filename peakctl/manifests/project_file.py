"""Finding and reading peakctl.yaml, with every complaint about it in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError
from peakctl.manifests.parse import parse_value
from peakctl.manifests.project_check import check_project
from peakctl.manifests.rendered import Rendered
from peakctl.manifests.sources import PROJECT_FILES, read_text
from peakctl.model import Source

if TYPE_CHECKING:
    from pathlib import Path

    from peakctl.manifests.project import Project


def find_project(start: Path) -> Path | None:
    """The nearest peakctl.yaml from the folder `start` upwards."""
    start = start.absolute()
    files = (folder / name for folder in (start, *start.parents) for name in PROJECT_FILES)
    return next((file for file in files if file.is_file()), None)


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
    source = Source(str(file), file.name, text)
    value, document, problems = parse_value(Rendered(source, text))
    if problems:
        raise UsageError(*problems)
    if document is None:
        raise UsageError(
            Diagnostic(
                code="project/empty",
                summary=f"{file.name} is empty",
                fix="begin with project: <name>",
            )
        )
    return check_project(value, document, file)
