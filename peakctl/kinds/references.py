"""References found on the way through a document: which resource, and where its id will go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peakctl.model import MISSING, Path, Reference, Secret
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import RefRule
    from peakctl.model import Value

TEXT_OF_A_REFERENCE = ("name", "kind")


def find_reference(
    rule: RefRule, value: Value, path: Path, holder: Any, complaints: Complaints
) -> Reference | None:
    """The reference that `value` makes, or None: it gives an id, or there is a complaint.

    A map gives `name` (and `kind`, where several are possible); a text is the name itself, and the
    paths of its rule then start at the map that holds it.
    """
    if not isinstance(value, dict):
        return _reference(rule, value, None, path, path[:-1], holder)
    name, version = value.get("name"), _version(rule, value)
    if isinstance(name, Secret) or isinstance(version, Secret):
        at = (*path, "name") if isinstance(name, Secret) else (*path, *(rule.version or ()))
        complaints.tainted(at, "a reference or its version")
        return None
    if name is None:
        return None
    return _reference(rule, name, version, path, path, holder, said_kind=value.get("kind"))


def _reference(
    rule: RefRule,
    name: str,
    version: str | None,
    at: Path,
    base: Path,
    holder: Any,
    *,
    said_kind: Any = None,
) -> Reference:
    return Reference(
        at=at,
        kinds=(said_kind,) if rule.kind_words and said_kind else rule.kinds,
        name=name,
        version=version,
        id_at=_absolute(base, rule.id_to),
        version_at=_absolute(base, rule.version_to) if rule.version_to else None,
        kind_at=_absolute(base, rule.kind_to) if rule.kind_to else None,
        edge=rule.edge,
        scope=rule.scope or (_scope(rule, holder) if rule.scope_by else None),
    )


def _version(rule: RefRule, value: Mapping[str, Any]) -> Any:
    """The wanted version, given as a text or (a release) as a map with that text."""
    if rule.version is None:
        return None
    found = value_at(value, rule.version)
    if found is MISSING and len(rule.version) > 1:
        found = value_at(value, rule.version[:-1])
    return found if isinstance(found, str | Secret) else None


def _absolute(base: Path, steps: Path) -> Path:
    for step in steps:
        base = base[:-1] if step == ".." else (*base, step)
    return base


def _scope(rule: RefRule, holder: Any) -> str | None:
    """The scope that the nearest `scope_by` above the field chooses, by value or by default."""
    while holder is not None:
        field, value, holder = holder
        decider = field.properties.get(rule.scope_by)
        if decider is not None:
            return rule.scope_words.get(value.get(rule.scope_by, decider.default))
    return None
