"""`peakctl disown`."""

from __future__ import annotations

import click

from peakctl.cli import options
from peakctl.cli.ownership import resources, run_change

EPILOG = """\b
Examples:
  peakctl disown Workflow/nightly -e prod      another project, or nobody, looks after it
  peakctl disown Image/base Service/api --yes

\b
Exit codes: 0 done, or it was so already, 1 the project does not own it,
12 not agreed to, 13 another run is under way,
15 not permitted, 64 wrong usage.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@resources
@options.consent
@options.connection
@options.display
def disown(what: tuple[str, ...], **flags: object) -> int:
    """Let go of resources: they stay as they are, and belong to no project.

    The ledger alone changes: nothing is deleted or stopped. Prune and destroy leave them alone from
    then on, and what was recorded of them is forgotten, their protection too. A manifest that still
    names one takes it back at the next apply where the two are equal.
    """
    return run_change("disown", what, flags)
