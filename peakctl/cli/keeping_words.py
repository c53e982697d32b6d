"""What is to be said of a run whose ledger is not as it should be, and how it went in a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.errors import Diagnostic, Severity
from peakctl.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peakctl.errors import PeakctlError
    from peakctl.model import Key, Outcome, Owned


def outcome_word(outcomes: Sequence[Outcome]) -> str:
    """How a run went, as the ledger tells it later."""
    if all(o.status.good for o in outcomes):
        return "done"
    return "in part" if any(o.status is Status.DONE for o in outcomes) else "failed"


def lost(again: str, *, early: bool) -> Diagnostic:
    """That another has the lease; `early`: known before the end, so that nothing was begun."""
    end = "so nothing new was started" if early else "and that was seen only at the end"
    return Diagnostic(
        code="lease/lost",
        summary=f"the lease was lost on the way, {end}",
        detail=(
            "another run took it, it was unlocked, or the ledger could not be written for too long;"
            " what another run did meanwhile was not looked at"
        ),
        fix=f"see who has it: peakctl ledger show; then {again}",
    )


def replaced(theirs: Owned, ours: Owned) -> Diagnostic:
    """That two runs made something of one name."""
    return Diagnostic(
        code="ledger/replaced",
        summary=f"id {ours.id} is in the ledger now, in the place of id {theirs.id}",
        key=ours.key,
        detail="another run made that one at the same time; the ledger has one of each name",
        fix=f"look at both, and delete one of them: peakctl get {ours.key.kind}",
        severity=Severity.WARNING,
    )


def not_written(error: PeakctlError, again: str) -> Diagnostic:
    """That what the run did is not in the ledger."""
    return Diagnostic(
        code="ledger/not-written",
        summary="the run is over, and its ledger could not be written",
        detail=(
            f"{error}\nits lease was not given back: this machine sees that its run is over,"
            " on others it holds for up to 15 minutes"
        ),
        fix=f"nothing is lost: {again}",
    )


def not_noted(error: PeakctlError | None, again: str, key: Key | None = None) -> Diagnostic:
    """That the ledger stays as it was; `key` is what it was to protect, or not to, from now on."""
    about = "whether it is protected" if key else "what it should say now"
    return Diagnostic(
        code="ledger/not-noted",
        summary=f"the ledger could not be written, and does not say {about}",
        key=key,
        detail=str(error) if error else "another run is writing it",
        fix=again,
        severity=Severity.ERROR if key else Severity.WARNING,
    )
