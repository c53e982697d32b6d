"""The shared body of `disown`, `protect` and `unprotect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.operations.ownership import OwnershipChange
    from peakctl.present.report import Report

QUESTIONS = {
    "disown": "Let go of what is listed?",
    "unprotect": "Take the protection away from what is listed?",
}
"""What is asked before the change is written; to protect more is never asked for."""

resources = options.stack(
    click.argument(
        "what",
        metavar="KIND/NAME...",
        nargs=-1,
        required=True,
        shell_complete=options.complete_target,
    ),
    options.environment,
    options.parameters,
    options.output("text", "json", "yaml"),
)


def run_change(word: str, what: tuple[str, ...], flags: dict[str, object]) -> int:
    """Change entries of the ledger, after asking where it takes something away."""
    from peakctl.cli.session import run_command
    from peakctl.operations.ownership import OwnershipChange

    change = OwnershipChange(word)
    typed = options.Flags.of(flags)
    return run_command(word, typed, lambda session: _change(session, change, what))


async def _change(session: Session, change: OwnershipChange, what: tuple[str, ...]) -> Report:
    from peakctl.cli.consent import require_consent
    from peakctl.cli.session import connected
    from peakctl.operations.ownership import look_to_change, write_ownership
    from peakctl.operations.project import require_owner
    from peakctl.operations.target import parse_target
    from peakctl.present.ledger import ownership_document, ownership_lines, ownership_summary

    session.arguments = what
    require_owner(session.project)
    async with connected(session) as platform:
        keys = [parse_target(word, list(platform.kinds)).key for word in what]
        shown = await look_to_change(platform, change, keys)
        session.warnings += shown.diagnostics
        rows = ownership_document(shown)
        session.show(ownership_lines(shown), resources=rows)
        if shown.changed and change in QUESTIONS:
            is_listed = "the ledger would change"
            require_consent(session, QUESTIONS[change], what=is_listed, read="what is listed")
        if shown.changed:
            session.warnings += await write_ownership(platform, shown)
    return session.report(
        lines=ownership_summary(shown),
        text=session.as_yaml(*rows),
        extra={"resources": rows},
        wrote=bool(shown.changed),
    )
