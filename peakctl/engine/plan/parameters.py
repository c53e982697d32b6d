"""Values for parameters that another resource declares: their checks, and which ones are masked.

A spec declares parameters (`Kind.defines`); a deployment of it gives values (`Kind.defined_by`).
For a spec made of parts (an app of blocks) values stand under the name of each part, and those for
the whole (`Kind.defined_by_whole`) are inherited by every part that declares the name
(docs/platform.md, 3.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from peakctl.engine.graph import targets
from peakctl.errors import Diagnostic, diagnose, nearest_names
from peakctl.kinds.fields import Kind
from peakctl.model import EMPTY, MISSING, Key, Live, Path, Reference, Resource, Tree, Value
from peakctl.model.records import dataclass
from peakctl.model.values import (
    copy_tree,
    dotted,
    drop_at,
    holds_unset,
    list_at,
    mapping_at,
    reveal,
    value_at,
)

GROUPS = ("build", "run")
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """One set of declared parameters and where the values for it stand.

    `inherited` are values given for the whole; `complete` is false when some declarations are not
    known, so a name that is missing here may be declared elsewhere.
    """

    at: Path
    definitions: Tree
    inherited: Tree = field(default_factory=lambda: EMPTY)
    complete: bool = True


@dataclass(slots=True)
class Parameters:
    """The parameters that one resource gives values for, as manifests and the platform declare.

    `definitions` are live specs that were read for the parameters they declare.
    """

    resource: Resource
    resources: Mapping[Key, Resource]
    kinds: Mapping[str, Kind]
    definitions: Mapping[Key, Live]
    kind: Kind = field(init=False)
    sets: tuple[ParameterSet, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.kind = self.kinds[self.resource.key.kind]
        self.sets = tuple(self._find_sets()) if self.kind.defined_by else ()

    def _find_sets(self) -> Iterator[ParameterSet]:
        for reference in self.resource.references:
            if isinstance(reference.at[-1], int):
                continue  # an item of a list chooses a part of the spec
            for key, values in self._specs(reference):
                definitions = _definitions(self.kinds[key.kind], values)
                if self.kinds[key.kind].of_parts:
                    yield from self._part_sets(definitions, self.resources.get(key))
                else:
                    yield ParameterSet(self.kind.defined_by, definitions)

    def _specs(self, reference: Reference) -> Iterator[tuple[Key, Tree]]:
        declared = targets(reference, self.resources)
        for key in declared:
            if self.kinds[key.kind].defines:
                yield key, self.resources[key].values
        for name in reference.kinds if not declared else ():
            key = Key(name, reference.name)
            if key in self.definitions:
                yield key, self.definitions[key].values

    def _part_sets(self, whole: Tree, spec: Resource | None) -> Iterator[ParameterSet]:
        parts = self._parts(spec)
        given = value_at(self.resource.values, self.kind.defined_by_whole)
        inherited = given if isinstance(given, Mapping) else EMPTY
        for name, definitions in parts.items():
            yield ParameterSet((*self.kind.defined_by, name), definitions, inherited)
        known = spec is not None and len(parts) == len(spec.references)
        every = (whole, *parts.values())
        optional: Tree = {
            group: [{**d, "required": False} for each in every for d in _of(each, group)]
            for group in GROUPS
        }
        yield ParameterSet(self.kind.defined_by_whole, optional, complete=known)

    def _parts(self, spec: Resource | None) -> dict[str, Tree]:
        """The declarations of each part of a declared spec, by the part's name."""
        return {
            key.name: _definitions(self.kinds[key.kind], self.resources[key].values)
            for reference in (spec.references if spec else ())
            for key in targets(reference, self.resources)
            if self.kinds[key.kind].defines
        }

    def check(self) -> list[Diagnostic]:
        """Values that the declarations do not allow, and required ones that are not given."""
        return [
            problem
            for each in self.sets
            for group in GROUPS
            for problem in _check_group(self.resource, each, group)
        ]

    def hidden_paths(self) -> frozenset[Path]:
        """Where values stand that the platform masks (docs/platform.md, 3.5: `hideValue`)."""
        return frozenset(
            (*each.at, group, str(definition.get("name", "")))
            for each in self.sets
            for group in GROUPS
            for definition in _of(each.definitions, group)
            if definition.get("hideValue") is True
        )

    def unsure_paths(self) -> frozenset[Path]:
        """Where values stand of which nobody says whether they are hidden.

        They are for parts that are only live: those are not read for what they declare.
        """
        if not any(_is_of_parts(reference, self.kinds) for reference in self.resource.references):
            return frozenset()
        at, sets = self.kind.defined_by, {each.at: each for each in self.sets}
        given = value_at(self.resource.values, at)
        parts = {(*at, name) for name in given} if isinstance(given, Mapping) else set()
        whole = sets.get(self.kind.defined_by_whole)
        if whole is None:
            return frozenset((*parts, self.kind.defined_by_whole))
        return frozenset((*(parts - sets.keys()), *_undeclared(self.resource, whole)))

    def unread_paths(self, desired: Tree, live: Tree) -> frozenset[Path]:
        """Where values stand for a release that is not read: it alone says what it hides.

        That is one of a spec that is given by its id, or a pinned one that is not known. What is
        live shows what its own release hides, so nothing is unread while that stays.
        """
        kind, references = self.kind, self.resource.references
        specs = [each for each in references if _is_of_spec(each, self.kinds)]
        known = bool(specs) and all(map(self.is_known_release, specs))
        if not kind.defined_by or known or _release_of(desired) == _release_of(live):
            return frozenset()
        return frozenset(at for at in (kind.defined_by, kind.defined_by_whole) if at)

    def is_known_release(self, reference: Reference) -> bool:
        """Whether what is known of the spec's parameters is of the release of `reference`."""
        if reference.version is None:
            return True
        specs = self._specs(reference)
        known = [_version_of(self.kinds[key.kind], values) for key, values in specs]
        return bool(known) and all(version == reference.version for version in known)


