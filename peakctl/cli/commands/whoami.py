"""`peakctl whoami`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import option_types as types
from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl whoami -e prod
  peakctl whoami --can PLATFORM.IMAGES --action write     15 where it may not
  peakctl whoami -o json

Exit codes: 0 done, 1 error, 15 not permitted, or no token.
"""


@options.command(epilog=EPILOG)
@options.environment
@options.parameters
@click.option(
    "--can", type=types.Word(), metavar="FEATURE", help="Say whether the token may use it."
)
@click.option(
    "--action",
    type=types.Word(),
    metavar="ACTION",
    default="read",
    show_default=True,
    help="With --can: what is to be done with it; read, or write.",
)
@options.output("text", "json", "yaml")
@options.display
def whoami(can: str | None, action: str, **flags: object) -> int:
    """Show which tenant a run goes to, by which token, and what that token may do.

    What may be done is told in the words of the platform: `*` is all, write includes read.
    """
    return options.run("whoami", flags, _whoami, can, action)


async def _whoami(session: Session, can: str | None, action: str) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.operations.whoami import look_who
    from peakctl.present.whoami import asked_line, whoami_document, whoami_lines

    async with session.connected() as platform:
        found = await look_who(platform, can, action)
    lines = whoami_lines(found)
    if can is not None and found.asked is not None:
        lines = (asked_line(can, action, allowed=found.asked),)
    document = whoami_document(found)
    return session.report(
        exit_code=Exit.NOT_PERMITTED if found.asked is False else Exit.DONE,
        lines=lines,
        text=session.as_yaml(document),
        extra=document,
    )
