"""The emulator in process, for an environment that asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.private import make_private_folder, narrow, write_private

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.emulator import Emulator
    from peakctl.manifests.project import Environment, Project

STATE_FOLDER = ".peakctl"


def emulator_state(session: Session) -> Path:
    """The file that keeps the emulator's state for the environment; its folder is git-ignored."""
    root = Path(session.project.root) if session.project else Path.cwd()
    name = session.environment.name if session.environment else "local"
    folder = root / STATE_FOLDER
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


def emulator_options(project: Project | None, environment: Environment | None) -> dict[str, Any]:
    """The environment's emulator options by the emulator's names. Raises UsageError."""
    if environment is None:
        return {}
    root = Path(project.root) if project else Path.cwd()
    from peakctl.emulator.options import NAMES, read_option
    from peakctl.emulator.problems import Problem

    values: dict[str, Any] = {}
    problems: list[Diagnostic] = []
    for word, value in environment.emulator_options.items():
        if word not in NAMES:
            near = nearest_names(word, NAMES)
            fix = f"did you mean: {', '.join(near)}" if near else f"use one of {', '.join(NAMES)}"
            summary = f'the emulator has no option "{word}"'
            problems.append(_no_option(environment, word, summary, fix))
            continue
        try:
            values[NAMES[word]] = read_option(word, _from_file(word, value, root))
        except Problem as problem:
            problems.append(_no_option(environment, word, problem.detail, "write another value"))
    if problems:
        raise UsageError(*problems)
    return values


def _from_file(word: str, value: Any, root: Path) -> Any:
    """The lists of instance types may stand in a file of their own, named from the project."""
    if word != "instanceTypes" or not isinstance(value, str):
        return value
    from peakctl.cli.seeds import read_document

    return read_document(root / value, "emulator/option")


def read_instance_types(file: Path) -> Any:
    """The lists of instance types in a file. Raises UsageError for what is not one."""
    from peakctl.cli.seeds import read_document
    from peakctl.emulator.options import read_option
    from peakctl.emulator.problems import Problem

    found = read_document(file, "emulator/option")
    try:
        return read_option("instanceTypes", found)
    except Problem as problem:
        summary = f"{file}: {problem.detail}"
        fix = "give a map of entity types to lists of types; see docs/emulator.md"
        raise UsageError(Diagnostic("emulator/option", summary, fix=fix)) from None


def _no_option(environment: Environment, word: str, summary: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="emulator/option",
        summary=summary,
        path=("environments", environment.name, "emulator", word),
        locations=(environment.emulator_places[word],),
        fix=fix,
    )
