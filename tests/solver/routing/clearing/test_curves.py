"""Pools trade with a batch as their own code would, at any price."""

from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.market import ConstantProductPool
from solver.routing.clearing.curves import curves, flows
from solver.routing.curves import amount_out

POOL = ConstantProductPool("v2", "0xaa", "a", "b", 10**24, 2 * 10**24, fee_ppm=3_000, gas=1)
PIECES = curves([POOL], {"a": 0, "b": 1}, np.zeros(2))


@given(st.floats(-8, 8))
def test_a_pool_gives_what_its_code_gives(log_price):
    paid, out, _ = flows(PIECES, np.array([log_price, 0.0]))
    for place, pair in enumerate((("a", "b"), ("b", "a"))):
        given = int(cast(float, paid[place]))
        if given > 10**12:
            assert amount_out(POOL, pair, given) == pytest.approx(float(out[place]), rel=1e-9)


def test_no_price_takes_a_pools_last_atoms():
    for log_price in (-700.0, 700.0):
        paid, out, _ = flows(PIECES, np.array([log_price, 0.0]))
        assert np.isfinite(paid).all()
        assert sorted(out) == [0.0, pytest.approx(max(out))]
        assert paid.max() < 1e40
