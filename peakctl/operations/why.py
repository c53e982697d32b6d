"""Why a field has its value: where the manifest has it from, which run applied it, what was before.

Three things are put side by side: the manifests as they are (file, template, parameter, default),
a plan of them (what differs, and why that plans nothing), and the runs of the history, whose
commits git may still have.
"""

from __future__ import annotations

import enum
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath

from peakctl.engine.plan.parameters import Parameters
from peakctl.errors import Diagnostic, PeakctlError, Severity, nearest_names
from peakctl.files import Unreadable, read_text
from peakctl.manifests.commit import write_commit
from peakctl.model import MISSING, HistoryRun, Key, Location, Path, Resource, Value
from peakctl.model.plan import Action, ShownChange, Skipped, Status, Verb
from peakctl.model.records import dataclass
from peakctl.model.values import dotted, leaf_places, reveal, seal_at, value_at
from peakctl.operations.explain import FieldExplained, explain_field
from peakctl.operations.get import declared_resources
from peakctl.operations.history import read_runs
from peakctl.operations.load import LoadResult, given_parameters, load
from peakctl.operations.offline import open_at
from peakctl.operations.plan import PlanOptions, make_plan
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.target import find_kind

MOST_COMMITS = 10
"""Commits that are read to find where a field was set."""
_TOPS = ("metadata", "spec", "lifecycle", "dependsOn")
_PART = re.compile(r'"([^"]*)"|\[(\d+)\]|([^.\[\]"]+)')
_EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_VALUE = re.compile(r"""(?:\{\{.*?\}\}|"[^"]*"|'[^']*'|[^,}])*""")
"""A field up to where the next one of a flow mapping begins; braces of templates do not count."""
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_VARIABLE = "os_env."


class Source(enum.StrEnum):
    """Where a manifest has a value from."""

    MANIFEST = "manifest"
    TEMPLATE = "template"
    FILE = "file"
    DEFAULT = "default"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class ParameterUse:
    """A parameter in a template: where its value is given, in words, and the place in a file."""

    name: str
    given: str
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """What a field had before: `value` at `where` (a run, a commit, a version), in words."""

    value: Value
    where: str


@dataclass(frozen=True, slots=True)
class FieldWhy:
    """One field. `place` is where the manifest has it; `expression` what a template says there.

    `meaning` says what its absence means, where it is absent. `planned` is what an apply would
    change about it, `skipped` why a difference plans nothing. `run` is the one that brought the
    value, `edited` says that no run has brought it yet.
    """

    path: Path
    value: Value
    source: Source
    place: Location | None = None
    expression: str = ""
    parameters: tuple[ParameterUse, ...] = ()
    meaning: str = ""
    planned: tuple[ShownChange, ...] = ()
    skipped: tuple[str, ...] = ()
    run: HistoryRun | None = None
    edited: bool = False
    before: Before | None = None


@dataclass(frozen=True, slots=True)
class WhyResult:
    """A declared resource and its fields, those that were asked for.

    `action` is what a plan would do about it, None where no plan could be made; `run` the last that
    changed it. `whole` says that no field was named.
    """

    key: Key
    fields: tuple[FieldWhy, ...]
    place: Location
    action: Action | None = None
    run: HistoryRun | None = None
    whole: bool = True
    diagnostics: tuple[Diagnostic, ...] = field(default=())


async def why_async(project: Project, target: str) -> WhyResult:
    """Why `Kind/name` or `Kind/name.field` is as it is. Reads, and nothing else.

    Raises UsageError for a kind or field that there is not, PeakctlError where no manifest declares
    the resource, and as `load`; NotAuthenticated.
    """
    async with connect(project) as platform:
        return await find_why(platform, target)


