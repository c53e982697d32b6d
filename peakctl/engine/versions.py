"""Numbers of immutable versions: which one an action makes, and when that is refused."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import semver

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(enum.StrEnum):
    """What the manifest's number and the live ones ask for."""

    KEEP = "keep"
    MAKE = "make"
    LOWER = "lower"  # made as well: a fixed number that does not rise, where that is allowed
    REUSED = "reused"  # a fixed number whose content differs from what is live
    TOO_LOW = "too-low"  # a fixed number that is not there and does not rise


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the number that it is about, and the number to propose when refused."""

    verdict: Verdict
    version: str | None
    proposal: str = ""

    @property
    def makes(self) -> bool:
        """Whether there will be a new version."""
        return self.verdict in (Verdict.MAKE, Verdict.LOWER)


def parse_version(text: str) -> semver.Version | None:
    """The semantic version that `text` spells, or None."""
    try:
        return semver.Version.parse(text)
    except ValueError:
        return None


def next_patch(version: str, *, flavours: bool = False) -> str:
    """The next patch number: `1.2.3` -> `1.2.4`.

    What follows the three numbers goes, unless it is a flavour: `0.0.1-python3.9` ->
    `0.0.2-python3.9`. A number that is not semantic gets `.1` appended, which at least differs.
    """
    parsed = parse_version(version)
    if parsed is None:
        return f"{version}.1"
    suffix = {"prerelease": parsed.prerelease, "build": parsed.build} if flavours else {}
    return str(parsed.finalize_version().bump_patch().replace(**suffix))


def is_newer(version: str, than: str) -> bool:
    """Semantic versioning order; numbers that are not semantic count as newer when they differ."""
    left, right = parse_version(version), parse_version(than)
    if left is None or right is None:
        return version != than
    return left > right


def newest(versions: Iterable[str]) -> str | None:
    """The greatest of some numbers, or None of none."""
    best: str | None = None
    for version in versions:
        if best is None or is_newer(version, best):
            best = version
    return best


def decide(
    fixed: str | None,
    told: str | None,
    latest: str | None,
    *,
    differs: bool,
    first: str = "0.0.1",
    flavours: bool = False,
) -> Decision:
    """What to do about a resource that exists.

    `fixed` is the manifest's number (None: auto), `told` the live number that was compared,
    `latest` the newest live one, `differs` whether the content does, `first` the number to begin
    with where there is none at all. With `flavours` a number need not rise, and the next one keeps
    its suffix.
    """
    top = latest or told
    if fixed is None:
        if top is None:
            return Decision(Verdict.MAKE, first)
        if not differs:
            return Decision(Verdict.KEEP, told)
        return Decision(Verdict.MAKE, next_patch(top, flavours=flavours))
    if fixed == told:
        if differs:
            return Decision(Verdict.REUSED, fixed, next_patch(top or fixed, flavours=flavours))
        return Decision(Verdict.KEEP, fixed)
    if top is not None and not is_newer(fixed, top):
        verdict = Verdict.LOWER if flavours else Verdict.TOO_LOW
        return Decision(verdict, fixed, next_patch(top, flavours=flavours))
    return Decision(Verdict.MAKE, fixed)
