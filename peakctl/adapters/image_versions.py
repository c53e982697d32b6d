"""The versions of one image: found by number, or the newest that is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import semver

if TYPE_CHECKING:
    from peakctl.api.client import Api
    from peakctl.model import Tree

READY = ("ready", "in-use")


def is_ready(version: Tree) -> bool:
    """Whether a version can be used, and no longer changed (docs/platform.md, 3.2)."""
    return version.get("status") in READY and version.get("id") is not None


async def find_version(api: Api, path: str, number: str) -> Tree | None:
    """The version of exactly that number; the platform's search is loose (docs/platform.md, 5)."""
    found = await api.pages(path, ("versions",), (("searchTerm", number),))
    return next((v for v in found if v.get("version") == number), None)


async def newest_ready(api: Api, path: str) -> Tree | None:
    """The ready version with the greatest number."""
    query = tuple(("status", word) for word in READY)
    found = await api.pages(path, ("versions",), query)
    return max((v for v in found if is_ready(v)), key=_order, default=None)


def _order(version: Tree) -> tuple[bool, semver.Version, int]:
    """Semantic versioning order; numbers that are not semantic come first, by id."""
    try:
        parsed, known = semver.Version.parse(str(version.get("version"))), True
    except ValueError:
        parsed, known = semver.Version(0), False
    number = version["id"]
    return known, parsed, number if isinstance(number, int) else 0
