"""`peakctl ci init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ci_init import CiInitResult
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl ci init github
  peakctl ci init gitlab -e prod
  peakctl ci init github --matrix -e prod     for every project of a monorepo

\b
CIs:
  github    two workflows (one for forks), and the action they use
  gitlab    jobs to include in .gitlab-ci.yml
  azure     a pipeline of two stages
  jenkins   a declarative pipeline for a multibranch project
"""


@options.command(epilog=EPILOG)
@click.argument("ci", metavar="CI")
@click.option(
    "-e",
    "--env",
    metavar="NAME",
    type=Word(),
    help="Environment of peakctl.yaml. Default: the only one that is not the emulator, or the only "
    "protected one of those.",
)
@click.option(
    "--matrix",
    is_flag=True,
    help="One workflow for every project of the repository that has the environment (GitHub).",
)
@options.output("text", "json")
@options.display
def init(ci: str, matrix: bool, **flags: object) -> int:  # noqa: FBT001 - by name
    """Write the files of a CI that plans on requests and applies on the branch.

    For one environment of the project; again with another -e for more. Versions are pinned, and
    what has to be set up by hand stands at the top of each file. Overwrites nothing.
    """
    from peakctl.operations.ci_init import MATRIX, init_ci

    if matrix and ci != "github":
        raise click.UsageError("--matrix is there for github alone")

    def body(session: Session) -> Report:
        kind = MATRIX if matrix else ci
        return _report(session, init_ci(session.settings, kind, session.flags.env))

    return options.run("ci init", flags, body)


def _report(session: Session, made: CiInitResult) -> Report:
    from peakctl.errors import counted
    from peakctl.present.text import line

    rows = [line(("+ ", "create"), name) for name in made.written]
    rows += [line(("= ", "unchanged"), name, " has this text already") for name in made.same]
    rows += [line(("= ", "unchanged"), name, " stays as it was") for name in made.kept]
    words = f"Wrote {counted(len(made.written), 'file')} for the environment {made.environment}."
    next_ = "Next: set up what the comments at the top of each file ask for (tokens, approvals)."
    lines = [*rows, (), line((words, "good")), line(next_)]
    if made.kept:
        include = next(iter((*made.written, *made.same)))
        lines.append(line(f"Add to {made.kept[0]}: include: [{{local: {include}}}]"))
    extra = {
        "folder": str(made.top),
        "environment": made.environment,
        "written": list(made.written),
        "same": list(made.same),
        "kept": list(made.kept),
    }
    return session.report(lines=tuple(lines), extra=extra)
