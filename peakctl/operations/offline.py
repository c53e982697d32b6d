"""A plan without a tenant and without credentials: manifests compared with those of a commit.

For runs that have no secrets, such as those of forks. It shows what manifests, their graph and
their files say; what is live it cannot know, so nothing of it is ever saved or applied.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from peakctl.engine.graph import with_needed
from peakctl.engine.observe.file_changes import redacted_files
from peakctl.engine.plan.guards import narrower, not_allowed, with_classes
from peakctl.engine.plan.offline import Compared, compare_resources
from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    ManifestsInvalid,
    PeakctlError,
    Severity,
    UsageError,
)
from peakctl.kinds.schemas import load_kinds
from peakctl.manifests.commit import find_base, write_commit
from peakctl.manifests.sources import PROJECT_FILES
from peakctl.model import Key, Owner, Plan, Resource
from peakctl.model.records import dataclass
from peakctl.model.text import secret_texts
from peakctl.operations.load import ABSENT, LoadResult, check_together, load, refuse_errors
from peakctl.operations.project import Project, find_project, no_project, telling, with_environment
from peakctl.operations.selection import narrow


@dataclass(frozen=True, slots=True)
class OfflineResult:
    """What the manifests change of those of the commit `base`, which `revision` named.

    `plan` is for readers. It has the verbs that an apply would have where the base is what is live:
    no numbers of versions, no states, no owners. `removed` is what the manifests name no more.
    `guards` are those that any apply would meet.
    """

    plan: Plan
    revision: str
    base: str
    removed: tuple[Key, ...] = ()
    guards: tuple[Diagnostic, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def has_changes(self) -> bool:
        """Whether the manifests differ from those of the base."""
        return bool(self.plan.pending or self.removed)


def plan_offline(
    project: Project,
    revision: str,
    select: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    allow: tuple[str, ...] | None = None,
) -> OfflineResult:
    """What the manifests change of those of the commit where this branch left `revision`.

    Asks no platform and no network, and needs no credentials. Raises as `load`; UsageError where
    git does not know the commit; PeakctlError where its manifests cannot be compared with.
    """
    if project.file is None:
        raise no_project("--offline needs a project: there is no peakctl.yaml", "go to yours")
    if "-" in project.options.manifests:
        raise UsageError(_no_stdin())
    loaded = load(project, select, exclude)
    with telling() as told:
        told += loaded.diagnostics
        kinds = load_kinds()
        told += refuse_errors(check_together(loaded.resources, kinds))
        part = bool(select or exclude)
        needed = with_needed(loaded.resources, loaded.chosen) if part else None
        base, before, more = _load_base(project, revision, needed)
        told += more
        owner = project.owner or Owner(project.name or "offline", "offline")
        redact = project.redact
        found = compare_resources(before, loaded.resources, kinds, owner, redact)
        if found.base_problems:
            raise PeakctlError(_not_comparable(revision, base, found.base_problems))
        redact.add(secret_texts([action.desired for action in found.plan.actions]))
        plan, guards = _narrowed(project, found, loaded, allow, told)
        removed = () if part or project.options.manifests else found.removed
        return OfflineResult(plan, revision, base, removed, guards, tuple(dict.fromkeys(told)))


def _narrowed(
    project: Project,
    found: Compared,
    loaded: LoadResult,
    allow: tuple[str, ...] | None,
    told: list[Diagnostic],
) -> tuple[Plan, tuple[Diagnostic, ...]]:
    """The plan of what was selected, and what is not allowed of it. Raises as `refuse_errors`."""
    kinds, environment = load_kinds(), project.environment
    plan, needed = narrow(found.plan, loaded.chosen)
    chosen = [d for d in found.problems if d.key is None or d.key in loaded.chosen]
    told += refuse_errors([*chosen, *needed])
    plan = redacted_files(with_classes(plan, kinds), project.redact)
    allowed = narrower(environment.allow if environment else None, allow)
    return plan, not_allowed(plan, allowed)


def _load_base(
    project: Project, revision: str, needed: frozenset[Key] | None
) -> tuple[str, dict[Key, Resource], tuple[Diagnostic, ...]]:
    """The commit, and the resources that its manifests declare for the same environment.

    Only the folders of those `needed` are read; None for all.
    """
    variables = project.settings.environment
    base = find_base(project.root, revision, variables)
    with tempfile.TemporaryDirectory(prefix="peakctl-") as folder:
        root = Path(folder).resolve()
        write_commit(project.root, base, root, variables)
        try:
            opened = open_at(project, root)
            if opened is None:
                return base, {}, (_nothing_there(project, revision, base),)
            loaded = load(opened, archives_of=None if needed is None else lambda _: needed)
        except (ManifestsInvalid, UsageError, GuardRefused) as error:
            if _is_empty(error):
                return base, {}, (_nothing_there(project, revision, base),)
            raise PeakctlError(_not_comparable(revision, base, error.diagnostics)) from None
    return base, dict(loaded.resources), ()


def open_at(project: Project, root: Path) -> Project | None:
    """The project as a commit has it whose files are below `root`.

    None where it, or the environment, is not in it.
    """
    if not any((root / name).is_file() for name in PROJECT_FILES):
        return None
    folder = root / project.folder.resolve().relative_to(project.root.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    options = replace(project.options, policy_from=None, outputs=(), read_stdin=None)
    found = replace(find_project(options, project.settings, folder), redact=project.redact)
    wanted = project.environment_name
    if found.file is None or (found.file.environments and wanted not in found.file.environments):
        return None
    return with_environment(replace(found, options=replace(options, environment=wanted)))


def _is_empty(error: PeakctlError) -> bool:
    """Whether the commit has no manifest at all: its project was made, and nothing else yet."""
    errors = {d.code for d in error.diagnostics if d.severity is Severity.ERROR}
    return errors <= {*ABSENT, "guard/empty"}


def _nothing_there(project: Project, revision: str, base: str) -> Diagnostic:
    return Diagnostic(
        code="offline/no-base",
        summary=f"everything counts as new: {revision} ({base[:12]}) has no manifest of this"
        f" project and its environment {project.environment_name}",
        severity=Severity.NOTE,
    )


def _not_comparable(revision: str, base: str, problems: tuple[Diagnostic, ...]) -> Diagnostic:
    errors = [d for d in problems if d.severity is Severity.ERROR]
    places = [
        f"{d.locations[0].file}:{d.locations[0].line}: {d.summary}" if d.locations else d.summary
        for d in errors
    ]
    return Diagnostic(
        code="offline/base-invalid",
        summary=f"the manifests of {revision} ({base[:12]}) are not valid: nothing to compare with",
        detail="\n".join(places[:5]),
        fix="compare with another commit: --base; or run peakctl validate, which needs none",
    )


def _no_stdin() -> Diagnostic:
    return Diagnostic(
        code="usage/offline",
        summary="--offline compares files of two commits, and standard input is in none",
        fix="name files: -f FILE",
    )
