"""The patterns of ignore files, read as the platform's own client does (docs/platform.md, 1.10).

The last match wins, and `!` brings a file back even below an ignored folder, which git itself does
not. The client's patterns are pathspec's `gitwildmatch`, which that library now calls by this
class: its `gitignore` differs (`/*` would leave what lies deeper in).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

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


class Patterns:
    """Patterns in their order. Raises ValueError or re.error for what is none.

    `only_leave_out`: none of them brings a file back.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._spec: PathSpec[Pattern] = PathSpec.from_lines(_Pattern, lines, backend="simple")
        self.only_leave_out = all(each.include is not False for each in self._spec.patterns)

    def match(self, path: str) -> bool:
        """Whether a path is left out; that of a folder ends in `/`."""
        return bool(self._spec.check_file(path).include)


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