async def find_why(platform: Platform, target: str) -> WhyResult:
    """As `why_async`, on a platform that is connected."""
    project = platform.project
    loaded = load(project, archives_of=lambda found: (_split(target, found, platform)[0],))
    with telling() as told:
        told += loaded.diagnostics
        key, words = _split(target, loaded.resources, platform)
        resource = loaded.resources[key]
        path = _find_path(resource, words)
        action = await _plan(platform, loaded, key, told)
        runs = await _runs(platform, key, told)
        seen = _Seen(platform, resource, _sealed(resource, loaded, platform), action)
        fields = tuple(seen.field(each) for each in seen.paths(path))
        if path:
            past = _Past(platform, key, runs, told)
            fields = tuple(past.told_of(each, seen.values) for each in fields)
        place = resource.document.locate(("metadata", "name"))
        run = next(iter(runs), None)
        return WhyResult(key, fields, place, action, run, not path, tuple(told))


# --- what was typed ----------------------------------------------------------------------------


def _split(target: str, resources: Mapping[Key, Resource], platform: Platform) -> tuple[Key, str]:
    """The declared resource and the words of the field; names may have dots in them."""
    word, _, rest = target.partition("/")
    kind = find_kind(word, platform.kinds)
    prefix = platform.project.prefix
    found = [
        (key, rest[len(name) :].lstrip("."))
        for key in resources
        for name in {key.name, key.name.removeprefix(prefix)}
        if key.kind == kind and (rest == name or rest.startswith((f"{name}.", f"{name}[")))
    ]
    if found:
        return max(found, key=lambda each: len(each[0].name))
    names = sorted(key.name for key in resources if key.kind == kind)
    near = nearest_names(rest.partition(".")[0], names) or names[:3]
    raise PeakctlError(
        Diagnostic(
            code="why/not-declared",
            summary=f"no manifest declares {kind}/{rest.partition('.')[0]}" if rest else target,
            detail="why tells where manifests have their values from",
            fix=f"did you mean: {', '.join(f'{kind}/{name}' for name in near)}"
            if near
            else f"what is live and what runs did: peakctl history {kind}/NAME",
        )
    )


def _find_path(resource: Resource, words: str) -> Path:
    """The path of a field as the document has it. Raises UsageError for one that no kind has."""
    if not words:
        return ()
    parts = [next(filter(None, found), "") for found in _PART.findall(words)]
    trees = (resource.document.value, resource.values)
    if parts[0] not in _TOPS:
        tops = [t for t in ("spec", "metadata") if any(_walk(tree, [t, *parts]) for tree in trees)]
        parts = [(tops or ["spec"])[0], *parts]
    for tree in trees:
        if found := _walk(tree, parts):
            return found
    kind = resource.key.kind
    first = explain_field(f"{kind}.{'.'.join(parts)}")[0]
    return tuple(each for each in first.path.split(".")) if "*" not in first.path else (*parts,)


def _walk(tree: Value, parts: Sequence[str]) -> Path:
    """The path that the parts mean in a tree, () where they lead nowhere; items go by name too."""
    path: list[str | int] = []
    for part in parts:
        if isinstance(tree, list):
            at = _item(tree, part)
            if at is None:
                return ()
            path.append(at)
            tree = tree[at]
        elif isinstance(tree, Mapping) and part in tree:
            path.append(part)
            tree = tree[part]
        else:
            return ()
    return tuple(path)


def _item(items: Sequence[Value], part: str) -> int | None:
    if part.isdigit() and int(part) < len(items):
        return int(part)
    names = [each.get("name") if isinstance(each, Mapping) else None for each in items]
    return names.index(part) if part in names else None


# --- as it is ----------------------------------------------------------------------------------


def _sealed(resource: Resource, loaded: LoadResult, platform: Platform) -> Mapping[str, Value]:
    """The values of a resource; what its spec hides is a secret, whatever wrote it."""
    parameters = Parameters(resource, loaded.resources, platform.kinds, {})
    return seal_at(resource.values, parameters.hidden_paths())


