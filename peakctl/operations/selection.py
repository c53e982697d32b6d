"""Which of the declared resources a run is about: the words of `--select` and `--exclude`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from peakctl.errors import Diagnostic, SelectorEmpty, nearest_names
from peakctl.model import Key, Resource


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
