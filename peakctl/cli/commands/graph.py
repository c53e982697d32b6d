"""`peakctl graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options
from peakctl.cli.option_types import Word, complete_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.cli.session import Session
    from peakctl.model import JsonDict, Key
    from peakctl.present.graph_text import Pairs
    from peakctl.present.report import Report
    from peakctl.present.text import Line

EPILOG = """\b
Examples:
  peakctl graph                              what refers to what
  peakctl graph -o svg > graph.svg
  peakctl graph -o dot | dot -Tpng > graph.png
  peakctl graph --impact Image/base -e prod  its users in every project

Exit codes: 0 done, 1 --impact names nothing that is there, 10 manifests invalid,
15 not permitted, 64 wrong usage.
"""
FORMS = ("text", "dot", "mermaid", "svg", "html", "json", "yaml")


@options.command(epilog=EPILOG)
@click.option(
    "--impact",
    type=Word(),
    metavar="KIND/NAME",
    shell_complete=complete_target,
    help="Whom a change of it reaches: here, in other projects, and in nobody's manifest.",
)
@options.manifests
@options.selection
@options.output(*FORMS)
@options.connection
@options.display
def graph(impact: str | None, **flags: object) -> int:
    """Show what refers to what, as text or as a drawing.

    Contacts nothing. With --impact the tenant is read: everything that may use that resource, each
    release and revision too, and the ledgers of all projects, which say whose it is.
    """
    if impact is None:
        return options.run("graph", flags, _graph)
    return options.run("graph", flags, _impact, impact)


def _graph(session: Session) -> Report:
    from peakctl.operations.graph import resource_graph
    from peakctl.present.graph_text import graph_document, graph_lines, graph_parts

    flags = session.flags
    found = resource_graph(session.project, flags.select, flags.exclude)
    session.warnings += found.diagnostics
    return _told(session, graph_lines(found), graph_parts(found), "graph", graph_document(found))


async def _impact(session: Session, word: str) -> Report:
    from peakctl.operations.graph import find_impact
    from peakctl.present.graph_text import impact_document, impact_lines, impact_parts

    async with session.connected_to(word) as (platform, target):
        found = await find_impact(platform, target.key)
    session.warnings += found.diagnostics
    lines, parts = impact_lines(found), impact_parts(found)
    return _told(session, lines, parts, "impact", impact_document(found))


def _told(
    session: Session,
    lines: Sequence[Line],
    parts: tuple[dict[Key, str], Pairs],
    word: str,
    document: JsonDict,
) -> Report:
    from peakctl.present.graph_text import DRAWN, drawn_text

    form = session.flags.output
    text = drawn_text(form, *parts, lines) if form in DRAWN else session.as_yaml(document)
    return session.report(lines=tuple(lines), text=text, extra={word: document})
