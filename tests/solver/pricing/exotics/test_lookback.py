"""Lookbacks: Haug's tables, the limit without drift, and what no plain option can undercut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import vanilla
from solver.pricing.exotics.lookback import fixed_lookback, floating_lookback
from tests.recorded import needs
from tests.solver.pricing.exotics.test_barrier import ROUNDED, TERMS, VECTORS, flat_of
from tests.solver.pricing.exotics.test_flat import FLATS


@needs(VECTORS, "reference vectors")
@pytest.mark.parametrize(
    ("name", "count", "price"),
    [("lookback_float", 7, floating_lookback), ("lookback_fixed", 36, fixed_lookback)],
)
def test_haugs_tables(name, count, price):
    rows = json.loads(VECTORS.read_text())[name]
    assert len(rows) == count
    for row in rows:
        found = price(flat_of(row), row["minmax"])
        assert found == pytest.approx(row["npv"], rel=1e-10)
        assert found == pytest.approx(row["published"], abs=ROUNDED)


@given(FLATS, st.floats(1.0, 2.0))
def test_it_is_worth_no_less_than_the_plain_option_of_the_same_extreme(flat, ratio):
    extreme = flat.spot * ratio if flat.is_call else flat.spot / ratio
    assert fixed_lookback(flat, extreme) >= vanilla(flat) - 1e-8 * flat.spot
    other = flat._replace(is_call=not flat.is_call, strike=extreme)  # the put sells at the high
    assert floating_lookback(other, extreme) >= vanilla(other) - 1e-8 * flat.spot


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("price", [floating_lookback, fixed_lookback])
def test_without_drift_it_is_the_limit(is_call, price):
    flat = TERMS._replace(is_call=is_call, rate=0.05, dividend=0.05)
    exact = price(flat, 100.0)
    for carry in (1e-5, -1e-5, 1e-8):
        assert price(flat._replace(dividend=0.05 - carry), 100.0) == pytest.approx(exact, rel=2e-4)


def test_an_extreme_that_the_spot_has_passed_is_refused():
    for flat, extreme in ((TERMS, 101.0), (TERMS._replace(is_call=False), 99.0), (TERMS, 0.0)):
        with pytest.raises(Malformed):
            floating_lookback(flat, extreme)
    with pytest.raises(Malformed):
        fixed_lookback(TERMS, 99.0)
