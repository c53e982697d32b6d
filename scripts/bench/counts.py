"""How many requests each command sends: exactly as many as it must."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stacks import sizes

from bench.processes import emulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.figures import Tree

PROVIDED = 3  # images of the platform itself, which every listing of images has too
PREFLIGHT = 4  # what the token may do, two lists of machines, webapps with names of services
LEDGER = {
    "plan": 3,  # the listing it is in, its versions, the newest of them
    "first apply": 6,  # its listing with each look and once it is made; two writes, the history
    "writes": 3,  # the lease, what came of the run, the history
}


def pages(total: int) -> int:
    """Pages of the listings once a stack is live."""
    images, *others = sizes(total)
    return sum(math.ceil(count / 100) for count in (images + PROVIDED, *others) if count)


def count_goals(tree: Tree, totals: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """What is counted, how much of it was found, and how much there must be."""
    with emulator(tree.root) as server:
        for total in totals:
            server.ask("POST", "reset")
            folder = tree.project(total)
            images, services, _ = sizes(total)
            # Nothing is live yet: one page each, looked at again once the lease is held. Builds
            # and services end at once: one poll each.
            least = 2 * 3 + total + images + services + LEDGER["first apply"] + PREFLIGHT
            tree.run(folder, "apply", "--yes", address=server.address)
            requests, writes = server.counted()
            yield f"first apply, {total}: requests", requests, least
            yield f"first apply, {total}: writes", writes, total + LEDGER["writes"]
            for words in (["plan"], ["apply", "--yes"]):
                tree.run(folder, *words, address=server.address)
                requests, writes = server.counted()
                what = f"{words[0]} with nothing to do, {total}"
                yield f"{what}: requests", requests, pages(total) + total + LEDGER["plan"]
                yield f"{what}: writes", writes, 0
