"""`peakctl ci plan|apply|changed|comment|init`: a file a command."""

from __future__ import annotations

from peakctl.cli import options
from peakctl.cli.commands.ci.apply import apply
from peakctl.cli.commands.ci.changed import changed
from peakctl.cli.commands.ci.comment import comment
from peakctl.cli.commands.ci.init import init
from peakctl.cli.commands.ci.plan import plan

EPILOG = """\b
Examples:
  peakctl ci plan -e prod            the job of a pull or merge request
  peakctl ci apply -e prod           the job of the branch that is applied
  peakctl ci changed                 which projects a request touches
  peakctl ci comment --result FILE   tell the result of a fork's job
  peakctl ci init github             write these jobs, pinned
"""


@options.group(epilog=EPILOG)
@options.directory
def ci() -> None:
    """Plan and apply as one line of a CI job.

    As plan and apply, and tells of the result where the CI shows things: on the request, in the
    summary of the step, in outputs for later steps. docs/ci.md has the jobs.
    """


for _command in (plan, apply, changed, comment, init):
    ci.add_command(_command)
