"""`peakctl test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Duration, Text, Word

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.model import JsonDict
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl test Service/price-api --path /health
  peakctl test Service/price-api --method post --path /predict --payload '{"id": 1}'
  peakctl test Service/price-api --expect-status 404 --within 60s
  peakctl test                                    all healthChecks of peakctl.yaml

Exit codes: 0 all passed, 1 one did not, or could not be made, 15 not permitted,
64 wrong usage.
"""


@options.command(epilog=EPILOG)
@options.target("[SERVICE/NAME]", required=False)
@click.option(
    "--method",
    type=click.Choice(["get", "post", "put", "patch", "delete"]),
    default="get",
    show_default=True,
    help="Method of the request.",
)
@click.option("--path", type=Word(), default="/", show_default=True, help="Path of the request.")
@click.option("--payload", type=Text(), metavar="JSON", help="What is sent along.")
@click.option(
    "--expect-status",
    type=click.IntRange(100, 599),
    metavar="N",
    help="Status of a good answer. Default: any 2xx.",
)
@click.option("--expect-text", type=Word(), metavar="TEXT", help="A text in a good answer.")
@click.option(
    "--within",
    type=Duration(),
    default=0.0,
    metavar="TIME",
    help="For a get: ask again until the answer is good, for so long.",
)
@options.asking
def test(what: str | None, **flags: object) -> int:
    """Ask a service through the platform, and check its answer; without a name: all healthChecks.

    The platform tests services of type api.
    """
    words = ("method", "path", "payload", "expect_status", "expect_text", "within")
    asked: JsonDict = {word: flags.pop(word) for word in words}
    return options.run("test", flags, _test, what, asked)


async def _test(session: Session, what: str | None, asked: JsonDict) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.operations.health import not_passed, read_check, run_check, run_checks
    from peakctl.operations.target import parse_target
    from peakctl.present.health import NO_CHECKS, check_lines, check_row
    from peakctl.present.text import line

    async with session.connected() as platform:
        if what is None:
            checks = session.project.health_checks
            found = await run_checks(platform, checks)
        else:
            key = parse_target(what, list(platform.kinds)).key
            found = (await run_check(platform, read_check(key, **asked)),)
    return session.result(
        "health_checks",
        [check_row(each) for each in found],
        check_lines(found) or (line(NO_CHECKS),),
        exit_code=Exit.DONE if all(each.ok for each in found) else Exit.ERROR,
        diagnostics=tuple(not_passed(each) for each in found if not each.ok),
    )
