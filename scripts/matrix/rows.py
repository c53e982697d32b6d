"""What the emulated platform holds of a resource, read from its store and not through its API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chaos.tenant import Tenant

KINDS: Mapping[str, tuple[str, ...]] = {
    "Artifact": ("artifact",),
    "Image": ("image",),
    "Service": ("service",),
    "Webapp": ("service",),
    "Workflow": ("workflow",),
    "BlockSpec": ("block-spec",),
    "AppSpec": ("app-spec",),
    "Deployment": ("block-deployment", "app-deployment"),
}
CHILDREN = ("artifact-version", "image-version", "release", "revision")
VOLATILE: Mapping[str, frozenset[str]] = {
    "artifact": frozenset({"versions"}),
    "artifact-version": frozenset({"version"}),
    "image": frozenset({"latestVersion"}),
    "image-version": frozenset({"buildId", "lastBuildAt"}),
    "service": frozenset({"turn"}),
    "workflow": frozenset({"lastExecution"}),
    "block-spec": frozenset({"latest", "artifact"}),
    "app-spec": frozenset({"latest"}),
    "release": frozenset({"uuid", "version", "artifact"}),
    "revision": frozenset({"uuid", "parameters", "appParameters"}),  # patches pass them by
    "block-deployment": frozenset({"revision", "turn", "outcome", "resources"}),
    "app-deployment": frozenset({"revision", "turn", "outcome"}),
}
"""What differs between equal states: counters, times, what the emulator keeps for itself."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
Leaves = dict[tuple[str, ...], Any]


def stored(tenant: Tenant, kind: str) -> dict[str, Leaves]:
    """Every resource of `kind` by name, as its leaves; its newest version stands with it."""
    marks = ", ".join("?" for _ in KINDS[kind])
    heads = tenant.rows(
        f"SELECT kind, id, name, status, facet, body FROM items WHERE kind IN ({marks})"
        " AND parent = '' ORDER BY seq",
        *KINDS[kind],
    )
    marks = ", ".join("?" for _ in CHILDREN)
    below = tenant.rows(
        f"SELECT kind, parent, body FROM items WHERE kind IN ({marks}) ORDER BY seq", *CHILDREN
    )
    newest = {parent: (word, body) for word, parent, body in below}
    out: dict[str, Leaves] = {}
    for word, key, name, status, facet, body in heads:
        tree: dict[str, Any] = {"name": name, "facet": facet, word: _steady(word, body)}
        if word.endswith("-spec"):
            tree["status"] = status
        if key in newest:
            tree[newest[key][0]] = _steady(*newest[key])
        out[name] = dict(_leaves(tree, ()))
    return out


def _steady(word: str, body: str) -> dict[str, Any]:
    return {k: v for k, v in json.loads(body).items() if k not in VOLATILE.get(word, frozenset())}


def _leaves(value: Any, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*at, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*at, str(index)))
    elif value not in (None, ""):  # null and empty text are one where null is allowed
        yield at, value


def differing(before: Leaves, after: Leaves) -> list[tuple[str, ...]]:
    """The paths of leaves that are not the same."""
    keys = dict.fromkeys((*before, *after))
    return [at for at in keys if before.get(at, keys) != after.get(at, keys)]


def unlike(
    one: Leaves, other: Leaves, known: frozenset[str], defaults: Mapping[str, Any]
) -> list[str]:
    """Where two states are not the same, whatever the order of lists.

    Ids that the platform made up on the way do not count, `known` ones do; a default that was
    given is no more than one that was not.
    """
    left, right = (_comparable(leaves, known, defaults) for leaves in (one, other))
    return sorted({at for at, _ in left ^ right})


def _comparable(
    leaves: Leaves, known: frozenset[str], defaults: Mapping[str, Any]
) -> set[tuple[str, str]]:
    out = set()
    for at, value in leaves.items():
        if (
            at[-2:] in (("name",), ("metadata", "name"))
            or value is False
            or (at[-1] in defaults and value == defaults[at[-1]])
        ):
            continue
        made_up = isinstance(value, str) and UUID.fullmatch(value) and value not in known
        place = ".".join("#" if part.isdigit() else part for part in at)
        out.add((place, "<id>" if made_up else repr(value)))
    return out
