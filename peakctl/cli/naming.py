"""Kinds as people type them: `service`, `Services`, `block-spec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError, nearest_names

if TYPE_CHECKING:
    from collections.abc import Iterable


def find_kind(word: str, kinds: Iterable[str]) -> str:
    """The kind that `word` means, without regard to case, hyphens and plural. Raises UsageError."""
    names = list(kinds)
    by_folded = {_folded(name): name for name in names}
    folded = _folded(word)
    found = by_folded.get(folded) or by_folded.get(folded.removesuffix("s"))
    if found is not None:
        return found
    near = nearest_names(word, names)
    raise UsageError(
        Diagnostic(
            code="usage/unknown-kind",
            summary=f'there is no kind "{word}"',
            detail=f"kinds: {', '.join(names)}",
            fix=f"did you mean: {', '.join(near)}" if near else "use one of the kinds above",
        )
    )


def _folded(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")
