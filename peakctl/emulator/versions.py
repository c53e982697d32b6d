"""Semantic versions: whether one is new, or greater than all others, and the next one."""

from __future__ import annotations

import semver

from peakctl.emulator.problems import invalid


def read_version(text: object, field: str) -> semver.Version:
    """Raises a 422 that names the field."""
    try:
        return semver.Version.parse(text if isinstance(text, str) else "")
    except ValueError:
        raise invalid(field, f"{text!r} is not a semantic version") from None


def check_new(text: object, taken: list[str], field: str) -> str:
    """The version, when it does not exist yet; else a 422."""
    read_version(text, field)
    if str(text) in taken:
        raise invalid(field, f"{text} already exists")
    return str(text)


def check_rises(text: object, taken: list[str], field: str) -> str:
    """The version, when it is greater than all that exist; else a 422."""
    wanted = read_version(check_new(text, taken, field), field)
    latest = max(map(semver.Version.parse, taken), default=None)
    if latest is not None and wanted <= latest:
        raise invalid(field, f"must be greater than {latest}")
    return str(text)


def next_version(taken: list[str]) -> str:
    """0.0.1, or the next patch of the latest."""
    return str(max(map(semver.Version.parse, taken)).bump_patch()) if taken else "0.0.1"
