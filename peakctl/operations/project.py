"""A project to work on: peakctl.yaml, one of its environments, the process environment."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, PeakctlError, UsageError
from peakctl.model.records import dataclass
from peakctl.model.text import Redactor
from peakctl.settings import Settings, read_settings, webhook_secrets

if TYPE_CHECKING:
    from peakctl.manifests.project import Environment
    from peakctl.manifests.project import Project as ProjectFile
    from peakctl.model import Clock, HealthCheck, Owner, Policy, Value


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        import asyncio

        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectOptions:
    """How a project is opened.

    `environment` is one of peakctl.yaml; None is its default. `manifests` are files, folders and
    globs instead of the project's own, relative to the folder that it is opened from; `-` is what
    `read_stdin` gives. `parameters` are values for templates, and win over those of
    `parameter_files`, of which the last wins. `policy_from` is a commit whose peakctl.yaml has the
    rules. `outputs` are files that the run itself writes or was given, as paths or file
    descriptors: they are no content of an artifact that they happen to lie in. With
    `unset_is_unknown` a variable of `os_env` that is not set has a value that is not known, instead
    of being an error: enough to validate and to plan, never to apply.
    """

    environment: str | None = None
    manifests: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    parameter_files: tuple[str, ...] = ()
    policy_from: str | None = None
    outputs: tuple[str | int, ...] = ()
    read_stdin: Callable[[], str] | None = None
    unset_is_unknown: bool = False

    def output_files(self) -> frozenset[tuple[int, int]]:
        """Device and number of each file of `outputs` that is there."""
        found = set()
        for place in self.outputs:
            try:
                status = os.stat(place)  # noqa: PTH116 - it may be a file descriptor
            except (OSError, ValueError):  # not there yet
                continue
            if stat.S_ISREG(status.st_mode):
                found.add((status.st_dev, status.st_ino))
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Project:
    """A project and the environment that is worked on. `Project.open` makes one.

    `file` is peakctl.yaml as read; it and `environment` are None where only manifests were named.
    `policy` says which rules come from another commit. `redact` masks the secrets that were seen so
    far in texts of others.
    """

    folder: Path
    options: ProjectOptions = ProjectOptions()
    settings: Settings = field(default_factory=Settings)
    file: ProjectFile | None = None
    environment: Environment | None = None
    policy: Policy | None = None
    clock: Clock = field(default_factory=SystemClock)
    redact: Redactor = field(default_factory=Redactor)
    _prefixes: list[tuple[object, object, str]] = field(
        default_factory=list, repr=False, compare=False
    )

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        environment: str | None = None,
        *,
        manifests: Sequence[str] = (),
        parameters: Mapping[str, Value] | None = None,
        parameter_files: Sequence[str] = (),
        policy_from: str | None = None,
        variables: Mapping[str, str] | None = None,
        unset_is_unknown: bool = False,
    ) -> Project:
        """The project whose peakctl.yaml is in `folder` (default: the working folder) or above it.

        `environment`, `manifests`, `parameters`, `parameter_files`, `policy_from` and
        `unset_is_unknown` are those of `ProjectOptions`. `variables` stand in for the process
        environment (tokens, stage, PEAKCTL_ENDPOINT, what templates read). Nothing is asked of the
        platform. Raises UsageError for a peakctl.yaml that is wrong, or an environment that it does
        not have.
        """
        options = ProjectOptions(
            environment=environment,
            manifests=tuple(manifests),
            parameters=parameters or {},
            parameter_files=tuple(parameter_files),
            policy_from=policy_from,
            unset_is_unknown=unset_is_unknown,
        )
        return open_project(options, read_settings(variables), folder)

    @property
    def name(self) -> str | None:
        """The name in peakctl.yaml."""
        return self.file.name if self.file else None

    @property
    def environment_name(self) -> str | None:
        """The name of the environment that is worked on."""
        return self.environment.name if self.environment else None

    @property
    def root(self) -> Path:
        """The folder that manifests may not leave: that of peakctl.yaml, if there is one."""
        return self.file.root if self.file else self.folder

    @property
    def owner(self) -> Owner | None:
        """What the project would own its resources as; None where no ledger is kept."""
        if self.file is None or self.environment is None or not self.environment.ledger:
            return None
        from peakctl.model import Owner

        return Owner(self.file.name, self.slot, self.environment.name)

    @property
    def health_checks(self) -> tuple[HealthCheck, ...]:
        """The checks of peakctl.yaml that are for the environment."""
        declared, name = self.file.health_checks if self.file else (), self.environment_name
        return tuple(
            each for each in declared if not each.environments or name in each.environments
        )

    @property
    def prefix(self) -> str:
        """What begins the live name of everything that the manifests declare; "" for nothing.

        It is that of `namePrefix`, with the parameters of the options filled in: once, so that a
        run has one owner whatever becomes of its files. Raises UsageError, and ManifestsInvalid for
        files of parameters.
        """
        if self.environment is None or not self.environment.name_prefix:
            return ""
        for options, environment, prefix in self._prefixes:
            if options is self.options and environment is self.environment:
                return prefix
        from peakctl.operations.load import find_prefix

        self._prefixes.append((self.options, self.environment, find_prefix(self)))
        return self._prefixes[-1][2]

    @property
    def known_prefix(self) -> str:
        """As `prefix`; "" where it was not asked for yet."""
        return self._prefixes[-1][2] if self._prefixes else ""

    @property
    def slot(self) -> str:
        """The environment's name, with the prefix where it has one: `preview.pr-7-`."""
        name = self.environment_name or ""
        return f"{name}.{self.prefix}" if self.prefix else name


