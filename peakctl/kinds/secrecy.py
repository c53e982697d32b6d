"""Where documents hold secrets that their schemas tell of, valid or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peakctl.kinds.walk import child, variant
from peakctl.model import MISSING, Secret, Value
from peakctl.model.values import value_at

if TYPE_CHECKING:
    from peakctl.kinds.complaints import Complaints
    from peakctl.kinds.fields import Field, Kind
    from peakctl.model import Document, Path


def secret_places(
    documents: Sequence[Document], kinds: Mapping[str, Kind]
) -> Iterator[tuple[Document, Path]]:
    """Every sensitive field, and every value for a parameter that is declared as hidden."""
    known = [
        (d, kinds[k]) for d in documents if isinstance(k := d.value.get("kind"), str) and k in kinds
    ]
    hidden = {name for document, kind in known for name in _hidden_names(document, kind)}
    for document, kind in known:
        for path in _sensitive(kind.root, document.value, ()):
            yield document, path
        for at in (kind.defined_by, kind.defined_by_whole):
            for path in _named(value_at(document.value, at) if at else MISSING, hidden, at):
                yield document, path


SHOWN = frozenset(("title", "summary", "description", "notes", "tags"))
"""Properties that the platform shows to everyone who may see the resource."""


def warn_of_shown(root: Field, value: Value, complaints: Complaints) -> None:
    """Warn of values of os_env in fields that the platform shows to everyone."""
    for path in _shown(root, value, (), shown=False):
        complaints.warn(
            "shown-secret",
            path,
            f"a value of os_env goes into {_shown_as(path)}, which the platform shows to everyone",
            fix="take it out, or make it a parameter (-p) if it is no secret",
        )


def _shown_as(path: Path) -> str:
    return next(str(part) for part in reversed(path) if part in SHOWN)


def _shown(field: Field, value: Value, path: Path, *, shown: bool) -> Iterator[Path]:
    if isinstance(value, Secret):
        if shown and not field.sensitive:
            yield path
        return
    chosen = variant(field, value)
    for part, item in _entries(value):
        inner = child(chosen, part)
        if inner is not None and isinstance(item, dict | list | Secret):
            declared = shown or (part in chosen.properties and part in SHOWN)
            yield from _shown(inner, item, (*path, part), shown=declared)


def _sensitive(field: Field, value: Value, path: Path) -> Iterator[Path]:
    chosen = variant(field, value)
    for part, item in _entries(value):
        inner = child(chosen, part)
        if inner is not None:
            yield from _sensitive(inner, item, (*path, part))
        elif chosen.sensitive:
            yield (*path, part)
    if field.sensitive and not isinstance(value, dict | list | Secret | None):
        yield path


def _hidden_names(document: Document, kind: Kind) -> Iterator[str]:
    groups = value_at(document.value, kind.defines) if kind.defines else MISSING
    for _, definitions in _entries(groups):
        for _, definition in _entries(definitions):
            if isinstance(definition, Mapping) and definition.get("hideValue") is True:
                yield str(definition.get("name"))


def _named(value: Value, names: set[str], path: Path) -> Iterator[Path]:
    """Where an entry bears one of the names, at any depth."""
    for part, item in _entries(value):
        if part in names and not isinstance(item, dict | list | Secret):
            yield (*path, part)
        yield from _named(item, names, (*path, part))


def _entries(value: Value) -> Iterator[tuple[Any, Value]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
