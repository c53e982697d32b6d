"""From flags to resources: project, environment, parameters, documents, and what they describe."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    ManifestsInvalid,
    SelectorEmpty,
    Severity,
    UsageError,
    raise_if_any,
)
from peakctl.files import Unreadable, decode_text
from peakctl.model import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from peakctl.cli.session import Session
    from peakctl.kinds.fields import Kind
    from peakctl.manifests.load import Manifests, RenderedText
    from peakctl.manifests.parameters import Given
    from peakctl.manifests.project import Environment, Project
    from peakctl.model import Document, Key, Resource, Value

NOTHING_FOUND = "source/no-match"
NO_VALUE = "template/undefined"
NOT_A_VALUE = frozenset(
    f"manifest/{code}" for code in ("number", "tag", "alias-loop", "merge", "key", "character")
)
"""Problems of YAML after which a value is missing, which says nothing of what was meant."""
STDIN = "<stdin>"


def open_project(session: Session) -> None:
    """Find the project (if there is one) and the environment, and note them in the session.

    Raises UsageError for an environment that the project does not have.
    """
    from peakctl.manifests.project import load_project

    session.project = load_project(Path.cwd())
    session.environment = _environment(session.project, session.flags.env)
    if session.flags.policy_from is not None:
        _put_under_policy(session, session.flags.policy_from)


def _put_under_policy(session: Session, revision: str) -> None:
    """Let the rules of peakctl.yaml be those of another commit. Raises UsageError."""
    from peakctl.manifests.policy import apply_policy

    project, environment = session.project, session.environment
    if project is None or environment is None:
        raise UsageError(
            Diagnostic(
                code="usage/no-project",
                summary="--policy-from needs a project: there is no peakctl.yaml here or above",
                fix="go to your project, or leave out --policy-from",
            )
        )
    variables = session.settings.environment
    session.project, session.environment, session.policy = apply_policy(
        project, environment, revision, variables
    )


def load_resources(
    session: Session,
    kinds: Mapping[str, Kind] | None = None,
    *,
    may_be_empty: bool = False,
    together: bool = False,
) -> dict[Key, Resource]:
    """Valid resources by key; opens the project. Raises ManifestsInvalid with all problems.

    All of all files and stages: a fault in one manifest hides none in another. With `together`, or
    where anything is wrong, that is also what resources say of each other. Not a single document is
    a warning where it `may_be_empty`, else GuardRefused: a template that renders to nothing must
    not look like a wish to have nothing.
    """
    from peakctl.archives import pack
    from peakctl.cli.offline import check_together
    from peakctl.kinds.store import load_kinds
    from peakctl.kinds.validate import read_manifests
    from peakctl.model.text import secret_texts

    kinds = kinds or load_kinds()
    open_project(session)
    manifests = _load_manifests(session)
    packed = partial(pack, skip=_files_of_run(session))
    found = read_manifests(manifests.documents, kinds, project_root=root_of(session), pack=packed)
    problems = [*manifests.problems, *_without_implied(found.problems, manifests.problems)]
    resources = {resource.key: resource for resource in found.resources}
    session.redact.add(secret_texts([resource.values for resource in found.resources]))
    if together or any(d.severity is Severity.ERROR for d in problems):
        known = {resource.key: resource for resource in found.faulty} | resources
        problems += check_together(known, kinds, _broken(manifests, known, kinds))
    if not (manifests.documents or problems):
        _tell_empty(session, Severity.WARNING if may_be_empty else Severity.ERROR)
    keep(session, problems)
    return resources


def _files_of_run(session: Session) -> frozenset[tuple[int, int]]:
    """Device and number of each file that the run itself writes or was given as its plan.

    They are no content of an artifact that they happen to lie in. Standard output counts where it
    goes to a file: `peakctl plan -o json > plan.json`.
    """
    found = set()
    for place in (session.flags.out, session.flags.plan_file, sys.stdout, sys.stderr):
        status = _status_of(place)
        if status is not None and stat.S_ISREG(status.st_mode):
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _status_of(place: str | TextIO | None) -> os.stat_result | None:
    """None for what is not there yet, and for a stream that is no file of the system's."""
    try:
        if isinstance(place, str):
            return Path(place).stat()
        return os.fstat(place.fileno()) if place else None
    except (OSError, ValueError):
        return None


def load_all_documents(session: Session) -> tuple[Document, ...]:
    """All documents of the run. Raises ManifestsInvalid with the problems of all files."""
    open_project(session)
    manifests = _load_manifests(session)
    keep(session, manifests.problems)
    return manifests.documents


def _load_manifests(session: Session) -> Manifests:
    """All documents of the run, with the problems of all files, those of parameters included."""
    from peakctl.manifests.load import load_manifests

    given = _parameters(session)
    wrong = given.problems
    found = load_manifests(
        _patterns(session),
        root=root_of(session),
        parameters=given.values,
        environment=session.settings.environment,
        stdin=_stdin(session),
        base=_base(session),
        exclude=_parameter_files(session),
        os_env=_os_env(session),
        given=given,
        places=_places(session),
    )
    known = [d for d in found.problems if not (wrong and d.code == NO_VALUE)]
    return replace(found, problems=(*wrong, *known))


