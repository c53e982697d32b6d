"""Names to ids: what each reference stands for, and the values with ids in place.

What a run has yet to make is `Unknown` until the apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from peakctl.engine.graph import targets
from peakctl.engine.observe.identity import in_scope
from peakctl.engine.observe.live_state import LiveState
from peakctl.errors import Diagnostic, diagnose, nearest_names
from peakctl.kinds.fields import Absent, Field, Kind, field_at
from peakctl.model import Action, Key, Path, Step, Tree, Unknown, Value, Verb
from peakctl.model.resources import Listed, Reference, Resource
from peakctl.model.values import copy_tree, drop_at, list_at, set_at, value_at

Attributes = Callable[["Reference"], "Tree | None"]


def resolve(resource: Resource, kind: Kind, attributes: Attributes) -> Tree:
    """The values of `resource` with ids for names and digests for artifact folders.

    `attributes` gives `{"id", "version"}` for a reference, or None to leave it out (a reference
    that orders nothing and whose resource does not exist yet).
    """
    values = copy_tree(resource.values)
    for path, archive in resource.archives.items():
        set_at(values, path, {"digest": archive.digest})
    for reference in resource.references:
        found = attributes(reference)
        if found is not None:
            _substitute(values, reference, kind, found)
    for reference in sorted(filter(may_be_left_out, resource.references), key=_item, reverse=True):
        if attributes(reference) is None:
            _leave_out(values, reference)
    return values


def may_be_left_out(reference: Reference) -> bool:
    """Whether the reference is one item of a list that orders nothing."""
    return not reference.edge and isinstance(reference.at[-1], int)


def _item(reference: Reference) -> int:
    return int(reference.at[-1])


def _substitute(values: Value, reference: Reference, kind: Kind, found: Tree) -> None:
    field = field_at(kind.root, reference.at, values)
    for path in _by_name_paths(values, reference, field):
        drop_at(values, path)
    set_at(values, reference.id_at, found["id"])
    if reference.version_at is not None and found.get("version") is not None:
        set_at(values, reference.version_at, found["version"])
    if reference.kind_at is not None and found.get("kind") is not None:
        words = field.ref.kind_words if field and field.ref else {}
        name = str(found["kind"])
        sort = f"{name}/{found.get('word')}"
        set_at(values, reference.kind_at, words.get(sort, words.get(name, name)))
    if value_at(values, reference.at) == {}:
        drop_at(values, reference.at)


def _by_name_paths(values: Value, reference: Reference, field: Field | None) -> list[Path]:
    """The by-name half of the reference, which its ids replace."""
    holder = value_at(values, reference.at)
    if not isinstance(holder, dict):
        return [reference.at]
    by_name = [
        word
        for word, inner in (field.properties.items() if field else ())
        if inner.absent is Absent.BY_NAME
    ]
    return [(*reference.at, word) for word in ("name", *by_name)]


def _leave_out(values: Value, reference: Reference) -> None:
    """Take a list item out whose resource does not exist yet."""
    del list_at(values, reference.at[:-1])[_item(reference)]


NEW = (Verb.CREATE, Verb.BUILD, Verb.RELEASE, Verb.REPLACE)


class Pins:
    """Answers references in the order of the plan: what they need has been planned before."""

    def __init__(
        self, resources: Mapping[Key, Resource], kinds: Mapping[str, Kind], observed: LiveState
    ) -> None:
        self._resources = resources
        self._kinds = kinds
        self._observed = observed
        self._planned: dict[Key, Tree] = {}

    def remember(self, action: Action) -> None:
        """Let later references to this action's resource know what it will be."""
        self._planned[action.key] = self._attributes(action)

    def _attributes(self, action: Action) -> Tree:
        live, key = action.live, action.key
        if action.verb not in NEW and live is not None:
            return live.attributes or {"id": live.id}
        kept = live if Step.CREATE not in action.steps else None
        out: dict[str, Value] = {"id": kept.id if kept else Unknown(key, "id")}
        versions = self._kinds[key.kind].versions
        if versions is not None:
            out["version"] = Unknown(key, "version") if versions.has_id else action.version
            out["number"] = action.version
        return out

    def attributes(self, reference: Reference) -> Tree | None:
        """`{"id", "version"}` of what the reference names; None when nothing is there (yet)."""
        for key in targets(reference, self._resources):
            if key in self._planned and self._answers(key, reference):
                return self._with_kind(self._planned[key], key.kind)
            if key in self._observed.live and may_be_left_out(reference):
                return self._with_kind(self._observed.live[key].attributes, key.kind)
        for kind in reference.kinds:
            found = self._observed.pins.get(
                (kind, reference.name, reference.version, reference.scope)
            )
            if found is not None:
                return self._with_kind(found, kind)
        return None

    def _answers(self, key: Key, reference: Reference) -> bool:
        """Whether the run's own resource is at the version that the reference wants."""
        if reference.version is None:
            return True
        planned = self._planned[key]
        return reference.version in (planned.get("number"), planned.get("version"))

    @staticmethod
    def _with_kind(attributes: Tree, kind: str) -> Tree:
        return {**attributes, "kind": kind}

    def problem(self, resource: Resource, reference: Reference) -> Diagnostic | None:
        """Why the reference has no answer; None when it has one, or needs none."""
        if may_be_left_out(reference) or self.attributes(reference) is not None:
            return None
        matches = [
            item
            for kind in reference.kinds
            for item in in_scope(self._observed.matches(kind, reference.name), reference)
        ]
        if len(matches) > 1:
            return self._ambiguous(resource, reference, matches)
        if matches or targets(reference, self._resources):
            return self._no_version(resource, reference)
        return self._unknown(resource, reference)

    def _unknown(self, resource: Resource, reference: Reference) -> Diagnostic:
        kind = " or ".join(reference.kinds)
        names = self._names(reference)
        near = nearest_names(reference.name, names)
        known = any(self._kinds[k].schema for k in reference.kinds)
        other = f"add a manifest of kind {kind}" if known else f"use one of: {', '.join(names)}"
        return diagnose(
            resource,
            reference.at,
            "manifest/unknown-reference",
            f'{kind} "{reference.name}" is neither in the manifests nor live',
            place=(*reference.at, "name"),
            fix=f"did you mean: {', '.join(near)}" if near else other,
        )

    def _names(self, reference: Reference) -> list[str]:
        names = {k.name for k in self._resources if k.kind in reference.kinds}
        for kind in reference.kinds:
            names |= {m.name for m in in_scope(self._observed.listed.get(kind, ()), reference)}
        return sorted(names)

    def _no_version(self, resource: Resource, reference: Reference) -> Diagnostic:
        wanted = f"version {reference.version}" if reference.version else "a ready version"
        return diagnose(
            resource,
            reference.at,
            "manifest/unknown-version",
            f'"{reference.name}" has no {wanted}'.replace("no a ", "no "),
            fix="name a version that exists, or leave it out to follow the newest ready one",
        )

    @staticmethod
    def _ambiguous(resource: Resource, reference: Reference, matches: list[Listed]) -> Diagnostic:
        ids = ", ".join(str(m.id) for m in matches)
        return diagnose(
            resource,
            reference.at,
            "live/ambiguous",
            f'{len(matches)} live resources are named "{reference.name}"',
            detail=f"their ids: {ids}",
            fix="refer to one of them by its id, or rename the others",
        )
