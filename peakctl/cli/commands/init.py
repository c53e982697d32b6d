"""`peakctl init`."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.init import InitResult
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl init forecasting
  peakctl init . --template service
  peakctl init retail --template block-app --name retail-eu
  peakctl init retail --ci github

\b
Templates:
  workflow    an image, and a workflow that runs on it every night
  service     an image, and an API that runs on it
  block-app   a block, an app of it, and its deployment
  minimal     one artifact
"""


@options.command(epilog=EPILOG)
@click.argument("folder", default=".")
@click.option("--template", default="workflow", metavar="NAME", help="What to begin with.")
@click.option("--name", metavar="NAME", help="The project's name; default: the folder's.")
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "azure", "jenkins"]),
    help="Also write the files of a CI, as `peakctl ci init` does.",
)
@options.output("text", "json")
@options.display
def init(folder: str, template: str, name: str | None, ci: str | None, **flags: object) -> int:
    """Make a new project in FOLDER, ready to be planned and applied on the emulator.

    Contacts nothing, asks nothing, overwrites nothing.
    """
    from peakctl.operations import init as operation

    def body(session: Session) -> Report:
        made = operation.init(folder, template=template, name=name)
        if ci is not None:
            from peakctl.operations.ci_init import init_ci

            files = init_ci(session.settings, ci, folder=made.folder)
            up = Path(os.path.relpath(files.top, made.folder))
            added = tuple((up / name).as_posix() for name in files.written)
            made = replace(made, written=(*made.written, *added))
        return _report(session, made, folder)

    return options.run("init", flags, body)


def _report(session: Session, made: InitResult, folder: str) -> Report:
    from peakctl.errors import counted
    from peakctl.operations.init import SCHEMAS
    from peakctl.present.text import line

    own = [name for name in made.written if not name.startswith(SCHEMAS)]
    rows = [line(("+ ", "create"), name) for name in own]
    if len(own) < len(made.written):
        rows.append(line(("+ ", "create"), f"{SCHEMAS}/ (for your editor)"))
    rows += [line(("= ", "unchanged"), name, " stays as it was") for name in made.kept]
    go = [] if made.folder == Path.cwd() else [f"cd {shlex.quote(folder)}"]
    steps = [*go, "peakctl validate", "peakctl plan", "peakctl apply"]
    done = f"Made project {made.project}: {counted(len(own), 'file')}."
    words = f"{done if made.written else f'Project {made.project} is here already.'} Next:"
    lines = [*rows, (), line((words, "good")), *(line(f"  {step}") for step in steps)]
    extra = {
        "project": made.project,
        "template": made.template,
        "folder": str(made.folder),
        "written": list(made.written),
        "kept": list(made.kept),
    }
    return session.report(lines=tuple(lines), extra=extra)
