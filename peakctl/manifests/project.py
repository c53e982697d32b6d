"""peakctl.yaml: the project and its environments, found, read and checked.

`schemas/project.json` says which fields there are, in the dialect of the kinds and with the same
messages; what a schema cannot say (files that must be there, fields that exclude each other, names
that stand for something else) is checked here. All problems are told at once, in their places.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.kinds.schemas import load_project_schema
from peakctl.kinds.validate import check_document
from peakctl.manifests import sections
from peakctl.manifests.parse import parse_value
from peakctl.manifests.render import Rendered, is_template
from peakctl.manifests.sources import PROJECT_FILES, is_inside, read_text
from peakctl.model import EMPTY, Document, JsonObject, Location, Source, Value
from peakctl.model import Path as Place
from peakctl.model.plan import Guards, HealthCheck, Threshold
from peakctl.model.records import dataclass
from peakctl.model.values import mapping_at
from peakctl.settings import credential_reason, wrong_address

RESERVED_NAMES = ("os_env",)
"""Names that mean something else in templates."""
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_CODES = {
    "manifest/unknown-field": "project/unknown-key",
    "manifest/missing-field": "project/missing",
    "manifest/wrong-type": "project/type",
    "manifest/out-of-range": "project/number",
    "manifest/unknown-value": "project/unknown-stage",
    "manifest/empty": "project/no-manifests",
}
"""The codes of peakctl.yaml for what is wrong by the schema."""
_CODES_OF_KEYS: Mapping[object, str] = {
    "allow": "project/allow",
    "approval": "project/approval",
    "healthChecks": "project/health-check",
    "notify": "project/notify",
}
"""Those of whatever is wrong below a key, of the project or of an environment."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One place to apply to. `params` are files relative to the project's root.

    `emulator_options` are handed to the emulator as they are (`buildSeconds`, ...). Without
    `ledger` nothing is owned: no lease, no prune. `os_env` are the names and globs of variables
    that templates may read here; None where the project's list counts. `allow` are the classes of
    actions that may be carried out here, None for all. `name_prefix` is the template of what begins
    every name, `prefix_places` where it stands; `paused` leaves schedules out. `approval` says what
    `ci apply` is held to: `optional` or `required`, None for what it finds. `notify` is in
    place of the project's, None where that counts.
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
    allow: tuple[str, ...] | None = None
    name_prefix: str | None = None
    prefix_places: tuple[Location, ...] = ()
    paused: bool = False
    approval: str | None = None
    notify: tuple[sections.Channel, ...] | None = None


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
    notify: tuple[sections.Channel, ...] | None = None
    health_checks: tuple[HealthCheck, ...] = ()

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

    def channels_for(self, environment: Environment | None) -> tuple[sections.Channel, ...]:
        """How runs are told of; an environment's own list wins."""
        own = None if environment is None else environment.notify
        return (self.notify if own is None else own) or ()

    def webhook_variables(
        self, ruled: tuple[sections.Channel, ...] | None = None
    ) -> frozenset[str]:
        """The variables that hold addresses of webhooks, in any environment or `ruled`."""
        lists = (each.notify for each in self.environments.values())
        return sections.webhook_variables((self.notify, ruled, *lists))

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


def find_project(start: Path) -> Path | None:
    """The nearest peakctl.yaml from the folder `start` upwards."""
    start = start.absolute()
    files = (folder / name for folder in (start, *start.parents) for name in PROJECT_FILES)
    return next((file for file in files if os.path.lexists(file)), None)


def load_project(start: Path) -> Project | None:
    """The project that the folder `start` lies in, None outside of any.

    Raises UsageError with all that is wrong in peakctl.yaml.
    """
    file = find_project(start)
    if file is None:
        return None
    text = read_text(file, file.name)
    if isinstance(text, Diagnostic):
        raise UsageError(text)
    other = file.with_name(PROJECT_FILES[1])
    if other != file and os.path.lexists(other):
        raise UsageError(_two_files(file, other))
    return parse_project(text, file, file.name)


def parse_project(text: str, file: Path, display: str, *, files: bool = True) -> Project:
    """The project that `text`, of `file`, describes. Problems call it `display`.

    Without `files`, those that it names need not be there: it is of another commit. Raises
    UsageError with all that is wrong.
    """
    source = Source(str(file), display, text)
    _, document, problems = parse_value(Rendered(source, text))
    if document is None:
        raise UsageError(*(problems or (_empty(display),)))
    sections.check_version(document)
    faults = check_document(load_project_schema(), document)
    value = _without(document.value, [fault.path for fault in faults])
    checks = _Checks(document, file, files_matter=files)
    project = checks.project(mapping_at(value))
    found = [*problems, *map(_coded, faults), *checks.problems]
    if found:
        raise UsageError(*sorted(found, key=_position))
    return project


def _coded(fault: Diagnostic) -> Diagnostic:
    """A fault by the schema under the code that it has in peakctl.yaml."""
    for word in (*fault.path[0:1], *fault.path[2:3]):
        if word in _CODES_OF_KEYS:
            return replace(fault, code=_CODES_OF_KEYS[word])
    word = "tenant" if fault.path[-1:] == ("tenant",) else "name"
    return replace(fault, code=_CODES.get(fault.code, f"project/{word}"))


