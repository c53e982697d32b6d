"""What the platform keeps of one resource's past, and what differs between two of its versions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from peakctl.engine.diff.compare import compare
from peakctl.engine.export import referenced
from peakctl.engine.observe.file_changes import compare_files
from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.names import Names, Told
from peakctl.engine.plan.shown import show_with_versions
from peakctl.errors import Diagnostic, PeakctlError, UsageError, nearest_names
from peakctl.kinds.fields import Kind
from peakctl.model.ledger import HistoryResource, HistoryRun
from peakctl.model.plan import Action, FileChanges, Plan, ShownChange, Status, Verb
from peakctl.model.platform import KeptVersion
from peakctl.model.records import dataclass
from peakctl.model.resources import Archive, ArchiveFile, Listed, Live
from peakctl.model.values import Key, Tree
from peakctl.operations.executions import WORKFLOW, Execution, list_executions
from peakctl.operations.get import find_ledgers, seal_found
from peakctl.operations.history import HistoryResult, read_runs
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, telling
from peakctl.operations.target import find_target, parse_target

WHOLE_HISTORY = "peakctl history"
MOST_EXECUTIONS = 20


@dataclass(frozen=True, slots=True)
class PastVersion:
    """One version of a resource; `run` is that of the project which made it, where it is known."""

    version: KeptVersion
    run: HistoryRun | None = None


@dataclass(frozen=True, slots=True)
class ResourceHistory:
    """The past of one live resource, the newest first.

    `word` is what the platform calls its versions: `version`, `release`, `revision`; "" where it
    keeps none. `runs` are those of the project that changed it; None where no ledger is kept.
    `executions` are the newest of a workflow, None of any other kind.
    """

    key: Key
    id: str | int
    word: str
    versions: tuple[PastVersion, ...]
    runs: tuple[HistoryRun, ...] | None
    executions: tuple[Execution, ...] | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What a resource had at `before` and has at `after`, as an action that is never carried out.

    Its `files` are those of its archive, where the platform gives both back.
    """

    word: str
    before: str
    after: str
    action: Action
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def key(self) -> Key:
        """The resource, as it is called now."""
        return self.action.key

    @property
    def changes(self) -> tuple[ShownChange, ...]:
        """The fields that differ, as manifests have them."""
        return self.action.shown


async def resource_history_async(project: Project, target: str) -> ResourceHistory:
    """The versions of `Kind/name`, and the runs that changed it. Changes nothing.

    Raises UsageError for a word that names no resource, PeakctlError where nothing has the name,
    LedgerUnusable, NotAuthenticated, ApiError.
    """
    async with connect(project) as platform:
        return await read_past(platform, parse_target(target, tuple(platform.kinds)).key)


async def diff_versions_async(
    project: Project, target: str, before: str, after: str
) -> VersionDiff:
    """What differs between two versions, releases or revisions of `Kind/name`.

    Raises as `resource_history_async`, and PeakctlError for a version that is not there.
    """
    async with connect(project) as platform:
        key = parse_target(target, tuple(platform.kinds)).key
        return await diff_versions(platform, key, before, after)


async def read_past(platform: Platform, key: Key) -> ResourceHistory:
    """As `resource_history_async`, on a platform that is connected."""
    try:
        listed = await find_target(platform, key)
    except PeakctlError as error:
        raise await _gone(platform, key, error) from error
    adapter = platform.adapters[key.kind]
    kept = platform.project.owner is not None
    history = read_runs(platform) if kept else _no_runs()
    versions, found, executions = await asyncio.gather(
        adapter.versions(listed), history, _executions(platform, Key(key.kind, listed.name))
    )
    live = Key(key.kind, listed.name)
    runs = _runs_of(found, live) if found else None
    past = tuple(PastVersion(each, made_by(each.number, live, runs or ())) for each in versions)
    told = found.diagnostics if found else ()
    return ResourceHistory(live, listed.id, adapter.numbered, past, runs, executions, told)


async def _gone(platform: Platform, key: Key, error: PeakctlError) -> PeakctlError:
    """The error for what is not live, which says so where runs of the project had to do with it."""
    missing = [d.code for d in error.diagnostics] == ["live/not-found"]
    if not missing or platform.project.owner is None:
        return error
    found, prefix = await read_runs(platform), platform.project.prefix
    if not any(_runs_of(found, Key(key.kind, name)) for name in (key.name, f"{prefix}{key.name}")):
        return error
    (told,) = error.diagnostics
    runs = f"what they did to it: peakctl history --resource {key}"
    return PeakctlError(replace(told, detail="runs of this project changed it", fix=runs))


async def _executions(platform: Platform, key: Key) -> tuple[Execution, ...] | None:
    """The newest executions of a workflow."""
    if key.kind != WORKFLOW:
        return None
    return await list_executions(platform, key, limit=MOST_EXECUTIONS)


