"""The end of an owner that was for a while: a prefix of names whose resources are all gone."""

from __future__ import annotations

from peakctl.ledger.client import LedgerClient
from peakctl.model import Ledger, LedgerStore, history_name


async def remove_records(client: LedgerClient, histories: LedgerStore, ours: Ledger) -> bool:
    """Delete the ledger and the history of an owner that has nothing left; whether that was done.

    `ours` is what this run has just written: where somebody has written since, or something is
    owned or still to be looked for, both stay. Raises ApiError, NotAuthenticated, LedgerUnusable.
    """
    if ours.owned or ours.intents or ours.lease is not None:
        return False
    found = await client.find()
    if found is None or found.ledger.writer != ours.writer:
        return False
    for each in await histories.list():
        if each.name == history_name(client.owner):
            await histories.remove(each.id)
    await client.store.remove(found.id)
    return True
