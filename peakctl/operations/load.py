"""Manifests to resources: read, rendered, validated, and the references between them checked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    LiveConflict,
    ManifestsInvalid,
    PeakctlError,
    SelectorEmpty,
    Severity,
    nearest_names,
)
from peakctl.kinds.fields import Kind
from peakctl.model import Document, Key, Reference, Resource, Source, Value
from peakctl.model.collector import no_collector
from peakctl.model.records import dataclass
from peakctl.model.values import mapping_at, value_at
from peakctl.operations.project import Project, no_project, telling, webhook_variables
from peakctl.operations.selection import Choice, choose

if TYPE_CHECKING:
    from peakctl.manifests.load import Inputs, Manifests, RenderedText
    from peakctl.manifests.parameters import Given
    from peakctl.operations.ahead import TellKinds

NOTHING_FOUND = "source/no-match"
NO_VALUE = "template/undefined"
NOT_A_VALUE = frozenset(
    f"manifest/{code}" for code in ("number", "tag", "alias-loop", "merge", "key", "character")
)
"""Problems of YAML after which a value is missing, which says nothing of what was meant."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Every resource of the manifests by its key, and which of them were selected."""

    resources: Mapping[Key, Resource]
    chosen: frozenset[Key]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderResult:
    """The text of each manifest after its template ran, secrets masked."""

    texts: tuple[RenderedText, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def load(
    project: Project,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    archives_of: Choice | None = None,
    tell_kinds: TellKinds | None = None,
) -> LoadResult:
    """The valid resources of the manifests. Nothing is asked of the platform.

    `select` and `exclude` are `Kind/name`, `Kind` or `label=value`. The archives are those of what
    is selected, or of what `archives_of` chooses, and of all that it needs; the folder of any other
    is not read, and its changes are ignored. `tell_kinds` hears which kinds the manifests name,
    before they are checked. Raises ManifestsInvalid with all problems of all files, SelectorEmpty
    when a word or pattern fits nothing, GuardRefused when nothing is declared: a template that
    renders to nothing must not look like a wish to have nothing.
    """
    return _load(project, select, exclude, archives_of, tell_kinds=tell_kinds)


def validate(
    project: Project,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    archives_of: Choice | None = None,
) -> LoadResult:
    """As `load`, with what resources say of each other; not a single document is a warning."""
    return _load(project, select, exclude, archives_of, may_be_empty=True, together=True)


@no_collector()
def _load(
    project: Project,
    select: Sequence[str],
    exclude: Sequence[str],
    archives_of: Choice | None,
    *,
    may_be_empty: bool = False,
    together: bool = False,
    tell_kinds: TellKinds | None = None,
) -> LoadResult:
    """All of all files and stages: a fault in one manifest hides none in another.

    What resources say of each other is checked with `together`, or where anything is wrong.
    """
    from peakctl.archives.pack import pack_all
    from peakctl.kinds.schemas import load_kinds
    from peakctl.kinds.validate import all_of, read_manifests
    from peakctl.model.text import secret_texts

    def selected(resources: Mapping[Key, Resource]) -> frozenset[Key]:
        return choose(resources, select, exclude, project.prefix)

    archives_of = archives_of or (selected if select or exclude else None)
    kinds = load_kinds()
    manifests = _load_manifests(project, tell_kinds)
    found = read_manifests(
        manifests.documents,
        kinds,
        project_root=project.root,
        pack=partial(pack_all, skip=project.options.output_files()),
        needed=partial(_needing_archives, project, archives_of) if archives_of else all_of,
    )
    problems = [*manifests.problems, *_without_repeats(found.problems, manifests.problems)]
    resources = {resource.key: resource for resource in found.resources}
    project.redact.add(secret_texts([resource.values for resource in found.resources]))
    if together or any(d.severity is Severity.ERROR for d in problems):
        known = {resource.key: resource for resource in found.faulty} | resources
        problems += check_together(known, kinds, _broken(manifests, known, kinds))
    if problems:  # their lines may be shown, and a secret may stand in any of them
        project.redact.add(_secrets_of(manifests.documents, kinds))
    if not (manifests.documents or problems):
        problems.append(_nothing_declared(Severity.WARNING if may_be_empty else Severity.ERROR))
    with telling() as told:
        told += refuse_errors(problems)
        applied = under_environment(project, resources, kinds)
        return LoadResult(applied, selected(applied), tuple(told))


def _needing_archives(
    project: Project, choice: Choice, found: Sequence[Resource]
) -> Collection[Key]:
    """Which declared resources are chosen, by their live names, and what they need a version of.

    None where nothing can be chosen: why is told after what is wrong with the manifests.
    """
    from peakctl.engine.graph import with_needed
    from peakctl.kinds.prefix import prefixed_key

    declared = {resource.key: resource for resource in found}
    try:
        live = {prefixed_key(key, project.prefix): each for key, each in declared.items()}
        chosen = choice(live)
    except PeakctlError:
        return ()
    return with_needed(declared, (each.key for name, each in live.items() if name in chosen))


def under_environment(
    project: Project, resources: Mapping[Key, Resource], kinds: Mapping[str, Kind]
) -> Mapping[Key, Resource]:
    """Declared resources as the environment has them: under its prefix, without schedules if so.

    Raises ManifestsInvalid for names that do not bear the prefix, UsageError for a wrong one.
    """
    environment, prefix = project.environment, project.prefix
    if environment is not None and environment.paused:
        from peakctl.kinds.schedules import without_schedules

        each = resources.items()
        resources = {key: without_schedules(one, kinds[key.kind]) for key, one in each}
    if not prefix:
        return resources
    from peakctl.kinds.prefix import check_prefixed, with_prefix

    refuse_errors(tuple(check_prefixed(resources, kinds, prefix)))
    return with_prefix(resources, kinds, prefix, _declared_elsewhere(project))


def _declared_elsewhere(project: Project) -> frozenset[Key]:
    """What the project's own manifests declare, where a run is of a part of them.

    What refers to it is to find it under the prefix. Raises ManifestsInvalid as `load`.
    """
    if not project.options.manifests or project.file is None:
        return frozenset()
    whole = replace(project, options=replace(project.options, manifests=()))
    found = (document.value for document in load_documents(whole))
    named = ((value.get("kind"), mapping_at(value, ("metadata",)).get("name")) for value in found)
    return frozenset(Key(str(kind), str(name)) for kind, name in named)


def learn_secrets(project: Project) -> None:
    """Have the project's redactor know the secrets of its manifests, before texts of others come.

    Manifests that cannot be read tell none.
    """
    from peakctl.kinds.schemas import load_kinds
    from peakctl.model.text import secret_texts

    if project.file is None:
        return
    with contextlib.suppress(PeakctlError):
        documents = _load_manifests(project).documents
        project.redact.add(secret_texts([document.value for document in documents]))
        project.redact.add(_secrets_of(documents, load_kinds()))


def _secrets_of(documents: Sequence[Document], kinds: Mapping[str, Kind]) -> Iterator[str]:
    """What stands in the secret fields of documents, valid or not."""
    from peakctl.kinds.secrecy import secret_places

    for document, path in secret_places(documents, kinds):
        yield str(value_at(document.value, path))


def render(project: Project) -> RenderResult:
    """The text of all manifests after their templates ran. Raises as `load`."""
    from peakctl.kinds.schemas import load_kinds
    from peakctl.kinds.secrecy import secret_places
    from peakctl.manifests import render_sources

    given = given_parameters(project)
    warnings = refuse_errors(given.problems)
    texts, problems = render_sources(
        _patterns(project),
        secrets=lambda documents: secret_places(documents, load_kinds()),
        **_sources(project, given),
    )
    return RenderResult(texts, (*warnings, *refuse_errors(problems)))


def load_documents(project: Project) -> tuple[Document, ...]:
    """All documents of the manifests, before any kind is looked at. Raises as `load`."""
    manifests = _load_manifests(project)
    refuse_errors(manifests.problems)
    return manifests.documents


ABSENT = frozenset({NOTHING_FOUND, "source/not-found"})


def read_declared(project: Project) -> tuple[tuple[Document, ...], tuple[Source, ...]]:
    """As `load_documents` and `read_sources`, where patterns may name what is not there yet."""
    manifests = _load_manifests(project)
    refuse_errors([d for d in manifests.problems if d.code not in ABSENT])
    found, problems = _find_sources(project)
    refuse_errors([d for d in problems if d.code not in ABSENT])
    return manifests.documents, found


def refuse_errors(problems: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The warnings and notes, where there is no error.

    Raises one error with all problems: ManifestsInvalid where a manifest has to be corrected; else
    GuardRefused where a guard or another owner is in the way, SelectorEmpty where what was typed
    matches nothing or leaves out what is needed, or LiveConflict: it is the platform.
    """
    errors = [d for d in problems if d.severity is Severity.ERROR]
    warnings = tuple(d for d in problems if d.severity is not Severity.ERROR)
    if not errors:
        return warnings
    found = {_fault(d) for d in errors}
    raise next(each for each in FAULTS if each in found)(*warnings, *errors)


FAULTS = (ManifestsInvalid, GuardRefused, SelectorEmpty, LiveConflict)
"""What an error can be; the first of those that are there stands for all of them."""
_OF_GUARDS = frozenset({"live/not-ours"})
_OF_PLATFORM = frozenset(
    {
        *("live/ambiguous", "live/duplicate-name", "live/name-taken", "live/unlisted"),
        *("preflight/name-taken", "preflight/in-use", "preflight/deployed"),
    }
)


def _fault(problem: Diagnostic) -> type[PeakctlError]:
    """Who has to do something about an error.

    A pattern of peakctl.yaml that finds nothing has a place, and is a manifest's fault.
    """
    code = problem.code
    if code in _OF_PLATFORM:
        return LiveConflict
    if code in _OF_GUARDS or code.startswith("guard/"):
        return GuardRefused
    typed = code == NOTHING_FOUND and not problem.locations
    return SelectorEmpty if typed or code.startswith("selector/") else ManifestsInvalid


def _nothing_declared(severity: Severity) -> Diagnostic:
    return Diagnostic(
        code="guard/empty",
        summary="nothing is declared: the manifests hold no document",
        detail="their templates rendered to nothing, or they hold comments alone",
        fix=(
            "see what they render to: peakctl render; to delete all that is live,"
            " run peakctl destroy where the manifests still declare it"
        ),
        severity=severity,
    )


# --- files and parameters --------------------------------------------------------------------


def _load_manifests(project: Project, tell_kinds: TellKinds | None = None) -> Manifests:
    """All documents of the run, with the problems of all files, those of parameters included."""
    from peakctl.manifests.load import load_manifests

    given = given_parameters(project)
    inputs = _sources(project, given)
    inputs["tell_kinds"] = tell_kinds
    found = load_manifests(_patterns(project), **inputs)
    known = [d for d in found.problems if not (given.problems and d.code == NO_VALUE)]
    return replace(found, problems=(*given.problems, *known))


def read_sources(project: Project) -> tuple[Source, ...]:
    """The texts of all manifests as they were written. Raises ManifestsInvalid for one unread."""
    found, problems = _find_sources(project)
    refuse_errors(problems)
    return found


def _find_sources(project: Project) -> tuple[tuple[Source, ...], Sequence[Diagnostic]]:
    from peakctl.manifests.sources import find_sources

    inputs = _sources(project, given_parameters(project))
    return find_sources(
        _patterns(project),
        inputs["root"],
        base=inputs["base"],
        exclude=inputs["exclude"],
        places=inputs["places"],
    )


def _sources(project: Project, given: Given) -> Inputs:
    """What loading and rendering take: where files are, and what templates are given."""
    file, typed = project.file, project.options.manifests
    read_stdin = project.options.read_stdin
    return {
        "root": project.root,
        "parameters": given.values,
        "environment": _readable(project),
        "stdin": read_stdin() if read_stdin and "-" in typed else None,
        # patterns that were typed start in the working folder, and have no place
        "base": project.folder if typed else project.root,
        "places": {} if typed or file is None else file.places,
        # files of parameters are no manifests, even where they lie among them
        "exclude": [*parameter_files(project), *(file.param_files if file else ())],
        "os_env": file.os_env_for(project.environment) if file else None,
        "unset_is_unknown": project.options.unset_is_unknown,
        "given": given,
    }


def _readable(project: Project) -> Mapping[str, str]:
    """The variables that templates may ask for: not those that hold addresses of webhooks."""
    variables = project.settings.environment
    hidden = webhook_variables(project)
    return {k: v for k, v in variables.items() if k not in hidden} if hidden else variables


def _patterns(project: Project) -> Sequence[str]:
    if project.options.manifests:
        return project.options.manifests
    if project.file is not None:
        return project.file.manifests
    raise no_project(
        "there is no peakctl.yaml in this folder or above it",
        "go to your project, or name the manifests: -f FILE",
    )


def given_parameters(project: Project) -> Given:
    """The values for templates, and what is wrong with the files that they come from."""
    from peakctl.manifests.parameters import gather_given

    given = gather_given(
        project.file, project.environment, files=parameter_files(project), root=project.root
    )
    typed = {k: v for k, v in project.options.parameters.items() if v is not None}
    named = _names_in_prefix(project)
    # A part of the project says nothing of what the rest uses.
    declared = dict.fromkeys(given.declared) if project.options.manifests else given.declared
    return replace(
        given,
        values={**given.values, **typed},
        typed=frozenset(typed),
        declared={**declared, **dict.fromkeys(named)},
    )


def find_prefix(project: Project) -> str:
    """What namePrefix of the environment comes to: see `Project.prefix`."""
    from peakctl.manifests.sections import render_prefix

    assert project.file is not None  # noqa: S101 - only a project file has environments
    assert project.environment is not None  # noqa: S101 - asked of one that has a prefix
    given = given_parameters(project)
    refuse_errors(given.problems)
    return render_prefix(project.file, project.environment, given.values)


def _names_in_prefix(project: Project) -> frozenset[str]:
    """The parameters that namePrefix mentions: no template need use them."""
    if project.file is None or project.environment is None:
        return frozenset()
    from peakctl.manifests.sections import names_in

    return names_in(project.file, project.environment)


def parameter_files(project: Project) -> list[Path]:
    return [project.folder / name for name in project.options.parameter_files]


# --- what is wrong with several at once ------------------------------------------------------


def _without_repeats(
    wrong: Sequence[Diagnostic], before: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """Problems of fields, without those of a value that YAML could not read."""
    lines = {(p.file, p.line) for d in before if d.code in NOT_A_VALUE for p in d.locations}
    return (d for d in wrong if not lines & {(p.file, p.line) for p in d.locations})


def _broken(
    manifests: Manifests, known: Mapping[Key, Resource], kinds: Mapping[str, Kind]
) -> Callable[[Key], bool]:
    """Whether a manifest that is wrong itself may declare a resource."""
    read = {id(resource.document) for resource in known.values()}
    broken = [d.value for d in manifests.documents if id(d) not in read]
    return lambda key: (
        manifests.may_declare(key.name) or any(_may_declare(value, key, kinds) for value in broken)
    )


def _may_declare(value: Mapping[str, Value], key: Key, kinds: Mapping[str, Kind]) -> bool:
    from peakctl.manifests.load import mentions_name

    kind, metadata = value.get("kind"), value.get("metadata")
    if isinstance(kind, str) and kind in kinds and kind != key.kind:
        return False
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name == key.name if isinstance(name, str) else mentions_name(repr(value), key.name)


def check_together(
    resources: Mapping[Key, Resource],
    kinds: Mapping[str, Kind],
    may_be: Callable[[Key], bool] = lambda _: False,
) -> tuple[Diagnostic, ...]:
    """Unknown dependencies, cycles, values that a spec of this run does not allow; doubtful names.

    A name that is in no manifest may be live: it gets a note, and only where one is near it. What
    `may_be` declared by a manifest that is wrong itself is not missing.
    """
    from peakctl.engine.graph import cycle_problem, find_cycles, find_edges
    from peakctl.engine.plan.parameters import Parameters

    edges, problems = find_edges(resources, may_be)
    for resource in resources.values():
        if kinds[resource.key.kind].defined_by:
            problems += Parameters(resource, resources, kinds, {}).check()
        problems += _doubtful(resource, resources, may_be)
    problems += [cycle_problem(loop, resources) for loop in find_cycles(edges)]
    return tuple(problems)


def _doubtful(
    resource: Resource, resources: Mapping[Key, Resource], may_be: Callable[[Key], bool]
) -> Iterator[Diagnostic]:
    from peakctl.engine.graph import targets

    for reference in resource.references:
        wanted = [Key(kind, reference.name) for kind in reference.kinds]
        if targets(reference, resources) or any(map(may_be, wanted)):
            continue
        names = [key.name for key in resources if key.kind in reference.kinds]
        near = nearest_names(reference.name, names)
        if near:
            yield _in_doubt(resource, reference, ", ".join(near))


def _in_doubt(resource: Resource, reference: Reference, near: str) -> Diagnostic:
    kinds = " or ".join(reference.kinds)
    return Diagnostic(
        code="manifest/not-in-manifests",
        summary=f'{kinds} "{reference.name}" must be live: no manifest has it',
        key=resource.key,
        path=reference.at,
        locations=(resource.document.locate((*reference.at, "name")),),
        fix=f"did you mean: {near}",
        severity=Severity.NOTE,
    )
