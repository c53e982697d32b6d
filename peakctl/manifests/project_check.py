"""The rules of peakctl.yaml, checked by hand so that each complaint has a place and a next step."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.manifests.project import Environment, Project
from peakctl.manifests.sources import is_inside
from peakctl.model import Document, Guards, Location, Threshold, Value, dotted, type_of
from peakctl.model import Path as ModelPath
from peakctl.settings import STAGES, credential_reason, wrong_address

RESERVED_NAMES = ("os_env",)
"""Names that mean something else in templates."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_TOP = (
    "project",
    "manifests",
    "params",
    "parameters",
    "osEnv",
    "defaultEnvironment",
    "environments",
)
_ENVIRONMENT = (
    "emulator",
    "stage",
    "endpoint",
    "params",
    "parameters",
    "protect",
    "tenant",
    "ledger",
    "guards",
    "osEnv",
)


_EXAMPLES = {
    "manifests": "[manifests]",
    "params": "[params.yaml]",
    "environments": "{dev: {stage: dev}}",
    "emulator": "true",
    "parameters": "{name: value}",
    "boolean": "true",
    "integer": "10",
    "string": "<text>",
    "mapping": "{...}",
    "list": "[...]",
}
"""What to write where a value has the wrong type: by the field, else by the type."""


def check_project(
    value: Mapping[str, Value],
    document: Document,
    file: Path,
    problems: Sequence[Diagnostic] = (),
    *,
    files: bool = True,
) -> Project:
    """The project that peakctl.yaml describes.

    `problems` were found when it was parsed; without `files` those that it names may be missing.
    Raises UsageError with everything that is wrong.
    """
    return _Checker(document, file, problems, files=files).project(value)


