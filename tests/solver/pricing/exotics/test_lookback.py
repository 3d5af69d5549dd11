"""Lookbacks: Haug's tables, the limit without drift, and what no plain option can undercut."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.exotics.flat import normal, vanilla
from solver.pricing.exotics.lookback import beyond, fixed_lookback, floating_lookback
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
    middle = price(flat, 100.0)
    for carry in (1e-5, 1e-6, 9e-7, 1e-9):
        sides = [price(flat._replace(dividend=0.05 - b), 100.0) for b in (carry, -carry)]
        assert sum(sides) / 2 == pytest.approx(middle, abs=1e-6)
        assert abs(sides[0] - sides[1]) <= 300 * carry


@pytest.mark.parametrize("side", [1, -1])
def test_without_drift_at_the_money_haug_has_a_limit(side):
    """sigma sqrt(T) (n(d) + s d N(s d)) beside the plain part (Haug 2007, 4.15.1, b = 0)."""
    flat = TERMS._replace(dividend=TERMS.rate)
    d = side * flat.deviation / 2
    density = math.exp(-0.5 * d * d) / math.sqrt(2 * math.pi)
    plain = side * (normal(d) - normal(d - side * flat.deviation))
    expected = 100 * flat.discount * (plain + flat.deviation * (density + d * normal(d)))
    assert beyond(flat, 100.0, is_up=side > 0) == pytest.approx(expected, abs=1e-6)


def test_tiny_volatility_is_the_limit_without_any():
    flat = TERMS._replace(vol=0.002, rate=0.1, dividend=0.0)
    assert fixed_lookback(flat, 100.0) == pytest.approx(100 - 100 * flat.discount, abs=0.01)
    falling = flat._replace(rate=0.0, dividend=0.1, is_call=False)
    assert fixed_lookback(falling, 100.0) == pytest.approx(100 - 100 * falling.growth, abs=0.01)


def test_an_extreme_that_the_spot_has_passed_is_refused():
    for flat, extreme in ((TERMS, 101.0), (TERMS._replace(is_call=False), 99.0), (TERMS, 0.0)):
        with pytest.raises(Malformed):
            floating_lookback(flat, extreme)
    with pytest.raises(Malformed):
        fixed_lookback(TERMS, 99.0)