def open_project(
    options: ProjectOptions, settings: Settings, folder: str | Path | None = None
) -> Project:
    """As `Project.open`. Raises UsageError."""
    return with_policy(with_environment(find_project(options, settings, folder)))


def find_project(
    options: ProjectOptions, settings: Settings, folder: str | Path | None = None
) -> Project:
    """The project that `folder` lies in, before its environment is known. Raises UsageError."""
    from peakctl.manifests.project import load_project

    start = Path.cwd() if folder is None else Path(folder).absolute()
    project = Project(start, options, settings, load_project(start))
    project.redact.add(settings.passwords())
    return project


def with_environment(project: Project) -> Project:
    """The project with the environment that its options name. Raises UsageError."""
    found = _environment(project.file, project.options.environment)
    return _without_addresses(replace(project, environment=found))


def with_policy(project: Project) -> Project:
    """The project under the rules of another commit, where its options name one.

    Raises UsageError.
    """
    revision = project.options.policy_from
    if revision is None:
        return project
    from peakctl.manifests.policy import apply_policy

    if project.file is None or project.environment is None:
        raise no_project(
            "--policy-from needs a project: there is no peakctl.yaml here or above",
            "go to your project, or leave out --policy-from",
        )
    file, environment, policy = apply_policy(
        project.file, project.environment, revision, project.settings.environment
    )
    return _without_addresses(replace(project, file=file, environment=environment, policy=policy))


def webhook_variables(project: Project) -> frozenset[str]:
    """The variables that hold addresses of webhooks, by the rules in force and by the file."""
    file, environment = project.file, project.environment
    if file is None:
        return frozenset()
    return file.webhook_variables(environment.notify if environment else None)


def _without_addresses(project: Project) -> Project:
    """The project, which redacts the addresses of its webhooks from here on."""
    for name in webhook_variables(project):
        project.redact.add(webhook_secrets(project.settings.environment.get(name, "").strip()))
    return project


def _environment(file: ProjectFile | None, name: str | None) -> Environment | None:
    if file is not None:
        return file.environment(name)
    if name is None:
        return None
    raise no_project(
        f'there is no peakctl.yaml that could have an environment "{name}"',
        "go to your project, or leave out -e",
    )


def no_project(summary: str, fix: str) -> UsageError:
    """The error where something takes a project and there is none."""
    return UsageError(Diagnostic("usage/no-project", summary, fix=fix))


def require_owner(project: Project) -> Owner:
    """Whose ledger it is. Raises UsageError where no ledger is kept."""
    if project.owner is not None:
        return project.owner
    if project.file is None:
        summary = "there is no peakctl.yaml in this folder or above it"
        raise no_project(summary, "go to your project")
    raise UsageError(
        Diagnostic(
            code="usage/no-ledger",
            summary=f'the environment "{project.environment_name or ""}" keeps no ledger',
            fix="take `ledger: false` out of peakctl.yaml, or choose another environment with -e",
        )
    )


def is_emulated(project: Project) -> bool:
    """Whether the run goes to the emulator in process.

    An emulator environment that was asked for wins over PEAKCTL_ENDPOINT; one that is only the
    default does not.
    """
    if project.environment is None or not project.environment.emulator:
        return False
    return project.options.environment is not None or project.settings.endpoint is None


def place_of(project: Project) -> str:
    """Where the run goes, for people."""
    if is_emulated(project):
        return "the emulator on this machine"
    from peakctl.api.client import bases_for

    return bases_for(stage_of(project), endpoint_of(project))["service"]


def stage_of(project: Project) -> str | None:
    """The stage of the platform: the environment's, else that of the process environment."""
    environment = project.environment
    return (environment.stage if environment else None) or project.settings.stage


def endpoint_of(project: Project) -> str | None:
    """The address of the platform where none of its stages is meant."""
    environment = project.environment
    return project.settings.endpoint or (environment.endpoint if environment else None)


@contextmanager
def telling() -> Iterator[list[Diagnostic]]:
    """Gather the warnings of an operation; an error that ends it has them first."""
    told: list[Diagnostic] = []
    try:
        yield told
    except PeakctlError as error:
        error.diagnostics = (*(d for d in told if d not in error.diagnostics), *error.diagnostics)
        raise
