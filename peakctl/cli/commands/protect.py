"""`peakctl protect`."""

from __future__ import annotations

import click

from peakctl.cli import options
from peakctl.cli.ownership import resources, run_change

EPILOG = """\b
Examples:
  peakctl protect Service/price-api -e prod
  peakctl protect Image/base Artifact/prices

\b
Exit codes: 0 done, or it was so already, 1 the project does not own it,
13 another run is under way,
15 not permitted, 64 wrong usage.
"""


@click.command(context_settings=options.CONTEXT, epilog=EPILOG)
@resources
@options.connection
@options.display
def protect(what: tuple[str, ...], **flags: object) -> int:
    """Keep resources of the project from being deleted.

    The ledger alone changes. What is protected is not deleted by prune or destroy, nor replaced.
    For what a manifest declares, write `lifecycle: {protect: true}` there: an apply goes by it.
    """
    return run_change("protect", what, flags)
