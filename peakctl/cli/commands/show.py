"""`peakctl show`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

EPILOG = """\b
Examples:
  peakctl show prod.peakplan
  peakctl show prod.peakplan -o markdown > comment.md

Exit codes: 0 done, 11 no plan file of this peakctl, or one that was edited.
What is on the platform: peakctl get KIND NAME.
"""


@options.command(epilog=EPILOG)
@click.argument("words", nargs=-1, required=True, type=click.Path(), metavar="PLAN_FILE")
@options.outputs
@click.option("--show-ignored", is_flag=True, help="Show differences that plan nothing, and why.")
@options.display
def show(words: tuple[str, ...], **flags: object) -> int:
    """Print what was approved in a PLAN_FILE of `plan --out`.

    Needs no project, no tenant and no credentials. Secrets are not in the file.
    """
    return options.run("show", flags, _show, words)


def _show(session: Session, words: tuple[str, ...]) -> Report:
    from peakctl.operations.saved_plan import check_is_file, open_saved_plan
    from peakctl.present.saved_plan import saved_plan_document, saved_plan_lines

    flags, saved = session.flags, open_saved_plan(check_is_file(words))
    report = session.report(
        plan=saved.plan,
        lines=saved_plan_lines(saved, verbose=flags.verbose, show_ignored=flags.show_ignored),
        extra=saved_plan_document(saved),
    )
    approval = saved.approval
    return replace(
        report, project=approval.project or None, environment=approval.environment or None
    )
