"""The circuits that walks follow take every ordered pair, and drawn parts of them are steady."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from matrix.circuit import circuit, drawn, steps_of

ROOT = Path(__file__).resolve().parents[2]

COUNTS = st.integers(1, 9)


@given(COUNTS)
def test_a_circuit_takes_every_ordered_pair_once_and_comes_back(count: int) -> None:
    walk = circuit(count)
    pairs = {(a, b) for a in range(count) for b in range(count) if a != b}
    assert walk[0] == walk[-1] == 0
    assert sorted(steps_of(walk)) == sorted(pairs)


@given(COUNTS, st.integers(1, 20), st.text(max_size=5))
def test_a_drawn_part_is_a_part_of_the_circuit_and_always_the_same(
    count: int, steps: int, seed: str
) -> None:
    walk = drawn(count, steps, seed)
    assert walk == drawn(count, steps, seed)
    assert len(walk) - 1 == min(steps, count * (count - 1))
    assert set(steps_of(walk)) <= set(steps_of(circuit(count)))
    assert len(set(steps_of(walk))) == len(walk) - 1


def test_no_value_means_no_step() -> None:
    assert circuit(0) == []
    assert drawn(0, 3, "seed") == []
