"""`peakctl fmt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl fmt
  peakctl fmt --check                   in CI: 2 when a file is not in order
  peakctl fmt manifests/image.yaml
"""


@options.command(epilog=EPILOG)
@click.argument("paths", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; exit with 2 if something would be.")
@options.environment
@options.output("text", "json")
@options.display
def fmt(paths: tuple[str, ...], *, check: bool, **flags: object) -> int:
    """Put the keys of manifests in the order of the schema, those of the project or of PATHS.

    Whole lines move: comments, quotes and templates stay as they were written. A file that cannot
    be kept whole is left alone, and named.
    """
    return options.run("fmt", {"filename": paths, **flags}, _fmt, check=check)


def _fmt(session: Session, *, check: bool) -> Report:
    from peakctl.cli.exits import Exit
    from peakctl.errors import counted
    from peakctl.operations.fmt import fmt as run
    from peakctl.present.text import line

    found = run(session.project, check=check)
    rows = [line(("~ ", "edit"), name) for name in found.changed]
    count, all_ = counted(len(found.changed), "file"), counted(found.checked, "file")
    words = f"{'To format' if check else 'Formatted'}: {count} of {found.checked}."
    last = words if found.changed else f"In order: {all_}."
    return session.report(
        exit_code=Exit.CHANGES_PENDING if check and found.changed else Exit.DONE,
        diagnostics=found.diagnostics,
        lines=(*rows, *([()] if rows else []), line((last, "good"))),
        extra={"changed": list(found.changed), "checked": found.checked},
    )
