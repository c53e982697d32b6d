"""Ids in bodies: what they may be of, and names in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from peakctl.conversion.drafts import Draft
from peakctl.conversion.tree import Map, Piece, walk
from peakctl.model.records import dataclass


@dataclass(frozen=True, slots=True)
class Id:
    """An id in a body: of which kinds it may be, and the id of a version with it.

    `scope` is what an instance type is for: names of machines are those of one sort of resource.
    """

    kinds: tuple[str, ...]
    id: str
    version: str = ""
    scope: str = ""


_BY_WORD = {
    "imageId": ("Image",),
    "instanceTypeId": ("InstanceType",),
    "blockSpec": ("BlockSpec",),
    "appSpec": ("AppSpec",),
    "includes": ("BlockSpec",),
    "excludes": ("BlockSpec",),
    "config": ("BlockSpec",),
    "imageDetails": ("Image",),
}


def id_word(key: str, path: Sequence[object]) -> tuple[str, ...] | None:
    """The kinds that an id of this name may be of, by what it stands in."""
    if key in ("imageId", "instanceTypeId"):
        return _BY_WORD[key]
    if key != "id":
        return None
    above = [str(part) for part in path[-3:-1] if isinstance(part, str)]
    return next((_BY_WORD[word] for word in reversed(above) if word in _BY_WORD), None)


def _scope(draft: Draft) -> str:
    """What the machines of a resource are for, in the platform's word."""
    config = draft.spec.get("config")
    holder = config if isinstance(config, Map) else draft.spec
    if draft.kind == "Workflow" or "steps" in holder:
        return "workflow"
    is_api = draft.kind != "Webapp" and holder.get("serviceType") == "api"
    return "api-deployment" if is_api else "webapp"


def id_at(draft: Draft, holder: Map, key: str, path: Sequence[object]) -> Id | None:
    """The literal id at a key of a mapping, with that of its version."""
    kinds = id_word(key, path)
    value = holder.get(key)
    if kinds is None or isinstance(value, Piece | bool) or not isinstance(value, str | int):
        return None
    if str(value).startswith("@param:"):
        return None
    if key == "instanceTypeId":
        return Id(kinds, str(value), scope=_scope(draft))
    version = holder.get("imageVersionId", holder.get("versionId", ""))
    return Id(kinds, str(value), "" if isinstance(version, Piece) else str(version))


def resolve(draft: Draft, names: Mapping[Id, tuple[str, str]]) -> None:
    """Names for ids that a tenant knows."""
    for holder, key, path in walk(draft.spec):
        found = id_at(draft, holder, key, path)
        if found is None or found not in names:
            continue
        name, number = names[found]
        place = holder.places.get(key)
        holder.pop(key)
        if key == "instanceTypeId":
            holder.put("instanceType", name, place)
            continue
        beside = key == "imageId" and path[-2:-1] != ("imageDetails",)
        for word in ("imageVersionId", "versionId") if found.kinds == ("Image",) else ():
            holder.pop(word, None)
        details = holder.map_at("imageDetails") if beside else holder
        details.put("name", name, place)
        if number:
            details.put("version", number, place)
        if "releaseVersion" in holder:
            holder.take("releaseVersion", holder, "release")


def use_variables(draft: Draft) -> None:
    """A parameter that a script gives a variable's value is that variable, where it is an id."""
    for holder, key, path in walk(draft.spec):
        value = holder.get(key)
        if not isinstance(value, Piece) or id_word(key, path) is None:
            continue
        found = re.fullmatch(r"\{\{\s*(\w+)\s*\}\}", value.value)
        if found and found[1] in draft.params:
            value.value = f"{{{{ {draft.params[found[1]]} }}}}"
