"""Back to what was there before: a version of one resource, or the manifests of an earlier run.

A rollback is a plan like any other, shown, consented to, applied and recorded; it goes forward to
something that exists. What the manifests have to say for it to last is told beside it, and until
they do, a plan that would undo it is refused (`guard/rolled-back`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from peakctl.engine.plan.parameters import Parameters
from peakctl.engine.rollback import LastingChange, RolledResources, at_revision, pin_users, stand_in
from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    ManifestsInvalid,
    PeakctlError,
    Severity,
    UsageError,
    nearest_names,
)
from peakctl.manifests.commit import changed_files, write_commit
from peakctl.model import (
    MISSING,
    Action,
    Cause,
    HistoryRun,
    KeptVersion,
    Key,
    Listed,
    Live,
    Plan,
    Reason,
    Reference,
    Resource,
    Secret,
    State,
)
from peakctl.model import (
    Path as FieldPath,
)
from peakctl.model.records import dataclass
from peakctl.model.values import value_at
from peakctl.operations.apply import ApplyOptions, ApplyResult, RunEvent, Stop, carry_out
from peakctl.operations.get import seal_repeated
from peakctl.operations.history import read_runs
from peakctl.operations.load import LoadResult, load
from peakctl.operations.offline import open_at
from peakctl.operations.plan import PlanOptions, PlanResult, RollbackOf, make_plan, refuse_guarded
from peakctl.operations.platform import Platform, connect
from peakctl.operations.project import Project, require_owner, telling
from peakctl.operations.recorder import ROLLBACK
from peakctl.operations.target import find_target, parse_target
from peakctl.operations.versions import read_at, unknown_version

REVISION = "revision"
TO_RUN = "run "
_RUNS = (*("apply", "ci apply"), f"{ROLLBACK} {TO_RUN}")
"""How the commands of runs begin that applied the manifests of their commit."""
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")


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
        raise UsageError(_no_target())
    with tempfile.TemporaryDirectory(prefix="peakctl-") as folder:
        yield await _plan_to_run(platform, to, _resolved(folder), options)


def _resolved(folder: str) -> Path:
    return Path(folder).resolve()


# --- one resource ----------------------------------------------------------------------------


async def plan_to_version(
    platform: Platform, key: Key, to: str | None, options: PlanOptions
) -> RollbackPlan:
    """The plan that puts a version of a resource that is there in the place of the newest one."""
    loaded = load(platform.project)
    with telling() as told:
        told += loaded.diagnostics
        word = platform.adapters[key.kind].numbered
        if not word:
            raise UsageError(_no_versions(key, loaded, platform))
        listed = await find_target(platform, key)
        live = Key(key.kind, listed.name)
        number = await _choose(platform, live, listed, to)
        then = replace(await read_at(platform, listed, live, number), key=live)
        if word == REVISION:
            rolled = await _to_revision(platform, loaded, then)
        else:
            rolled = pin_users(loaded.resources, platform.kinds, then)
            if not rolled.chosen:
                raise PeakctlError(_unused(live, word, number))
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


def _hidden(platform: Platform, loaded: LoadResult, plan: Plan, then: Live) -> frozenset[FieldPath]:
    """What the release of then hides, the deployed one, or that of the manifests."""
    lives = [action.live.hidden for action in plan.actions if action.live and action.resource]
    resource = loaded.resources.get(then.key)
    found = then.hidden.union(*lives)
    if resource is None:
        return found
    parameters = Parameters(resource, loaded.resources, platform.kinds, {})
    return found | parameters.hidden_paths()


def _sealed(
    change: LastingChange, hidden: frozenset[FieldPath], redact: Callable[[str], str]
) -> LastingChange:
    """The change with a `Secret` for what is hidden, or repeats a secret of the run."""
    sides = [seal_repeated(each, redact) for each in (change.before, change.after)]
    if any(change.path[: len(at)] == at for at in hidden):
        sides = [each if each is MISSING else Secret(each) for each in sides]
    return replace(change, before=sides[0], after=sides[1])


async def _choose(platform: Platform, key: Key, listed: Listed, to: str | None) -> str:
    """The number to go back to. Raises what says why there is none, or it cannot be that one."""
    adapter = platform.adapters[key.kind]
    versions = await adapter.versions(listed)
    usable = [each for each in versions if _is_usable(each, adapter.numbered)]
    if to is None:
        before = [each for each in usable if each.number != versions[0].number] if usable else []
        if usable and adapter.numbered != REVISION:
            before = usable[1:]
        if not before:
            raise PeakctlError(_none_before(key, adapter.numbered))
        return before[0].number
    found = next((each for each in versions if each.number == to), None)
    if found is None:
        raise await _gone(platform, key, adapter.numbered, to, versions)
    if found not in usable:
        raise GuardRefused(_not_ready(key, adapter.numbered, found))
    return to


def _is_usable(version: KeptVersion, word: str) -> bool:
    """Whether it ran, or could: a revision that was replaced has a word of its own."""
    if word == REVISION:
        return version.state not in (State.FAILED, State.STUCK)
    return version.state in (State.READY, State.WARNING)


async def _gone(
    platform: Platform, key: Key, word: str, number: str, versions: Sequence[KeptVersion]
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
        return GuardRefused(_deleted(key, word, number, made[-1]))
    return PeakctlError(unknown_version(key, word, number, [each.number for each in versions]))


async def _to_revision(platform: Platform, loaded: LoadResult, then: Live) -> RolledResources:
    """The resource with what its revision had, beside the spec at that release."""
    resource = loaded.resources.get(then.key)
    if resource is None:
        raise PeakctlError(_undeclared(then.key))
    rolled, problems = at_revision(resource, platform.kinds[then.key.kind], then)
    if problems:
        raise GuardRefused(*problems)
    specs, newest = await _specs_of(platform, loaded, rolled, then)
    resources = {**loaded.resources, **rolled.resources, **specs}
    lasting = tuple(each for each in rolled.lasting if each.path not in newest)
    return replace(rolled, resources=resources, lasting=lasting)


async def _specs_of(
    platform: Platform, loaded: LoadResult, rolled: RolledResources, then: Live
) -> tuple[dict[Key, Resource], set[FieldPath]]:
    """What the resource is deployed from, where it is declared, as it was at that release.

    Also where its manifest need not say the release: it follows the newest, which is that one.
    """
    found: dict[Key, Resource] = {}
    newest: set[FieldPath] = set()
    for reference in loaded.resources[then.key].references:
        version = value_at(then.values, reference.version_at) if reference.version_at else None
        for kind in reference.kinds:
            key = Key(kind, reference.name)
            if not isinstance(version, str) or key not in loaded.resources:
                continue
            listed = await find_target(platform, key)
            live = await platform.adapters[kind].read_version(listed, version)
            if live is None:
                word = platform.adapters[kind].numbered
                raise GuardRefused(_deleted(key, word, version, None))
            found |= stand_in(loaded.resources, replace(live, key=key))
            if reference.version is None and live.latest == version:
                newest |= {each.path for each in rolled.lasting if _is_below(each, reference)}
    return found, newest


def _is_below(change: LastingChange, reference: Reference) -> bool:
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
    return replace(planned, plan=Plan(tuple(actions)))


def _told(action: Action, to: str, rolled: RolledResources | None) -> Action:
    """An action whose manifest differs for the sake of the rollback alone, told as such."""
    reasons = (
        Reason(Cause.ROLLED_BACK, paths=reason.paths, detail=to)
        if reason.cause is Cause.MANIFEST_CHANGED and not _others(action.key, reason, rolled)
        else reason
        for reason in action.reasons
    )
    return replace(action, reasons=tuple(dict.fromkeys(reasons)))


def _others(key: Key, reason: Reason, rolled: RolledResources | None) -> list[str]:
    """The fields of a reason that the rollback is not about; those of a run are all of them."""
    return [path for path in reason.paths if rolled and not rolled.asks_for(key, path)]


_UNASKED = (Cause.MANIFEST_CHANGED, Cause.CHANGED_OUTSIDE, Cause.DIFFERS)


def _also(plan: Plan, rolled: RolledResources) -> tuple[Diagnostic, ...]:
    """A warning of what the plan changes beside: edits of manifests that were not applied yet."""
    found = []
    for action in plan.pending:
        reasons = [each for each in action.reasons if each.cause in _UNASKED]
        paths = [path for each in reasons for path in _others(action.key, each, rolled)]
        if paths:
            found.append(_more(action.key, paths))
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
        run = find_run(found.runs, word)
        told += refuse_run(run, found.runs)
        commit = run.actor.commit
        write_commit(project.root, commit, folder, project.settings.environment)
        loaded = _load_at(project, folder, run)
        told += loaded.diagnostics
        words = f"{TO_RUN}{run.number}"
        files = changed_files(project.root, commit, project.settings.environment)
        against = loaded.chosen if files else frozenset()
        rollback = RollbackOf(words, commit, against)
        planned = await _make_plan(platform, loaded, options, rollback)
        return RollbackPlan(words, planned, (), commit, files, tuple(told))


def find_run(runs: Sequence[HistoryRun], word: str) -> HistoryRun:
    """The run of that number or id. Raises PeakctlError, with the nearest ones."""
    for run in runs:
        if word in (str(run.number), run.id):
            return run
    raise PeakctlError(_no_run(runs, word))


def refuse_run(run: HistoryRun, runs: Sequence[HistoryRun]) -> tuple[Diagnostic, ...]:
    """Warnings of what to know of a run. Raises GuardRefused for one that cannot be planned again.

    Only of a run that applied a commit, and nothing else, its manifests are known.
    """
    whys = []
    if not run.command.startswith(_RUNS):
        whys.append(("rollback/not-an-apply", f"it is a {run.command}, and applied no manifests"))
    elif not _COMMIT.match(run.actor.commit):
        whys.append(("rollback/no-commit", "no commit of it is known"))
    elif run.origin.dirty:
        whys.append(("rollback/dirty", "it applied uncommitted changes, which nobody has any more"))
    elif run.origin.dirty is None:
        whys.append(("rollback/dirty", "whether it applied uncommitted changes is not known"))
    if whys:
        raise GuardRefused(*(_refused(run, code, why, runs) for code, why in whys))
    return () if run.outcome == "done" else (_not_done(run),)


def _load_at(project: Project, root: Path, run: HistoryRun) -> LoadResult:
    """What the manifests of the commit declare. Raises PeakctlError where they are not valid."""
    try:
        opened = open_at(project, root)
        if opened is None:
            raise PeakctlError(_not_there(project, run))
        if (opened.name, opened.prefix) != (project.name, project.prefix):
            raise GuardRefused(_other_names(project, opened, run))
        return load(opened)
    except (ManifestsInvalid, UsageError) as error:
        raise PeakctlError(*(_at_commit(each, run) for each in error.diagnostics)) from None


def _at_commit(problem: Diagnostic, run: HistoryRun) -> Diagnostic:
    """A problem of a file of the commit, which is not the one in the working tree."""
    where = f"in commit {run.actor.commit[:12]} of run {run.number}"
    detail = "\n".join(each for each in (where, problem.detail) if each)
    return replace(problem, detail=detail)


# --- what is wrong ---------------------------------------------------------------------------


def _no_target() -> Diagnostic:
    return Diagnostic(
        code="usage/rollback",
        summary="a rollback needs a resource or a run: Kind/name, or --to RUN",
        fix="see the runs: peakctl history; the versions: peakctl history Kind/name",
    )


def _no_versions(key: Key, loaded: LoadResult, platform: Platform) -> Diagnostic:
    resource = loaded.resources.get(key)
    used = [
        f"{kind}/{reference.name}"
        for reference in (resource.references if resource else ())
        for kind in reference.kinds
        if reference.version_at and platform.adapters[kind].numbered
    ]
    way = f"go back to a version of what it uses: peakctl rollback {used[0]}; or " if used else ""
    return Diagnostic(
        code="rollback/no-versions",
        summary=f"the platform keeps no versions of a {key.kind}",
        key=key,
        fix=f"{way}to the manifests of an earlier run: peakctl rollback --to RUN",
    )


def _unused(key: Key, word: str, number: str) -> Diagnostic:
    return Diagnostic(
        code="rollback/unused",
        summary=f"no manifest refers to a {word} of it that is later than {number}",
        key=key,
        detail="a rollback changes what uses it: nothing would change",
        fix=f"see its versions, and the runs that changed it: peakctl history {key}",
    )


def _none_before(key: Key, word: str) -> Diagnostic:
    return Diagnostic(
        code="rollback/none-before",
        summary=f"there is no {word} before the newest that could be used",
        key=key,
        fix=f"see what there is: peakctl history {key}",
    )


def _not_ready(key: Key, word: str, version: KeptVersion) -> Diagnostic:
    return Diagnostic(
        code="rollback/not-ready",
        summary=f"{word} {version.number} is {version.status or 'not ready'}: it cannot be used",
        key=key,
        fix=f"choose another one: peakctl history {key}",
    )


def _deleted(key: Key, word: str, number: str, run: HistoryRun | None) -> Diagnostic:
    known = f"run {run.number} of this project had it" if run else "the revision was made of it"
    return Diagnostic(
        code="rollback/deleted",
        summary=f"{word} {number} is not on the platform any more",
        key=key,
        detail=f"{known}; a rollback uses what is there, and makes nothing again",
        fix=f"choose another one: peakctl history {key}; or apply the manifests of its commit",
    )


def _undeclared(key: Key) -> Diagnostic:
    return Diagnostic(
        code="rollback/undeclared",
        summary="no manifest declares it, so nothing tells how it is to be",
        key=key,
        fix="write its manifest first: peakctl import",
    )


def _more(key: Key, paths: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        code="rollback/also",
        summary="the plan changes more than the rollback asks for",
        key=key,
        detail=f"not applied yet, or changed outside: {', '.join(dict.fromkeys(paths))}",
        fix="if that is not meant, check out the commit that was applied last, and try again",
        severity=Severity.WARNING,
    )


def _no_run(runs: Sequence[HistoryRun], word: str) -> Diagnostic:
    if not runs:
        return Diagnostic(
            code="rollback/no-run",
            summary="this project has no history yet: there is no run to go back to",
            fix="the first apply makes it",
        )
    numbers = [str(run.number) for run in runs]
    near = nearest_names(word, [*numbers, *(run.id for run in runs)])
    return Diagnostic(
        code="rollback/no-run",
        summary=f'there is no run "{word}"',
        detail=f"runs: {numbers[-1]} to {numbers[0]}",
        fix=f"did you mean: {', '.join(near)}" if near else "see the runs: peakctl history",
    )


def _refused(run: HistoryRun, code: str, why: str, runs: Sequence[HistoryRun]) -> Diagnostic:
    clean = [
        each.number
        for each in runs
        if each.actor.commit and each.origin.dirty is False and each.command.startswith(_RUNS)
    ]
    near = sorted(clean, key=lambda number: (abs(number - run.number), -number))[:3]
    return Diagnostic(
        code=code,
        summary=f"run {run.number} cannot be gone back to: {why}",
        detail="only of a run that applied a commit as it is the manifests can be planned again",
        fix=f"runs near it that can: {', '.join(map(str, near))}"
        if near
        else "check out what is wanted, and apply it: peakctl apply --forward",
    )


def _not_done(run: HistoryRun) -> Diagnostic:
    return Diagnostic(
        code="rollback/not-done",
        summary=f"run {run.number} ended as {run.outcome}: its manifests were never all applied",
        fix="see what it did: peakctl history",
        severity=Severity.WARNING,
    )


def _not_there(project: Project, run: HistoryRun) -> Diagnostic:
    return Diagnostic(
        code="rollback/no-project",
        summary=f"commit {run.actor.commit[:12]} of run {run.number} has no project here with the"
        f" environment {project.environment_name}",
        fix="choose another run: peakctl history",
    )


def _other_names(project: Project, opened: Project, run: HistoryRun) -> Diagnostic:
    then, now = (f"{each.name} {each.prefix}".strip() for each in (opened, project))
    return Diagnostic(
        code="rollback/other-names",
        summary=f"the manifests of run {run.number} are those of another owner",
        detail=f"project and prefix of names there: {then}; here: {now}",
        fix="choose another run: peakctl history",
    )
