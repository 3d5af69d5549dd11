"""American options: tables, two engines that share no code, bounds, and the boundary."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reference.peers.american import american_quantlib
from solver.domain.errors import Malformed
from solver.pricing.exotics.american import american, bermudan, boundary
from solver.pricing.exotics.flat import Flat, vanilla
from tests.recorded import needs
from tests.solver.pricing.exotics.test_barrier import VECTORS, flat_of

PUT = Flat(False, 36, 40, 1, 0.06, 0.0, 0.2)
GRID_ERROR = 5e-4  # of the table's finite differences


@needs(VECTORS, "reference vectors")
def test_the_puts_of_longstaff_and_schwartz():
    rows = json.loads(VECTORS.read_text())["american_put_LS2001"]
    assert len(rows) == 20
    for row in rows:
        flat = flat_of(row | {"type": "Put"})
        assert american(flat) == pytest.approx(row["american_fd"], abs=GRID_ERROR)
        assert american(flat) == pytest.approx(american_quantlib(flat), abs=1e-6)


@needs(VECTORS, "reference vectors")
def test_fifty_dates_a_year():
    rows = json.loads(VECTORS.read_text())["american_put_LS2001"]
    for row in rows[::3]:
        found = bermudan(flat_of(row | {"type": "Put"}), 50 * row["T"])
        assert found == pytest.approx(row["bermudan50py_fd"], abs=1e-4)


def test_the_published_value():
    assert american(PUT) == pytest.approx(4.4866744, abs=1e-7)


@given(
    is_call=st.booleans(),
    strike=st.floats(60, 160),
    years=st.floats(0.01, 3),
    rate=st.floats(0.0, 0.12),
    dividend=st.floats(0.0, 0.12),
    vol=st.floats(0.1, 1.2),
)
@settings(max_examples=40)
def test_it_agrees_with_quantlib_and_exceeds_the_european(
    is_call, strike, years, rate, dividend, vol
):
    flat = Flat(is_call, 100, strike, years, rate, dividend, vol)
    found = american(flat)
    assert found >= max(vanilla(flat), flat.sign * (100 - strike)) - 1e-12
    later = american(flat._replace(years=years * 1.1))
    assert later >= found - 1e-5
    if min(rate, dividend) >= 1e-3:  # QuantLib's own boundary is not fine below
        assert found == pytest.approx(american_quantlib(flat), abs=2e-5)


def test_more_dates_are_worth_more_and_end_at_the_american():
    values = [bermudan(PUT, dates) for dates in (1, 4, 16, 64)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(vanilla(PUT), abs=1e-4)
    assert values[-1] < american(PUT) < values[-1] + 0.01


def test_below_the_boundary_it_is_exercised():
    from numpy.polynomial import chebyshev

    now = float(chebyshev.chebval(1.0, boundary(PUT)))
    critical = 40 * np.exp(-np.sqrt(now))
    below = PUT._replace(spot=critical * 0.99)
    assert american(below) == pytest.approx(40 - below.spot, abs=1e-5)
    assert american(PUT._replace(spot=critical * 1.02)) > 40 - critical * 1.02 + 1e-4


def test_without_interest_or_dividends_waiting_costs_nothing():
    for flat in (
        Flat(True, 100, 90, 1, 0.05, 0.0, 0.3),
        Flat(False, 100, 110, 1, 0.0, 0.05, 0.3),
        Flat(False, 100, 110, 1, -0.02, 0.0, 0.3),
    ):
        assert american(flat) == vanilla(flat)


def test_two_boundaries_are_refused():
    with pytest.raises(Malformed):
        american(Flat(False, 100, 110, 1, -0.02, -0.05, 0.3))
    with pytest.raises(Malformed):
        bermudan(PUT, 0)


def test_a_strike_of_zero():
    assert american(PUT._replace(strike=0)) == 0
    assert american(PUT._replace(strike=0, is_call=True)) == 36
