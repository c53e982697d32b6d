"""`peakctl protect`, `unprotect` and `disown`: entries of the ledger alone change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.cli import options

if TYPE_CHECKING:
    from peakctl.cli.session import Session
    from peakctl.present.report import Report

PROTECT_EPILOG = """\b
Examples:
  peakctl protect Service/price-api -e prod
  peakctl protect Image/base Artifact/prices

Exit codes: 0 done, or it was so already, 1 the project does not own it,
13 another run is under way,
15 not permitted, 64 wrong usage.
"""
UNPROTECT_EPILOG = """\b
Examples:
  peakctl unprotect Workflow/old -e prod       then: peakctl apply --prune
  peakctl unprotect Image/base --yes

Exit codes: 0 done, or it was so already, 1 the project does not own it,
12 not agreed to, 13 another run is under way,
15 not permitted, 64 wrong usage.
"""
DISOWN_EPILOG = """\b
Examples:
  peakctl disown Workflow/nightly -e prod      it is no longer this project's
  peakctl disown Image/base Service/api --yes

Exit codes: 0 done, or it was so already, 1 the project does not own it,
12 not agreed to, 13 another run is under way,
15 not permitted, 64 wrong usage.
"""
QUESTIONS = {
    "disown": "Let go of what is listed?",
    "unprotect": "Take the protection away from what is listed?",
}
"""What is asked before the change is written; to protect more is never asked for."""

RESOURCES = options.stack(
    options.target("KIND/NAME...", nargs=-1, required=True),
    options.environment,
    options.parameters,
    options.output("text", "json", "yaml"),
)


@options.command(epilog=PROTECT_EPILOG)
@RESOURCES
@options.connection
@options.display
def protect(what: tuple[str, ...], **flags: object) -> int:
    """Keep resources of the project from being deleted.

    The ledger alone changes. What is protected is not deleted by prune or destroy, nor replaced.
    For what a manifest declares, write `lifecycle: {protect: true}` there: an apply goes by it.
    """
    return options.run("protect", flags, _change, what)


@options.command(epilog=UNPROTECT_EPILOG)
@RESOURCES
@options.consent
@options.connection
@options.display
def unprotect(what: tuple[str, ...], **flags: object) -> int:
    """Let protected resources of the project be deleted again.

    The ledger alone changes, after asking. A manifest with `lifecycle: {protect: true}` protects it
    again at the next apply. For what is in no manifest any more this is the way to prune it.
    """
    return options.run("unprotect", flags, _change, what)


@options.command(epilog=DISOWN_EPILOG)
@RESOURCES
@options.consent
@options.connection
@options.display
def disown(what: tuple[str, ...], **flags: object) -> int:
    """Let go of resources: they stay as they are, and belong to no project.

    The ledger alone changes: nothing is deleted or stopped. Prune and destroy leave them alone from
    then on, and what was recorded of them is forgotten, their protection too. A manifest that still
    names one takes it back at the next apply where the two are equal.
    """
    return options.run("disown", flags, _change, what)


async def _change(session: Session, what: tuple[str, ...]) -> Report:
    """Change entries of the ledger, after asking where it takes something away."""
    from peakctl.cli.consent import require_consent
    from peakctl.operations.ownership import OwnershipChange, look_to_change, write_ownership
    from peakctl.operations.target import parse_target
    from peakctl.present.ledger import ownership_document, ownership_lines, ownership_summary

    session.arguments, change = what, OwnershipChange(session.command)
    session.require_owner()
    async with session.connected() as platform:
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
    return session.result("resources", rows, ownership_summary(shown), wrote=bool(shown.changed))
