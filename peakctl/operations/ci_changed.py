"""The projects of a repository that a change touches, for a job that is run for each of them.

What cannot be read counts as touched: a project is left out only where it is certain that nothing
of it has changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from peakctl.errors import Diagnostic, PeakctlError, UsageError
from peakctl.hosts.find import find_job
from peakctl.manifests.project import Project as ProjectFile
from peakctl.manifests.project import load_project
from peakctl.manifests.sources import PROJECT_FILES
from peakctl.model import Resource
from peakctl.model.records import dataclass
from peakctl.model.values import value_at
from peakctl.operations.ancestry import Checkout
from peakctl.operations.load import validate
from peakctl.operations.project import Project, ProjectOptions, open_project
from peakctl.settings import Settings

LARGEST_TEXT = 4 * 2**20
"""Bytes of a file that is searched for the names of others; no larger one is read or included."""
_COMPUTED = re.compile(rb"\{%-?\s*(?:include|import|extends|from)\s+(?![\"'][^\"']*[\"']\s*[^~+|])")
_GLOB = re.compile(r"[*?\[]")
_REVISION = re.compile(r"[^\s:\x00-\x20\x7f-][^\s:\x00-\x20\x7f]{0,250}\Z")


@dataclass(frozen=True, slots=True)
class ChangedProject:
    """A project that a change touches.

    `folder` and `files`, the changed files that say so, are relative to the repository. `name` is
    "" where peakctl.yaml cannot be read.
    """

    name: str
    folder: str
    environments: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedResult:
    """What a change touches. `removed` are folders whose peakctl.yaml is there no more."""

    base: str
    projects: tuple[ChangedProject, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Repository:
    """A working tree, and the files in it that git knows or would add."""

    top: Path
    files: tuple[str, ...]


def changed_projects(
    settings: Settings,
    base: str | None = None,
    folder: str | Path | None = None,
    *,
    environment: str | None = None,
) -> ChangedResult:
    """The projects that what lies between `base` and the working tree touches; asks no network.

    That is what changed since the branch left `base`, uncommitted edits and new files included.
    Without `base` it is the branch that the request of the CI job is to be merged into. Those that
    do not have `environment` are left out. Raises UsageError where git knows neither.
    """
    checkout, top = _open_checkout(settings, folder)
    wanted = base or _base_of_job(settings)
    if not _REVISION.match(wanted) or not checkout.resolve(wanted):
        raise UsageError(_no_base(wanted))
    changed = checkout.changed(wanted)
    if changed is None:
        raise UsageError(_no_base(wanted))
    repository = _Repository(top, checkout.files("*"))
    roots = _roots(repository)
    found = (_touched(repository, root, changed, settings) for root in roots)
    gone = {Path(f).parent.as_posix() for f in changed if Path(f).name in PROJECT_FILES}
    return ChangedResult(
        wanted,
        tuple(each for each in found if each and _has(each, environment)),
        tuple(sorted(gone - set(roots))),
    )


def every_project(
    settings: Settings, folder: str | Path | None = None, *, environment: str | None = None
) -> ChangedResult:
    """Every project of the repository, touched or not; with `environment` those that have it.

    Asks no network. Raises UsageError where there is no repository.
    """
    checkout, top = _open_checkout(settings, folder)
    repository = _Repository(top, checkout.files("*"))
    found = (_project_at(top, root) for root in _roots(repository))
    return ChangedResult("", tuple(each for each in found if _has(each, environment)))


def _open_checkout(settings: Settings, folder: str | Path | None) -> tuple[Checkout, Path]:
    checkout = Checkout(Path.cwd() if folder is None else Path(folder), settings.environment)
    top = checkout.top
    if top is None:
        raise UsageError(_no_repository())
    return checkout, top


def _roots(repository: _Repository) -> list[str]:
    """The folders of projects."""
    names = (Path(file) for file in repository.files)
    return sorted({f.parent.as_posix() for f in names if f.name in PROJECT_FILES})


def _has(project: ChangedProject, environment: str | None) -> bool:
    """Whether a project has the environment; one that cannot be read may have it."""
    known = project.environments
    return environment is None or not project.name or environment in known


def _read(folder: Path) -> ProjectFile | None:
    try:
        return load_project(folder)
    except PeakctlError:
        return None


def _project_at(top: Path, root: str) -> ChangedProject:
    file = _read(top / root)
    if file is None:
        return ChangedProject("", root, (), ())
    return ChangedProject(file.name, root, tuple(file.environments), ())


def _base_of_job(settings: Settings) -> str:
    branch = find_job(settings.environment).base_branch
    if branch:
        return f"origin/{branch}"
    raise UsageError(
        Diagnostic(
            "ci/base", "there is no base to compare with", fix="name one: --base origin/main"
        )
    )


def _touched(
    checkout: _Repository, root: str, changed: Sequence[str], settings: Settings
) -> ChangedProject | None:
    """The project in the folder `root`, if one of the changed files is part of it."""
    inside = [file for file in changed if _is_below(file, root)]
    if not inside:
        return None
    file = _read(checkout.top / root)
    if file is None:
        return ChangedProject("", root, (), tuple(inside))
    parts = _parts(file, settings)
    if parts is not None:
        named = _Named(checkout, [f for f in checkout.files if _is_below(f, root)], parts)
        inside = [each for each in inside if named.may_matter(each)]
    environments = tuple(file.environments)
    return ChangedProject(file.name, root, environments, tuple(inside)) if inside else None


def _is_below(file: str, root: str) -> bool:
    return root == "." or file.startswith(f"{root}/")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a project is made of: files and folders that it reads as texts, and archives."""

    texts: frozenset[Path]
    archives: frozenset[Path]


