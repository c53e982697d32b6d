"""Values for parameters that another resource declares: checked, and told apart from masked ones.

A spec declares parameters (`Kind.defines`); a deployment of it gives values (`Kind.defined_by`).
For a spec made of parts (an app of blocks) values stand under the name of each part, and those for
the whole (`Kind.defined_by_whole`) are inherited by every part that declares the name
(docs/platform.md, 3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peakctl.engine.graph import targets
from peakctl.errors import Diagnostic, diagnose, nearest_names
from peakctl.model import EMPTY, MAPS, MISSING, Key, Path, Tree, Value, dotted, reveal
from peakctl.model.values import copy_tree, drop_at, value_at

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.kinds.fields import Kind
    from peakctl.model import Reference, Resource

GROUPS = ("build", "run")
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One set of declared parameters and where the values for it stand.

    `inherited` are values given for the whole; `complete` is false when some declarations are not
    known, so a name that is missing here may be declared elsewhere.
    """

    at: Path
    definitions: Tree
    inherited: Tree = field(default_factory=lambda: EMPTY)
    complete: bool = True


def declared_slots(
    resource: Resource,
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    world: LiveState,
) -> Iterator[Slot]:
    """The parameter sets that `resource` gives values for."""
    kind = kinds[resource.key.kind]
    if not kind.defined_by:
        return
    for reference in resource.references:
        if isinstance(reference.at[-1], int):
            continue  # an item of a list chooses a part of the spec
        for key, values in _specs(reference, resources, kinds, world):
            definitions = _definitions(kinds[key.kind], values)
            if kinds[key.kind].of_parts:
                parts = _parts(resources.get(key), resources, kinds)
                yield from _part_slots(resource, kind, parts, definitions, resources.get(key))
            else:
                yield Slot(kind.defined_by, definitions)


def _specs(
    reference: Reference,
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    world: LiveState,
) -> Iterator[tuple[Key, Tree]]:
    declared = targets(reference, resources)
    for key in declared:
        if kinds[key.kind].defines:
            yield key, resources[key].values
    for name in reference.kinds if not declared else ():
        key = Key(name, reference.name)
        if key in world.definitions:
            yield key, world.definitions[key].values


def _definitions(kind: Kind, values: Tree) -> Tree:
    found = value_at(values, kind.defines)
    return found if isinstance(found, Mapping) else EMPTY


def _parts(
    spec: Resource | None, resources: Mapping[Key, Resource], kinds: Mapping[str, Kind]
) -> dict[str, Tree]:
    """The declarations of each part of a declared spec, by the part's name."""
    return {
        key.name: _definitions(kinds[key.kind], resources[key].values)
        for reference in (spec.references if spec else ())
        for key in targets(reference, resources)
        if kinds[key.kind].defines
    }


def _part_slots(
    resource: Resource,
    kind: Kind,
    parts: Mapping[str, Tree],
    whole: Tree,
    spec: Resource | None,
) -> Iterator[Slot]:
    given = value_at(resource.values, kind.defined_by_whole)
    inherited = given if isinstance(given, Mapping) else EMPTY
    for name, definitions in parts.items():
        yield Slot((*kind.defined_by, name), definitions, inherited)
    known = spec is not None and len(parts) == len(spec.references)
    merged = {
        group: [d for s in (whole, *parts.values()) for d in _of(s, group)] for group in GROUPS
    }
    optional = {g: [{**d, "required": False} for d in merged[g]] for g in GROUPS}
    yield Slot(kind.defined_by_whole, optional, complete=known)


def _of(definitions: Tree, group: str) -> list[Any]:
    found = definitions.get(group)
    return [d for d in found if isinstance(d, Mapping)] if isinstance(found, list) else []


def hidden_paths(
    resource: Resource,
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    world: LiveState,
) -> frozenset[Path]:
    """Where values stand that the platform masks on reads (docs/platform.md, 3.5: `hideValue`)."""
    return frozenset(
        (*slot.at, group, definition.get("name", ""))
        for slot in declared_slots(resource, resources, kinds, world)
        for group in GROUPS
        for definition in _of(slot.definitions, group)
        if definition.get("hideValue") is True
    )


def is_dropped(slots: Iterable[Slot], path: Path) -> bool:
    """Whether the value at `path` is for a parameter that nothing declares any more."""
    here = [slot for slot in slots if slot.complete and path[: len(slot.at)] == slot.at]
    names = {
        (*slot.at, group, definition.get("name"))
        for slot in here
        for group in GROUPS
        for definition in _of(slot.definitions, group)
    }
    return bool(here) and path not in names


def unsure_paths(
    resource: Resource,
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    world: LiveState,
) -> frozenset[Path]:
    """Where values stand of which nobody says whether they are hidden.

    They are for parts that are only live: those are not read for what they declare.
    """
    kind = kinds[resource.key.kind]
    if not any(_is_of_parts(reference, kinds) for reference in resource.references):
        return frozenset()
    slots = {slot.at: slot for slot in declared_slots(resource, resources, kinds, world)}
    given = value_at(resource.values, kind.defined_by)
    parts = {(*kind.defined_by, name) for name in given} if isinstance(given, Mapping) else set()
    whole = slots.get(kind.defined_by_whole)
    if whole is None:
        return frozenset((*parts, kind.defined_by_whole))
    return frozenset((*(parts - slots.keys()), *_undeclared(resource, whole)))


