"""A graph of keys, run as soon as each is ready; knows nothing of resources.

The graph alone bounds what runs side by side: requests are bounded in the API client, and waiting
for a build must not hold anything else up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

K = TypeVar("K")


async def run_graph(
    after: Mapping[K, frozenset[K]],
    act: Callable[[K], Awaitable[bool]],
    blocked: Callable[[K, K], None],
) -> None:
    """Call `act(key)` when all of `after[key]` have succeeded.

    `act` tells whether it succeeded and must not raise for a failure that is the key's own. A key
    after a failed one is not started: `blocked(key, root)` names the failure at the root of it.
    The graph must have no cycle, and `after` must mention keys of the graph only.
    """
    waiting = {key: set(needs) for key, needs in after.items()}
    dependents: dict[K, list[K]] = {key: [] for key in after}
    for key, needs in after.items():
        for need in needs:
            dependents[need].append(key)
    ended: asyncio.Queue[tuple[K, K | None]] = asyncio.Queue()
    roots: dict[K, K] = {}

    async def one(key: K) -> None:
        ended.put_nowait((key, None if await act(key) else key))

    async with asyncio.TaskGroup() as group:
        for key in [key for key, needs in waiting.items() if not needs]:
            group.create_task(one(key))
        for _ in after:
            key, root = await ended.get()
            for dependent in dependents[key]:
                waiting[dependent].discard(key)
                if root is not None:
                    roots.setdefault(dependent, root)
                if waiting[dependent]:
                    continue
                if dependent in roots:
                    blocked(dependent, roots[dependent])
                    ended.put_nowait((dependent, roots[dependent]))
                else:
                    group.create_task(one(dependent))
