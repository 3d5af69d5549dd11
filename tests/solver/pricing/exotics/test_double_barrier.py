"""Two barriers: Haug's table, in + out = plain, and one barrier as the limit of two."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.exotics.barrier import Barrier, barrier_price
from solver.pricing.exotics.double_barrier import Corridor, double_barrier_price
from solver.pricing.exotics.flat import vanilla
from tests.recorded import needs
from tests.solver.pricing.exotics.test_barrier import ROUNDED, TERMS, VECTORS, flat_of
from tests.solver.pricing.exotics.test_flat import FLATS


@needs(VECTORS, "reference vectors")
def test_haugs_table():
    rows = json.loads(VECTORS.read_text())["double_barrier"]
    assert len(rows) == 90
    for row in rows:
        corridor = Corridor(row["lo"], row["hi"], row["kind"] == "KnockIn")
        found = double_barrier_price(flat_of(row), corridor)
        assert found == pytest.approx(row["npv"], rel=1e-10, abs=1e-12)
        assert found == pytest.approx(row["published"], abs=ROUNDED)


@given(FLATS, st.floats(0.4, 0.98), st.floats(1.02, 2.5))
def test_in_and_out_make_the_plain_option(flat, low, high):
    low, high = flat.spot * low, flat.spot * high
    parts = [double_barrier_price(flat, Corridor(low, high, is_in)) for is_in in (True, False)]
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(vanilla(flat), abs=1e-8 * flat.spot)


@pytest.mark.parametrize("is_call", [True, False])
def test_with_one_barrier_out_of_reach_it_is_the_other_alone(is_call):
    flat = TERMS._replace(is_call=is_call)
    down = barrier_price(flat, Barrier(95.0, is_up=False, is_in=False))
    assert double_barrier_price(flat, Corridor(95.0, 1e4)) == pytest.approx(down, abs=1e-9)
    up = barrier_price(flat, Barrier(120.0, is_up=True, is_in=False))
    assert double_barrier_price(flat, Corridor(1.0, 120.0)) == pytest.approx(up, abs=1e-9)


def test_outside_it_has_happened_and_a_strike_beyond_pays_nothing():
    assert double_barrier_price(TERMS, Corridor(101, 120)) == 0
    assert double_barrier_price(TERMS, Corridor(101, 120, True)) == vanilla(TERMS)
    assert double_barrier_price(TERMS._replace(strike=130), Corridor(90, 120)) == 0


@pytest.mark.parametrize("vol", [0.005, 0.05, 3.0])
def test_extreme_volatility_stays_between_nothing_and_the_plain_option(vol):
    flat = TERMS._replace(vol=vol)
    assert 0 <= double_barrier_price(flat, Corridor(80, 120)) <= vanilla(flat)


@pytest.mark.parametrize("corridor", [Corridor(110, 90), Corridor(0, 120)])
def test_what_is_no_corridor_is_refused(corridor):
    with pytest.raises(Malformed):
        double_barrier_price(TERMS, corridor)
