"""`peakctl drift`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl drift -e prod
  peakctl drift -e prod --unowned
  peakctl drift -e prod -o markdown > drift.md     a nightly job: docs/ci.md

Exit codes: 0 no drift, 2 something was changed outside, 1 error (nothing was
applied yet, for one), 3 a selector matched nothing, 10 manifests invalid,
15 not permitted.
"""


@options.command(epilog=EPILOG)
@options.manifests
@options.selection
@options.unset_env
@click.option(
    "--unowned", is_flag=True, help="Also list what is live, of the same kinds, and nobody's."
)
@options.outputs
@options.connection
@options.display
def drift(*, unowned: bool, **flags: object) -> int:
    """Show what was changed, deleted or added outside since the last apply.

    What the manifests have and no apply has done yet is no drift. Changes nothing, and needs a
    token that may read.
    """
    return options.run("drift", flags, _drift, unowned=unowned)


async def _drift(session: Session, *, unowned: bool) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.cli.planning import load_typed, options_of
    from peakctl.operations.drift import look_for_drift
    from peakctl.present.drift import (
        drift_document,
        drift_events,
        drift_findings,
        drift_lines,
        drift_sections,
    )

    session.require_owner()
    async with session.connected_loading(partial(load_typed, session)) as (platform, loaded):
        found = await look_for_drift(platform, loaded, options_of(session), unowned=unowned)
    findings, places = drift_findings(found), session.places  # hosts have places of their own
    if places is not None:
        moved = (replace(d, place=places.place(d.place)) if d.place else d for d in found.drift)
        found = replace(found, drift=tuple(moved))
    return session.report(
        exit_code=Exit.CHANGES_PENDING if found.has_drifted else Exit.DONE,
        diagnostics=found.diagnostics,
        lines=drift_lines(found, verbose=session.flags.verbose),
        extra=drift_document(found),
        sections=drift_sections(found),
        events=drift_events(found),
        findings=findings,
    )
