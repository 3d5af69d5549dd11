"""Tangents never exceed the function they were taken of: what makes cuts safe."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from solver.margin.cure.convex import group, magnitudes

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


def arrays(*shape):
    count = int(np.prod(shape))
    return st.lists(numbers, min_size=count, max_size=count).map(
        lambda xs: np.array(xs).reshape(shape)
    )


BUCKETS, WHERE = [2, 0, 2, 1], np.array([4, 0, 1, 3])


@given(arrays(3, 2, 4), arrays(5), arrays(5))
def test_a_tangent_is_below_and_touches(pieces, held, elsewhere):
    found = group(pieces, BUCKETS, WHERE, 5)
    slope = found.tangent(held)
    assert abs(slope @ held - found.value(held)) <= 1e-6
    assert slope @ elsewhere <= found.value(elsewhere) + 1e-6
    assert (found.tangents(held) @ elsewhere).max() <= found.value(elsewhere) + 1e-6


@given(arrays(3, 2, 4), arrays(5))
def test_the_value_is_the_greatest_case_of_sums_over_buckets(pieces, held):
    mine = held[WHERE]
    cases = [
        sum(
            max(
                sum(pieces[p, case, c] * mine[c] for c in range(4) if BUCKETS[c] == bucket)
                for p in range(3)
            )
            for bucket in set(BUCKETS)
        )
        for case in range(2)
    ]
    assert abs(group(pieces, BUCKETS, WHERE, 5).value(held) - max(0, *cases)) <= 1e-6


@given(arrays(4), arrays(5))
def test_magnitudes_are_weighted(weights, held):
    found = magnitudes(abs(weights), WHERE, 5)
    assert abs(found.value(held) - abs(weights) @ abs(held[WHERE])) <= 1e-6
