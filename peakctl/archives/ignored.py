"""Ignore files: which paths of a folder they leave out, as for the platform's own client.

The last match wins, and `!` brings a file back even below an ignored folder, which git itself does
not (docs/platform.md, 1.10). The client's patterns are pathspec's `gitwildmatch`, which that
library now calls by this class: its `gitignore` differs (`/*` would leave what lies deeper in).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from peakctl.archives.files import IGNORE_FILE, artifact_error
from peakctl.files import Unreadable, read_text

if TYPE_CHECKING:
    from pathspec.pattern import Pattern

_STAR = "[^/]*"
_STARS = re.compile(r"(?:\[\^/\]\*){2,}")
_CHUNK = re.compile(
    r"\[\^/\]\*((?:\\.|\[(?:\\.|[^]\\])+\](?!\*)|[^][\\(){}?*+|^$/])+)(?=\[\^/\]\*)"
)
"""In pathspec's expressions: `*`, what has to follow it, and then another `*`."""
_ANY_FOLDERS = re.compile(r"(\(\?:/\.\+\)\?)")
_LEADING = "^(?:.+/)?"
MAX_OPEN = 3


class Ignored:
    """Which paths of a folder its patterns leave out.

    Raises ValueError or re.error for what is no pattern.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._spec: PathSpec[Pattern] = PathSpec.from_lines(_Pattern, lines, backend="simple")
        self._only_leaves_out = all(each.include is not False for each in self._spec.patterns)

    def file(self, path: str) -> bool:
        return bool(self._spec.check_file(path).include)

    def folder(self, path: str) -> bool:
        """Whether nothing below `path` can be in, so that it need not be looked at."""
        return self._only_leaves_out and self.file(f"{path}/")


def read_ignored(folder: Path, names: Sequence[str]) -> Ignored:
    """The patterns of the files `names` at the root of `folder`, later ones winning.

    Raises ManifestsInvalid for a file that is missing, not at the root, or not made of patterns.
    """
    return Ignored([line for name in names for line in _read(folder, name)])


def _read(folder: Path, name: str) -> list[str]:
    if Path(name).name != name:
        raise artifact_error(
            "ignore-file-place",
            f'the ignore file "{name}" is not at the root of the folder',
            detail="the platform's own client takes names at the root of the artifact only",
            fix=f"move the patterns to {Path(name).name or IGNORE_FILE} in {folder.name}/",
        )
    if not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder)):
        raise artifact_error(
            "ignore-file",
            f'the ignore file "{name}" is a link that leads out of the project',
            fix="put a copy in its place",
        )
    try:
        text = read_text(folder / name).replace("\r\n", "\n").replace("\r", "\n")
    except Unreadable as error:
        raise artifact_error(
            "ignore-file",
            f'the ignore file "{name}" cannot be read',
            detail=error.reason,
            fix="create it in the artifact's folder, or take it off ignore_files",
        ) from error
    lines = enumerate(text.split("\n"), start=1)
    return [_checked(line.strip(), name, number) for number, line in lines]


def _checked(line: str, name: str, number: int) -> str:
    try:
        Ignored([line])
    except (ValueError, re.error) as error:
        raise artifact_error(
            "ignore-pattern",
            f'{name}:{number}: "{line}" is not a pattern',
            detail=str(error),
            fix="patterns are those of .gitignore",
        ) from error
    return line


class _Pattern(GitIgnoreSpecPattern):
    """pathspec's pattern, which takes no longer for many wildcards.

    Where another wildcard follows, the first place that fits is as good as any later one, so that
    the expression need not come back to it: an atomic group says that.
    """

    @classmethod
    def pattern_to_regex(cls, pattern: object) -> tuple[Any, bool | None]:
        regex, include = super().pattern_to_regex(pattern)
        return (regex if regex is None else bounded(regex)), include


def bounded(regex: str) -> str:
    """`regex` with every wildcard but the last of its kind decided once.

    Raises ValueError where more than three could still be tried against each other.
    """
    regex = _STARS.sub(lambda _: _STAR, regex)
    regex = _CHUNK.sub(lambda found: f"(?>{_STAR}?{found[1]})", regex)
    first, *rest = _ANY_FOLDERS.split(regex)
    parts = [first, *(rest[i] + rest[i + 1] for i in range(0, len(rest), 2))]
    bound = "".join([*map(_decided, parts[:-1]), parts[-1]])
    if any(part.count(_STAR) - part.count(f"{_STAR}?") > MAX_OPEN for part in bound.split("/)")):
        raise ValueError("it has too many wildcards: split it into several patterns")
    return bound


def _decided(part: str) -> str:
    """A run of folders before a `**`, at the first place where it fits."""
    if part.startswith(_LEADING):
        return f"^(?>(?:.+?/)??{part.removeprefix(_LEADING)}(?=/))"
    if part.startswith("^"):
        return part
    return f"(?>(?:/.+?)??{part.removeprefix('(?:/.+)?')}(?=/))"
