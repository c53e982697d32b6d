"""Lets time pass: everything that was due happens, in order, each at its own moment.

Nothing runs in the background. A request first settles what came due since the last one, so the
emulator's clock alone decides what a read sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peakctl.emulator.behaviour.building import finish_build
from peakctl.emulator.behaviour.deploying import deployment_gone, finish_revision
from peakctl.emulator.behaviour.ending import (
    finish_execution,
    finish_service,
    image_gone,
    service_gone,
    versions_gone,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from peakctl.emulator.options import Options
    from peakctl.emulator.rows import Body, Transaction

ACTIONS: dict[str, Callable[[Transaction, Options, Body], None]] = {
    "build-done": finish_build,
    "versions-gone": versions_gone,
    "image-gone": image_gone,
    "service-done": finish_service,
    "service-gone": service_gone,
    "execution-done": finish_execution,
    "revision-done": finish_revision,
    "deployment-gone": deployment_gone,
}


def settle(tx: Transaction, options: Options) -> None:
    """Do all that is due at `tx.now`; what follows from it may be due as well."""
    while (due := tx.next_due(tx.now)) is not None:
        at, tenant, action, data = due
        ACTIONS[action](tx.at(tenant, at), options, data)
