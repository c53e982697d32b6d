"""The origin of a run: branch, pull request, approver, and whether git sees edits."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from peakctl.model import Origin, Resource
from peakctl.model.records import dataclass
from peakctl.model.values import value_at
from peakctl.operations.actor import GIT_SECONDS, URL_LIMIT, Words, find_ci
from peakctl.operations.project import Project

APPROVER = "PEAKCTL_APPROVER"
PULL_REQUEST = "PEAKCTL_PULL_REQUEST"
CONSENTS = "PEAKCTL_CONSENTS"
"""What a pipeline may set where its CI has no variable of its own; they win. Consents stand a line
each."""
CONSENT_LIMIT = 500
MOST_CONSENTS = 50
_OWN_FOLDER = ".peakctl/"
_PULL = re.compile(r"(?:refs/pull/)?([0-9]{1,18})(?:/(?:merge|head))?\Z")
_ADDRESS = re.compile(r"https?://[^\s@?#]+\Z")
_NO_BRANCH = ("HEAD", "(detached)")
_COMMAND = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C"]
_STATUS = ["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z", "--", "."]


def origin_of(project: Project, resources: Iterable[Resource] = ()) -> Origin:
    """The origin of what a run applies. Raises nothing, takes as long as `git status`.

    A file that git does not know makes the tree dirty only in a folder of `resources`: others are
    not applied. A CI's own words come first.
    """
    words = Words(project.settings.environment)
    ci = find_ci(words)
    tree = _read_tree(project.root)
    told = _first(words, ci.branch) if ci else ""
    branch = _branch(told) or _branch(words.fit(tree.branch if tree else ""))
    pull_request = _pull_request(words, (PULL_REQUEST, *(ci.pull_request if ci else ())))
    approver = _first(words, (APPROVER, *(ci.approver if ci else ())))
    return Origin(
        branch=project.redact(branch),
        dirty=_is_dirty(project, tree, resources) if tree else None,
        pull_request=project.redact(pull_request),
        approver=project.redact(approver),
        consents=tuple(map(project.redact, _consents(words))),
    )


def _consents(words: Words) -> Iterator[str]:
    """The lines of the variable, as far as they are kept."""
    rows = words.environment.get(CONSENTS, "").splitlines()
    fit = (words.fit(row, CONSENT_LIMIT) for row in rows[:MOST_CONSENTS])
    yield from filter(None, fit)


def _first(words: Words, names: Iterable[str]) -> str:
    return next((word for name in names if (word := words.get(name))), "")


def _branch(word: str) -> str:
    name = word.removeprefix("refs/heads/").removeprefix("origin/")
    return "" if name in _NO_BRANCH else name


def _pull_request(words: Words, names: Iterable[str]) -> str:
    """The number, or the address, of the first variable that has one."""
    for name in names:
        word = words.get(name, URL_LIMIT)
        if found := _PULL.match(word):
            return found[1]
        if _ADDRESS.match(word):
            return word
    return ""


# --- the working tree --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tree:
    """What git says of the folder of a project: `unknown` are files and folders it does not track.

    Paths are relative to `top`.
    """

    top: Path
    branch: str
    edited: bool
    unknown: tuple[str, ...]


def _read_tree(root: Path) -> _Tree | None:
    """None outside of a repository, and where git cannot tell."""
    top = next((each for each in (root, *root.parents) if (each / ".git").exists()), None)
    if top is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no word of it is a user's
            [*_COMMAND, str(root), *_STATUS],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _parse(top, os.fsdecode(done.stdout)) if done.returncode == 0 else None


def _parse(top: Path, text: str) -> _Tree:
    branch, edited, unknown = "", False, []
    entries = iter(text.split("\0"))
    for entry in entries:
        if entry.startswith("# branch.head "):
            branch = entry.removeprefix("# branch.head ")
        elif entry.startswith("? "):
            unknown.append(entry[2:])
        elif entry.startswith(("1 ", "2 ", "u ")):
            edited = True
            if entry.startswith("2 "):
                next(entries, "")  # the path that it had before
    return _Tree(top, branch, edited, tuple(unknown))


def _is_dirty(project: Project, tree: _Tree, resources: Iterable[Resource]) -> bool:
    if tree.edited or not tree.unknown:
        return tree.edited
    folders = {Path(os.path.realpath(folder)) for each in resources for folder in _folders(each)}
    own = {Path(os.path.realpath(project.folder / str(each))) for each in project.options.outputs}
    top = Path(os.path.realpath(tree.top))
    return any(_is_applied(top / word, folders) for word in tree.unknown if _may_be(word, top, own))


def _may_be(word: str, top: Path, own: set[Path]) -> bool:
    """Whether it may be a user's own, and not a file of this run or of peakctl."""
    return not f"/{word}".endswith(f"/{_OWN_FOLDER}") and top / word not in own


def _is_applied(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(each) or each.is_relative_to(path) for each in folders)


def _folders(resource: Resource) -> Iterator[str]:
    """The folder of its manifest, and those of its archives."""
    folder = resource.document.folder
    yield folder
    for path in resource.archives:
        found = value_at(resource.document.value, (*path, "path"))
        if isinstance(found, str):
            yield os.path.join(folder, found)  # noqa: PTH118 - `realpath` takes it as text
