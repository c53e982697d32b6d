"""The emulator in process, for an environment that asks for it, and the files that it is given."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakctl.errors import Diagnostic, Severity, UsageError, nearest_names
from peakctl.files import make_private_folder, narrow, reason_of, write_private
from peakctl.model import JsonDict, Value

if TYPE_CHECKING:
    from peakctl.emulator import Emulator
    from peakctl.manifests.project import Environment
    from peakctl.operations.project import Project

STATE_FOLDER = ".peakctl"


def emulator_state(project: Project) -> Path:
    """The file that keeps the emulator's state for the environment; its folder is git-ignored."""
    name = project.environment_name or "local"
    folder = project.root / STATE_FOLDER
    make_private_folder(folder)
    ignore = folder / ".gitignore"
    narrow(ignore)
    if not ignore.exists():
        write_private(ignore, b"*\n")
    return folder / f"emulator-{name}.sqlite"


def open_emulator(data: str, **timing: Any) -> Emulator:
    """An emulator over a state file. Raises UsageError when its libraries are not installed."""
    check_emulator()
    from peakctl.emulator import Emulator, Options

    return Emulator(data, options=Options(**{"provided_images": True} | timing))


def check_emulator() -> None:
    """Raise UsageError when the libraries of the emulator are not installed."""
    try:
        import peakctl.emulator  # noqa: F401 - only to see whether it can be
    except ModuleNotFoundError as error:
        raise UsageError(
            Diagnostic(
                code="emulator/not-installed",
                summary=f"the emulator needs {error.name}, which is not installed",
                fix="pip install 'peakctl[emulator]'",
            )
        ) from None


def emulator_options(project: Project) -> JsonDict:
    """The environment's emulator options by the emulator's names. Raises UsageError."""
    environment = project.environment
    if environment is None:
        return {}
    from peakctl.emulator.options import NAMES, read_option
    from peakctl.emulator.problems import Problem

    values: JsonDict = {}
    problems: list[Diagnostic] = []
    for word, value in environment.emulator_options.items():
        if word not in NAMES:
            near = nearest_names(word, NAMES)
            fix = f"did you mean: {', '.join(near)}" if near else f"use one of {', '.join(NAMES)}"
            summary = f'the emulator has no option "{word}"'
            problems.append(_no_option(environment, word, summary, fix))
            continue
        try:
            values[NAMES[word]] = read_option(word, _from_file(word, value, project.root))
        except Problem as problem:
            problems.append(_no_option(environment, word, problem.detail, "write another value"))
    if problems:
        raise UsageError(*problems)
    return values


def _from_file(word: str, value: object, root: Path) -> object:
    """The lists of instance types may stand in a file of their own, named from the project."""
    if word != "instanceTypes" or not isinstance(value, str):
        return value
    return read_document(root / value, "emulator/option")


def read_instance_types(file: Path) -> object:
    """The lists of instance types in a file. Raises UsageError for what is not one."""
    from peakctl.emulator.options import read_option
    from peakctl.emulator.problems import Problem

    found = read_document(file, "emulator/option")
    try:
        return read_option("instanceTypes", found)
    except Problem as problem:
        summary = f"{file}: {problem.detail}"
        fix = "give a mapping of entity types to lists of types; see docs/emulator.md"
        raise UsageError(Diagnostic("emulator/option", summary, fix=fix)) from None


def _no_option(environment: Environment, word: str, summary: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="emulator/option",
        summary=summary,
        path=("environments", environment.name, "emulator", word),
        locations=(environment.emulator_places[word],),
        fix=fix,
    )


def read_seed(file: Path) -> object:
    """The seed as the emulator takes it: `artifact` is a zip in base64 instead of a path.

    Raises UsageError for a file that cannot be read, or is not YAML.
    """
    document = read_document(file, "usage/seed")
    found = document.get("resources") if isinstance(document, dict) else document
    for resource in found if isinstance(found, list) else ():
        if isinstance(resource, dict) and isinstance(resource.get("artifact"), str):
            resource["artifact"] = _archive(file.parent / resource["artifact"])
    return document


def read_document(file: Path, code: str) -> Value:
    """The one document of a YAML or JSON file.

    Raises UsageError, with `code` for a file that cannot be read, for one that is not YAML too.
    """
    from peakctl.manifests.parse import parse_value
    from peakctl.manifests.render import Rendered
    from peakctl.model import Source

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = reason_of(error, file) if isinstance(error, OSError) else "it is not UTF-8"
        fix = "give the path of a file that can be read"
        raise UsageError(Diagnostic(code, f'"{file}" cannot be read: {why}', fix=fix)) from error
    source = Source(str(file.absolute()), str(file), text)
    document, _, problems = parse_value(Rendered(source, text))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise UsageError(*problems)
    return document


def _archive(path: Path) -> str:
    from peakctl.archives.pack import pack

    if path.is_dir():
        data = pack(path, None, path.parent).encode()
    else:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(Diagnostic("usage/seed", f"artifact: {error}")) from error
    return base64.b64encode(data).decode()
