"""Where a file that a job keeps as its artifact can be opened by those who read its comment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from peakctl.hosts.job import Job


def address_of(job: Job, url: str, file: str, variables: Mapping[str, str]) -> str:
    """The address of `file` among the artifacts of the job at `url`; "" where that is not known.

    GitHub and Azure give artifacts addresses once they are there, which is after the comment was
    written: it leads to the list of the run. On GitLab it is the file itself, if it lies in the
    folder of the repository, which is where artifacts are taken from.
    """
    if url and job.host == "gitlab":
        return _on_gitlab(url, file, variables.get("CI_PROJECT_DIR", ""))
    return f"{url}{_LISTS[job.host]}" if url and job.host in _LISTS else ""


_LISTS = {
    "github": "#artifacts",
    "azure": "&view=artifacts&pathAsName=false&type=publishedArtifacts",
}
"""What follows the address of a run to list its artifacts."""


def _on_gitlab(url: str, file: str, folder: str) -> str:
    try:
        inside = os.path.relpath(os.path.realpath(file), os.path.realpath(folder))
    except ValueError:  # another drive
        return ""
    if not folder or inside.startswith(".."):
        return ""
    return f"{url}/artifacts/file/{quote(Path(inside).as_posix())}"
