"""What people call things that the wire has by id: names of resources, numbers of versions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from peakctl.errors import ApiError, NotAuthenticated
from peakctl.model import UNSEEN, Unknown, VersionNames

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from peakctl.engine.observe.live_state import LiveState
    from peakctl.kinds.fields import Kind
    from peakctl.model import Action, Adapter, Value


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
