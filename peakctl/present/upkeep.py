"""What keeps a tenant in order, as lines and rows: archives, owners, versions to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.present.files import size_text
from peakctl.present.text import Line, line

if TYPE_CHECKING:
    from peakctl.model import JsonDict
    from peakctl.operations.download import DownloadResult


def download_lines(found: DownloadResult) -> tuple[Line, ...]:
    """What was saved, and where."""
    what = f"{found.key}@{found.version}"
    return (line(("Saved ", "good"), f'{what} as "{found.file}" ({size_text(found.size)})'),)


def download_row(found: DownloadResult) -> JsonDict:
    """The same for machines."""
    return {
        "key": str(found.key),
        "kind": found.key.kind,
        "name": found.key.name,
        "version": found.version,
        "file": str(found.file),
        "bytes": found.size,
    }
