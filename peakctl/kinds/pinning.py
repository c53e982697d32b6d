"""A release with a fixed number refers to what is fixed too, or every new image contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.model import MISSING, Key, reveal
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import Kind
    from peakctl.model import Resource


def fixed_versions(resources: Sequence[Resource], kinds: Mapping[str, Kind]) -> dict[Key, str]:
    """The resources whose manifest gives their number, with that number."""
    numbers = {resource.key: _number(resource, kinds[resource.key.kind]) for resource in resources}
    return {key: number for key, number in numbers.items() if number is not None}


def check_pinned(
    resource: Resource,
    fixed: Mapping[Key, str],
    broken: Container[Key],
    complaints: Complaints,
) -> None:
    """Each reference of a fixed release has a version, or follows a manifest that has one.

    What a `broken` manifest may give is not complained of.
    """
    number = fixed.get(resource.key)
    if number is None:
        return
    for reference in resource.references:
        if not (reference.version_at and reference.edge) or reference.version is not None:
            continue
        if any(key in fixed or key in broken for key in _keys(reference.kinds, reference.name)):
            continue
        complaints.add(
            "unpinned",
            reference.at,
            f'"{reference.name}" has no version, but the release has the fixed number {number}',
            detail="what it follows may change, and a released number may not",
            fix=(
                "give the version here or in the manifest of what it names, or remove"
                " release.version to number releases by itself"
            ),
        )


def _keys(kinds: Sequence[str], name: str) -> list[Key]:
    return [Key(kind, name) for kind in kinds]


def _number(resource: Resource, kind: Kind) -> str | None:
    found = value_at(resource.values, kind.versions.at) if kind.versions else MISSING
    return None if found is MISSING or found is None else str(reveal(found))
