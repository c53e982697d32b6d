"""The shortest closed walk that takes every ordered pair of values once."""

from __future__ import annotations

import random
from itertools import pairwise


def circuit(count: int) -> list[int]:
    """A closed walk over `count` values in which each ordered pair of two different ones is one
    step: an Eulerian circuit of the complete directed graph. It begins and ends with value 0."""
    if not count:
        return []
    left = {node: [other for other in range(count) if other != node] for node in range(count)}
    stack, walk = [0], []
    while stack:
        here = stack[-1]
        if left[here]:
            stack.append(left[here].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]


def drawn(count: int, steps: int, seed: str) -> list[int]:
    """`steps` steps of the circuit, from a place that `seed` decides; all of a shorter one."""
    whole = circuit(count)
    if len(whole) <= steps + 1:
        return whole
    closed = whole[:-1]
    start = random.Random(seed).randrange(len(closed))
    return [(closed + closed)[start + step] for step in range(steps + 1)]


def steps_of(walk: list[int]) -> list[tuple[int, int]]:
    """The ordered pairs that a walk takes."""
    return list(pairwise(walk))
