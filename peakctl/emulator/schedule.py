"""Lets time pass: everything that was due happens, in order, each at its own moment.

Nothing runs in the background. A request first settles what came due since the last one, so the
emulator's clock alone decides what a read sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.emulator.options import Options
    from peakctl.emulator.rows import Body, Transaction

    Action = Callable[[Transaction, Options, Body], None]

ACTIONS: dict[str, Action] = {}


def due(name: str) -> Callable[[Action], Action]:
    """Declare the function that follows as what `Transaction.schedule(..., name)` leads to."""

    def declare(action: Action) -> Action:
        ACTIONS[name] = action
        return action

    return declare


def settle(tx: Transaction, options: Options) -> None:
    """Do all that is due at `tx.now`; what follows from it may be due as well."""
    while (found := tx.next_due(tx.now)) is not None:
        at, tenant, action, data = found
        ACTIONS[action](tx.at(tenant, at), options, data)
