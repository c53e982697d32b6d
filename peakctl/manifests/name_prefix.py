"""`namePrefix` of an environment: a small template, filled in with the parameters of the run.

What comes of it begins the name of everything that the run makes, so that several people have one
tenant. It must never be nothing: that would be the names of whoever has no prefix.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, ManifestsInvalid, UsageError
from peakctl.manifests.render import Renderer, is_template
from peakctl.model import Source, Value

if TYPE_CHECKING:
    from peakctl.manifests.project import Environment, Project

LONGEST = 40
OS_ENV = "os_env"
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def flaw_of(prefix: str) -> str:
    """What is wrong with a prefix, for people; "" where nothing is."""
    if not prefix:
        return "it is empty, so these would be the names without it"
    if len(prefix) > LONGEST:
        return f"it has {len(prefix)} characters, and at most {LONGEST} are allowed"
    fits = _PREFIX.match(prefix)
    return "" if fits else "it takes letters, digits, dashes, dots and underscores"


def render_prefix(
    project: Project, environment: Environment, parameters: Mapping[str, Value]
) -> str:
    """The prefix with its parameters filled in; "" for an environment without one.

    Raises UsageError, at its place in peakctl.yaml, for a parameter that is missing or empty, and
    for what cannot begin a name.
    """
    text = environment.name_prefix
    if text is None or not is_template(text):
        return text or ""
    renderer = Renderer(parameters, {}, project.root, ())  # nothing of os_env can be read
    try:
        prefix = renderer.render(_source(project, text)).text.removesuffix("\n")
    except ManifestsInvalid as error:
        if OS_ENV in (renderer.mentioned() or ()):
            raise UsageError(_secret(environment)) from None
        raise UsageError(*(_placed(each, environment) for each in error.diagnostics)) from None
    names = sorted(renderer.mentioned() or ())
    empty = [name for name in names if parameters.get(name, name) in (None, "")]
    flaw = flaw_of(prefix)
    if empty:
        raise UsageError(_wrong(environment, f'the parameter "{empty[0]}" is empty', empty))
    if flaw:
        summary = f'"{prefix}" cannot begin a name: {flaw}'
        raise UsageError(_wrong(environment, summary, names))
    return prefix


def names_in(project: Project, environment: Environment) -> frozenset[str]:
    """The parameters that the prefix of an environment mentions."""
    text = environment.name_prefix or ""
    renderer = Renderer({}, {}, project.root, ())
    if is_template(text):
        with contextlib.suppress(ManifestsInvalid):
            renderer.render(_source(project, text))
    return renderer.mentioned() or frozenset()


def _source(project: Project, text: str) -> Source:
    return Source(str(project.file), project.file.name, text)


def _placed(problem: Diagnostic, environment: Environment) -> Diagnostic:
    return replace(problem, path=_path(environment), locations=environment.prefix_places)


def _secret(environment: Environment) -> Diagnostic:
    return _wrong(environment, "a value of os_env is a secret, and a name is none", ["name"])


def _wrong(environment: Environment, why: str, names: Sequence[str]) -> Diagnostic:
    given = " ".join(f"-p {name}=..." for name in names)
    return Diagnostic(
        code="project/name-prefix",
        summary=why,
        path=_path(environment),
        locations=environment.prefix_places,
        fix=f"give it a value on the command line: {given}",
    )


def _path(environment: Environment) -> tuple[str, ...]:
    return ("environments", environment.name, "namePrefix")
