"""What can be told of the resources of a run together, before the platform is asked anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, Severity, nearest_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peakctl.kinds.fields import Kind
    from peakctl.model import Key, Reference, Resource


def check_together(
    resources: Mapping[Key, Resource], kinds: Mapping[str, Kind]
) -> tuple[Diagnostic, ...]:
    """Unknown dependencies, loops, values that a spec of this run does not allow; doubtful names.

    A name that is in no manifest may be live: it gets a note, and only where one is near it.
    """
    from peakctl.engine.graph import find_cycle, find_edges, order_keys, tell_cycle
    from peakctl.engine.observe import World
    from peakctl.engine.parameters import check_parameters

    edges, problems = find_edges(resources)
    for resource in resources.values():
        problems += check_parameters(resource, resources, kinds, World())
        problems += _doubtful(resource, resources)
    if len(order_keys(resources, edges)) < len(resources):
        problems.append(tell_cycle(find_cycle(edges), resources))
    return tuple(problems)


def _doubtful(resource: Resource, resources: Mapping[Key, Resource]) -> Iterator[Diagnostic]:
    from peakctl.engine.references import targets

    for reference in resource.references:
        if targets(reference, resources):
            continue
        names = [key.name for key in resources if key.kind in reference.kinds]
        near = nearest_names(reference.name, names)
        if near:
            yield _in_doubt(resource, reference, ", ".join(near))


def _in_doubt(resource: Resource, reference: Reference, near: str) -> Diagnostic:
    kinds = " or ".join(reference.kinds)
    return Diagnostic(
        code="manifest/not-in-manifests",
        summary=f'{kinds} "{reference.name}" must be live: no manifest has it',
        key=resource.key,
        path=reference.at,
        locations=(resource.document.locate((*reference.at, "name")),),
        fix=f"did you mean: {near}",
        severity=Severity.NOTE,
    )
