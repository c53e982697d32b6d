"""Which of the declared resources a run is about: the words of `--select` and `--exclude`.

And whether it may delete: for that it has to see all of a project that keeps a ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, SelectorEmpty, UsageError, nearest_names
from peakctl.model import Action, Key, Plan, Resource, Verb

if TYPE_CHECKING:
    from peakctl.operations.project import Project

Choice = Callable[[Mapping[Key, Resource]], Collection[Key]]
"""Resources by their live names -> those that a run is about."""


def choose(
    resources: Mapping[Key, Resource],
    select: Sequence[str],
    exclude: Sequence[str],
    prefix: str = "",
) -> frozenset[Key]:
    """The keys selected and not excluded; names may be typed with or without their prefix.

    Raises SelectorEmpty when a word fits nothing.
    """
    chosen = _matching(resources, select, prefix) if select else set(resources)
    chosen -= _matching(resources, exclude, prefix)
    if not chosen and (select or exclude):
        raise SelectorEmpty(
            Diagnostic(
                code="selector/empty",
                summary="--select and --exclude leave nothing",
                fix="exclude less",
            )
        )
    return frozenset(chosen)


def _matching(resources: Mapping[Key, Resource], words: Iterable[str], prefix: str) -> set[Key]:
    found: set[Key] = set()
    for word in (part.strip() for each in words for part in each.split(",")):
        if not word:
            continue
        fitting = {key for key, resource in resources.items() if _fits(word, key, resource, prefix)}
        if not fitting:
            raise SelectorEmpty(_nothing(word, resources))
        found |= fitting
    return found


def _fits(word: str, key: Key, resource: Resource, prefix: str) -> bool:
    if "=" in word:
        label, _, value = word.partition("=")
        return resource.labels.get(label) == value
    kind, slash, name = word.partition("/")
    names = (key.name, key.name.removeprefix(prefix))
    fits = not slash or any(fnmatchcase(each, name) for each in names)
    return kind.lower() == key.kind.lower() and fits


def _nothing(word: str, resources: Mapping[Key, Resource]) -> Diagnostic:
    labels = {f"{k}={v}" for r in resources.values() for k, v in r.labels.items()}
    names = {str(key) if "/" in word else key.kind for key in resources}
    words = labels if "=" in word else names
    named = sorted(str(key) for key in resources if key.name == word)
    near = named[:3] or nearest_names(word, sorted(words))
    return Diagnostic(
        code="selector/no-match",
        summary=f'"{word}" selects nothing',
        detail="" if "=" in word or "/" in word else "write Kind/name, Kind, or label=value",
        fix=f"did you mean: {', '.join(near)}"
        if near
        else "see the names: peakctl validate -o json",
    )


# --- the plan of what is selected --------------------------------------------------------------

SUPPLIES = (Verb.CREATE, Verb.BUILD, Verb.RELEASE, Verb.REPLACE)
"""What an action does that others refer to: without it they would get another id or version."""


def narrow(plan: Plan, chosen: frozenset[Key]) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """The plan of the chosen alone; an error for each that needs an action that is left out."""
    left_out = {a.key: a for a in plan.actions if a.key not in chosen}
    kept = [a for a in plan.actions if a.key in chosen]
    problems = [
        _needed(action, left_out[key])
        for action in kept
        if action.steps
        for key in sorted(action.after & left_out.keys())
        if left_out[key].verb in (*SUPPLIES, Verb.DELETE)
    ]
    actions = tuple(replace(a, after=a.after & chosen) if a.after else a for a in kept)
    return Plan(actions), tuple(problems)


def _needed(action: Action, other: Action) -> Diagnostic:
    if action.verb is Verb.DELETE:
        summary = f"{other.key} uses it and is left out of the selection"
    else:
        summary = f"it refers to {other.key}, which is left out but has yet to be done"
    return Diagnostic(
        code="selector/needed",
        summary=summary,
        key=action.key,
        detail=f"{other.key}: {other.verb}" + (f" {other.version}" if other.version else ""),
        fix=f"add --select {other.key}",
    )


def check_whole(project: Project, select: Sequence[str], exclude: Sequence[str]) -> None:
    """Return where a run that prunes sees the whole project, and a ledger says what it owns.

    Raises UsageError when it sees a part of the project only: the rest is not gone.
    """
    typed = {"-f": project.options.manifests, "--select": select, "--exclude": exclude}
    part = next((word for word, given in typed.items() if given), None)
    if part is not None:
        raise _no_prune(f"--prune and {part} exclude each other", f"leave out {part}")
    if project.owner is not None:
        return
    if project.file is None:
        raise _no_prune("--prune needs a project with a ledger", "go to your project")
    raise _no_prune(
        f'--prune needs a ledger, and the environment "{project.environment_name}" keeps none',
        "take `ledger: false` out of peakctl.yaml, or delete by hand",
    )


def _no_prune(summary: str, fix: str) -> UsageError:
    detail = "it deletes what the ledger has and no manifest of the whole project names"
    return UsageError(Diagnostic("usage/prune", summary, detail=detail, fix=fix))


def check_owns(project: Project) -> None:
    """Return where a ledger is kept. Raises UsageError elsewhere: nothing is owned there."""
    if project.owner is not None:
        return
    fix = "go to your project, or delete it in the platform"
    if project.file is not None:
        fix = (
            f"take `ledger: false` out of the environment {project.environment_name} in"
            " peakctl.yaml, adopt by an apply, then destroy; or delete it in the platform"
        )
    raise UsageError(
        Diagnostic(
            code="usage/destroy",
            summary="destroy needs a project with a ledger",
            detail="it deletes what the ledger owns; without one nothing is known to be yours",
            fix=fix,
        )
    )
