"""`peakctl ci comment`."""

from __future__ import annotations

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

EPILOG = """\b
Examples:
  peakctl ci comment -e prod --result peakctl-result.json

Exit codes: 0 told, or the request was pushed to since; 1 the file is not usable (the comment says
so), or the comment could not be written.
"""


@options.command(epilog=EPILOG)
@options.environment
@options.parameters
@click.option(
    "--result",
    type=Word(),
    metavar="FILE",
    required=True,
    help="What `ci plan --result-file` wrote, or the zip archive of it.",
)
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "azure", "generic"]),
    help="Which CI this is. Default: found by the variables that each documents.",
)
@options.output("text", "json")
@options.display
def comment(result: str, ci: str | None, **flags: object) -> int:
    """Tell the result of a fork's job on its request, from a job that may comment.

    The file is not trusted: it is bounded, checked by its schema, and shown as plain text. Which
    request and commit it is of is taken from the event of this job (workflow_run on GitHub) and
    from the host, the project and the environment from this checkout, which is to be that of the
    base branch.
    """
    from peakctl.cli.ci_comment import comment_on_result

    return options.run("ci comment", flags, comment_on_result, result, ci)