def _definitions(kind: Kind, values: Tree) -> Tree:
    return mapping_at(values, kind.defines)


def _of(definitions: Tree, group: str) -> list[Tree]:
    return [d for d in list_at(definitions, (group,)) if isinstance(d, Mapping)]


def is_dropped(sets: Iterable[ParameterSet], path: Path) -> bool:
    """Whether the value at `path` is for a parameter that nothing declares any more."""
    here = [each for each in sets if each.complete and path[: len(each.at)] == each.at]
    names = {
        (*each.at, group, definition.get("name"))
        for each in here
        for group in GROUPS
        for definition in _of(each.definitions, group)
    }
    return bool(here) and path not in names


def _version_of(kind: Kind, values: Tree) -> Value:
    return value_at(values, kind.versions.at) if kind.versions else MISSING


def _is_of_spec(reference: Reference, kinds: Mapping[str, Kind]) -> bool:
    """Whether a reference names a spec as a whole, and no part of one."""
    found = [kinds[name] for name in reference.kinds if name in kinds]
    return not isinstance(reference.at[-1], int) and any(k.defines or k.of_parts for k in found)


def _release_of(values: Tree) -> list[tuple[Value, Value]]:
    """The id and the release of each spec that is named in `values`."""
    named = mapping_at(values, ("spec",)).values()
    return [
        (each.get("id"), value_at(each, ("release", "version")))
        for each in named
        if isinstance(each, Mapping) and "id" in each
    ]


def _is_of_parts(reference: Reference, kinds: Mapping[str, Kind]) -> bool:
    return any(name in kinds and kinds[name].of_parts for name in reference.kinds)


def _undeclared(resource: Resource, parameters: ParameterSet) -> Iterator[Path]:
    for group in GROUPS:
        declared = {d.get("name") for d in _of(parameters.definitions, group)}
        for name in mapping_at(resource.values, (*parameters.at, group)):
            if name not in declared:
                yield (*parameters.at, group, name)