def _position(problem: Diagnostic) -> tuple[int, int]:
    place = problem.locations[0]
    return place.line, place.column


def _without(value: Value, paths: Sequence[Place]) -> Value:
    """`value` with nothing at `paths`: what is left can be read without a look at its types."""
    here = [path for path in paths if path]
    if isinstance(value, Mapping):
        inner = {k: [path[1:] for path in here if path[0] == k] for k in value}
        return {k: _without(v, inner[k]) for k, v in value.items() if () not in inner[k]}
    if isinstance(value, list):
        wrong = {path[0] for path in here}
        return [None if i in wrong else item for i, item in enumerate(value)]
    return value


@dataclass(slots=True)
class _Checks:
    """Reads what fits the schema, and keeps what is wrong with it otherwise.

    A value that the schema refused is not there, an item of a list is None.
    """

    document: Document
    file: Path
    files_matter: bool
    problems: list[Diagnostic] = field(default_factory=list)

    def project(self, value: JsonObject) -> Project:
        environments = value.get("environments") or EMPTY
        project = Project(
            root=self.file.parent,
            file=self.file,
            name=value.get("project") or "",
            manifests=self._manifests(value.get("manifests") or ["manifests"]),
            places=self._places(value.get("manifests") or ["manifests"]),
            params=self._files(value, ()),
            parameters=self._parameters(value, ()),
            default_environment=value.get("defaultEnvironment"),
            os_env=self._os_env(value, ()),
            notify=self._notify(value, ()),
            health_checks=self._health_checks(value, environments),
            environments={
                name: self._environment(name, environments[name]) for name in environments
            },
        )
        self._check_default(project)
        self._check_ledgers(project.environments)
        return project

    def _health_checks(
        self, value: JsonObject, environments: JsonObject
    ) -> tuple[HealthCheck, ...]:
        checks = value.get("healthChecks") or ()
        found, problems = sections.read_health_checks(checks, self.document, environments)
        self.problems += problems
        return found

    def _manifests(self, patterns: Sequence[str | None]) -> tuple[str, ...]:
        root = str(self.file.parent)
        for index, pattern in enumerate(patterns):
            path = os.path.normpath(self.file.parent / (pattern or ""))
            if not Path(path).is_relative_to(root):
                self._tell_outside(str(pattern), ("manifests", index))
        return tuple(filter(None, patterns))

    def _places(self, patterns: Sequence[str | None]) -> Mapping[str, Location]:
        """Where each pattern of `manifests` stands; the default one, at the top."""
        locate = self.document.locate
        return {name: locate(("manifests", i)) for i, name in enumerate(patterns) if name}

    def _environment(self, name: str, value: JsonObject) -> Environment:
        at: Place = ("environments", name)
        if not _ENVIRONMENT_NAME.match(name):
            fix = "use letters, digits, dashes, dots and underscores"
            self._tell("name", at, f'"{name}" cannot be the name of an environment', fix)
        emulator = value.get("emulator")
        options = emulator if isinstance(emulator, Mapping) else {}
        is_emulator = emulator is not None and emulator is not False
        stage, endpoint = value.get("stage"), self._endpoint(value, at)
        if is_emulator and (stage or endpoint):
            other = "stage" if stage else "endpoint"
            summary = f'the environment "{name}" has both emulator and {other}'
            self._tell("either-or", (*at, other), summary, "keep one of the two")
        return Environment(
            name=name,
            emulator=is_emulator,
            emulator_options=options,
            emulator_places={
                word: self.document.locate((*at, "emulator", word)) for word in options
            },
            stage=stage,
            endpoint=endpoint,
            params=self._files(value, at),
            parameters=self._parameters(value, at),
            protect=bool(value.get("protect")),
            tenant=value.get("tenant"),
            os_env=self._os_env(value, at),
            ledger=value.get("ledger") is not False,
            guards=_guards(value.get("guards") or EMPTY),
            allow=_allowed(value.get("allow")),
            name_prefix=self._name_prefix(value, at),
            prefix_places=self._places_of(value, at, "namePrefix"),
            paused=bool(value.get("paused")),
            approval=value.get("approval"),
            notify=self._notify(value, at),
        )

    def _places_of(self, value: JsonObject, at: Place, word: str) -> tuple[Location, ...]:
        return (self.document.locate((*at, word)),) if value.get(word) is not None else ()

    def _name_prefix(self, value: JsonObject, at: Place) -> str | None:
        """The prefix as written; one that is no template can be checked here."""
        prefix: str | None = value.get("namePrefix")
        if prefix is None:
            return None
        here, name = (*at, "namePrefix"), at[-1]
        if value.get("protect"):
            summary = f'the environment "{name}" has both namePrefix and protect'
            self._tell("either-or", here, summary, "keep one of the two: a copy is not protected")
        flaw = "" if is_template(prefix) else sections.prefix_flaw(prefix)
        if flaw:
            summary = f'"{prefix}" cannot begin a name: {flaw}'
            fix = 'write one like "dev-", or with a parameter: "pr-{{ number }}-"'
            self._tell("name-prefix", here, summary, fix)
        return prefix

    def _check_ledgers(self, environments: Mapping[str, Environment]) -> None:
        """The ledgers of prefixes are named after their environment, with a dot."""
        prefixed = [each.name for each in environments.values() if each.name_prefix is not None]
        for name in environments:
            if near := [each for each in prefixed if name.startswith(f"{each}.")]:
                summary = f'"{name}" may be the name of a ledger of "{near[0]}", by its namePrefix'
                fix = f"rename it: no other name may begin with {near[0]} and a dot"
                self._tell("name", ("environments", name), summary, fix)

    def _os_env(self, value: JsonObject, at: Place) -> tuple[str, ...] | None:
        """The variables that templates may read; an empty list means none."""
        names = value.get("osEnv")
        if names is None:
            return None
        for index, name in enumerate(names):
            reason = credential_reason(name or "")
            if reason:
                summary = f"templates never read {name}: {reason}"
                self._tell("credential", (*at, "osEnv", index), summary, "take it out of osEnv")
        return tuple(filter(None, names))

    def _notify(self, value: JsonObject, at: Place) -> tuple[sections.Channel, ...] | None:
        for path, summary, fix in sections.channel_flaws(value.get("notify")):
            self._tell("notify", (*at, "notify", *path), summary, fix)
        return sections.read_channels(value.get("notify"))

    def _endpoint(self, value: JsonObject, at: Place) -> str | None:
        endpoint = value.get("endpoint")
        problem = wrong_address(endpoint) if endpoint else None
        if problem:
            self._tell("endpoint", (*at, "endpoint"), *problem)
            return None
        return endpoint.rstrip("/") if endpoint else None

    def _check_default(self, project: Project) -> None:
        name = project.default_environment
        known = mapping_at(self.document.value, ("environments",))
        if name is not None and name not in known:
            near = nearest_names(name, known)
            fix = f"did you mean: {', '.join(near)}" if near else f"add {name} to environments"
            summary = f'there is no environment "{name}"'
            self._tell("unknown-environment", ("defaultEnvironment",), summary, fix)

    def _files(self, value: JsonObject, at: Place) -> tuple[str, ...]:
        """Files of parameters: there, and within the project; reading them tells the rest."""
        names = tuple(value.get("params") or ())
        for index, name in enumerate(names):
            if name and self.files_matter:
                self._check_file(name, (*at, "params", index))
        return tuple(filter(None, names))

    def _check_file(self, name: str, at: Place) -> None:
        path = self.file.parent / name
        if not os.path.lexists(path):
            fix = "paths start at the folder of peakctl.yaml"
            self._tell("no-file", at, f'there is no file "{name}"', fix)
        elif not is_inside(path, self.file.parent):
            self._tell_outside(name, at)

    def _parameters(self, value: JsonObject, at: Place) -> Mapping[str, Value]:
        parameters: Mapping[str, Value] = value.get("parameters") or {}
        self.problems += check_names(parameters, self.document, (*at, "parameters"))
        return parameters

    def _tell_outside(self, name: str, at: Place) -> None:
        fix = f"move it under the folder of {self.file.name}"
        self._tell("outside-project", at, f'"{name}" leads out of the project', fix)

    def _tell(self, code: str, at: Place, summary: str, fix: str) -> None:
        place = (self.document.locate(at),)
        self.problems.append(
            Diagnostic(f"project/{code}", summary, path=at, locations=place, fix=fix)
        )


