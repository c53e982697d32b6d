"""Values for templates: project, environment, `-v` files, `-p` pairs; the last one wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError
from peakctl.manifests.parse import parse_value
from peakctl.manifests.project_check import RESERVED_NAMES, check_names
from peakctl.manifests.rendered import Rendered
from peakctl.manifests.sources import display_path, read_text
from peakctl.model import Source, Value

if TYPE_CHECKING:
    from peakctl.manifests.project import Environment, Project

Gathered = tuple[dict[str, Value], tuple[Diagnostic, ...]]


def gather_parameters(
    project: Project | None,
    environment: Environment | None,
    *,
    files: Sequence[Path] = (),
    pairs: Sequence[str] = (),
    root: Path,
) -> Gathered:
    """All parameters, and what is wrong with their files (contract, section 1.9).

    `files` are those of `-v`, absolute or relative to the working folder; `pairs` are `key=value`,
    whose values are text. Nulls count as not given. Raises UsageError for a pair that is none.
    """
    given = read_pairs(pairs)
    values: dict[str, Value] = {}
    problems: list[Diagnostic] = []
    for layer in _layers(project, environment, files, root):
        if isinstance(layer, Path):
            found, wrong = read_parameters(layer, root)
            problems += wrong
        else:
            found = _without_nulls(layer)
        values |= found
    return values | given, tuple(problems)


def read_parameters(path: Path, root: Path) -> Gathered:
    """The values of a parameters file: one YAML mapping, no template."""
    path = path.absolute()
    display = display_path(path, root.absolute())
    text = read_text(path, display)
    if isinstance(text, Diagnostic):
        return {}, (text,)
    value, document, problems = parse_value(Rendered(Source(str(path), display, text), text))
    if document is not None:
        problems += check_names(value, document)
    return _without_nulls(value), problems


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


def _without_nulls(value: Value) -> dict[str, Value]:
    return {
        name: _without_nulls(item) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if item is not None
    }
