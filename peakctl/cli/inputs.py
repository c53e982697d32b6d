"""From flags to resources: project, environment, parameters, documents, and what they describe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
    from collections.abc import Mapping, Sequence

    from peakctl.cli.session import Session
    from peakctl.kinds.fields import Kind
    from peakctl.manifests.load import RenderedText
    from peakctl.manifests.project import Environment, Project
    from peakctl.model import Document, Key, Resource, Value

NOTHING_FOUND = "source/no-match"
STDIN = "<stdin>"


def open_project(session: Session) -> None:
    """Find the project (if there is one) and the environment, and note them in the session.

    Raises UsageError for an environment that the project does not have.
    """
    from peakctl.manifests.project_file import load_project

    session.project = load_project(Path.cwd())
    session.environment = _environment(session.project, session.flags.env)


def load_resources(
    session: Session, kinds: Mapping[str, Kind] | None = None, *, may_be_empty: bool = False
) -> dict[Key, Resource]:
    """Valid resources by key; opens the project. Raises ManifestsInvalid with all problems.

    Not a single document is a warning where it `may_be_empty`, else GuardRefused: a template that
    renders to nothing must not look like a wish to have nothing.
    """
    from peakctl.archives import pack
    from peakctl.kinds.store import load_kinds
    from peakctl.kinds.validate import read_resources

    documents = load_all_documents(session)
    if not documents:
        _tell_empty(session, Severity.WARNING if may_be_empty else Severity.ERROR)
    found, problems = read_resources(
        documents, kinds or load_kinds(), project_root=root_of(session), pack=pack
    )
    keep(session, problems)
    return {resource.key: resource for resource in found}


def load_all_documents(session: Session) -> tuple[Document, ...]:
    """All documents of the run. Raises ManifestsInvalid with the problems of all files."""
    from peakctl.manifests import load_documents

    open_project(session)
    documents, problems = load_documents(
        _patterns(session),
        root=root_of(session),
        parameters=_parameters(session),
        environment=session.settings.environment,
        stdin=_stdin(session),
        base=_base(session),
        exclude=_parameter_files(session),
        places=_places(session),
    )
    keep(session, problems)
    return documents


def load_rendered(session: Session) -> tuple[RenderedText, ...]:
    """The text of all manifests after their templates ran. Raises ManifestsInvalid."""
    from peakctl.kinds.secrecy import secret_places
    from peakctl.kinds.store import load_kinds
    from peakctl.manifests import render_sources

    open_project(session)
    texts, problems = render_sources(
        _patterns(session),
        root=root_of(session),
        parameters=_parameters(session),
        environment=session.settings.environment,
        stdin=_stdin(session),
        base=_base(session),
        exclude=_parameter_files(session),
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


def _parameters(session: Session) -> Mapping[str, Value]:
    from peakctl.manifests.params import gather_parameters

    values, problems = gather_parameters(
        session.project,
        session.environment,
        files=[Path(name) for name in session.flags.params_file],
        pairs=session.flags.param,
        root=root_of(session),
    )
    keep(session, problems)
    return values


def _parameter_files(session: Session) -> list[Path]:
    """Files of parameters: no manifests, even where they lie among them."""
    typed = [Path(name) for name in session.flags.params_file]
    return [*typed, *(session.project.param_files if session.project else ())]
