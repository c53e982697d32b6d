"""The graph of a workflow's steps: parents exist, no step waits for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peakctl.errors import nearest_names
from peakctl.kinds.fields import PARAM
from peakctl.model import MISSING, Path, Reference
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints

Steps = Mapping[str, Mapping[str, Any]]


def check_steps(value: Any, path: Path, complaints: Complaints, _: Sequence[Reference]) -> None:
    """Parents, conditions and imageRefs name what is there, and the steps have an order."""
    steps: Steps = value.get("steps") or {}
    images = value.get("images") or {}
    for name, step in steps.items():
        at = (*path, "steps", name)
        for place, parent in _steps_named(step):
            _expect("unknown-step", parent, steps, (*at, *place), complaints)
        if "imageRef" in step:
            _expect("unknown-image", step["imageRef"], images, (*at, "imageRef"), complaints)
    for cycle in find_cycles(steps):
        complaints.add(
            "step-cycle",
            (*path, "steps", cycle[0], "parents"),
            f"steps wait for each other: {' -> '.join((*cycle, cycle[0]))}",
            fix="remove one of these parents",
        )


def _steps_named(step: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every place in a step that names another, with the name."""
    for i, name in enumerate(step.get("parents") or ()):
        yield ("parents", i), name
    at: Path = ("executionParameters", "conditional")
    for i, condition in enumerate(_list_at(step, at)):
        yield (*at, i, "stepName"), condition["stepName"]
    at = ("executionParameters", "parentStatus")
    for i, condition in enumerate(_list_at(step, at)):
        for j, name in enumerate(condition["parents"]):
            yield (*at, i, "parents", j), name


def _list_at(step: Mapping[str, Any], path: Path) -> list[Any]:
    found = value_at(step, path)
    return [] if found is MISSING else found


def _expect(
    code: str, name: Any, known: Mapping[str, Any], path: Path, complaints: Complaints
) -> None:
    """A complaint unless `name` is known (a parameter or a secret cannot be)."""
    if not isinstance(name, str) or name in known or name.startswith(PARAM):
        return
    what = code.removeprefix("unknown-")
    near = nearest_names(name, known)
    there = ", ".join(known) or "none"
    fix = f"did you mean: {', '.join(near)}" if near else f"{what}s here: {there}"
    complaints.add(code, path, f'there is no {what} "{name}"', fix=fix)


def find_cycles(steps: Steps) -> list[tuple[str, ...]]:
    """Rings of steps that wait for each other, each once, from its first step in the manifest."""
    open_: dict[str, int] = dict.fromkeys(steps, 0)
    waiting = {name: _parents(steps, name) for name in steps}
    followers: dict[str, list[str]] = {name: [] for name in steps}
    for name, parents in waiting.items():
        open_[name] = len(parents)
        for parent in parents:
            followers[parent].append(name)
    free = [name for name, count in open_.items() if not count]
    while free:
        name = free.pop()
        del open_[name]
        for follower in followers[name]:
            open_[follower] -= 1
            if not open_[follower]:
                free.append(follower)
    return _rings(steps, waiting, open_)


def _rings(
    steps: Steps, waiting: Mapping[str, list[str]], stuck: Mapping[str, int]
) -> list[tuple[str, ...]]:
    """Follow a stuck parent of each stuck step until a step comes back."""
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in (name for name in steps if name in stuck):
        walk: list[str] = []
        name = start
        while name not in seen:
            seen.add(name)
            walk.append(name)
            name = next(parent for parent in waiting[name] if parent in stuck)
        if name in walk:
            found.append(tuple(walk[walk.index(name) :]))
    return found


def _parents(steps: Steps, name: str) -> list[str]:
    parents = steps[name].get("parents") or ()
    return [p for p in dict.fromkeys(parents) if isinstance(p, str) and p in steps]
