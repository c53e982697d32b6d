"""How long the last good wait for each resource took, as a ledger has it: whole seconds.

It stands among the digests of a resource (`waited`), so that older ledgers and older versions of
peakctl need not know of it. Nothing is decided by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from peakctl.model import EMPTY, Action, Key, Ledger

_WAITED = "waited"
_SECONDS = re.compile(r"[1-9][0-9]{0,6}")


def write_wait(seconds: int) -> dict[str, str]:
    """The entry of a wait; none for one that was over at once."""
    text = str(seconds)
    return {_WAITED: text} if _SECONDS.fullmatch(text) else {}


def read_wait(digests: Mapping[str, str]) -> int | None:
    """The seconds that the entries of a resource tell of; None where they tell of none."""
    found = _SECONDS.fullmatch(digests.get(_WAITED, ""))
    return int(found[0]) if found else None


def kept_wait(digests: Mapping[str, str]) -> dict[str, str]:
    """The entry among those of a resource, to be written again."""
    return write_wait(read_wait(digests) or 0)


def usual_waits(actions: Iterable[Action], ledger: Ledger | None) -> dict[Key, int]:
    """What is known of the waits of `actions`: of the id, else of what had the name before."""
    owned = ledger.owned if ledger else {}
    by_id = {each.live_id: each.digests for each in owned.values()}
    by_key = {key: each.digests for key, each in owned.items()}
    out: dict[Key, int] = {}
    for action in actions:
        of_name = by_key.get(action.key, EMPTY)
        found = by_id.get(action.live.live_id, of_name) if action.live else of_name
        seconds = read_wait(found)
        if seconds is not None:
            out[action.key] = seconds
    return out
