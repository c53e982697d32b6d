"""A plan as manifests have it: names and numbers where the wire has ids.

`Names` knows what people call things: names of resources, numbers of versions. `ByName` writes
values with them. Where a reference stands is found through the schema: by the rule of the field
that names it, or of the map that holds it. What nothing names keeps its ids, which a manifest may
have, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from peakctl.errors import ApiError, NotAuthenticated
from peakctl.kinds.fields import PARAM, Field, Kind, RefRule, child, is_free, variant
from peakctl.model import MAPS, MISSING, UNSEEN, Adapter, Path, Secret, Unknown, Value, VersionNames
from peakctl.model.plan import Action
from peakctl.model.records import dataclass
from peakctl.model.values import copy_tree, drop_at, leaves, value_at

if TYPE_CHECKING:
    from peakctl.engine.observe.live_state import LiveState


class VersionId(NamedTuple):
    """What tells one version from all others; the ids are texts."""

    kind: str
    id: str
    version: str


Told = dict[tuple[str, str], VersionNames]
"""What the platform was asked for beside the listings, by kind and id of the resource."""


class Names:
    """Names and numbers, from the listings, what was read and what the plan makes.

    `actions` are those of the whole plan, also where a part of it is shown. `told` is what was
    asked for beside all that. `redact` takes secrets out of what the platform calls things.
    `missing` are the versions whose number was asked for in vain.
    """

    def __init__(
        self,
        actions: Iterable[Action],
        observed: LiveState,
        kinds: Mapping[str, Kind],
        told: Told,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._kinds = kinds
        self.missing: set[VersionId] = set()
        self._planned = {action.key: action.version for action in actions}
        self._names: dict[tuple[str, str], list[tuple[object, str]]] = {}
        self._numbers: dict[VersionId, str] = {}
        for kind, id_, scope, name in _names(observed, told):
            self._names.setdefault((kind, id_), []).append((scope, redact(name)))
        for version, number in _numbers(observed, told):
            self._numbers.setdefault(version, redact(number))

    def name(self, kinds: Iterable[str], id_: Value, scope: str | None = None) -> str | None:
        """The name of what has the id; None where nothing tells it.

        What can be used in `scope` comes first: ids of instance types are those of an entity type.
        """
        if isinstance(id_, Unknown):
            return id_.of.name
        found = [each for kind in kinds for each in self._names.get((kind, str(id_)), ())]
        within = [name for where, name in found if scope is not None and where == scope]
        return next(iter([*within, *(name for _, name in found)]), None)

    def kind(self, kinds: Iterable[str], id_: Value) -> str | None:
        """Which of `kinds` has something with the id."""
        if isinstance(id_, Unknown):
            return id_.of.kind
        return next((kind for kind in kinds if (kind, str(id_)) in self._names), None)

    def number(self, kinds: Collection[str], id_: Value, version: Value) -> str | None:
        """The number of a version; None where nothing tells it."""
        if isinstance(version, Unknown):
            return self._planned.get(version.of)
        if version is UNSEEN:
            return str(version)
        if not self.have_ids(kinds):
            return str(version)
        ids = [VersionId(kind, str(id_), str(version)) for kind in kinds]
        found = next((self._numbers[each] for each in ids if each in self._numbers), None)
        if found is None:
            self.missing.update(ids)
        return found

    def have_ids(self, kinds: Iterable[str]) -> bool:
        """Whether versions of `kinds` go by an id, which says nothing to people."""
        rules = [self._kinds[kind].versions for kind in kinds if kind in self._kinds]
        return any(rule is not None and rule.has_id for rule in rules)


def _names(observed: LiveState, told: Told) -> Iterator[tuple[str, str, object, str]]:
    """Kind, id, scope and name of everything that is known by its id, the best names first.

    A resource of the manifests is called what its manifest calls it, also while it is renamed.
    """
    for key, live in {**observed.definitions, **observed.live}.items():
        yield key.kind, str(live.id), None, key.name
    for kind, items in observed.listed.items():
        for item in items:
            yield kind, str(item.id), item.item.get("scope"), item.name
    for (kind, name, _, scope), pin in observed.pins.items():
        if pin is not None:
            yield kind, str(pin["id"]), scope, name
    for (kind, id_), found in told.items():
        if found.name is not None:
            yield kind, id_, None, found.name


def _numbers(observed: LiveState, told: Told) -> Iterator[tuple[VersionId, str]]:
    """The numbers of all versions that are known by their ids."""
    for kind, id_, numbers in _numbered(observed, told):
        for version, number in numbers.items():
            yield VersionId(kind, str(id_), version), number


def _numbered(observed: LiveState, told: Told) -> Iterator[tuple[str, Value, Mapping[str, str]]]:
    """Kind, id and numbers of versions of what was listed, referred to, read and asked for."""
    for kind, items in observed.listed.items():
        yield from ((kind, item.id, item.numbers) for item in items)
    for (kind, *_), pin in observed.pins.items():
        if pin is not None and pin.get("number") is not None:
            yield kind, pin["id"], {str(pin.get("version")): str(pin["number"])}
    for key, live in observed.live.items():
        if live.version is not None:
            yield key.kind, live.id, {str(live.attributes.get("version")): live.version}
    yield from ((kind, id_, found.numbers) for (kind, id_), found in told.items())


async def ask_for_names(
    unnamed: Collection[VersionId], adapters: Mapping[str, Adapter], told: Told
) -> Told:
    """`told` and the names of the versions that nothing names, one request for each resource.

    What was asked for before is not asked for again, and a request that fails tells nothing: names
    are for readers alone. Raises nothing of its own.
    """
    asked: dict[tuple[str, str], set[str]] = {}
    for kind, id_, version in unnamed:
        if (kind, id_) not in told:
            asked.setdefault((kind, id_), set()).add(version)
    found = await asyncio.gather(
        *(adapters[kind].name_versions(id_, sorted(v)) for (kind, id_), v in asked.items()),
        return_exceptions=True,
    )
    out = dict(told)
    for where, answer in zip(asked, found, strict=True):
        if isinstance(answer, ApiError | NotAuthenticated):
            out[where] = VersionNames()
        elif isinstance(answer, BaseException):
            raise answer
        else:
            out[where] = answer
    return out


# --- values, written with them -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Site:
    """A place of a reference. The paths of its ids are absolute, as `at` is.

    `at` is where a manifest names it: a text (the name alone) or a map. `inside` is true where the
    ids stand in that very map, and false where the ids stand beside it.
    """

    rule: RefRule
    field: Field
    at: Path
    id_at: Path
    version_at: Path | None
    kind_at: Path | None
    inside: bool
    scope: str | None = None

    @property
    def parts(self) -> tuple[Path, ...]:
        """The paths of the ids."""
        parts = (self.id_at, self.version_at, self.kind_at)
        return tuple(path for path in parts if path is not None)

    def concerns(self, path: Path) -> bool:
        """Whether a change at `path` is one of the reference alone, as far as the path tells."""
        holder = len(self.at) if self.inside else len(self.at) - 1
        return len(path) > holder and any(_on_one_way(path, part) for part in self.parts)

    def is_whole(self, *values: Value) -> bool:
        """Whether these values at `at` hold the reference and nothing else."""
        words = {part[len(self.at)] for part in self.parts}
        return self.inside and all(set(v) <= words for v in values if isinstance(v, MAPS))


def _on_one_way(one: Path, two: Path) -> bool:
    length = min(len(one), len(two))
    return one[:length] == two[:length]


def refers(rule: Field) -> bool:
    """Whether a map of this rule is a reference, or has one among its entries."""
    return rule.ref is not None or any(each.ref for each in rule.properties.values())


def sites(rule: Field, path: Path = (), scopes: tuple[tuple[Field, Value], ...] = ()) -> list[Site]:
    """The references of a map at `path`: itself, and those whose ids stand among its entries.

    `scopes` are the maps down to this one with their rules, in which a scope may be stated.
    """
    found = []
    if rule.ref and rule.properties:
        found.append(_site(rule.ref, rule, path, path, scopes, inside=True))
    for word, inner in rule.properties.items():
        if inner.ref is None:
            continue
        base = (*path, word) if inner.properties else path
        site = _site(inner.ref, inner, (*path, word), base, scopes, inside=False)
        if site.id_at[: len(path) + 1] != site.at:
            found.append(site)
    return found


def _site(
    rule: RefRule,
    field: Field,
    at: Path,
    base: Path,
    scopes: tuple[tuple[Field, Value], ...],
    *,
    inside: bool,
) -> Site:
    return Site(
        rule,
        field,
        at,
        _absolute(base, rule.id_to),
        _absolute(base, rule.version_to) if rule.version_to else None,
        _absolute(base, rule.kind_to) if rule.kind_to else None,
        inside,
        rule.scope or _scope(rule, scopes),
    )


def _absolute(base: Path, steps: Path) -> Path:
    for step in steps:
        base = base[:-1] if step == ".." else (*base, step)
    return base


def _scope(rule: RefRule, scopes: tuple[tuple[Field, Value], ...]) -> str | None:
    """The scope that the nearest `scope_by` above the field chooses, by value or by default."""
    for field, value in reversed(scopes):
        decider = field.properties.get(rule.scope_by or "")
        if decider is not None:
            word = value_at(value, (rule.scope_by or "",))
            return rule.scope_words.get(str(decider.default if word is MISSING else word))
    return None


def written(site: Site, names: Names, id_: Value, version: Value, *, sure: bool) -> Value:
    """The reference as a manifest writes it; MISSING where there is none.

    Where nothing names the ids: MISSING when `sure` is wanted, else words that say so.
    """
    if id_ is UNSEEN:
        return id_
    if id_ is MISSING or id_ is None or isinstance(id_, Secret) or isinstance(version, Secret):
        return MISSING
    kinds = site.rule.kinds
    name = names.name(kinds, id_, site.scope)
    told = version not in (MISSING, None)
    number = names.number(kinds, id_, version) if told else None
    if sure and (name is None or (told and number is None)):
        return MISSING
    name = name if name is not None else _unknown(id_, "name")
    if not site.field.properties:
        return name
    kind = names.kind(kinds, id_) if site.rule.kind_words else None
    out: dict[str, Value] = {**({"kind": kind} if kind else {}), "name": name}
    if told and site.rule.version:
        words = number if number is not None else _unknown(version, "number")
        out[str(site.rule.version[0])] = _at_version(site, words)
    return out


def reference_text(value: Value) -> Value:
    """A reference in manifest form as one reads it: `forecast 0.0.1`; what is none as it is."""
    if not isinstance(value, MAPS):
        return value
    return " ".join(map(str, leaves(value)))


def _unknown(id_: Value, what: str) -> str:
    """Words for an id that nothing names; a parameter in its place says what it is."""
    is_parameter = isinstance(id_, str) and id_.startswith(PARAM)
    return str(id_) if is_parameter else f"id {id_} ({what} not known)"


def _at_version(site: Site, number: str) -> Value:
    """A number under its word; where the schema takes a text for the map around it, the text."""
    assert site.rule.version is not None  # noqa: S101 - the caller has looked
    field = site.field.properties[str(site.rule.version[0])]
    rest = site.rule.version[1:]
    if not rest or field.short_for == rest[0]:
        return number
    return {str(rest[0]): number}


@dataclass(frozen=True, slots=True)
class ByName:
    """Turns trees of the wire into those of a manifest.

    `archives` stand for digests at their places.
    """

    names: Names
    archives: Mapping[Path, Value]

    def tree(
        self,
        rule: Field,
        value: Value,
        path: Path = (),
        above: tuple[tuple[Field, Value], ...] = (),
    ) -> Value:
        """`value`, whose rule is `rule`, in manifest form."""
        if path in self.archives and rule.archive:
            return self.archives[path]
        if isinstance(value, list):
            items = rule.items
            if items is None:
                return value
            return [self.tree(items, v, (*path, i), above) for i, v in enumerate(value)]
        if not isinstance(value, MAPS):
            return value
        chosen = variant(rule, value)
        if is_free(chosen):
            return value
        here = (*above, (chosen, value))
        out = {
            word: each
            if (inner := child(chosen, word)) is None
            else self.tree(inner, each, (*path, word), here)
            for word, each in value.items()
        }
        for site in sites(chosen, (), here) if refers(chosen) else ():
            out = self._put(site, value, out)
        return out

    def _put(
        self, site: Site, value: Mapping[str, Value], out: dict[str, Value]
    ) -> dict[str, Value]:
        """The entries of a map with one reference by name in the place of its ids."""
        version = value_at(value, site.version_at) if site.version_at else MISSING
        found = written(site, self.names, value_at(value, site.id_at), version, sure=True)
        if found is MISSING or found is UNSEEN:
            return out
        left = copy_tree(out)
        for part in site.parts:
            drop_at(left, part)
            if len(part) > 1 and value_at(left, part[:-1]) == {}:
                drop_at(left, part[:-1])
        if site.inside:
            assert isinstance(found, dict)  # noqa: S101 - a map names what stands inside it
            return {**found, **left}
        names = {str(site.at[0]): found}
        first = str(site.id_at[0])
        words = [word for word in out if word in left or word == first]
        return {
            w: v
            for word in words
            for w, v in (names if word == first else {word: left[word]}).items()
        }