class _Checker:
    def __init__(
        self, document: Document, file: Path, problems: Sequence[Diagnostic], *, files: bool
    ) -> None:
        self._files_matter = files
        self._document = document
        self._file = file
        self._problems = list(problems)

    def project(self, value: Mapping[str, Value]) -> Project:
        self._known(value, (), _TOP)
        environments = self._mapping(value, ("environments",))
        project = Project(
            root=self._file.parent,
            file=self._file,
            name=self._named(value),
            manifests=self._manifests(value, ("manifests",)) or ("manifests",),
            places=self._places(value),
            params=self._files(value, ("params",)),
            parameters=self._parameters(value, ("parameters",)),
            default_environment=self._text(value, ("defaultEnvironment",)),
            os_env=self._os_env(value, ("osEnv",)),
            environments={
                name: self._environment(name, environments[name]) for name in environments
            },
        )
        self._check_default(project)
        if self._problems:
            raise UsageError(*self._problems)
        return project

    def _named(self, value: Mapping[str, Value]) -> str:
        name = self._text(value, ("project",))
        if name is None and value.get("project") is None:
            self._tell("missing", (), "the project has no name", "add project: <name>")
        if name is not None and not _NAME.match(name):
            fix = "use lower-case letters, digits and dashes"
            self._tell("name", ("project",), f'"{name}" cannot be the name of a project', fix)
        return name or ""

    def _manifests(self, value: Mapping[str, Value], at: ModelPath) -> tuple[str, ...]:
        patterns = self._texts(value, at)
        if value.get("manifests") == []:
            self._tell(
                "no-manifests", at, "manifests names nothing", "write manifests: [manifests]"
            )
        root = str(self._file.parent)
        for index, pattern in enumerate(patterns):
            if not Path(os.path.normpath(self._file.parent / pattern)).is_relative_to(root):
                self._tell_outside(pattern, (*at, index))
        return patterns

    def _places(self, value: Mapping[str, Value]) -> Mapping[str, Location]:
        """Where each pattern of `manifests` stands; the default one, at the top."""
        names = value.get("manifests") or ["manifests"]
        return {
            name: self._document.locate(("manifests", index))
            for index, name in enumerate(names)
            if isinstance(name, str)
        }

    def _tell_outside(self, name: str, at: ModelPath) -> None:
        fix = f"move it under the folder of {self._file.name}"
        self._tell("outside-project", at, f'"{name}" leads out of the project', fix)

    def _environment(self, name: str, value: Value) -> Environment:
        at: ModelPath = ("environments", name)
        if not _ENVIRONMENT_NAME.match(name):
            fix = "use letters, digits, dashes, dots and underscores"
            self._tell("name", at, f'"{name}" cannot be the name of an environment', fix)
        if not isinstance(value, Mapping):
            self._tell_type(at, "mapping", value)
            return Environment(name)
        self._known(value, at, _ENVIRONMENT)
        emulator = self._emulator(value, (*at, "emulator"))
        stage = self._stage(value, (*at, "stage"))
        endpoint = self._endpoint(value, (*at, "endpoint"))
        if emulator is not None and (stage or endpoint):
            other = "stage" if stage else "endpoint"
            summary = f'the environment "{name}" has both emulator and {other}'
            self._tell("either-or", (*at, other), summary, "keep one of the two")
        return Environment(
            name=name,
            emulator=emulator is not None,
            emulator_options=emulator or {},
            emulator_places={
                word: self._document.locate((*at, "emulator", word)) for word in emulator or {}
            },
            stage=stage,
            endpoint=endpoint,
            params=self._files(value, (*at, "params")),
            parameters=self._parameters(value, (*at, "parameters")),
            protect=bool(self._typed(value, (*at, "protect"), bool, "boolean")),
            tenant=self._tenant(value, (*at, "tenant")),
            os_env=self._os_env(value, (*at, "osEnv")),
            ledger=self._typed(value, (*at, "ledger"), bool, "boolean") is not False,
            guards=self._guards(value, (*at, "guards")),
        )

    def _os_env(self, value: Mapping[str, Value], at: ModelPath) -> tuple[str, ...] | None:
        """The variables that templates may read; an empty list means none."""
        if value.get("osEnv") is None:
            return None
        names = self._texts(value, at)
        for index, name in enumerate(names):
            reason = credential_reason(name)
            if reason:
                summary = f"templates never read {name}: {reason}"
                self._tell("credential", (*at, index), summary, "take it out of osEnv")
        return names

    def _emulator(self, value: Mapping[str, Value], at: ModelPath) -> Mapping[str, Value] | None:
        """The emulator's options, None where it is not wanted."""
        wanted = value.get("emulator")
        if wanted is None or wanted is False:
            return None
        if wanted is True:
            return {}
        if not isinstance(wanted, Mapping):
            self._tell_type(at, "true or mapping", wanted)
            return {}
        return wanted

    def _stage(self, value: Mapping[str, Value], at: ModelPath) -> str | None:
        stage = self._text(value, at)
        if stage is not None and stage not in STAGES:
            near = nearest_names(stage, STAGES) or STAGES
            summary = f'"{stage}" is not a stage of the platform'
            self._tell("unknown-stage", at, summary, f"use {' or '.join(near)}")
        return stage

    def _endpoint(self, value: Mapping[str, Value], at: ModelPath) -> str | None:
        endpoint = self._text(value, at)
        problem = wrong_address(endpoint) if endpoint else None
        if problem:
            self._tell("endpoint", at, *problem)
            return None
        return endpoint.rstrip("/") if endpoint else None

    def _tenant(self, value: Mapping[str, Value], at: ModelPath) -> str | None:
        tenant = self._text(value, at)
        if tenant is not None and not tenant.strip():
            fix = "write the domain of the tenant's spoke, or the id of its ledger"
            self._tell("tenant", at, "the tenant is empty, so nothing would be checked", fix)
        return tenant

    def _guards(self, value: Mapping[str, Value], at: ModelPath) -> Guards:
        """The thresholds of the mass-change guard; what is not stated is as by default."""
        given = self._mapping(value, at)
        usual = Guards()
        self._known(given, at, ("changes", "deletes"))
        return Guards(
            self._threshold(given, (*at, "changes"), usual.changes),
            self._threshold(given, (*at, "deletes"), usual.deletes),
        )

    def _threshold(self, value: Mapping[str, Value], at: ModelPath, usual: Threshold) -> Threshold:
        given = self._mapping(value, at)
        self._known(given, at, ("count", "percent", "limit"))
        count = self._number(given, (*at, "count"), 10_000)
        percent = self._number(given, (*at, "percent"), 100)
        limit = self._number(given, (*at, "limit"), 10_000)
        return Threshold(
            usual.count if count is None else count,
            usual.percent if percent is None else percent,
            usual.limit if limit is None else limit,
        )

    def _number(self, value: Mapping[str, Value], at: ModelPath, most: int) -> int | None:
        found = value.get(str(at[-1]))
        words = f"an integer from 0 to {most}"
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int):
            self._tell_type(at, "integer", found)
            return None
        if not 0 <= found <= most:
            self._tell("number", at, f"{dotted(at)} is {found}, not {words}", f"write {words}")
        return found

    def _check_default(self, project: Project) -> None:
        name = project.default_environment
        if name is not None and name not in project.environments:
            near = nearest_names(name, project.environments)
            fix = f"did you mean: {', '.join(near)}" if near else f"add {name} to environments"
            summary = f'there is no environment "{name}"'
            self._tell("unknown-environment", ("defaultEnvironment",), summary, fix)

    def _files(self, value: Mapping[str, Value], at: ModelPath) -> tuple[str, ...]:
        names = self._texts(value, at)
        for index, name in enumerate(names):
            self._check_file(name, (*at, index))
        return names

    def _check_file(self, name: str, at: ModelPath) -> None:
        """A file of parameters is there, within the project; reading it tells the rest."""
        path = self._file.parent / name
        if not self._files_matter:
            return
        if not os.path.lexists(path):
            fix = "paths start at the folder of peakctl.yaml"
            self._tell("no-file", at, f'there is no file "{name}"', fix)
        elif not is_inside(path, self._file.parent):
            self._tell_outside(name, at)

    def _parameters(self, value: Mapping[str, Value], at: ModelPath) -> Mapping[str, Value]:
        parameters = self._mapping(value, at)
        self._problems += check_names(parameters, self._document, at)
        return parameters

    def _texts(self, value: Mapping[str, Value], at: ModelPath) -> tuple[str, ...]:
        items: list[Any] = self._typed(value, at, list, "list") or []
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self._tell_type((*at, index), "string", item)
        return tuple(item for item in items if isinstance(item, str))

    def _text(self, value: Mapping[str, Value], at: ModelPath) -> str | None:
        text: str | None = self._typed(value, at, str, "string")
        return text

    def _mapping(self, value: Mapping[str, Value], at: ModelPath) -> Mapping[str, Value]:
        found: Mapping[str, Value] | None = self._typed(value, at, Mapping, "mapping")
        return found or {}

    def _typed(self, value: Mapping[str, Value], at: ModelPath, kind: type, words: str) -> Any:
        """The value under the last part of `at`; None where there is none of that type."""
        found = value.get(str(at[-1]))
        if found is None or isinstance(found, kind):
            return found
        self._tell_type(at, words, found)
        return None

    def _known(self, value: Mapping[str, Value], at: ModelPath, names: Sequence[str]) -> None:
        for name in value:
            if name not in names:
                near = nearest_names(name, names)
                words = " or ".join(near) if near else f"one of {', '.join(names)}"
                self._tell("unknown-key", (*at, name), f'"{name}" is not known', f"use {words}")

    def _tell_type(self, at: ModelPath, wanted: str, found: Value) -> None:
        summary = f"{dotted(at)}: expected {wanted}, got {type_of(found)}"
        example = _EXAMPLES.get(str(at[-1]), _EXAMPLES.get(wanted, wanted))
        self._tell("type", at, summary, f"write {dotted(at[-1:])}: {example}")

    def _tell(self, code: str, at: ModelPath, summary: str, fix: str) -> None:
        self._problems.append(
            Diagnostic(
                code=f"project/{code}",
                summary=summary,
                path=at,
                locations=(self._document.locate(at),),
                fix=fix,
            )
        )


def check_names(
    parameters: Mapping[str, Value], document: Document, at: ModelPath = ()
) -> tuple[Diagnostic, ...]:
    """Complaints about parameters with a name that templates use for something else."""
    return tuple(
        Diagnostic(
            code="parameters/reserved",
            summary=f'the name "{name}" is taken: it is the environment in templates',
            path=(*at, name),
            locations=(document.locate((*at, name)),),
            fix="rename the parameter",
        )
        for name in RESERVED_NAMES
        if name in parameters
    )
