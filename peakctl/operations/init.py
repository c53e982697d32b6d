"""A new project from a template; it validates, plans and applies on the emulator at once."""

from __future__ import annotations

import re
from pathlib import Path

from peakctl.errors import Diagnostic, UsageError, nearest_names
from peakctl.kinds.schemas import schema_folder
from peakctl.model.records import dataclass
from peakctl.operations.new_files import write_files

TEMPLATES = {
    "workflow": "an image, and a workflow that runs on it every night",
    "service": "an image, and an API that runs on it",
    "block-app": "a block, an app of it, and its deployment",
    "minimal": "one artifact",
}
"""The templates by name, each with what is in it."""
DEFAULT_TEMPLATE = "workflow"
SCHEMAS = ".schemas"
_FOLDER = Path(__file__).resolve().parent / "templates"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PROJECT = b"__PROJECT__"
_OPTIONAL = ("README.md", ".gitignore")
"""What a repository may have before it becomes a project: it stays as it is."""


@dataclass(frozen=True, slots=True)
class InitResult:
    """A project that was made: its files by path, relative to `folder`.

    `kept` are files that were there before, and stay as they were.
    """

    folder: Path
    project: str
    template: str
    written: tuple[str, ...]
    kept: tuple[str, ...] = ()


def init(
    folder: str | Path = ".", *, template: str = DEFAULT_TEMPLATE, name: str | None = None
) -> InitResult:
    """Make a project in `folder`, which need not exist; contacts nothing.

    `name` is that of the project (default: that of the folder, in lower case). All files are
    written, or none. Raises UsageError for an unknown template, a name that no project can have,
    and files that exist already.
    """
    root = Path(folder).resolve()
    if template not in TEMPLATES:
        raise UsageError(_unknown(template))
    project = name or _name_of(root)
    if not _NAME.fullmatch(project):
        raise UsageError(_no_name(project))
    files = _files(template, project)
    kept = tuple(each for each in _OPTIONAL if (root / each).is_file() and each in files)
    try:
        found = write_files(root, {n: data for n, data in files.items() if n not in kept})
    except OSError as error:
        raise UsageError(_not_written(root, error)) from error
    return InitResult(root, project, template, found.written, kept)


def _name_of(folder: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "project"


def _files(template: str, project: str) -> dict[str, bytes]:
    """Every file of the project by its path; `dot-` stands for a dot, and `.template` is cut."""
    found: dict[str, bytes] = {}
    for part in ("common", template):
        top = _FOLDER / part
        for path in sorted(each for each in top.rglob("*") if each.is_file()):
            name = path.relative_to(top).as_posix().removesuffix(".template").replace("dot-", ".")
            found[name] = path.read_bytes().replace(_PROJECT, project.encode())
    for schema in sorted(schema_folder().glob("*.json")):
        found[f"{SCHEMAS}/{schema.name}"] = schema.read_bytes()
    return found


def _unknown(template: str) -> Diagnostic:
    near = nearest_names(template, TEMPLATES)
    return Diagnostic(
        code="init/template",
        summary=f'there is no template "{template}"',
        detail="\n".join(f"{name}: {what}" for name, what in TEMPLATES.items()),
        fix=f"did you mean: {', '.join(near)}" if near else "use one of the templates above",
    )


def _no_name(name: str) -> Diagnostic:
    return Diagnostic(
        code="init/name",
        summary=f'no project can be called "{name}"',
        detail="a name has lower-case letters, digits and dashes; the first is no dash",
        fix="give another one with --name",
    )


def _not_written(root: Path, error: OSError) -> Diagnostic:
    return Diagnostic(
        code="init/unwritable",
        summary=f'no project can be made in "{root}": {error.strerror}',
        fix="choose another folder",
    )