def _allowed(words: Sequence[str | None] | None) -> tuple[str, ...] | None:
    """The classes of actions; an empty list means that nothing may be changed."""
    return None if words is None else tuple(filter(None, words))


def _guards(value: JsonObject) -> Guards:
    """The thresholds of the mass-change guard; what is not stated is as by default."""
    usual = Guards()
    return Guards(
        _threshold(value.get("changes") or EMPTY, usual.changes),
        _threshold(value.get("deletes") or EMPTY, usual.deletes),
    )


def _threshold(value: JsonObject, usual: Threshold) -> Threshold:
    return replace(usual, **{word: int(n) for word, n in value.items() if n is not None})


def check_names(
    parameters: Mapping[str, Value], document: Document, at: Place = ()
) -> tuple[Diagnostic, ...]:
    """Problems with parameters that have a name which templates use for something else."""
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


def _empty(display: str) -> Diagnostic:
    return Diagnostic(
        code="project/empty",
        summary=f"{display} is empty",
        locations=(Location(display, 1, 1),),
        fix="begin with project: <name>",
    )


def _two_files(file: Path, other: Path) -> Diagnostic:
    return Diagnostic(
        code="project/two-files",
        summary=f"there are both {file.name} and {other.name}",
        locations=(Location(file.name, 1, 1), Location(other.name, 1, 1)),
        fix="keep one of them",
    )
