"""A valid manifest for each field to walk in, and the place of the field there."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from matrix.schema import EACH, ITEM, Variant
from matrix.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matrix.schema import SettableField, Step

FILE = Path(__file__).with_name("bases.yaml")
At = tuple[str | int, ...]


def load_bases() -> dict[str, list[dict[str, Any]]]:
    """The base manifests by kind, each with all five parts of the envelope but a name."""
    told = yaml.safe_load(FILE.read_text("utf-8"))
    return {
        kind: [{"apiVersion": "peakctl/v1", "kind": kind, **copy.deepcopy(base)} for base in bases]
        for kind, bases in told.items()
        if kind != "common"
    }


@dataclass(frozen=True)
class Stand:
    """A base and where the field stands (or would stand) in it."""

    base: dict[str, Any]
    at: At

    @property
    def value(self) -> Any:
        """What the base has there; ABSENT where it has nothing."""
        here: Any = self.base
        for step in self.at:
            if isinstance(here, dict) and step not in here:
                return ABSENT
            here = here[step]
        return here

    def document(self, name: str, value: Any) -> dict[str, Any]:
        """The manifest with that name, and `value` in the field's place."""
        made = copy.deepcopy(self.base)
        made["metadata"]["name"] = name
        holder: Any = made
        for step in self.at[:-1]:
            holder = holder[step]
        if self.at == ("metadata", "name"):
            return made
        if value is ABSENT:
            holder.pop(self.at[-1], None)
        else:
            holder[self.at[-1]] = value
        return made


def stands(field: SettableField, bases: list[dict[str, Any]]) -> list[Stand]:
    """Where the field may walk, best first: it is there; at least its map is there."""
    found = [Stand(base, at) for base in bases for at in places(base, field.steps)]
    there = [stand for stand in found if stand.value is not ABSENT]
    return [*there, *(stand for stand in found if stand not in there)]


def places(value: Any, steps: tuple[Step, ...]) -> Iterator[At]:
    """The paths in `value` at which the field of these steps may stand."""
    step, rest = steps[0], steps[1:]
    if isinstance(step, Variant):
        yield from places(value, rest) if _is_variant(value, step) else ()
    elif not rest:
        yield from ((str(step),),) if isinstance(value, dict) else ()
    else:
        for key, inner in _entries(value, step):
            yield from ((key, *at) for at in places(inner, rest))


def _entries(value: Any, step: str) -> Iterable[tuple[str | int, Any]]:
    """What lies one step further; of any key, the one that is there to walk comes first."""
    if step == ITEM:
        return enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict):
        return ()
    if step == EACH:
        return sorted(value.items(), key=lambda entry: entry[0] != "walked")
    return [(step, value[step])] if step in value else ()


def _is_variant(value: Any, step: Variant) -> bool:
    """Whether this map is the variant: a step without a type is a standard one, and so on."""
    default = {"type": "standard", "source": "upload", "kind": ""}.get(step.word)
    return isinstance(value, dict) and value.get(step.word, default) == step.value
