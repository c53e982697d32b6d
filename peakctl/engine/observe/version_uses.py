"""Who uses what, and which versions: what is live, every release and revision, and manifests.

All of it is read completely, or an error ends it: what was not read counts as a use of everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field

from peakctl.engine.export import reference_values
from peakctl.kinds.fields import PARAM, Field, Kind
from peakctl.ledger.revisions import all_of
from peakctl.model import Adapter, KeptVersion, Key, Listed, Live, LiveId, Path, Resource, Value
from peakctl.model.records import dataclass
from peakctl.model.values import leaves, reveal, value_at

_HELD = "Artifact"
"""The kind of what releases hold: the platform makes it for them."""
OF_PARAMETERS = "a parameter of a deployment may name it"


@dataclass(frozen=True, slots=True)
class VersionUses:
    """Who uses which version of which resource, by the id or the number of the version.

    `values` are those of parameters of deployments, where a release takes a version from one;
    `is_hidden` says that the platform hides some of them: then any version may be meant.
    """

    users: Mapping[tuple[LiveId, str], tuple[str, ...]] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    is_hidden: bool = False

    def of(self, id_: LiveId, version: KeptVersion) -> tuple[str, ...]:
        """What uses a version, in words."""
        words = {version.number, *([] if version.id is None else [str(version.id)])}
        found = dict.fromkeys(u for word in sorted(words) for u in self.users.get((id_, word), ()))
        return (*found, *([OF_PARAMETERS] if self.is_hidden or words & self.values else ()))


async def observe_version_uses(
    wanted: Collection[str], kinds: Mapping[str, Kind], adapters: Mapping[str, Adapter]
) -> VersionUses:
    """Read everything in the tenant that may use a version of a resource of the kinds `wanted`.

    One listing for each kind that may, a request or two for each resource and each release. Raises
    the first ApiError or NotAuthenticated of any of them.
    """
    users = [
        name
        for name, kind in kinds.items()
        if {*wanted} & {*_referred(kind.root, set()), *adapters[name].makes}
    ]
    lives = await _read_all(users, adapters)
    found: defaultdict[tuple[LiveId, str], dict[str, None]] = defaultdict(dict)
    is_open = False
    for live in lives:
        for targets, id_, version in reference_values(kinds[live.key.kind], live.values):
            if {*targets} & {*wanted}:
                is_open = is_open or _is_parameter(id_) or _is_parameter(version)
                for target in targets:
                    found[LiveId.of(target, str(id_)), str(version)][_word(live)] = None
        held = live.private.get("archive")
        if isinstance(held, Mapping):
            found[LiveId.of(_HELD, held["id"]), str(held["version"])][_word(live)] = None
    users_of = {place: tuple(by) for place, by in found.items()}
    return VersionUses(users_of, *(await _given(lives, kinds, adapters) if is_open else ()))


async def observe_users(
    target: LiveId, kinds: Mapping[str, Kind], adapters: Mapping[str, Adapter]
) -> tuple[tuple[Live, frozenset[str]], ...]:
    """Everything live that refers to one resource, with the ids or numbers of its versions.

    Of specs that is each release, of deployments each revision. Raises as `observe_version_uses`.
    """
    users = [
        name
        for name, kind in kinds.items()
        if target.kind in {*_referred(kind.root, set(), versioned=False), *adapters[name].makes}
    ]
    found = []
    for live in await _read_all(users, adapters):
        kind = kinds[live.key.kind]
        versions = [
            None if version is None else str(version)
            for targets, id_, version in reference_values(kind, live.values)
            if target in {LiveId.of(each, str(id_)) for each in targets}
        ]
        held = live.private.get("archive")
        if isinstance(held, Mapping) and LiveId.of(_HELD, held["id"]) == target:
            versions.append(str(held["version"]))
        if versions:
            found.append((live, frozenset(each for each in versions if each is not None)))
    return tuple(found)


def uses_of_manifests(
    resources: Mapping[Key, Resource], kinds: Mapping[str, Kind], live: Mapping[Key, LiveId]
) -> VersionUses:
    """The versions that manifests name; `live` has the ids of what they call by name.

    A resource whose own number is fixed names that, too.
    """
    found: defaultdict[tuple[LiveId, str], dict[str, None]] = defaultdict(dict)
    for key, resource in resources.items():
        for at, target, version in _stated(resource, kinds[key.kind], live):
            found[target, version][f"{key} ({resource.document.locate(at)})"] = None
    return VersionUses({place: tuple(by) for place, by in found.items()})


def _stated(
    resource: Resource, kind: Kind, live: Mapping[Key, LiveId]
) -> Iterator[tuple[Path, LiveId, str]]:
    for reference in resource.references:
        for target in (Key(kind, reference.name) for kind in reference.kinds):
            if reference.version is not None and target in live:
                yield reference.at, live[target], reference.version
    for targets, id_, version in reference_values(kind, resource.values):
        for each in targets:
            yield ("spec",), LiveId.of(each, str(reveal(id_))), str(reveal(version))
    if kind.versions is not None and resource.key in live:
        at = kind.versions.at
        yield at, live[resource.key], str(reveal(value_at(resource.values, at)))


async def _read_all(names: Iterable[str], adapters: Mapping[str, Adapter]) -> list[Live]:
    """Every resource of the kinds; of one with releases or revisions, each of them."""
    listed = await all_of(_listed(adapters[name]) for name in names)
    found = await all_of(_read(*each) for pairs in listed for each in pairs)
    return [live for lives in found for live in lives if live is not None]


async def _listed(adapter: Adapter) -> list[tuple[Adapter, Listed]]:
    return [(adapter, each) for each in await adapter.index()]


async def _read(adapter: Adapter, listed: Listed) -> list[Live | None]:
    if not adapter.numbered:
        return [await adapter.read(listed, None)]
    numbers = [each.number for each in await adapter.versions(listed)]
    return await all_of(adapter.read_version(listed, number) for number in numbers)


def _is_parameter(value: Value) -> bool:
    return isinstance(value, str) and value.startswith(PARAM)


def _word(live: Live) -> str:
    """`Workflow/nightly`, `BlockSpec/forecast@1.2.0`."""
    return str(live.key) if live.version is None else f"{live.key}@{live.version}"


def _referred(rule: Field, seen: set[int], *, versioned: bool = True) -> Iterator[str]:
    """The kinds that fields below a rule refer to; with `versioned` by version alone."""
    if id(rule) in seen:
        return
    seen.add(id(rule))
    if rule.ref is not None and (rule.ref.version_to or not versioned):
        yield from rule.ref.kinds
    inner = [*rule.properties.values(), *rule.variants.values(), rule.items, rule.extra]
    for each in inner:
        if each is not None:
            yield from _referred(each, seen, versioned=versioned)


async def _given(
    specs: Iterable[Live], kinds: Mapping[str, Kind], adapters: Mapping[str, Adapter]
) -> tuple[frozenset[str], bool]:
    """Every value that a parameter has by default or by a revision; whether one is hidden."""
    lives = await _read_all([name for name, kind in kinds.items() if kind.defined_by], adapters)
    values: set[str] = set()
    is_hidden = False
    for live in (*specs, *lives):
        kind = kinds[live.key.kind]
        for path in (kind.defines, kind.defined_by, kind.defined_by_whole):
            if path:
                values |= {str(reveal(each)) for each in leaves(value_at(live.values, path))}
                is_hidden = is_hidden or any(each[: len(path)] == path for each in live.hidden)
    return frozenset(values), is_hidden
