"""Ledgers for tests."""

from __future__ import annotations

from typing import Any

from peakctl.model import Ledger, Owned, Owner

US, THEM = Owner("retail", "dev"), Owner("bank", "prod")


def ledger_of(*owned: Owned, owner: Owner = US, **more: Any) -> Ledger:
    """A ledger with these entries; `more` are other fields of it."""
    return Ledger(owner, "salt", owned={each.key: each for each in owned}, **more)
