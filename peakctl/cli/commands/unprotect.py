"""`peakctl unprotect`."""

from __future__ import annotations

import click

from peakctl.cli import options
from peakctl.cli.ownership import resources, run_change

EPILOG = """\b
Examples:
  peakctl unprotect Workflow/old -e prod       then: peakctl apply --prune
  peakctl unprotect Image/base --yes

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
def unprotect(what: tuple[str, ...], **flags: object) -> int:
    """Let protected resources of the project be deleted again.

    The ledger alone changes, after asking. A manifest with `lifecycle: {protect: true}` protects it
    again at the next apply. For what is in no manifest any more this is the way to prune it.
    """
    return run_change("unprotect", what, flags)
