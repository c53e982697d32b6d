"""peakctl.yaml: the project, its environments, and every complaint about them with a place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.manifests.parse import parse_value
from peakctl.manifests.rendered import Rendered
from peakctl.manifests.sources import PROJECT_FILES, read_text
from peakctl.model import Source, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Environment:
    """One place to apply to. `params` are files relative to the project's root.

    `emulator_options` are handed to the emulator as they are (`buildSeconds`, ...).
    """

    name: str
    emulator: bool = False
    emulator_options: Mapping[str, Value] = field(default_factory=dict)
    stage: str | None = None
    endpoint: str | None = None
    params: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    protect: bool = False
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """peakctl.yaml as read. `manifests` and `params` are relative to `root`."""

    root: Path
    file: Path
    name: str
    manifests: tuple[str, ...] = ("manifests",)
    params: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    default_environment: str | None = None
    environments: Mapping[str, Environment] = field(default_factory=dict)

    def environment(self, name: str | None) -> Environment:
        """The environment of that name; without one the default, or the only one there is.

        A project without environments has one, called `default`. Raises UsageError.
        """
        if not self.environments and name is None:
            return Environment("default")
        wanted = name or self.default_environment
        if wanted is None and len(self.environments) == 1:
            return next(iter(self.environments.values()))
        if wanted is not None and wanted in self.environments:
            return self.environments[wanted]
        raise UsageError(_no_environment(wanted, self.environments))

    @property
    def param_files(self) -> frozenset[Path]:
        """All files of parameters: they are no manifests."""
        names = {*self.params, *(p for e in self.environments.values() for p in e.params)}
        return frozenset(self.root / name for name in names)


def find_project(start: Path) -> Path | None:
    """The nearest peakctl.yaml from the folder `start` upwards."""
    start = start.absolute()
    files = (folder / name for folder in (start, *start.parents) for name in PROJECT_FILES)
    return next((file for file in files if file.is_file()), None)


def load_project(start: Path) -> Project | None:
    """The project that the folder `start` lies in, None outside of any.

    Raises UsageError with all that is wrong in peakctl.yaml.
    """
    from peakctl.manifests.project_check import check_project

    file = find_project(start)
    if file is None:
        return None
    text = read_text(file, file.name)
    if isinstance(text, Diagnostic):
        raise UsageError(text)
    source = Source(str(file), file.name, text)
    value, document, problems = parse_value(Rendered(source, text))
    if problems:
        raise UsageError(*problems)
    if document is None:
        raise UsageError(
            Diagnostic(
                code="project/empty",
                summary=f"{file.name} is empty",
                fix="begin with project: <name>",
            )
        )
    return check_project(value, document, file)


def _no_environment(wanted: str | None, known: Mapping[str, Environment]) -> Diagnostic:
    if wanted is None:
        return Diagnostic(
            code="project/no-environment",
            summary="there is no default environment",
            fix=f"choose one with -e: {', '.join(known)}",
        )
    near = nearest_names(wanted, known) or tuple(known)
    return Diagnostic(
        code="project/unknown-environment",
        summary=f'there is no environment "{wanted}"',
        fix=f"did you mean {' or '.join(near)}?" if near else "add it to peakctl.yaml",
    )