async def _plan(
    platform: Platform, loaded: LoadResult, key: Key, told: list[Diagnostic]
) -> Action | None:
    """What a plan of all manifests does about the resource; a warning where none can be made."""
    try:
        planned = await make_plan(platform, loaded, PlanOptions())
    except PeakctlError as error:
        problems = "; ".join(d.summary for d in error.diagnostics if d.severity is Severity.ERROR)
        told.append(_no_plan(problems or str(error)))
        return None
    return next((each for each in planned.plan.actions if each.key == key), None)


async def _runs(platform: Platform, key: Key, told: list[Diagnostic]) -> tuple[HistoryRun, ...]:
    """The runs that changed the resource, the newest first; none where no ledger is kept."""
    if platform.project.owner is None:
        return ()
    found = await read_runs(platform)
    told += found.diagnostics
    unchanged = {Verb.KEEP.value, "adopt"}
    not_begun = {Status.BLOCKED.value, Status.CANCELLED.value}
    return tuple(
        run
        for run in found.runs
        if any(
            each.key == key and each.verb not in unchanged and each.status not in not_begun
            for each in run.resources
        )
    )


@dataclass(slots=True)
class _Seen:
    """A resource beside the plan of it; `values` have a `Secret` for what must not be shown."""

    platform: Platform
    resource: Resource
    values: Mapping[str, Value]
    action: Action | None

    def paths(self, path: Path) -> tuple[Path, ...]:
        """The single values below a path, as the document has them; the path itself for none."""
        document = self.resource.document.value
        tops = [(word,) for word in _TOPS if word in document] if not path else [path]
        found: list[Path] = []
        for top in tops:
            value = value_at(document, top)
            found += [at for at, _ in leaf_places(value, top)] if value is not MISSING else [top]
        return tuple(dict.fromkeys(found))

    def field(self, path: Path) -> FieldWhy:
        """All that the manifests and the plan tell of one field."""
        document = self.resource.document
        given = value_at(document.value, path)
        value = value_at(self.values, path)
        if given is MISSING:
            return self._not_given(path, value)
        place = document.locate(path)
        expression = self._expression(place)
        return FieldWhy(
            path,
            given if value is MISSING else value,
            Source.TEMPLATE if expression else Source.MANIFEST,
            place,
            expression,
            self._parameters(expression),
            planned=self._planned(path),
            skipped=self._skipped(path),
        )

    def _not_given(self, path: Path, value: Value) -> FieldWhy:
        """A field that the document does not have: of another file, a default, or absent."""
        planned, skipped = self._planned(path), self._skipped(path)
        if value is not MISSING:
            place = self.resource.document.locate(path)
            return FieldWhy(path, value, Source.FILE, place, planned=planned, skipped=skipped)
        found = self._explained(path)
        default = found.default if found else MISSING
        source = Source.ABSENT if default is MISSING else Source.DEFAULT
        meaning = found.absent if found else ""
        return FieldWhy(path, default, source, meaning=meaning, planned=planned, skipped=skipped)

    def _explained(self, path: Path) -> FieldExplained | None:
        words = ".".join("[]" if isinstance(part, int) else part for part in path)
        found = explain_field(f"{self.resource.key.kind}.{words}")
        return found[0] if found else None

    def _expression(self, place: Location) -> str:
        """What a template says on the line of a field; "" where nothing is filled in there."""
        try:
            lines = read_text(self.platform.project.root / place.file).split("\n")
        except Unreadable:
            return ""
        line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
        own = _VALUE.match(line, max(place.column - 1, 0))
        found = _EXPRESSION.findall(own[0]) if own else []
        return "; ".join(found)

    def _parameters(self, expression: str) -> tuple[ParameterUse, ...]:
        names = dict.fromkeys(_NAME.findall(expression))
        given = given_parameters(self.platform.project)
        found = []
        for name in names:
            first = name.partition(".")[0]
            if name.startswith(_VARIABLE):
                variable = name.removeprefix(_VARIABLE)
                found.append(ParameterUse(name, f"variable {variable} of the environment"))
            elif first in given.typed:
                found.append(ParameterUse(first, "-p"))
            elif first in given.values:
                at = given.declared.get(first)
                found.append(ParameterUse(first, "a file" if at else "peakctl.yaml", at and at()))
        return tuple(found)

    def _planned(self, path: Path) -> tuple[ShownChange, ...]:
        """The changes of an apply that are about the field, or what it is in."""
        if self.action is None or self.action.verb in (Verb.KEEP, Verb.CREATE):
            return ()
        return tuple(
            each
            for each in self.action.shown
            if any(_is_about(one, path) for one in (*each.paths, each.path))
        )

    def _skipped(self, path: Path) -> tuple[str, ...]:
        skipped: Sequence[Skipped] = self.action.skipped if self.action else ()
        return tuple(
            each.reason for each in skipped if _is_about(each.shown or dotted(each.path), path)
        )


