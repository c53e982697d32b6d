"""The project and its environments, as peakctl.yaml tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.model import Guards

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from peakctl.model import Location, Value


@dataclass(frozen=True, slots=True)
class Environment:
    """One place to apply to. `params` are files relative to the project's root.

    `emulator_options` are handed to the emulator as they are (`buildSeconds`, ...). Without
    `ledger` nothing is owned: no lease, no prune. `os_env` are the names and globs of variables
    that templates may read here; None where the project's list counts.
    """

    name: str
    emulator: bool = False
    emulator_options: Mapping[str, Value] = field(default_factory=dict)
    emulator_places: Mapping[str, Location] = field(default_factory=dict)
    stage: str | None = None
    endpoint: str | None = None
    params: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    protect: bool = False
    tenant: str | None = None
    ledger: bool = True
    guards: Guards = field(default_factory=Guards)
    os_env: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """peakctl.yaml as read. `manifests` and `params` are relative to `root`.

    `places` says where each of `manifests` was written. `os_env` are the names and globs of the
    variables that templates may read, None for all but credentials.
    """

    root: Path
    file: Path
    name: str
    manifests: tuple[str, ...] = ("manifests",)
    places: Mapping[str, Location] = field(default_factory=dict)
    params: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    default_environment: str | None = None
    environments: Mapping[str, Environment] = field(default_factory=dict)
    os_env: tuple[str, ...] | None = None

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

    def os_env_for(self, environment: Environment | None) -> tuple[str, ...] | None:
        """What templates may read of the process environment; an environment's own list wins."""
        own = None if environment is None else environment.os_env
        return self.os_env if own is None else own

    @property
    def param_files(self) -> frozenset[Path]:
        """All files of parameters: they are no manifests."""
        names = {*self.params, *(p for e in self.environments.values() for p in e.params)}
        return frozenset(self.root / name for name in names)


def _no_environment(wanted: str | None, known: Mapping[str, Environment]) -> Diagnostic:
    if wanted is None:
        return Diagnostic(
            code="project/no-environment",
            summary="there is no default environment",
            fix=f"choose one with -e: {', '.join(known)}",
        )
    near = nearest_names(wanted, known)
    if near:
        fix = f"did you mean: {', '.join(near)}"
    else:
        fix = f"use one of {', '.join(known)}" if known else "add it to peakctl.yaml"
    return Diagnostic(
        code="project/unknown-environment",
        summary=f'there is no environment "{wanted}"',
        fix=fix,
    )
