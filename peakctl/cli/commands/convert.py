"""`peakctl convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from peakctl.cli.session import Session
    from peakctl.operations.convert import ConvertResult
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl convert deploy.sh bodies/ --into manifests
  peakctl convert webapp.yaml --kind Webapp          prints the manifest
  peakctl convert . --into manifests -e prod         asks the tenant for names
"""


@options.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True)
@click.option("--into", type=Word(), metavar="FOLDER", help="Write the manifests there.")
@click.option(
    "--kind",
    "kinds",
    type=Word(),
    multiple=True,
    metavar="KIND",
    help="What bodies are that do not say it; PATH=KIND for one of them. Repeatable.",
)
@options.environment
@options.output("text", "json")
@options.display
def convert(
    paths: tuple[str, ...], into: str | None, kinds: tuple[str, ...], **flags: object
) -> int:
    """Turn files of the platform's own client into manifests.

    PATHS are bodies (YAML, Jinja), shell scripts and CI files with `peak` commands, publish files,
    and folders of them. Scripts are read, never run. What cannot be converted is said with its
    line. With -e the names of ids are asked of the tenant.
    """
    from peakctl.operations import convert as operation

    def body(session: Session) -> Report | Coroutine[object, object, Report]:
        if session.flags.env is None:
            return _report(session, operation.convert(paths, into=into, kinds=kinds), into)

        async def asked() -> Report:
            found = await operation.convert_async(session.project, paths, into=into, kinds=kinds)
            return _report(session, found, into)

        return asked()

    return options.run("convert", flags, body)


def _report(session: Session, found: ConvertResult, into: str | None) -> Report:
    """Manifests that are not written are the result; what is left to do is told beside it."""
    from peakctl.present import converted as shown

    lines = tuple(shown.converted_lines(found, into))
    if into is None:
        session.terminal.tell(lines)
    return session.report(
        diagnostics=found.diagnostics,
        lines=() if into is None else lines,
        text=shown.converted_text(found) if into is None else "",
        extra=shown.converted_document(found),
    )
