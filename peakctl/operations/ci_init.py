"""Files of a CI that plan on requests and apply on the branch, written for one project."""

from __future__ import annotations

import re
from pathlib import Path

from peakctl import __version__
from peakctl.errors import Diagnostic, UsageError
from peakctl.manifests.project import Project as ProjectFile
from peakctl.manifests.project import load_project
from peakctl.model.records import dataclass
from peakctl.operations.ancestry import Checkout
from peakctl.operations.new_files import write_files
from peakctl.operations.project import no_project
from peakctl.settings import Settings

CI_FILES = {
    "github": "two workflows (one comments for forks), and the action that they use",
    "gitlab": "jobs to include in .gitlab-ci.yml",
    "azure": "a pipeline of two stages",
    "jenkins": "a declarative pipeline for a multibranch project",
}
"""The CIs by name, each with what is written for it."""
MATRIX = "github-matrix"
"""As `github`, with one workflow for every project of the repository."""
_FOLDER = Path(__file__).resolve().parent / "ci_templates"
_FOLDERS = {"github": ("github-action", "github"), MATRIX: ("github-action", "github-matrix")}
"""Where the files of a CI lie, if not in a folder of its name."""
_OPTIONAL = (".gitlab-ci.yml",)
"""What a repository may have of its own: it stays as it is."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./ -]{0,99}\Z|\.\Z")


@dataclass(frozen=True, slots=True)
class CiInitResult:
    """The files that were written, relative to `top`, the folder of the repository.

    `same` had their text already, `kept` were there with another, and stay as they were.
    """

    top: Path
    environment: str
    written: tuple[str, ...]
    same: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def init_ci(
    settings: Settings, ci: str, environment: str | None = None, folder: str | Path | None = None
) -> CiInitResult:
    """Write the files of a CI for one environment of the project in `folder`; contacts nothing.

    Without `environment` it is the only one that is not the emulator, or the only protected one of
    those. All files are written, or none. Raises UsageError for an unknown CI or environment, and
    files that exist already.
    """
    if ci not in (*CI_FILES, MATRIX):
        summary = f'there are no files for "{ci}"'
        raise UsageError(Diagnostic("ci/unknown", summary, fix=f"use one of {', '.join(CI_FILES)}"))
    start = Path.cwd() if folder is None else Path(folder).resolve()
    file = load_project(start)
    if file is None:
        raise no_project("there is no peakctl.yaml here or above", "go to your project")
    checkout = Checkout(file.root, settings.environment)
    top = checkout.top or file.root
    chosen = _environment(file, environment)
    values = {
        "PROJECT": file.name,
        "ENV": chosen,
        "FOLDER": Path(file.root.resolve()).relative_to(top.resolve()).as_posix(),
        "BRANCH": checkout.default_branch() or "main",
        "VERSION": __version__,
    }
    _check(values)
    files = _files(ci, values)
    kept = tuple(n for n in _OPTIONAL if n in files and _differs(top / n, files[n]))
    try:
        found = write_files(top, {n: data for n, data in files.items() if n not in kept})
    except OSError as error:
        summary = f'nothing can be written in "{top}": {error.strerror}'
        raise UsageError(
            Diagnostic("init/unwritable", summary, fix="check its permissions")
        ) from error
    return CiInitResult(top, chosen, found.written, found.same, kept)


def _environment(file: ProjectFile, wanted: str | None) -> str:
    if wanted is not None:
        return file.environment(wanted).name
    real = [name for name, each in file.environments.items() if not each.emulator]
    protected = [name for name in real if file.environments[name].protect]
    for names in (real, protected):
        if len(names) == 1:
            return names[0]
    told = f"choose one with -e: {', '.join(real)}" if real else "add one to peakctl.yaml"
    summary = "it is not known which environment the CI is to apply"
    raise UsageError(Diagnostic("ci/environment", summary, fix=told))


def _check(values: dict[str, str]) -> None:
    """Return when all values can stand in YAML, Groovy and shell as they are. Raises UsageError."""
    for value in values.values():
        if not _PLAIN.match(value):
            summary = f'"{value}" cannot stand in the files of a CI'
            fix = "use letters, digits, dashes, dots and underscores"
            raise UsageError(Diagnostic("ci/name", summary, fix=fix))


def _files(ci: str, values: dict[str, str]) -> dict[str, bytes]:
    """Every file by its path; `dot-` stands for a dot."""
    found = {}
    for top in (_FOLDER / name for name in _FOLDERS.get(ci, (ci,))):
        for path in sorted(each for each in top.rglob("*") if each.is_file()):
            name = path.relative_to(top).as_posix().replace("dot-", ".")
            found[_filled(name, values)] = _filled(path.read_text("utf-8"), values).encode()
    return found


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"__([A-Z]+)__", lambda found: values[found[1]], text)


def _differs(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() != data
