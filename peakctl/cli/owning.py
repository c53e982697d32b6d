"""Whose ledger a run keeps, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, UsageError
from peakctl.model import Owner

if TYPE_CHECKING:
    from peakctl.cli.session import Connection, Session
    from peakctl.ledger.client import LedgerClient


def owner_of(session: Session) -> Owner | None:
    """What the run would own its resources as; None where no ledger is kept."""
    project, environment = session.project, session.environment
    if project is None or environment is None or not environment.ledger:
        return None
    return Owner(project.name, environment.name)


def ledger_client(session: Session, connection: Connection) -> LedgerClient | None:
    """What reads and writes the ledger of the run; None where none is kept."""
    from peakctl.cli.actor import alive
    from peakctl.ledger.client import LedgerClient

    owner = owner_of(session)
    return LedgerClient(connection.ledgers, owner, session.clock, alive) if owner else None


def check_owns(session: Session) -> None:
    """Return where a ledger is kept. Raises UsageError elsewhere: nothing is owned there."""
    if owner_of(session) is not None:
        return
    name = session.environment.name if session.environment else None
    fix = "go to your project, or delete it in the platform"
    if session.project is not None and name is not None:
        fix = (
            f"take `ledger: false` out of the environment {name} in peakctl.yaml, adopt by an"
            " apply, then destroy; or delete it in the platform"
        )
    raise UsageError(
        Diagnostic(
            code="usage/destroy",
            summary="destroy needs a project with a ledger",
            detail="it deletes what the ledger owns; without one nothing is known to be yours",
            fix=fix,
        )
    )
