"""Values for templates: project, environment, `-v` files, `-p` pairs; the last one wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path

from peakctl.errors import Diagnostic, Severity, UsageError, nearest_names
from peakctl.manifests.parse import parse_value
from peakctl.manifests.project import RESERVED_NAMES, Environment, Project, check_names
from peakctl.manifests.render import Rendered
from peakctl.manifests.sources import display_path, read_text
from peakctl.model import Document, Location, Source, Value, mapping_at
from peakctl.model.records import dataclass


@dataclass(frozen=True, slots=True)
class Given:
    """The parameters of a run, and where they come from.

    `typed` are the names of `-p`. `declared` are those of all else, with their places where they
    stand in a file of parameters: called, since a place is computed only when it is shown.
    """

    values: dict[str, Value]
    problems: tuple[Diagnostic, ...] = ()
    typed: frozenset[str] = frozenset()
    declared: Mapping[str, Callable[[], Location] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The names that templates mention, taken or not. `unread` are texts of those with a fault."""

    names: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()

    def __contains__(self, name: str) -> bool:
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        return name in self.names or any(word.search(text) for text in self.unread)


def gather_given(
    project: Project | None,
    environment: Environment | None,
    *,
    files: Sequence[Path] = (),
    pairs: Sequence[str] = (),
    root: Path,
) -> Given:
    """All parameters, where they come from, and what is wrong with their files.

    `files` are those of `-v`, absolute or relative to the working folder; `pairs` are `key=value`,
    whose values are text. Nulls count as not given. Raises UsageError for a pair that is none.
    """
    typed = read_pairs(pairs)
    values: dict[str, Value] = {}
    problems: list[Diagnostic] = []
    declared: dict[str, Callable[[], Location] | None] = {}
    for layer in _layers(project, environment, files, root):
        if isinstance(layer, Path):
            found, document, wrong = _read_file(layer, root)
            problems += wrong
            for name in found:
                declared[name] = None if document is None else partial(document.locate, (name,))
        else:
            found = _without_nulls(layer)
            declared |= dict.fromkeys(found)
        values |= found
    return Given(values | typed, tuple(problems), frozenset(typed), declared)


def check_given(given: Given, mentioned: Mentioned) -> list[Diagnostic]:
    """Errors for names of `-p` that nothing knows, and warnings for what no template uses."""
    known = [*sorted(mentioned.names), *given.declared]
    unknown = [n for n in sorted(given.typed) if n not in given.declared and n not in mentioned]
    problems = [_unknown(name, known) for name in unknown]
    for name, place in given.declared.items():
        if place is not None and name not in mentioned:
            problems.append(
                Diagnostic(
                    code="parameters/unused",
                    summary=f'no template uses the parameter "{name}"',
                    locations=(place(),),
                    fix=_meant(name, mentioned.names) or "take it out",
                    severity=Severity.WARNING,
                )
            )
    return problems


def _unknown(name: str, known: Sequence[str]) -> Diagnostic:
    detail = "" if name.isidentifier() else "templates cannot use such a name: it is no identifier"
    return Diagnostic(
        code="parameters/unknown",
        summary=f'-p {name}: no template and no file of parameters has the name "{name}"',
        detail=detail,
        fix=_meant(name, known) or "take it out, or use it in a template: {{ NAME }}",
    )


def _meant(name: str, known: Iterable[str]) -> str:
    near = nearest_names(name, known)
    return f"did you mean: {', '.join(near)}" if near else ""


def _read_file(
    path: Path, root: Path
) -> tuple[dict[str, Value], Document | None, tuple[Diagnostic, ...]]:
    """The values of a parameters file: one YAML mapping, no template."""
    path = path.absolute()
    display = display_path(path, root.absolute())
    text = read_text(path, display)
    if isinstance(text, Diagnostic):
        return {}, None, (text,)
    value, document, problems = parse_value(Rendered(Source(str(path), display, text), text))
    if document is not None:
        problems += check_names(mapping_at(value), document)
    return _without_nulls(mapping_at(value)), document, problems


def read_pairs(pairs: Sequence[str]) -> dict[str, Value]:
    """`key=value` pairs; a value may hold further equals signs. Raises UsageError."""
    values: dict[str, Value] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or name.strip() in RESERVED_NAMES:
            raise _no_pair(name, equals)
        values[name.strip()] = value
    return values


def _no_pair(name: str, equals: str) -> UsageError:
    if equals and name.strip():
        summary = f'-p {name}: the name "{name.strip()}" is taken'
    else:
        summary = "a value of -p is not of the form key=value"  # not shown: it may be a secret
    return UsageError(Diagnostic(code="parameters/pair", summary=summary, fix="write -p region=eu"))


def _layers(
    project: Project | None, environment: Environment | None, files: Sequence[Path], root: Path
) -> list[Path | Mapping[str, Value]]:
    layers: list[Path | Mapping[str, Value]] = []
    if project is not None:
        layers += [project.root / name for name in project.params]
        layers.append(project.parameters)
        root = project.root
    if environment is not None:
        layers += [root / name for name in environment.params]
        layers.append(environment.parameters)
    return layers + list(files)


def _without_nulls(value: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name: _without_nulls(item) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if item is not None
    }