def _parts(file: ProjectFile, settings: Settings) -> _Parts | None:
    """None where they are not known: a manifest cannot be read."""
    texts = {file.file, *file.param_files}
    archives: set[Path] = set()
    for pattern in file.manifests:
        words = Path(pattern).parts
        plain = next((i for i, word in enumerate(words) if _GLOB.search(word)), len(words))
        texts.add(file.root.joinpath(*words[:plain]))
    for name in file.environments or (None,):
        options = ProjectOptions(environment=name, unset_is_unknown=True)
        try:
            project = _without_prefix(open_project(options, settings, file.root))
            loaded = validate(project, archives_of=lambda _: ())
        except (PeakctlError, OSError):
            return None
        archives.update(each for r in loaded.resources.values() for each in _archives(r))
    return _Parts(frozenset(map(_real, texts)), frozenset(map(_real, archives)))


def _without_prefix(project: Project) -> Project:
    """A prefix says nothing of files, and its parameters are those of a request."""
    if project.environment is None:
        return project
    return replace(project, environment=replace(project.environment, name_prefix=None))


def _archives(resource: Resource) -> Iterator[Path]:
    for path in resource.unread:
        found = value_at(resource.document.value, (*path, "path"))
        if isinstance(found, str):
            yield Path(resource.document.folder) / found


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


class _Named:
    """The texts of a project, and what they name: includes, descriptions, files of notes.

    A file is named where the last part of its path stands in a text that is part of the project.
    """

    def __init__(self, checkout: _Repository, files: Sequence[str], parts: _Parts) -> None:
        self._top, self._parts = checkout.top, parts
        self._texts: list[bytes] = []
        self._computed = False
        left = [file for file in files if not self._is_in(file, parts.archives)]
        found = [file for file in left if self._is_in(file, parts.texts)]
        while found:
            for file in found:
                self._read(self._top / file)
            left = [file for file in left if file not in set(found)]
            found = [file for file in left if self._is_named(file)]

    def may_matter(self, file: str) -> bool:
        """Whether a file, which may be there no more, is a part of the project."""
        if self._is_in(file, self._parts.texts | self._parts.archives):
            return True
        return self._computed or self._is_named(file)

    def _is_in(self, file: str, folders: Iterable[Path]) -> bool:
        """Also for a submodule or a link in which one of the folders lies."""
        path = _real(self._top / file)
        return any(path.is_relative_to(each) or each.is_relative_to(path) for each in folders)

    def _is_named(self, file: str) -> bool:
        word = os.fsencode(Path(file).name)
        return any(word in text for text in self._texts)

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as opened:
                data = opened.read(LARGEST_TEXT)
        except OSError:
            data = b""
        self._computed = self._computed or bool(_COMPUTED.search(data))
        self._texts.append(data)


def _no_repository() -> Diagnostic:
    return Diagnostic(
        code="ci/no-repository",
        summary="this is no git repository, or git cannot be run",
        fix=(
            "run it in a checkout, with git installed; of a checkout of another user:"
            " git config --global --add safe.directory FOLDER"
        ),
    )


def _no_base(base: str) -> Diagnostic:
    return Diagnostic(
        code="ci/base",
        summary=f'git does not know what changed since "{base}"',
        fix="fetch it first, with its history (fetch-depth: 0): nothing is fetched here",
    )
