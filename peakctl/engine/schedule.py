"""A graph of keys, run as soon as each is ready; knows nothing of resources.

The graph alone bounds what runs side by side: requests are bounded in the API client, and waiting
for a build must not hold anything else up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

K = TypeVar("K", bound=Hashable)


class _Graph(Generic[K]):
    """Which keys still wait, and what failed before them."""

    def __init__(self, after: Mapping[K, frozenset[K]]) -> None:
        self._waiting = {key: set(needs) for key, needs in after.items()}
        self._roots: dict[K, K] = {}
        self._dependents: dict[K, list[K]] = {key: [] for key in after}
        for key, needs in after.items():
            for need in needs:
                self._dependents[need].append(key)

    def ready(self) -> list[K]:
        return [key for key, needs in self._waiting.items() if not needs]

    def end(self, key: K, root: K | None) -> list[tuple[K, K | None]]:
        """Keys that nothing waits for any more, each with the failure before it, if any."""
        freed: list[tuple[K, K | None]] = []
        for dependent in self._dependents[key]:
            self._waiting[dependent].discard(key)
            if root is not None:
                self._roots.setdefault(dependent, root)
            if not self._waiting[dependent]:
                freed.append((dependent, self._roots.get(dependent)))
        return freed


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
    graph = _Graph(after)
    ended: asyncio.Queue[tuple[K, K | None]] = asyncio.Queue()

    async def one(key: K) -> None:
        ended.put_nowait((key, None if await act(key) else key))

    async with asyncio.TaskGroup() as group:
        for key in graph.ready():
            group.create_task(one(key))
        for _ in after:
            for key, root in graph.end(*await ended.get()):
                if root is None:
                    group.create_task(one(key))
                else:
                    blocked(key, root)
                    ended.put_nowait((key, root))