def untold_paths(
    resource: Resource,
    kinds: Mapping[str, Kind],
    desired: Tree,
    live: Tree,
    known: Callable[[Reference], bool],
) -> frozenset[Path]:
    """Where values stand for a release that is not read: it alone tells what it hides.

    That is one of a spec that is given by its id, or a pinned one that is not `known`. What is live
    tells what its own release hides, so nothing is untold while that stays.
    """
    kind = kinds[resource.key.kind]
    specs = [each for each in resource.references if _is_of_spec(each, kinds)]
    told = bool(specs) and all(map(known, specs))
    if not kind.defined_by or told or _release_of(desired) == _release_of(live):
        return frozenset()
    return frozenset(at for at in (kind.defined_by, kind.defined_by_whole) if at)


def is_known_release(
    reference: Reference,
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    world: LiveState,
) -> bool:
    """Whether what is known of the spec's parameters is of the release that `reference` names."""
    if reference.version is None:
        return True
    known = [
        _version_of(kinds[key.kind], values)
        for key, values in _specs(reference, resources, kinds, world)
    ]
    return bool(known) and all(version == reference.version for version in known)


def _version_of(kind: Kind, values: Tree) -> Value:
    return value_at(values, kind.versions.at) if kind.versions else MISSING


def _is_of_spec(reference: Reference, kinds: Mapping[str, Kind]) -> bool:
    """Whether a reference names a spec as a whole, and no part of one."""
    found = [kinds[name] for name in reference.kinds if name in kinds]
    return not isinstance(reference.at[-1], int) and any(k.defines or k.of_parts for k in found)


def _release_of(values: Tree) -> list[tuple[Any, Any]]:
    """The id and the release of each spec that is named in `values`."""
    spec = value_at(values, ("spec",))
    named = spec.values() if isinstance(spec, Mapping) else ()
    return [
        (each.get("id"), value_at(each, ("release", "version")))
        for each in named
        if isinstance(each, Mapping) and "id" in each
    ]


def _is_of_parts(reference: Reference, kinds: Mapping[str, Kind]) -> bool:
    return any(name in kinds and kinds[name].of_parts for name in reference.kinds)


def _undeclared(resource: Resource, slot: Slot) -> Iterator[Path]:
    for group in GROUPS:
        given = value_at(resource.values, (*slot.at, group))
        declared = {d.get("name") for d in _of(slot.definitions, group)}
        for name in given if isinstance(given, Mapping) else ():
            if name not in declared:
                yield (*slot.at, group, name)


def check_parameters(
    resource: Resource,
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    world: LiveState,
) -> list[Diagnostic]:
    """Values that the declarations do not allow, and required ones that are not given."""
    problems: list[Diagnostic] = []
    for slot in declared_slots(resource, resources, kinds, world):
        for group in GROUPS:
            problems += _check_group(resource, slot, group)
    return problems


def _check_group(resource: Resource, slot: Slot, group: str) -> list[Diagnostic]:
    at = (*slot.at, group)
    given = value_at(resource.values, at)
    values = given if isinstance(given, Mapping) else {}
    inherited = slot.inherited.get(group) or {}
    declared = {d["name"]: d for d in _of(slot.definitions, group) if "name" in d}
    problems = [
        _unknown(resource, (*at, name), name, declared)
        for name in values
        if name not in declared and slot.complete
    ]
    for name, definition in declared.items():
        value = values.get(name, MISSING)
        if value is not MISSING:
            problems += _check_value(resource, (*at, name), definition, value)
        elif _is_owed(definition) and name not in inherited:
            problems.append(_owed(resource, at, name))
    return problems


def _is_owed(definition: Mapping[str, Any]) -> bool:
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


def _unknown(resource: Resource, path: Path, name: str, declared: Mapping[str, Any]) -> Diagnostic:
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
    resource: Resource, path: Path, definition: Mapping[str, Any], value: Value
) -> list[Diagnostic]:
    plain, wanted = reveal(value), str(definition.get("type"))
    if not has_type(plain, wanted):
        return [_bad(resource, path, f'parameter "{path[-1]}" must be of type {wanted}', "")]
    options = [reveal(o.get("value")) for o in _options(definition)]
    if options and any(v not in options for v in (plain if isinstance(plain, list) else [plain])):
        allowed = ", ".join(str(o.get("value")) for o in _options(definition))
        return [_bad(resource, path, f'parameter "{path[-1]}" is none of its options', allowed)]
    return []


def _options(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = definition.get("options")
    return [o for o in found if isinstance(o, Mapping)] if isinstance(found, list) else []


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


def without_implied(live: Tree, given: Tree, slots: Iterable[Slot]) -> Tree:
    """`live` less the values that `given` leaves out and that hold without being given.

    No source says whether the platform shows defaults of declared parameters, and values given for
    the whole, where nobody gave a value (docs/platform.md, 5). There they make no difference.
    """
    paths = [path for slot in slots for path in _implied(live, given, slot)]
    out = copy_tree(live) if paths else live
    for path in paths:
        drop_at(out, path)
    return out


def _implied(live: Tree, given: Tree, slot: Slot) -> Iterator[Path]:
    for group in GROUPS:
        at = (*slot.at, group)
        found, stated = _mapping(value_at(live, at)), _mapping(value_at(given, at))
        inherited = _mapping(slot.inherited.get(group))
        for definition in slot.definitions.get(group) or ():
            name = definition.get("name")
            implied = (inherited.get(name, MISSING), definition.get("defaultValue", MISSING))
            if name in found and name not in stated and found[name] in map(reveal, implied):
                yield (*at, name)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, MAPS) else {}
