"""`peakctl redeploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Duration

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl redeploy Deployment/forecast
  peakctl redeploy Deployment/forecast -e prod --yes

Exit codes: 0 it is deployed; 1 it failed again, had not failed, or goes on; 12
not agreed to, or not this project's; 15 not permitted; 64 wrong usage.
"""


@options.command(epilog=EPILOG)
@options.target("DEPLOYMENT/NAME")
@click.option("--timeout", type=Duration(), metavar="TIME", help="Wait so long. Default: 1h.")
@options.environment
@options.parameters
@options.output("text", "json", "yaml")
@options.consent
@options.connection
@options.display
def redeploy(what: str, timeout: float | None, **flags: object) -> int:
    """Try the latest revision of a failed deployment again, and wait for it.

    The platform redeploys what failed or ended with a warning. An apply does the same for what the
    manifests name.
    """
    return options.run("redeploy", flags, _redeploy, what, timeout)


async def _redeploy(session: Session, what: str, limit: float | None) -> Report:
    from peakctl.cli.consent import require_consent
    from peakctl.cli.exits import Exit
    from peakctl.cli.loop import graceful
    from peakctl.engine.waiting import Stop
    from peakctl.operations.redeploy import as_it_is, look_to_redeploy, redeploy_live
    from peakctl.present.runs import redeploy_lines, redeploy_row, redeploy_shown
    from peakctl.present.text import line

    session.arguments = (what,)
    terminal, stop = session.terminal, Stop()
    async with session.connected_to(what) as (platform, target):
        live = await look_to_redeploy(platform, target.key)
        now = redeploy_row(as_it_is(target.key, live))
        session.show(redeploy_shown(target.key, live), redeploy=now)
        require_consent(
            session, "Redeploy it?", what="it would be redeployed", read="what is shown"
        )
        with graceful(session, stop.request, lambda item: terminal.warn([item])):
            found = await redeploy_live(
                platform,
                target.key,
                live,
                limit=limit,
                stop=stop,
                report=lambda status: terminal.tell([line((f"  {status}", "dim"))]),
            )
    return session.result(
        "redeploy",
        redeploy_row(found),
        redeploy_lines(found),
        exit_code=session.interrupted or (Exit.DONE if found.ok else Exit.ERROR),
        diagnostics=found.diagnostics,
        wrote=True,
    )
