"""What cannot be gone back to, and what is said of it: each by its name, with what can instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from peakctl.errors import Diagnostic, GuardRefused, PeakctlError, Severity, nearest_names
from peakctl.model import HistoryRun, KeptVersion, Key
from peakctl.operations.load import LoadResult
from peakctl.operations.platform import Platform
from peakctl.operations.project import Project
from peakctl.operations.recorder import ROLLBACK

TO_RUN = "run "
_RUNS = (*("apply", "ci apply"), f"{ROLLBACK} {TO_RUN}")
"""How the commands of runs begin that applied the manifests of their commit."""
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")


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


def no_target() -> Diagnostic:
    """That neither a resource nor a run was named."""
    return Diagnostic(
        code="usage/rollback",
        summary="a rollback needs a resource or a run: Kind/name, or --to RUN",
        fix="see the runs: peakctl history; the versions: peakctl history Kind/name",
    )


def keeps_no_versions(key: Key, loaded: LoadResult, platform: Platform) -> Diagnostic:
    """That the platform keeps nothing of the past of a kind, and what it keeps of what it uses."""
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


def nothing_uses_it(key: Key, word: str, number: str) -> Diagnostic:
    """That no manifest refers to a later version, so that nothing would change."""
    return Diagnostic(
        code="rollback/unused",
        summary=f"no manifest refers to a {word} of it that is later than {number}",
        key=key,
        detail="a rollback changes what uses it: nothing would change",
        fix=f"see its versions, and the runs that changed it: peakctl history {key}",
    )


def none_before(key: Key, word: str) -> Diagnostic:
    """That no usable version is before the newest."""
    return Diagnostic(
        code="rollback/none-before",
        summary=f"there is no usable {word} before the newest usable one",
        key=key,
        fix=f"see what there is: peakctl history {key}",
    )


def version_not_ready(key: Key, word: str, version: KeptVersion) -> Diagnostic:
    """That a version is there and cannot be used."""
    return Diagnostic(
        code="rollback/not-ready",
        summary=f"{word} {version.number} is {version.status or 'not ready'}: it cannot be used",
        key=key,
        fix=f"choose another one: peakctl history {key}",
    )


def revision_failed(
    key: Key, revision: KeptVersion, run: HistoryRun, well: Sequence[KeptVersion]
) -> Diagnostic:
    """That a revision had failed before it was replaced; `well` are those before that did not."""
    other = f"peakctl rollback {key} --to {well[0].number}" if well else f"peakctl history {key}"
    return Diagnostic(
        code="rollback/not-ready",
        summary=f"revision {revision.number} failed in run {run.number}, and may fail again",
        key=key,
        detail=f"the platform calls it {revision.status}, as any other that was replaced",
        fix=f"choose another one: {other}; to try it all the same, apply a manifest that has what"
        f" it had: peakctl get {key}@{revision.number}",
    )


def version_deleted(key: Key, word: str, number: str, run: HistoryRun | None) -> Diagnostic:
    """That a version is gone, and which run had it, if one is known."""
    known = f"run {run.number} of this project had it" if run else "the revision was made of it"
    return Diagnostic(
        code="rollback/deleted",
        summary=f"{word} {number} is not on the platform any more",
        key=key,
        detail=f"{known}; a rollback uses what is there, and makes nothing again",
        fix=f"choose another one: peakctl history {key}; or apply the manifests of its commit",
    )


def not_declared(key: Key) -> Diagnostic:
    """That no manifest declares what is to go back."""
    return Diagnostic(
        code="rollback/undeclared",
        summary="no manifest declares it, so nothing tells how it is to be",
        key=key,
        fix="write its manifest first: peakctl import",
    )


def more_changed(key: Key, paths: Sequence[str]) -> Diagnostic:
    """A warning that a plan changes these fields beside those of the rollback."""
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


def no_such_project(project: Project, run: HistoryRun) -> Diagnostic:
    """That the commit of a run has no such project or environment."""
    return Diagnostic(
        code="rollback/no-project",
        summary=f"commit {run.actor.commit[:12]} of run {run.number} has no project here with the"
        f" environment {project.environment_name}",
        fix="choose another run: peakctl history",
    )


def other_names(project: Project, opened: Project, run: HistoryRun) -> Diagnostic:
    """That the manifests of a run are those of another owner."""
    then, now = (f"{each.name} {each.prefix}".strip() for each in (opened, project))
    return Diagnostic(
        code="rollback/other-names",
        summary=f"the manifests of run {run.number} are those of another owner",
        detail=f"project and prefix of names there: {then}; here: {now}",
        fix="choose another run: peakctl history",
    )