def _is_about(shown: str, path: Path) -> bool:
    """Whether a field as people read it is one that `path` means, is in, or has in it."""
    whole = dotted(path)
    bare = re.sub(r"\[\d+\]", "", whole)
    return any(
        shown == each or shown.startswith((f"{each}.", f"{each}[")) or each.startswith(f"{shown}.")
        for each in (whole, bare)
    )


# --- as it was ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Past:
    """The field at the commits of the runs that changed the resource, the newest first."""

    platform: Platform
    key: Key
    runs: Sequence[HistoryRun]
    told: list[Diagnostic]
    known: dict[str, Resource | None] = field(default_factory=dict)

    def told_of(self, found: FieldWhy, values: Mapping[str, Value]) -> FieldWhy:
        """The field with the run that brought its value, and what was before."""
        newer: HistoryRun | None = None
        for run, value in self._values(found.path):
            if not _same(value, found.value):
                before = Before(value, _run_words(run))
                return replace(found, run=newer, edited=newer is None, before=before)
            newer = run
        return replace(found, run=newer)

    def _values(self, path: Path) -> Iterator[tuple[HistoryRun, Value]]:
        """What the manifests of each run had there, as far back as git has its commit."""
        for run in self.runs[:MOST_COMMITS]:
            if not run.actor.commit or run.origin.dirty is not False:
                continue
            if run.actor.commit not in self.known:
                self.known[run.actor.commit] = self._resource(run)
            resource = self.known[run.actor.commit]
            if resource is None:
                return
            given = value_at(resource.values, path)
            yield run, value_at(resource.document.value, path) if given is MISSING else given

    def _resource(self, run: HistoryRun) -> Resource | None:
        """The resource as the commit declares it; None, with a note, where that is not known."""
        project = self.platform.project
        with tempfile.TemporaryDirectory(prefix="peakctl-") as folder:
            root = FilePath(folder).resolve()
            try:
                write_commit(project.root, run.actor.commit, root, project.settings.environment)
                opened = open_at(project, root)
                found = declared_resources(opened, self.platform.kinds) if opened else {}
            except PeakctlError as error:
                self.told.append(_no_commit(run, error))
                return None
        resource = found.get(self.key)
        if resource is None:
            return None
        parameters = Parameters(resource, found, self.platform.kinds, {})
        return replace(resource, values=seal_at(resource.values, parameters.hidden_paths()))


def _same(one: Value, two: Value) -> bool:
    return bool(reveal(one) == reveal(two))


def _run_words(run: HistoryRun) -> str:
    return f"run {run.number}, commit {run.actor.commit[:12]}"


def _no_plan(why: str) -> Diagnostic:
    return Diagnostic(
        code="why/no-plan",
        summary="what is live is not compared: no plan can be made",
        detail=why,
        fix="see peakctl plan",
        severity=Severity.WARNING,
    )


def _no_commit(run: HistoryRun, error: PeakctlError) -> Diagnostic:
    return Diagnostic(
        code="why/no-commit",
        summary=f"what was before run {run.number} is not known: its commit cannot be read here",
        detail="; ".join(each.summary for each in error.diagnostics),
        fix="fetch the whole history, in CI with fetch-depth: 0",
        severity=Severity.NOTE,
    )
