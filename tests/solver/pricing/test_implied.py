"""Volatility comes back from its own price; a price that no volatility gives is refused."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from solver.domain.errors import Refused
from solver.pricing.black import price_and_greeks
from solver.pricing.implied import implied_volatility


@pytest.mark.parametrize(
    ("inputs", "vol"),
    [
        ((0.039894226377883828, 100, 100, 0.01, "call"), 0.01),
        ((0.01479849222204887, 100, 250, 0.25, "call"), 0.6),
        ((0.027787168124022342, 100, 1000, 1, "call"), 0.7),
        ((0.0016209840453895887, 100, 30, 0.02, "put"), 2.5),
    ],
)
def test_reference_vectors(inputs, vol):
    assert implied_volatility(*inputs) == pytest.approx(vol, rel=1e-12)


@given(st.floats(-2.5, 2.5), st.floats(0.001, 3), st.floats(0.02, 4))
def test_an_out_of_the_money_price_gives_its_volatility_back(k, years, vol):
    strike, right = 100 * math.exp(k), "call" if k >= 0 else "put"
    greeks = price_and_greeks(100, strike, years, vol, right)
    assume(greeks.vega > 1e-6 and greeks.price > 1e-12)
    found = implied_volatility(greeks.price, 100, strike, years, right)
    assert found == pytest.approx(vol, rel=1e-9)


@given(st.floats(-1, 1), st.floats(0.01, 2), st.floats(0.1, 2), st.sampled_from(["call", "put"]))
def test_any_price_is_met_again(k, years, vol, right):
    strike = 100 * math.exp(k)
    price = price_and_greeks(100, strike, years, vol, right).price
    found = implied_volatility(price, 100, strike, years, right)
    assert price_and_greeks(100, strike, years, found, right).price == pytest.approx(price, 1e-12)


def test_intrinsic_value_is_no_volatility_at_all():
    assert implied_volatility(20.0, 120.0, 100.0, 0.5, "call") == 0.0


@pytest.mark.parametrize(
    ("price", "right", "years"),
    [(19.99, "call", 1.0), (120.0, "call", 1.0), (-0.1, "put", 1.0), (100.0, "put", 1.0),
     (25.0, "call", 0.0), (float("nan"), "call", 1.0)],
)  # fmt: skip
def test_what_no_volatility_gives_is_refused(price, right, years):
    with pytest.raises(Refused) as refused:
        implied_volatility(price, 120.0, 100.0, years, right)
    assert refused.value.code == "priceOutOfBounds"
