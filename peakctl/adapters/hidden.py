"""Which values of a deployment its release hides, so that no output shows them.

The release that is deployed decides, not the one that a manifest declares. Releases never change,
so each is read once in a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from urllib.parse import quote

from peakctl.adapters.answers import metadata_of, read_config, spec_of
from peakctl.kinds.fields import PARAM
from peakctl.model import JsonObject, Path, Tree, Value, leaf_places, leaves, mapping_at, value_at
from peakctl.model.values import is_masked

SPEC_FIELDS = {"blocks": "blockSpec", "apps": "appSpec"}
GROUPS = ("build", "run")
WHOLE = ("spec", "appParameters")
PARTS = ("spec", "parameters")
Get = Callable[[str], Awaitable["JsonObject | None"]]


class Releases:
    """Reads of specs and releases; `get` gives a describe answer, None for a 404."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._known: dict[str, asyncio.Task[JsonObject | None]] = {}

    async def hidden(self, family: str, values: Tree) -> frozenset[Path]:
        """The places in `values` (manifest shape) that the deployed release hides.

        Where the release cannot be had, that is every place of a value.
        """
        if not _shows_text(values):
            return frozenset()
        named = mapping_at(values, ("spec", SPEC_FIELDS[family]))
        at, version = named.get("id"), mapping_at(named, ("release",)).get("version")
        if family == "blocks":
            found = await self._of_block(at, version)
        else:
            found = await self._of_app(at, version)
        return frozenset(_all_places(values) if found is None else found)

    async def hidden_in_part(self, named: JsonObject, part: JsonObject) -> frozenset[Path]:
        """The places in `part`, made for a block of the spec `named`, of values that it hides.

        Those are the places where its configuration refers to a hidden build parameter; where the
        release cannot be had, every place of a text.
        """
        version = (named.get("release") or {}).get("version")
        release = await self._release("blocks", named.get("id"), version)
        if release is None or not isinstance(release.get("config"), Mapping):
            return frozenset(("spec", *path) for path in _texts(spec_of(part), ()))
        hidden = {f"{PARAM}{name}" for group, name in _hiding(release) if group == "build"}
        places = _texts(read_config(release["config"]), ())
        return frozenset(("spec", *path) for path, text in places.items() if text in hidden)

    async def _of_block(self, id_: object, version: object) -> set[Path] | None:
        release = await self._release("blocks", id_, version)
        return None if release is None else {(*PARTS, *path) for path in _hiding(release)}

    async def _of_app(self, id_: object, version: object) -> set[Path] | None:
        """By the name of each block; what a block hides, it hides as a value of the app too."""
        release = await self._release("apps", id_, version)
        if release is None:
            return None
        parts = [part for part in release.get("config") or () if isinstance(part, Mapping)]
        found = await asyncio.gather(*(self._of_part(part) for part in parts))
        if any(each is None for each in found):
            return None
        hiding = {(block, *path) for each in found if each for block, path in each}
        whole = {*_hiding(release), *(path[1:] for path in hiding)}
        return {*((*PARTS, *path) for path in hiding), *((*WHOLE, *path) for path in whole)}

    async def _of_part(self, part: JsonObject) -> list[tuple[str, Path]] | None:
        """The name of a block with each place that it hides; None when it cannot be had."""
        id_ = part.get("id")
        release = await self._release("blocks", id_, (part.get("release") or {}).get("version"))
        if release is None:
            return None
        places = list(_hiding(release))
        spec = await self._once(f"press/v1/blocks/specs/{_word(id_)}") if places else {}
        if spec is None:
            return None
        name = str(metadata_of(spec).get("name", ""))
        return [(name, path) for path in places]

    async def _release(self, family: str, id_: object, version: object) -> JsonObject | None:
        if id_ is None or version is None:
            return None
        return await self._once(f"press/v1/{family}/specs/{_word(id_)}/releases/{_word(version)}")

    async def _once(self, path: str) -> JsonObject | None:
        """The answer at `path`, asked for once; an error is not remembered."""
        task = self._known.get(path)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._known[path] = asyncio.ensure_future(self._ask(path))
        return await task

    async def _ask(self, path: str) -> JsonObject | None:
        return await self._get(path)


def _texts(value: Value, path: Path) -> dict[Path, str]:
    """Every text below `value`, by its place."""
    return {at: leaf for at, leaf in leaf_places(value, path) if isinstance(leaf, str)}


def _word(part: object) -> str:
    return quote(str(part), safe="")


def _hiding(release: JsonObject) -> Iterator[Path]:
    """Group and name of each parameter that a release hides."""
    definitions = release.get("parameters") or {}
    for group in GROUPS:
        for each in definitions.get(group) or ():
            if isinstance(each, Mapping) and each.get("hideValue") is True:
                yield group, str(each.get("name", ""))


def _shows_text(value: Value) -> bool:
    """Whether the parameters of a deployment hold a text that is no mask: only texts are hidden."""
    found = (leaf for at in (PARTS, WHOLE) for leaf in leaves(value_at(value, at)))
    return any(isinstance(leaf, str) and not is_masked(leaf) for leaf in found)


def _all_places(values: Tree) -> Iterator[Path]:
    """The place of every value of a parameter."""
    for at in (PARTS, WHOLE):
        for word, each in mapping_at(values, at).items():
            yield from _places_below(each, (*at, word))


def _places_below(value: Value, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping) and value:
        for word, each in value.items():
            yield from _places_below(each, (*path, word))
    else:
        yield path
