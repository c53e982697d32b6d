"""`peakctl schema`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl schema                        the kinds there are
  peakctl schema Service                its JSON Schema
  peakctl schema project                that of peakctl.yaml
  peakctl schema output plan            of plan -o json; events: of -o jsonl
  peakctl schema --into .schemas        all of them, as files for your editor

\b
In a manifest and in peakctl.yaml, for editors that speak YAML:
  # yaml-language-server: $schema=../.schemas/manifest.json
  # yaml-language-server: $schema=.schemas/project.json
"""


OUTPUT = "output"
"""In place of a kind: what commands print."""


@options.command(epilog=EPILOG)
@options.kind
@click.argument("command", required=False)
@click.option("--into", metavar="FOLDER", help="Write every schema file to this folder.")
@options.output("text", "json")
@options.display
def schema(kind: str | None, command: str | None, into: str | None, **flags: object) -> int:
    """Print the JSON Schema of a KIND: every field, and what it means when it is absent.

    With `output COMMAND` that of what a command prints.
    """
    return options.run("schema", flags, _schema, kind, command, into)


def _schema(session: Session, kind: str | None, command: str | None, into: str | None) -> Report:
    if into is not None:
        return _write(session, Path(into))
    if kind == OUTPUT:
        return _output(session, command)
    if command is not None:
        raise click.UsageError(f'there is no schema "{kind} {command}"')
    return _kinds(session) if kind is None else _one(session, kind)


def _one(session: Session, word: str) -> Report:
    import json

    from peakctl.kinds.schemas import load_kinds, schema_text
    from peakctl.operations.target import find_kind

    text = schema_text(find_kind(word, [*load_kinds(), "manifest", "project"]))
    return session.report(text=text, extra={"schema": json.loads(text)})


def _output(session: Session, command: str | None) -> Report:
    """The schema of what a command prints, or which there are. Raises UsageError."""
    import json

    from peakctl.kinds.schemas import output_schemas
    from peakctl.present.text import line

    found = output_schemas()
    if command is None:
        lines = tuple(line(name) for name in found)
        return session.report(lines=lines, extra={"outputs": list(found)})
    if command not in found:
        known = ", ".join(found)
        raise click.UsageError(f'no schema of what "{command}" prints; there are {known}')
    text = found[command].read_text("utf-8")
    return session.report(text=text, extra={"schema": json.loads(text)})


def _kinds(session: Session) -> Report:
    from peakctl.kinds.schemas import load_kinds
    from peakctl.present.text import table_lines

    rows = [
        {"kind": kind.name, "description": str(kind.schema.get("description", ""))}
        for kind in load_kinds().values()
    ]
    table = table_lines(("kind", "what it is"), [tuple(row.values()) for row in rows])
    return session.report(lines=table, extra={"kinds": rows})


def _write(session: Session, folder: Path) -> Report:
    from peakctl.kinds.schemas import schema_folder
    from peakctl.present.text import line

    top = schema_folder()
    files = [*sorted(top.glob("*.json")), *sorted((top / OUTPUT).glob("*.json"))]
    (folder / OUTPUT).mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file.relative_to(top)).write_bytes(file.read_bytes())
    words = f"{len(files)} schema files are in {folder}; point your editor at manifest.json there"
    return session.report(
        lines=(line(words),), extra={"files": [f.relative_to(top).as_posix() for f in files]}
    )
