"""A rollback as manifests that say so: resources in, the same at an earlier version out. Pure.

What uses an image or a spec refers to a version that is there; a deployment takes release and
parameters of an earlier revision. Nothing is made again: a plan of what comes out goes forward to
what was before. `LastingChange` is what somebody writes into the manifests to keep it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from peakctl.engine.graph import find_edges, targets
from peakctl.engine.plan.steps import is_newer, stated_fields
from peakctl.errors import Diagnostic, diagnose
from peakctl.kinds.fields import Kind, field_at
from peakctl.model import MISSING, Key, Live, Location, Path, Reference, Resource, Tree, Value
from peakctl.model.records import dataclass
from peakctl.model.values import (
    copy_tree,
    dotted,
    drop_at,
    is_masked,
    leaf_places,
    reveal,
    set_at,
    value_at,
)

REVISES = "revise"
"""The call of fields that a new revision carries."""


@dataclass(frozen=True, slots=True)
class LastingChange:
    """An edit of a manifest: the field at `path`, what it has (MISSING: nothing) and is to have."""

    key: Key
    path: Path
    before: Value
    after: Value
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class RolledResources:
    """Resources as the rollback wants them; `chosen` are those that it may change.

    `asked` are the fields of them that it is about.
    """

    resources: Mapping[Key, Resource]
    chosen: frozenset[Key]
    lasting: tuple[LastingChange, ...]
    asked: Mapping[Key, tuple[Path, ...]] = field(default_factory=dict)

    def asks_for(self, key: Key, path: str) -> bool:
        """Whether a field, as people read it, is one that the rollback is about.

        Items of lists go by a name there, so it counts as the whole list.
        """
        known = (dotted(_without_items(each)) for each in self.asked.get(key, ()))
        return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in known)


def _without_items(path: Path) -> Path:
    end = next((at for at, part in enumerate(path) if isinstance(part, int)), len(path))
    return path[:end]


# --- what others refer to --------------------------------------------------------------------


def pin_users(
    resources: Mapping[Key, Resource], kinds: Mapping[str, Kind], then: Live
) -> RolledResources:
    """All that refers to `then`, a version that is there, at that very version.

    References to an older version stay. What follows in turn (the deployment of an app) may change
    too.
    """
    changed: dict[Key, Resource] = {}
    lasting: list[LastingChange] = []
    asked: dict[Key, tuple[Path, ...]] = {}
    for key, resource in resources.items():
        found = [r for r in resource.references if _moves(r, then)]
        if key == then.key or not found:
            continue
        changed[key] = _pinned(resource, found, then)
        asked[key] = tuple(reference.at for reference in found)
        lasting += [_written(resource, r, kinds[key.kind], then.version) for r in found]
    return RolledResources(
        {**resources, **changed, **stand_in(resources, then)},
        _reached(resources, then.key, frozenset(changed)),
        tuple(lasting),
        asked,
    )


def _moves(reference: Reference, then: Live) -> bool:
    """Whether a reference follows versions, or names a later one than that of `then`."""
    if not reference.edge or reference.version_at is None:
        return False
    if not targets(reference, (then.key,)):
        return False
    return reference.version is None or is_newer(reference.version, str(then.version))


def _pinned(resource: Resource, moved: Iterable[Reference], then: Live) -> Resource:
    chosen = {reference.at for reference in moved}
    references = (
        replace(r, version=then.version) if r.at in chosen else r for r in resource.references
    )
    return replace(resource, references=tuple(references))


def _written(
    resource: Resource, reference: Reference, kind: Kind, version: str | None
) -> LastingChange:
    """The edit that gives a reference its version, where a manifest writes it."""
    rule = field_at(kind.root, reference.at, resource.values)
    at = rule.ref.version if rule and rule.ref and rule.ref.version else ("version",)
    before = MISSING if reference.version is None else reference.version
    place = resource.document.locate(reference.at)
    return LastingChange(resource.key, (*reference.at, at[0]), before, str(version), place)


def stand_in(resources: Mapping[Key, Resource], then: Live) -> dict[Key, Resource]:
    """The manifest of what is rolled back as that version has it, so that its plan is empty."""
    declared = resources.get(then.key)
    if declared is None:
        return {}
    stands = replace(
        declared,
        values=then.values,
        references=(),
        archives={},
        depends_on=(),
        ignore_changes=(),
    )
    return {then.key: stands}


def _reached(
    resources: Mapping[Key, Resource], start: Key, users: frozenset[Key]
) -> frozenset[Key]:
    """The users, and everything that refers to one of them, directly or not."""
    edges, _ = find_edges(resources)
    by_target: dict[Key, set[Key]] = {}
    for edge in edges:
        if edge.path[:1] != ("dependsOn",):
            by_target.setdefault(edge.target, set()).add(edge.source)
    found, left = set(users), list(users)
    while left:
        more = by_target.get(left.pop(), set()) - found - {start}
        found |= more
        left += more
    return frozenset(found)


# --- a deployment ----------------------------------------------------------------------------


def at_revision(
    resource: Resource, kind: Kind, then: Live
) -> tuple[RolledResources, tuple[Diagnostic, ...]]:
    """A resource with release and parameters of the revision `then`.

    A value that the revision hides is that of the manifest. A problem for each that no manifest
    gives.
    """
    values = copy_tree(resource.values)
    lasting: list[LastingChange] = []
    references = tuple(_of_release(resource, kind, r, then, lasting) for r in resource.references)
    named = {reference.at for reference in resource.references}
    hidden = {*then.hidden, *(p for p, leaf in leaf_places(then.values) if is_masked(leaf))}
    missing = []
    carried = _carried(kind, resource.values, then.values)
    for path in carried:
        if any(_on_one_way(path, at) for at in named):
            continue
        before, after = value_at(values, path), value_at(then.values, path)
        if any(path[: len(at)] == at for at in hidden):
            if before is MISSING:
                missing.append(path)
        elif reveal(before) != after:
            drop_at(values, path) if after is MISSING else set_at(values, path, after)
            place = resource.document.locate(path)
            lasting.append(LastingChange(resource.key, path, before, after, place))
    told = [_hidden(resource, path, then) for path in missing]
    changed = replace(resource, values=values, references=references)
    key = resource.key
    asked = {key: (*named, *carried)}
    return RolledResources({key: changed}, frozenset({key}), tuple(lasting), asked), tuple(told)


def _of_release(
    resource: Resource,
    kind: Kind,
    reference: Reference,
    then: Live,
    lasting: list[LastingChange],
) -> Reference:
    """A reference with the release of the revision; that of its manifest where it is the same."""
    version = value_at(then.values, reference.version_at) if reference.version_at else MISSING
    if not isinstance(version, str) or version == reference.version:
        return reference
    lasting.append(_written(resource, reference, kind, version))
    return replace(reference, version=version)


def _carried(kind: Kind, *sides: Tree) -> list[Path]:
    """The places of single values that a revision has, on either side."""
    given = [at for at in (kind.defined_by, kind.defined_by_whole) if at]
    found: dict[Path, None] = {}
    for side in sides:
        stated = stated_fields(kind.root, side)
        tops = [path for path, rule in stated if rule.call == REVISES]
        for top in (*given, *tops):
            if value_at(side, top) is not MISSING:
                found.update(dict.fromkeys(_leaves(top, value_at(side, top))))
    rules = ((path, field_at(kind.root, path, *sides)) for path in found)
    return sorted((p for p, rule in rules if rule is None or not rule.deferred), key=dotted)


def _on_one_way(one: Path, two: Path) -> bool:
    length = min(len(one), len(two))
    return one[:length] == two[:length]


def _leaves(path: Path, value: Value) -> Iterator[Path]:
    """The places below a map; a list is one value."""
    if isinstance(value, Mapping):
        for word, inner in value.items():
            yield from _leaves((*path, word), inner)
    else:
        yield path


def _hidden(resource: Resource, path: Path, then: Live) -> Diagnostic:
    return diagnose(
        resource,
        path,
        "rollback/hidden",
        f"the value of {dotted(path)} is hidden, and no manifest gives it",
        detail=f"revision {then.number} has one, and the platform does not show it",
        fix="give the value in the manifest, from a variable of the environment, and try again",
    )
