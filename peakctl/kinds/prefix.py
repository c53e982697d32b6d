"""Resources under the prefix of an environment: live names carry it, manifests do not.

A reference follows where what it names is declared; what is only live has no prefix of ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from peakctl.errors import Diagnostic, diagnose
from peakctl.kinds.fields import Kind
from peakctl.model import Key, Path, Reference, Resource, Tree
from peakctl.model.records import dataclass
from peakctl.model.values import copy_tree, dotted, mapping_at, set_at, value_at

if TYPE_CHECKING:
    from peakctl.model import Document, Location

NAME: Path = ("metadata", "name")
GROUPS = frozenset({"build", "run"})
"""How values for a spec are grouped: these are no names of parts."""
NAME_RULES: Path = ("properties", "metadata", "properties", "name")


def prefixed_key(key: Key, prefix: str) -> Key:
    """The key of what is live of a declared resource."""
    return Key(key.kind, prefix + key.name)


def with_prefix(
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    prefix: str,
    declared: Collection[Key] = (),
) -> dict[Key, Resource]:
    """`resources` with `prefix` before the names of all that `resources` or `declared` have."""
    renaming = _Renaming(resources, kinds, prefix, frozenset((*resources, *declared)))
    renamed = map(renaming.resource, resources.values())
    return {resource.key: resource for resource in renamed}


def check_prefixed(
    resources: Mapping[Key, Resource], kinds: Mapping[str, Kind], prefix: str
) -> Iterator[Diagnostic]:
    """An error for each declared name that its kind does not allow with the prefix before it."""
    for key, resource in resources.items():
        rules: Any = value_at(kinds[key.kind].schema, NAME_RULES)
        name = prefix + key.name
        wrong = jsonschema_rs.Draft202012Validator(rules).iter_errors(name)
        if reasons := [str(error.message) for error in wrong]:
            yield diagnose(
                resource,
                NAME,
                "manifest/prefixed-name",
                f'"{name}" is no name of a {key.kind}: namePrefix stands before "{key.name}"',
                detail=reasons[0],
                fix="shorten the name here, or namePrefix in peakctl.yaml",
            )


@dataclass(frozen=True, slots=True)
class _Renaming:
    """The names that change in one run. `declared` are those that get the prefix."""

    resources: Mapping[Key, Resource]
    kinds: Mapping[str, Kind]
    prefix: str
    declared: frozenset[Key]

    def resource(self, resource: Resource) -> Resource:
        values = copy_tree(resource.values)
        set_at(values, NAME, self.prefix + resource.key.name)
        for reference in filter(self._follows, resource.references):
            at = reference.at
            by_name = isinstance(value_at(values, at), dict)
            set_at(values, (*at, "name") if by_name else at, self.prefix + reference.name)
        at, parts = self._parts(resource)
        if parts:
            given = mapping_at(values, at)
            set_at(values, at, {parts.get(word, word): each for word, each in given.items()})
        return replace(
            resource,
            key=prefixed_key(resource.key, self.prefix),
            values=values,
            document=_located(resource.document, at, {new: old for old, new in parts.items()}),
            references=tuple(map(self._reference, resource.references)),
            depends_on=tuple(prefixed_key(key, self.prefix) for key in resource.depends_on),
            previous_names=tuple(self.prefix + name for name in resource.previous_names),
            ignore_changes=tuple(
                _ignored(text, at, parts) if parts else text for text in resource.ignore_changes
            ),
        )

    def _follows(self, reference: Reference) -> bool:
        return any(Key(kind, reference.name) in self.declared for kind in reference.kinds)

    def _reference(self, reference: Reference) -> Reference:
        if not self._follows(reference):
            return reference
        return replace(reference, name=self.prefix + reference.name)

    def _parts(self, resource: Resource) -> tuple[Path, dict[str, str]]:
        """Where values stand under the names of parts of a spec, and what these are called now."""
        at = self.kinds[resource.key.kind].defined_by
        if not at:
            return (), {}
        specs = [
            spec
            for reference in resource.references
            for kind in reference.kinds
            if kind in self.kinds
            and self.kinds[kind].of_parts
            and (spec := self.resources.get(Key(kind, reference.name)))
        ]
        names = {part.name for spec in specs for part in spec.references if self._follows(part)}
        return at, {name: self.prefix + name for name in names}


def _ignored(text: str, at: Path, parts: Mapping[str, str]) -> str:
    """A path of `ignoreChanges` under the names that parts have now."""
    for old, new in parts.items():
        before = dotted((*at, old))
        if text == before or text.startswith((f"{before}.", f"{before}[")):
            return dotted((*at, new)) + text.removeprefix(before)
    return text


def _located(document: Document, at: Path, parts: Mapping[str, str]) -> Document:
    """The document, in which a place is found by the names that parts have now."""
    if not parts:
        return document

    def locate(path: Path) -> Location:
        place = len(at)
        if path[:place] != at or len(path) == place:
            return document.locate(path)
        word = path[place]
        return document.locate((*at, parts.get(str(word), word), *path[place + 1 :]))

    return replace(document, locate=locate)


def without_prefix(values: Tree, kind: Kind, prefix: str) -> Tree:
    """`values` of something live as a manifest has them, which says nothing of the prefix.

    What it refers to has the names of manifests already.
    """
    name = value_at(values, NAME)
    if not prefix or not str(name).startswith(prefix):
        return values
    out = copy_tree(values)
    set_at(out, NAME, str(name).removeprefix(prefix))
    given = mapping_at(out, kind.defined_by) if kind.defined_by else {}
    if given and not given.keys() <= GROUPS:  # under the names of parts
        set_at(out, kind.defined_by, {word.removeprefix(prefix): v for word, v in given.items()})
    return out
