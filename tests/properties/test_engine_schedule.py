"""Random graphs with random failures keep order, and every blocked key names a root that failed."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from peakctl.engine.apply import run_graph


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, frozenset[int]], frozenset[int]]:
    size = draw(st.integers(0, 12))
    after = {
        key: draw(st.frozensets(st.integers(0, key - 1), max_size=3)) if key else frozenset()
        for key in range(size)
    }
    return after, draw(st.frozensets(st.integers(0, 12)))


@given(graphs(), st.randoms(use_true_random=False))
def test_order_is_kept_and_blocked_keys_name_their_root(graph, random) -> None:  # type: ignore[no-untyped-def]
    after, failing = graph
    ended: dict[int, bool] = {}
    roots: dict[int, int] = {}

    async def act(key: int) -> bool:
        assert all(ended.get(need) is True for need in after[key])
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        ended[key] = key not in failing
        return ended[key]

    asyncio.run(run_graph(after, act, roots.__setitem__))
    assert ended.keys() | roots.keys() == after.keys()
    assert not ended.keys() & roots.keys()
    for key, root in roots.items():
        assert ended[root] is False
        assert root in ancestors(after, key)


def ancestors(after: dict[int, frozenset[int]], key: int) -> set[int]:
    found = set(after[key])
    for need in after[key]:
        found |= ancestors(after, need)
    return found
