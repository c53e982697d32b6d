"""Back to what was there before: a version of one resource, or the manifests of an earlier run.

A rollback is a plan like any other, shown, consented to, applied and recorded; it goes forward to
something that exists. What the manifests have to say for it to last is told beside it, and until
they do, a plan that would undo it is refused (`guard/rolled-back`).
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from peakctl import model
from peakctl.engine.plan.parameters import Parameters
from peakctl.engine.rollback import LastingChange, RolledResources, at_revision, pin_users, stand_in
from peakctl.engine.waiting import Stop
from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    ManifestsInvalid,
    PeakctlError,
    UsageError,
)
from peakctl.manifests.commit import changed_files, write_commit
from peakctl.model.records import dataclass
from peakctl.model.values import value_at
from peakctl.operations import rollback_refusals as refusals
from peakctl.operations.apply import ApplyOptions, ApplyResult, RunEvent, carry_out
from peakctl.operations.get import seal_repeated
from peakctl.operations.history import read_runs
from peakctl.operations.load import LoadResult, load
from peakctl.operations.offline import open_at
from peakctl.operations.plan import PlanOptions, PlanResult, RollbackOf, make_plan, refuse_guarded
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner, telling
from peakctl.operations.target import find_target, parse_target
from peakctl.operations.versions import read_at, unknown_version

REVISION = "revision"


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """A rollback that is planned: `to` says what to, in words.

    `lasting` are the edits of manifests that make it last. For an earlier run they are those of its
    `commit`: `files` (relative to the project) differ from it in the working tree.
    """

    to: str
    planned: PlanResult
    lasting: tuple[LastingChange, ...] = ()
    commit: str = ""
    files: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """What was planned, and what came of it; None where it was not approved, or nothing was due."""

    found: RollbackPlan
    applied: ApplyResult | None = None


async def rollback_async(
    project: Project,
    target: str | None = None,
    *,
    to: str | None = None,
    approve: Callable[[RollbackPlan], bool] | None = None,
    planning: PlanOptions | None = None,
    options: ApplyOptions | None = None,
    emit: Callable[[RunEvent], None] | None = None,
    stop: Stop | None = None,
) -> RollbackResult:
    """Go back to a version of `Kind/name` (None: the one before), or to the run `to` of a project.

    The plan is given to `approve`, and is applied where that says so; without it nothing is
    changed. Of `planning`, `allow`, `allow_mass_change`, `retry_failed` and `parallelism` count.
    Raises as `plan` and `apply`; GuardRefused for what cannot be gone back to (a dirty run, a
    deleted version, a hidden value that no manifest gives), PeakctlError for an unknown one.
    """
    wanted = planning or PlanOptions()
    async with (
        connect(project, wanted.parallelism) as platform,
        planning_rollback(platform, target, to, wanted) as found,
    ):
        if approve is None or not approve(found) or not found.planned.has_changes:
            return RollbackResult(found)
        refuse_guarded(found.planned)
        chosen = options or ApplyOptions()
        done = await carry_out(platform, found.planned, found.planned, chosen, emit, stop)
        return RollbackResult(found, done)


@asynccontextmanager
async def planning_rollback(
    platform: Platform, target: str | None, to: str | None, options: PlanOptions
) -> AsyncIterator[RollbackPlan]:
    """The plan of a rollback; the files of a commit are there until the block ends."""
    require_owner(platform.project)
    if target is not None:
        key = parse_target(target, tuple(platform.kinds)).key
        yield await plan_to_version(platform, key, to, options)
        return
    if to is None:
        raise UsageError(refusals.no_target())
    with tempfile.TemporaryDirectory(prefix="peakctl-") as folder:
        yield await _plan_to_run(platform, to, _resolved(folder), options)


def _resolved(folder: str) -> Path:
    return Path(folder).resolve()


# --- one resource ----------------------------------------------------------------------------


async def plan_to_version(
    platform: Platform, key: model.Key, to: str | None, options: PlanOptions
) -> RollbackPlan:
    """The plan that puts a version of a resource that is there in the place of the newest one."""
    loaded = load(platform.project)
    with telling() as told:
        told += loaded.diagnostics
        word = platform.adapters[key.kind].numbered
        if not word:
            raise UsageError(refusals.keeps_no_versions(key, loaded, platform))
        listed = await find_target(platform, key)
        live = model.Key(key.kind, listed.name)
        number = await _choose(platform, live, listed, to)
        then = replace(await read_at(platform, listed, live, number), key=live)
        if word == REVISION:
            rolled = await _to_revision(platform, loaded, then)
        else:
            rolled = pin_users(loaded.resources, platform.kinds, then)
            if not rolled.chosen:
                raise PeakctlError(refusals.nothing_uses_it(live, word, number))
        chosen = replace(loaded, resources=rolled.resources, chosen=rolled.chosen, diagnostics=())
        words = f"{live} {word} {number}" if word == REVISION else f"{live} {number}"
        against = frozenset(each.key for each in rolled.lasting)
        rollback = RollbackOf(words, against=against)
        planned = await _make_plan(platform, chosen, options, rollback, rolled)
        also = _also(planned.plan, rolled)
        hidden = _hidden(platform, loaded, planned.plan, then)
        redact = platform.project.redact
        lasting = tuple(_sealed(each, hidden, redact) for each in rolled.lasting)
        return RollbackPlan(words, planned, lasting, diagnostics=(*told, *also))


def _hidden(
    platform: Platform, loaded: LoadResult, plan: model.Plan, then: model.Live
) -> frozenset[model.Path]:
    """What the release of then hides, the deployed one, or that of the manifests."""
    lives = [action.live.hidden for action in plan.actions if action.live and action.resource]
    resource = loaded.resources.get(then.key)
    found = then.hidden.union(*lives)
    if resource is None:
        return found
    parameters = Parameters(resource, loaded.resources, platform.kinds, {})
    return found | parameters.hidden_paths()


def _sealed(
    change: LastingChange, hidden: frozenset[model.Path], redact: Callable[[str], str]
) -> LastingChange:
    """The change with a `Secret` for what is hidden, or repeats a secret of the run."""
    sides = [seal_repeated(each, redact) for each in (change.before, change.after)]
    if any(change.path[: len(at)] == at for at in hidden):
        sides = [each if each is model.MISSING else model.Secret(each) for each in sides]
    return replace(change, before=sides[0], after=sides[1])


async def _choose(platform: Platform, key: model.Key, listed: model.Listed, to: str | None) -> str:
    """The number to go back to. Raises what says why there is none, or it cannot be that one."""
    adapter = platform.adapters[key.kind]
    word, versions = adapter.numbered, await adapter.versions(listed)
    usable = [each for each in versions if _is_usable(each, word)]
    newest = versions if word == REVISION else usable
    before = [each for each in usable if each is not newest[0]]
    failed = await _failed_in(platform, key) if word == REVISION and before else {}
    well = [each for each in before if each.number not in failed]
    if to is None:
        if not well:
            raise PeakctlError(refusals.none_before(key, word))
        return well[0].number
    found = next((each for each in versions if each.number == to), None)
    if found is None:
        raise await _gone(platform, key, word, to, versions)
    if found not in usable:
        raise GuardRefused(refusals.version_not_ready(key, word, found))
    if found in before and to in failed:
        raise GuardRefused(refusals.revision_failed(key, found, failed[to], well))
    return to


async def _failed_in(platform: Platform, key: model.Key) -> dict[str, model.HistoryRun]:
    """The revisions that runs of the project left as failed, each with that run.

    The platform has one word for all that were replaced, also for those that had failed before.
    """
    ended = (model.Status.DONE, model.Status.FAILED)
    newest: dict[str, tuple[str, model.HistoryRun]] = {}  # of the runs that had to do with it
    for run in (await read_runs(platform)).runs if platform.project.owner else ():
        for each in run.resources:
            if each.key == key and each.after is not None and each.status in ended:
                newest.setdefault(each.after, (each.status, run))
    return {number: run for number, (s, run) in newest.items() if s == model.Status.FAILED}


def _is_usable(version: model.KeptVersion, word: str) -> bool:
    """Whether it ran, or could: a revision that was replaced has a word of its own."""
    if word == REVISION:
        return version.state not in (model.State.FAILED, model.State.STUCK)
    return version.state in (model.State.READY, model.State.WARNING)


async def _gone(
    platform: Platform,
    key: model.Key,
    word: str,
    number: str,
    versions: Sequence[model.KeptVersion],
) -> PeakctlError:
    """That a version was deleted, as the history tells, or never was."""
    runs = (await read_runs(platform)).runs
    made = [
        run
        for run in runs
        for each in run.resources
        if each.key == key and number in (each.before, each.after)
    ]
    if made:
        return GuardRefused(refusals.version_deleted(key, word, number, made[-1]))
    return PeakctlError(unknown_version(key, word, number, [each.number for each in versions]))


async def _to_revision(platform: Platform, loaded: LoadResult, then: model.Live) -> RolledResources:
    """The resource with what its revision had, beside the spec at that release."""
    resource = loaded.resources.get(then.key)
    if resource is None:
        raise PeakctlError(refusals.not_declared(then.key))
    rolled, problems = at_revision(resource, platform.kinds[then.key.kind], then)
    if problems:
        raise GuardRefused(*problems)
    specs, newest = await _specs_of(platform, loaded, rolled, then)
    resources = {**loaded.resources, **rolled.resources, **specs}
    lasting = tuple(each for each in rolled.lasting if each.path not in newest)
    return replace(rolled, resources=resources, lasting=lasting)


async def _specs_of(
    platform: Platform, loaded: LoadResult, rolled: RolledResources, then: model.Live
) -> tuple[dict[model.Key, model.Resource], set[model.Path]]:
    """What the resource is deployed from, where it is declared, as it was at that release.

    Also where its manifest need not say the release: it follows the newest, which is that one.
    """
    found: dict[model.Key, model.Resource] = {}
    newest: set[model.Path] = set()
    for reference in loaded.resources[then.key].references:
        version = value_at(then.values, reference.version_at) if reference.version_at else None
        for kind in reference.kinds:
            key = model.Key(kind, reference.name)
            if not isinstance(version, str) or key not in loaded.resources:
                continue
            listed = await find_target(platform, key)
            live = await platform.adapters[kind].read_version(listed, version)
            if live is None:
                word = platform.adapters[kind].numbered
                raise GuardRefused(refusals.version_deleted(key, word, version, None))
            found |= stand_in(loaded.resources, replace(live, key=key))
            if reference.version is None and live.latest == version:
                newest |= {each.path for each in rolled.lasting if _is_below(each, reference)}
    return found, newest


def _is_below(change: LastingChange, reference: model.Reference) -> bool:
    return change.path[: len(reference.at)] == reference.at


async def _make_plan(
    platform: Platform,
    loaded: LoadResult,
    options: PlanOptions,
    rollback: RollbackOf,
    rolled: RolledResources | None = None,
) -> PlanResult:
    """The plan, each action with the rollback as its reason where the manifest is none."""
    names = tuple(map(str, sorted(rolled.chosen))) if rolled else ()
    wanted = replace(options, rollback=rollback, select=names, exclude=(), prune=False)
    planned = await make_plan(platform, loaded, wanted)
    actions = (_told(action, rollback.to, rolled) for action in planned.plan.actions)
    return replace(planned, plan=model.Plan(tuple(actions)))


def _told(action: model.Action, to: str, rolled: RolledResources | None) -> model.Action:
    """An action whose manifest differs for the sake of the rollback alone, told as such."""
    reasons = (
        model.Reason(model.Cause.ROLLED_BACK, paths=reason.paths, detail=to)
        if reason.cause is model.Cause.MANIFEST_CHANGED and not _others(action.key, reason, rolled)
        else reason
        for reason in action.reasons
    )
    return replace(action, reasons=tuple(dict.fromkeys(reasons)))


def _others(key: model.Key, reason: model.Reason, rolled: RolledResources | None) -> list[str]:
    """The fields of a reason that the rollback is not about; those of a run are all of them."""
    return [path for path in reason.paths if rolled and not rolled.asks_for(key, path)]


_UNASKED = (model.Cause.MANIFEST_CHANGED, model.Cause.CHANGED_OUTSIDE, model.Cause.DIFFERS)


def _also(plan: model.Plan, rolled: RolledResources) -> tuple[Diagnostic, ...]:
    """A warning of what the plan changes beside: edits of manifests that were not applied yet."""
    found = []
    for action in plan.pending:
        reasons = [each for each in action.reasons if each.cause in _UNASKED]
        paths = [path for each in reasons for path in _others(action.key, each, rolled)]
        if paths:
            found.append(refusals.more_changed(action.key, paths))
    return tuple(found)


# --- a run -----------------------------------------------------------------------------------


async def _plan_to_run(
    platform: Platform, word: str, folder: Path, options: PlanOptions
) -> RollbackPlan:
    """The plan of the manifests that an earlier run applied, with the secrets of today."""
    project = platform.project
    with telling() as told:
        found = await read_runs(platform)
        told += found.diagnostics
        run = refusals.find_run(found.runs, word)
        told += refusals.refuse_run(run, found.runs)
        commit = run.actor.commit
        write_commit(project.root, commit, folder, project.settings.environment)
        loaded = _load_at(project, folder, run)
        told += loaded.diagnostics
        words = f"{refusals.TO_RUN}{run.number}"
        files = changed_files(project.root, commit, project.settings.environment)
        against = loaded.chosen if files else frozenset()
        rollback = RollbackOf(words, commit, against)
        planned = await _make_plan(platform, loaded, options, rollback)
        return RollbackPlan(words, planned, (), commit, files, tuple(told))


def _load_at(project: Project, root: Path, run: model.HistoryRun) -> LoadResult:
    """What the manifests of the commit declare. Raises PeakctlError where they are not valid."""
    try:
        opened = open_at(project, root)
        if opened is None:
            raise PeakctlError(refusals.no_such_project(project, run))
        if (opened.name, opened.prefix) != (project.name, project.prefix):
            raise GuardRefused(refusals.other_names(project, opened, run))
        return load(opened)
    except (ManifestsInvalid, UsageError) as error:
        raise PeakctlError(*(_at_commit(each, run) for each in error.diagnostics)) from None


def _at_commit(problem: Diagnostic, run: model.HistoryRun) -> Diagnostic:
    """A problem of a file of the commit, which is not the one in the working tree."""
    where = f"in commit {run.actor.commit[:12]} of run {run.number}"
    detail = "\n".join(each for each in (where, problem.detail) if each)
    return replace(problem, detail=detail)