async def _no_runs() -> HistoryResult | None:
    return None


def _runs_of(found: HistoryResult, key: Key) -> tuple[HistoryRun, ...]:
    return tuple(run for run in found.runs if any(each.key == key for each in run.resources))


def made_by(number: str, key: Key, runs: Iterable[HistoryRun]) -> HistoryRun | None:
    """The run that made a version: the first one after which the resource had it."""
    found = [run for run in runs if any(_made(each, key, number) for each in run.resources)]
    return min(found, key=lambda run: run.number, default=None)


def _made(resource: HistoryResource, key: Key, number: str) -> bool:
    return (
        resource.key == key
        and resource.after == number
        and resource.before != number
        and resource.status != Status.BLOCKED
    )


# --- what differs --------------------------------------------------------------------------------


async def diff_versions(platform: Platform, key: Key, before: str, after: str) -> VersionDiff:
    """As `diff_versions_async`, on a platform that is connected."""
    listed = await find_target(platform, key)
    adapter, kind = platform.adapters[key.kind], platform.kinds[key.kind]
    if not adapter.numbered:
        raise UsageError(no_versions(key))
    with telling() as told:
        both = await asyncio.gather(*(read_at(platform, listed, key, n) for n in (before, after)))
        ids = {both[0].live_id}
        ledgers = await find_ledgers(platform, ids, told)
        sealed = seal_found(platform, both, ledgers, told)
        action = await _changes(platform, kind, both, sealed)
        files = await asyncio.gather(*(adapter.files(each) for each in both))
        found = replace(action, files=_compared(files, platform))
        return VersionDiff(adapter.numbered, before, after, found, tuple(told))


async def read_at(platform: Platform, listed: Listed, key: Key, number: str) -> Live:
    """The resource at a version. Raises PeakctlError where it does not have it, with near ones."""
    adapter = platform.adapters[key.kind]
    found = await adapter.read_version(listed, number)
    if found is not None:
        return found
    numbers = [each.number for each in await adapter.versions(listed)]
    raise PeakctlError(unknown_version(key, adapter.numbered, number, numbers))


def unknown_version(key: Key, word: str, number: str, numbers: Sequence[str]) -> Diagnostic:
    """That a resource has no such version; `numbers` are those that it has, the newest first."""
    near = nearest_names(number, numbers)
    there = ", ".join(numbers[:10]) + (", ..." if len(numbers) > 10 else "")
    return Diagnostic(
        code="live/no-version",
        summary=f"{key} has no {word} {number}",
        detail=f"it has: {there}" if numbers else f"it has no {word} at all",
        fix=f"did you mean: {', '.join(near)}" if near else f"see {WHOLE_HISTORY} {key}",
    )


def no_versions(key: Key) -> Diagnostic:
    """That the platform keeps nothing of the past of a kind."""
    return Diagnostic(
        code="usage/no-versions",
        summary=f"the platform keeps no versions of a {key.kind}: it knows what is live alone",
        detail="images and artifacts have versions, specs releases, deployments revisions",
        fix=f"see what runs of this project did to it: {WHOLE_HISTORY} {key}",
    )


async def _changes(
    platform: Platform, kind: Kind, both: Sequence[Live], sealed: Sequence[Tree]
) -> Action:
    """The fields that differ, also in the words of manifests."""
    left, right = sealed
    hidden = both[0].hidden | both[1].hidden
    found = compare(kind, right, left, hidden=hidden)
    number = kind.versions.at if kind.versions else ()
    differing = [c for c in found.changes if not (number and c.path[: len(number)] == number)]
    live = replace(both[0], values=left)
    action = Action(both[0].key, Verb.EDIT, changes=tuple(differing), desired=right, live=live)
    kinds = sorted({k for tree in sealed for use in referenced(kind, tree) for k in use.kinds})
    lists = await asyncio.gather(*(platform.adapters[each].index() for each in kinds))
    state = LiveState(listed=dict(zip(kinds, lists, strict=True)))
    plan, redact, told = Plan((action,)), platform.project.redact, Told()
    named = partial(Names, (), state, platform.kinds, redact=redact)
    shown, _ = await show_with_versions(plan, platform.kinds, named, platform.adapters, told)
    return shown.actions[0]


def _compared(
    both: Sequence[tuple[ArchiveFile, ...] | None], platform: Platform
) -> FileChanges | None:
    before, after = both
    if before is None or after is None:
        return None
    archive = Archive("", len(after), bytes, files=after)
    found = compare_files(archive, dict(_contents(after)), dict(_contents(before)))
    if not any(found.counts):
        return None
    return replace(found.renamed_by(platform.project.redact), at=("spec", "artifact"))


def _contents(files: Iterable[ArchiveFile]) -> Iterator[tuple[str, str]]:
    return ((file.path, f"{'x' if file.executable else '-'}{file.sha256}") for file in files)