def _without_implied(
    wrong: Sequence[Diagnostic], before: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """Complaints about fields, without those about a value that YAML could not read."""
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


def load_rendered(session: Session) -> tuple[RenderedText, ...]:
    """The text of all manifests after their templates ran. Raises ManifestsInvalid."""
    from peakctl.kinds.secrecy import secret_places
    from peakctl.kinds.store import load_kinds
    from peakctl.manifests import render_sources

    open_project(session)
    given = _parameters(session)
    wrong = given.problems
    keep(session, wrong)
    texts, problems = render_sources(
        _patterns(session),
        root=root_of(session),
        parameters=given.values,
        environment=session.settings.environment,
        stdin=_stdin(session),
        base=_base(session),
        exclude=_parameter_files(session),
        os_env=_os_env(session),
        given=given,
        places=_places(session),
        secrets=lambda documents: secret_places(documents, load_kinds()),
    )
    keep(session, problems)
    return texts


def keep(session: Session, problems: Sequence[Diagnostic]) -> None:
    """Note warnings in the session. Raises ManifestsInvalid (or SelectorEmpty) with the errors.

    A selector is what was typed; a pattern of peakctl.yaml has a place, and is a manifest's fault.
    """
    session.warnings += [d for d in problems if d.severity is not Severity.ERROR]
    errors = [d for d in problems if d.severity is Severity.ERROR]
    if errors and all(d.code == NOTHING_FOUND and not d.locations for d in errors):
        raise SelectorEmpty(*errors)
    raise_if_any(errors)


def _tell_empty(session: Session, severity: Severity) -> None:
    told = Diagnostic(
        code="guard/empty",
        summary="nothing is declared: the manifests hold no document",
        detail="their templates rendered to nothing, or they hold comments alone",
        fix=(
            "see what they render to: peakctl render; to delete all that is live,"
            " run peakctl destroy where the manifests still declare it"
        ),
        severity=severity,
    )
    if severity is Severity.ERROR:
        raise GuardRefused(told)
    session.warnings.append(told)


def root_of(session: Session) -> Path:
    return session.project.root if session.project else Path.cwd()


def _environment(project: Project | None, name: str | None) -> Environment | None:
    if project is not None:
        return project.environment(name)
    if name is None:
        return None
    raise UsageError(
        Diagnostic(
            code="usage/no-project",
            summary=f'there is no peakctl.yaml that could have an environment "{name}"',
            fix="go to your project, or leave out -e",
        )
    )


def _patterns(session: Session) -> Sequence[str]:
    if session.flags.filename:
        return session.flags.filename
    if session.project is not None:
        return session.project.manifests
    raise UsageError(
        Diagnostic(
            code="usage/no-project",
            summary="there is no peakctl.yaml in this folder or above it",
            fix="go to your project, or name the manifests: -f FILE",
        )
    )


def _places(session: Session) -> Mapping[str, Location]:
    """Where the patterns were written; those of the command line have no place."""
    is_typed = session.flags.filename or session.project is None
    return {} if is_typed or session.project is None else session.project.places


def _base(session: Session) -> Path:
    """Where relative patterns start: those that were typed in the working folder."""
    return Path.cwd() if session.flags.filename else root_of(session)


def _stdin(session: Session) -> str | None:
    """The text on standard input, UTF-8 as every manifest is. Raises ManifestsInvalid."""
    if "-" not in session.flags.filename:
        return None
    try:
        return decode_text(sys.stdin.buffer.read())
    except OSError as error:  # it is closed
        told = Diagnostic("source/unreadable", f'"{STDIN}" cannot be read: {error.strerror}')
        raise ManifestsInvalid(told) from error
    except Unreadable as error:
        raise ManifestsInvalid(
            Diagnostic(
                code=f"source/{error.code}",
                summary=f'"{STDIN}" cannot be read: {error.reason}',
                locations=(Location(STDIN, error.line, error.column),),
                fix=error.fix,
            )
        ) from None


def _parameters(session: Session) -> Given:
    """The values for templates, and what is wrong with the files that they come from."""
    from peakctl.manifests.parameters import gather_given

    given = gather_given(
        session.project,
        session.environment,
        files=[Path(name) for name in session.flags.params_file],
        pairs=session.flags.param,
        root=root_of(session),
    )
    if not session.flags.filename:
        return given
    # A part of the project says nothing of what the rest uses.
    return replace(given, declared=dict.fromkeys(given.declared))


def _os_env(session: Session) -> Sequence[str] | None:
    """The variables that peakctl.yaml lists for templates; None: all but credentials."""
    return session.project.os_env_for(session.environment) if session.project else None


def _parameter_files(session: Session) -> list[Path]:
    """Files of parameters: no manifests, even where they lie among them."""
    typed = [Path(name) for name in session.flags.params_file]
    return [*typed, *(session.project.param_files if session.project else ())]
