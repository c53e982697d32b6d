"""`peakctl why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl why Service/price-api -e prod            where each field comes from
  peakctl why Workflow/nightly.spec.steps.train.command -e prod
  peakctl why Workflow/nightly.triggers -e prod    `spec` may be left out

Exit codes: 0 done, 1 no manifest declares it, 10 manifests invalid, 15 not permitted,
64 there is no such kind or field. `explain Kind.field` says what a field means.
"""


@options.command(epilog=EPILOG)
@options.target("KIND/NAME[.FIELD]", "target")
@options.environment
@options.parameters
@options.unset_env
@options.output("text", "yaml", "json")
@options.connection
@options.display
def why(target: str, **flags: object) -> int:
    """Tell where the value of a field comes from, which run brought it, and what was before.

    From which line of which file, template, parameter or default; since which run and commit, as
    far as the history and git tell; whether it is so on the platform, and why a difference is not
    planned. Reads only.
    """
    return options.run("why", flags, _why, target)


async def _why(session: Session, target: str) -> Report:
    from peakctl.cli.past import told
    from peakctl.operations.why import find_why
    from peakctl.present.why import why_document, why_lines

    async with session.connected() as platform:
        found = await find_why(platform, target)
    session.warnings += found.diagnostics
    lines = why_lines(found, verbose=session.flags.verbose)
    return told(session, "why", why_document(found), lines)
