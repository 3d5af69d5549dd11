"""One barrier: Haug's table, in + out = plain, and what holds at and beyond the barrier."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.exotics.barrier import Barrier, barrier_price
from solver.pricing.exotics.flat import Flat, vanilla
from tests.recorded import SHARED, needs
from tests.solver.pricing.exotics.test_flat import FLATS

VECTORS = SHARED / "vectors/risk.json"
ROUNDED = 7e-5  # of tables with four places, some of their last off by one
TERMS = Flat(True, 100, 100, 0.5, 0.08, 0.04, 0.25)


def flat_of(row):
    """A row of the reference tables."""
    is_call = row.get("type", "Call") == "Call"
    return Flat(is_call, row["S"], row["K"], row["T"], row["r"], row.get("q", 0.0), row["vol"])


@needs(VECTORS, "reference vectors")
def test_haugs_table():
    rows = json.loads(VECTORS.read_text())["barrier"]
    assert len(rows) == 72
    for row in rows:
        is_up, is_in = row["kind"].startswith("Up"), row["kind"].endswith("In")
        found = barrier_price(flat_of(row), Barrier(row["H"], is_up, is_in, row["rebate"]))
        assert found == pytest.approx(row["npv"], rel=1e-10)
        assert found == pytest.approx(row["published"], abs=ROUNDED)


@given(FLATS, st.floats(0.5, 2.0).filter(lambda x: x != 1))
def test_in_and_out_make_the_plain_option(flat, ratio):
    level, is_up = flat.spot * ratio, ratio > 1
    parts = [barrier_price(flat, Barrier(level, is_up, is_in)) for is_in in (True, False)]
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(vanilla(flat), abs=1e-8 * flat.spot)


@given(FLATS, st.floats(0.5, 0.99))
def test_a_barrier_farther_away_kills_less(flat, ratio):
    near, far = (
        barrier_price(flat, Barrier(flat.spot * by, is_up=False, is_in=False))
        for by in (ratio, 0.9 * ratio)
    )
    assert near <= far + 1e-9 * flat.spot


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("is_up", [True, False])
def test_at_and_beyond_the_barrier_it_has_happened(is_call, is_up):
    flat = TERMS._replace(is_call=is_call)
    for level in (100.0, 90.0 if is_up else 110.0):
        assert barrier_price(flat, Barrier(level, is_up, is_in=False, rebate=3.0)) == 3.0
        assert barrier_price(flat, Barrier(level, is_up, is_in=True, rebate=3.0)) == vanilla(flat)
    near = 100 * (1 + (1e-9 if is_up else -1e-9))
    out = barrier_price(flat, Barrier(near, is_up, is_in=False, rebate=3.0))
    assert out == pytest.approx(3.0, abs=1e-5)


def test_tiny_volatility_overflows_nothing():
    flat = TERMS._replace(vol=0.005)
    for level in (50.0, 99.0, 101.0, 200.0):
        for is_in in (True, False):
            found = barrier_price(flat, Barrier(level, level > 100, is_in, 1.0))
            assert 0 <= found <= 101
    certain = barrier_price(flat, Barrier(101.0, is_up=True, is_in=False))  # it drifts through
    assert certain == pytest.approx(0, abs=2e-3)
    never = barrier_price(flat, Barrier(99.0, is_up=False, is_in=False))
    assert never == pytest.approx(vanilla(flat), abs=1e-6)


@pytest.mark.parametrize("barrier", [Barrier(0.0, False, False), Barrier(90.0, False, True, -1.0)])
def test_what_is_no_barrier_is_refused(barrier):
    with pytest.raises(Malformed):
        barrier_price(TERMS, barrier)


def test_an_imaginary_root_is_refused_only_for_a_rebate():
    flat = TERMS._replace(rate=-0.05, dividend=-0.05 - 0.25**2 / 2)
    with pytest.raises(Malformed):
        barrier_price(flat, Barrier(90.0, is_up=False, is_in=False, rebate=1.0))
    assert barrier_price(flat, Barrier(90.0, is_up=False, is_in=False)) > 0