def _check_group(resource: Resource, parameters: ParameterSet, group: str) -> list[Diagnostic]:
    at = (*parameters.at, group)
    values = mapping_at(resource.values, at)
    inherited = mapping_at(parameters.inherited, (group,))
    declared = {str(d["name"]): d for d in _of(parameters.definitions, group) if "name" in d}
    problems = [
        _unknown(resource, (*at, name), name, declared)
        for name in values
        if name not in declared and parameters.complete
    ]
    for name, definition in declared.items():
        value = values.get(name, MISSING)
        if value is not MISSING:
            problems += _check_value(resource, (*at, name), definition, value)
        elif _is_owed(definition) and name not in inherited:
            problems.append(_owed(resource, at, name))
    return problems


def _is_owed(definition: Tree) -> bool:
    """Conditions may disable a parameter; the client's own samples leave such ones out."""
    needed = definition.get("required") is True and not definition.get("conditions")
    return needed and definition.get("defaultValue") is None


def _owed(resource: Resource, at: Path, name: str) -> Diagnostic:
    return diagnose(
        resource,
        (*at, name),
        "manifest/parameter-missing",
        f'required parameter "{name}" has no value',
        place=at,
        fix=f"add {dotted((*at, name))}",
    )


def _unknown(resource: Resource, path: Path, name: str, declared: Tree) -> Diagnostic:
    near = nearest_names(name, list(declared))
    names = ", ".join(sorted(declared)) or "none"
    return diagnose(
        resource,
        path,
        "manifest/parameter-unknown",
        f'the spec declares no parameter "{name}" here',
        detail=f"declared: {names}",
        fix=f"did you mean: {', '.join(near)}" if near else "remove it, or declare it in the spec",
    )


def _check_value(
    resource: Resource, path: Path, definition: Tree, value: Value
) -> list[Diagnostic]:
    if holds_unset(value):
        return []  # who knows
    plain, wanted = reveal(value), str(definition.get("type"))
    if not has_type(plain, wanted):
        return [_bad(resource, path, f'parameter "{path[-1]}" must be of type {wanted}', "")]
    options = [reveal(o.get("value")) for o in _options(definition)]
    if options and any(v not in options for v in (plain if isinstance(plain, list) else [plain])):
        allowed = ", ".join(str(o.get("value")) for o in _options(definition))
        return [_bad(resource, path, f'parameter "{path[-1]}" is none of its options', allowed)]
    return []


def _options(definition: Tree) -> list[Tree]:
    return [o for o in list_at(definition, ("options",)) if isinstance(o, Mapping)]


def _bad(resource: Resource, path: Path, summary: str, options: str) -> Diagnostic:
    return diagnose(
        resource,
        path,
        "manifest/parameter-invalid",
        summary,
        fix=f"use one of: {options}" if options else "change the value to that type",
    )


def has_type(value: Value, wanted: str) -> bool:
    """Whether a value is of a parameter type of the platform (`number_array` and the like)."""
    if wanted.endswith("_array"):
        return isinstance(value, list) and all(has_type(v, wanted[:-6]) for v in value)
    types = TYPES.get(wanted)
    if types is None or value is None:
        return True
    if isinstance(value, bool) and bool not in types:
        return False
    return isinstance(value, types)


def without_implied(live: Tree, given: Tree, sets: Iterable[ParameterSet]) -> Tree:
    """`live` less the values that `given` leaves out and that hold without being given.

    No source says whether the platform shows defaults of declared parameters, and values given for
    the whole, where nobody gave a value (docs/platform.md, 5). There they make no difference.
    """
    paths = [path for each in sets for path in _implied(live, given, each)]
    out = copy_tree(live) if paths else live
    for path in paths:
        drop_at(out, path)
    return out


def _implied(live: Tree, given: Tree, parameters: ParameterSet) -> Iterator[Path]:
    for group in GROUPS:
        at = (*parameters.at, group)
        found, stated = mapping_at(live, at), mapping_at(given, at)
        inherited = mapping_at(parameters.inherited, (group,))
        for definition in _of(parameters.definitions, group):
            name = str(definition.get("name"))
            implied = (inherited.get(name, MISSING), definition.get("defaultValue", MISSING))
            if name in found and name not in stated and found[name] in map(reveal, implied):
                yield (*at, name)
