"""`peakctl import`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.model import JsonDict
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl import --all -e dev
  peakctl import Service Workflow/nightly-* -e dev
  peakctl import Image/forecast --into manifests/retail --layout kind

What is part of a deployment, another project's, or declared already is left out,
each with its reason. Variables stand where secrets do; .env.example names them.
"""


@options.command("import", epilog=EPILOG)
@click.argument("what", nargs=-1, metavar="[KIND[/NAME]]...")
@click.option("--all", "everything", is_flag=True, help="All kinds.")
@options.imported
@options.environment
@options.parameters
@options.output("text", "json")
@options.connection
@options.display
def import_(what: tuple[str, ...], **flags: Any) -> int:
    """Write manifests of what is live, and plan them. Changes nothing on the platform.

    Kinds may be typed as you like, names may have * and ?. No file is overwritten.
    """
    chosen = {name: flags.pop(name) for name in ("everything", "into", "layout", "pick", "update")}
    chosen["words"] = (*what, *flags["select"])
    return options.run("import", flags, _import, chosen)


async def _import(session: Session, chosen: JsonDict) -> Report:
    from peakctl.cli.planning import plan_result
    from peakctl.operations.importing import ImportOptions, import_live
    from peakctl.present.import_text import import_document, import_lines
    from peakctl.present.text import line

    session.tell_place()
    async with session.connected() as platform:
        options = ImportOptions(**chosen, parallelism=session.flags.parallelism)
        done = await import_live(
            platform, options, lambda words: session.terminal.tell([line((words, "dim"))])
        )
    return session.report(
        plan=done.planned.plan if done.planned else None,
        diagnostics=done.diagnostics,
        lines=(*import_lines(done), *(plan_result(session, done.planned) if done.planned else ())),
        extra=import_document(done),
    )
