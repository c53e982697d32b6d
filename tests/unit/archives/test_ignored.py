"""Ignore patterns mean what they mean to pathspec, and take no longer for many wildcards."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from peakctl.archives.ignored import Ignored, bounded

PIECES = st.sampled_from(["a", "b", "*", "**", "/", "?", "[ab]", "[!a]", "ab", ".", "\\\\*", "**/"])
PATTERNS = st.lists(PIECES, min_size=1, max_size=9).map("".join)
PATHS = st.lists(st.text("ab.*", min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)


@given(PATTERNS, st.lists(PATHS, max_size=8))
def test_a_pattern_matches_what_it_matches_for_pathspec(pattern: str, paths: list[str]) -> None:
    try:
        theirs = PathSpec.from_lines(GitIgnoreSpecPattern, [pattern], backend="simple")
    except (ValueError, re.error):
        return
    ours = Ignored([pattern])
    for path in paths:
        assert ours.file(path) == bool(theirs.check_file(path).include), (pattern, path)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
        "a*" * 100 + "b",
        "**" * 30 + "b",
        "**/a/" * 20 + "b",
        "x/" + "**/a*a/" * 20 + "b",
        "?*" * 40 + "b",
        "*[ab]" * 30 + "c",
    ],
)
def test_many_wildcards_take_no_longer(pattern: str) -> None:
    ignored = Ignored([pattern])
    for path in ("a" * 250, "x/" + "a/" * 120 + "a", "/".join(["a" * 60] * 12)):
        assert not ignored.file(path)


def test_what_cannot_be_bounded_is_refused() -> None:
    with pytest.raises(ValueError, match="too many wildcards"):
        bounded("^" + "[^/]*(x)" * 5)


def test_thousands_of_patterns_are_read_one_after_the_other() -> None:
    ignored = Ignored([f"*a*{number}*b" for number in range(3000)])
    assert ignored.file("xa2999yb")
    assert not ignored.file("a" * 200)
