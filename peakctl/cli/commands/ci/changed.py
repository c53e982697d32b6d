"""`peakctl ci changed`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ci_changed import ChangedResult
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl ci changed --base origin/main
  peakctl ci changed --all -e prod
  peakctl ci changed --base origin/main -o json | jq -c .matrix

Exit codes: 0 done (also where nothing is touched), 64 no such commit, or no repository.
"""


@options.command(epilog=EPILOG)
@click.option(
    "--base",
    type=Word(),
    metavar="REF",
    help="Compare with the commit where this branch left REF. Default: the request's base branch.",
)
@click.option("--all", "every", is_flag=True, help="Every project, touched or not.")
@click.option(
    "-e", "--env", type=Word(), metavar="NAME", help="Only projects that have this environment."
)
@click.option(
    "--outputs-file",
    type=Word(),
    metavar="FILE",
    help="Add matrix=JSON and has_changes to this file. Default on GitHub: the step's outputs.",
)
@options.output("text", "json")
@options.display
def changed(
    base: str | None,
    every: bool,  # noqa: FBT001 - click passes flags by name
    outputs_file: str | None,
    **flags: object,
) -> int:
    """List the projects of a repository that a change touches.

    A project is touched when its peakctl.yaml, manifests, parameters, archives or anything that
    they name has changed, and when it cannot be read. Contacts nothing.
    """
    from peakctl.operations.ci_changed import changed_projects, every_project

    if every and base:
        raise click.UsageError("--all compares with nothing: leave --base out")

    def body(session: Session) -> Report:
        wanted = session.flags.env
        if every:
            found = every_project(session.settings, environment=wanted)
        else:
            found = changed_projects(session.settings, base, environment=wanted)
        return _report(session, found, outputs_file)

    return options.run("ci changed", flags, body)


def _report(session: Session, found: ChangedResult, outputs_file: str | None) -> Report:
    from peakctl.hosts.find import find_job
    from peakctl.operations.ci import append_outputs
    from peakctl.present.text import line

    projects = [
        {
            "project": each.name,
            "folder": each.folder,
            "environments": list(each.environments),
            "files": list(each.files),
        }
        for each in found.projects
    ]
    include = [{"project": each.name, "folder": each.folder} for each in found.projects]
    matrix = {"include": include}
    if file := outputs_file or find_job(session.settings.environment).outputs_file:
        values = {"matrix": json.dumps(matrix), "has_changes": str(bool(include)).lower()}
        session.warnings += append_outputs(file, values)
    extra = {
        "base": found.base,
        "projects": projects,
        "removed": list(found.removed),
        "matrix": matrix,
    }
    return session.report(lines=[line(each.folder) for each in found.projects], extra=extra)
