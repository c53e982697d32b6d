"""The order of actions: edges from references and `dependsOn`, cycles reported field by field."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container, Iterable, Mapping

from peakctl.errors import Diagnostic, diagnose, nearest_names
from peakctl.model import Key, Path, Reference, Resource, dotted
from peakctl.model.records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`source` needs `target`, because of the field at `path`."""

    source: Key
    target: Key
    path: Path


def targets(reference: Reference, declared: Container[Key]) -> tuple[Key, ...]:
    """The declared resources that `reference` may mean, by kind and name."""
    keys = (Key(kind, reference.name) for kind in reference.kinds)
    return tuple(key for key in keys if key in declared)


def find_edges(
    resources: Mapping[Key, Resource], may_be: Callable[[Key], bool] = lambda _: False
) -> tuple[list[Edge], list[Diagnostic]]:
    """All edges between declared resources; a `dependsOn` that names none is a problem.

    No problem is what `may_be` declared too: a manifest has it that is wrong itself.
    """
    edges: list[Edge] = []
    problems: list[Diagnostic] = []
    for key, resource in resources.items():
        for reference in resource.references:
            if reference.edge:
                edges += [Edge(key, t, reference.at) for t in targets(reference, resources)]
        for position, target in enumerate(resource.depends_on):
            path: Path = ("dependsOn", position)
            if target in resources:
                edges.append(Edge(key, target, path))
            elif not may_be(target):
                problems.append(_missing(resource, target, path, resources))
    return edges, problems


def with_needed(resources: Mapping[Key, Resource], keys: Iterable[Key]) -> frozenset[Key]:
    """`keys`, those of the declared resources that these need, and so on."""
    needs: dict[Key, list[Key]] = {}
    for edge in find_edges(resources)[0]:
        needs.setdefault(edge.source, []).append(edge.target)
    found, left = set[Key](), [*keys]
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            left += needs.get(key, ())
    return frozenset(found)


def _missing(
    resource: Resource, target: Key, path: Path, resources: Mapping[Key, Resource]
) -> Diagnostic:
    near = nearest_names(str(target), [str(k) for k in resources])
    return diagnose(
        resource,
        path,
        "manifest/unknown-dependency",
        f'"{target}" is in no manifest of this run',
        fix=f"did you mean: {', '.join(near)}" if near else "add its manifest, or remove the line",
    )


def order_keys(keys: Iterable[Key], edges: Iterable[Edge]) -> list[Key]:
    """Topological, then by key: the same for any order of `keys`. Keys in a cycle are left out."""
    needs: dict[Key, set[Key]] = {key: set() for key in keys}
    needed_by: dict[Key, set[Key]] = {key: set() for key in needs}
    for edge in edges:
        needs[edge.source].add(edge.target)
        needed_by[edge.target].add(edge.source)
    ready = [key for key, open_ in needs.items() if not open_]
    heapq.heapify(ready)
    out: list[Key] = []
    while ready:
        key = heapq.heappop(ready)
        out.append(key)
        for dependent in needed_by[key]:
            needs[dependent].discard(key)
            if not needs[dependent]:
                heapq.heappush(ready, dependent)
    return out


def find_cycle(edges: Iterable[Edge]) -> list[Edge]:
    """One cycle of edges, starting at its smallest key; empty when there is none."""
    out: dict[Key, list[Edge]] = {}
    for edge in sorted(edges):
        out.setdefault(edge.source, []).append(edge)
    done: set[Key] = set()
    for start in sorted(out):
        cycle = _walk(start, out, done)
        if cycle:
            first = min(range(len(cycle)), key=lambda i: cycle[i].source)
            return cycle[first:] + cycle[:first]
    return []


def find_cycles(edges: Iterable[Edge]) -> list[list[Edge]]:
    """Cycles of edges that share no resource, the one with the smallest key first."""
    left = list(edges)
    found: list[list[Edge]] = []
    while cycle := find_cycle(left):
        found.append(cycle)
        inside = {edge.source for edge in cycle}
        left = [edge for edge in left if not inside & {edge.source, edge.target}]
    return found


def _walk(start: Key, out: Mapping[Key, list[Edge]], done: set[Key]) -> list[Edge]:
    """Depth first without recursion (a chain may be thousands long); the cycle that it meets."""
    trail: list[Edge] = []
    stack = [iter(out.get(start, ()))]
    on_trail = {start: 0}  # in order, with its place
    while stack:
        edge = next(stack[-1], None)
        if edge is None:
            stack.pop()
            done.add(on_trail.popitem()[0])
            del trail[len(on_trail) - 1 if on_trail else 0 :]
        elif edge.target in on_trail:
            return [*trail, edge][on_trail[edge.target] :]
        elif edge.target not in done:
            trail.append(edge)
            on_trail[edge.target] = len(on_trail)
            stack.append(iter(out.get(edge.target, ())))
    return []


def cycle_problem(cycle: list[Edge], resources: Mapping[Key, Resource]) -> Diagnostic:
    """The cycle as its fields, each with its place."""
    steps = [f"{e.source} needs {e.target} through {dotted(e.path)}" for e in cycle]
    return Diagnostic(
        code="manifest/cycle",
        summary="the resources form a dependency cycle",
        key=cycle[0].source,
        path=cycle[0].path,
        locations=tuple(resources[e.source].document.locate(e.path) for e in cycle),
        detail="\n".join(steps),
        fix="remove one of these references, or replace it by an id",
    )


# --- what a change reaches -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """A resource that refers to what changes, by the resource `via`, at `paths`.

    `pinned` are the versions of `via` that it names, where it names no other way: a newer one does
    not reach it. `follows` is false of what is pinned, and of what only waits for `via`
    (dependsOn).
    """

    key: Key
    via: Key
    paths: tuple[Path, ...]
    pinned: str | None = None
    follows: bool = True


def reached_by(key: Key, resources: Mapping[Key, Resource]) -> tuple[Reached, ...]:
    """Everything that a change of `key` reaches, the nearest first, then by key.

    What is pinned to a version, or only waits, is listed, and passes nothing on.
    """
    found: dict[Key, Reached] = {}
    waiting = [key]
    while waiting:
        via = waiting.pop(0)
        for user, resource in sorted(resources.items()):
            reached = _reached(user, resource, via)
            if reached is None or user == key or ((known := found.get(user)) and known.follows):
                continue
            if user not in found or reached.follows:
                found[user] = reached
                waiting += [user] if reached.follows else []
    return tuple(found.values())


def _reached(user: Key, resource: Resource, via: Key) -> Reached | None:
    """How a resource refers to `via`; None where it does not."""
    named = [r for r in resource.references if r.edge and via in targets(r, (via,))]
    waits = [("dependsOn", n) for n, each in enumerate(resource.depends_on) if each == via]
    if not named and not waits:
        return None
    versions = [each.version for each in named if each.version is not None]
    follows = len(versions) < len(named)
    pinned = ", ".join(sorted(set(versions))) if versions and not follows else None
    paths: tuple[Path, ...] = (*(each.at for each in named), *waits)
    return Reached(user, via, paths, pinned, follows=follows)
