"""What can be told of the resources of a run together, before the platform is asked anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, Severity, diagnose, nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from peakctl.kinds.fields import Kind
    from peakctl.model import Key, Reference, Resource


def check_together(
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    may_be: Callable[[Key], bool] = lambda _: False,
) -> tuple[Diagnostic, ...]:
    """Unknown dependencies, loops, values that a spec of this run does not allow; doubtful names.

    A name that is in no manifest may be live: it gets a note, and only where one is near it. What
    `may_be` declared by a manifest that is wrong itself is not missing.
    """
    from peakctl.engine.graph import find_cycles, find_edges, tell_cycle
    from peakctl.engine.observe.live_state import LiveState
    from peakctl.engine.plan.parameters import Parameters

    edges, problems = find_edges(resources, may_be)
    for resource in resources.values():
        problems += Parameters(resource, resources, kinds, LiveState()).check()
        problems += _doubtful(resource, resources, may_be)
    problems += [tell_cycle(loop, resources) for loop in find_cycles(edges)]
    return tuple(problems)


def _doubtful(
    resource: Resource, resources: Mapping[Key, Resource], may_be: Callable[[Key], bool]
) -> Iterator[Diagnostic]:
    from peakctl.engine.graph import targets
    from peakctl.model import Key

    for reference in resource.references:
        wanted = [Key(kind, reference.name) for kind in reference.kinds]
        if targets(reference, resources) or any(map(may_be, wanted)):
            continue
        names = [key.name for key in resources if key.kind in reference.kinds]
        near = nearest_names(reference.name, names)
        if near:
            yield _in_doubt(resource, reference, ", ".join(near))


def _in_doubt(resource: Resource, reference: Reference, near: str) -> Diagnostic:
    kinds = " or ".join(reference.kinds)
    return diagnose(
        resource,
        reference.at,
        "manifest/not-in-manifests",
        f'{kinds} "{reference.name}" must be live: no manifest has it',
        place=(*reference.at, "name"),
        fix=f"did you mean: {near}",
        severity=Severity.NOTE,
    )
