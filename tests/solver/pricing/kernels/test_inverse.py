"""Implied volatilities come back to the last bits their price has, in every engine and alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.implied import implied_volatility
from solver.pricing.kernels import (
    ABOVE,
    BELOW,
    COMPILED,
    NUMPY,
    OK,
    PARALLEL,
    SENSELESS,
    black_prices,
    implied_volatilities,
    inverse,
)
from tests.solver.pricing.kernels.exact import exact_greeks, exact_mills, exact_value

ENGINES = (NUMPY, COMPILED, PARALLEL)
EPS = 2.3e-16
VECTORS = [  # RISK 3.1: price, forward, strike, years, call, vol
    (0.039894226377883828, 100, 100, 0.01, True, 0.01),
    (0.01479849222204887, 100, 250, 0.25, True, 0.6),
    (0.027787168124022342, 100, 1000, 1, True, 0.7),
    (0.0016209840453895887, 100, 30, 0.02, False, 2.5),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_reference_vectors(engine):
    price, F, K, T, call, vol = (np.array(column) for column in zip(*VECTORS, strict=True))
    found = implied_volatilities(price, F, K, T, call, engine=engine)
    assert found.vol == pytest.approx(vol, rel=1e-12)
    assert (found.refused == OK).all()


def draw(count: int) -> list[tuple[float, float, float, float]]:
    """Options of 50 digits, from a minute to years: forward, strike, deviation, exact value."""
    drawn = np.random.default_rng(11)
    rows: list[tuple[float, float, float, float]] = []
    while len(rows) < count:
        F, deviation = drawn.uniform(1, 5000), 10 ** drawn.uniform(-5, 0.6)
        K = F * math.exp(drawn.choice([0.0, drawn.uniform(-6, 6) * deviation, drawn.normal()]))
        exact = exact_greeks(F, K, 1.0, deviation, K >= F)
        if exact["vega"] > 1e-8 * F:
            rows.append((F, K, deviation, float(exact["price"])))
    return rows


@pytest.mark.parametrize("engine", ENGINES)
def test_exact_prices_give_their_volatility_back_to_1e_12(engine):
    F, K, deviation, price = (np.array(x) for x in zip(*draw(800), strict=True))
    found = implied_volatilities(price, F, K, 1.0, K >= F, engine=engine)
    assert (found.refused == OK).all()
    # A price is known to half a bit: no answer can be nearer than what that bit is worth.
    vega = np.array(
        [
            float(exact_greeks(*row, row[1] >= row[0])["vega"])
            for row in zip(F, K, np.ones(800), deviation, strict=True)
        ]
    )
    known = 2 * EPS * price / (vega * deviation)
    assert (np.abs(found.vol / deviation - 1) <= np.maximum(1e-12, known)).all()
    assert np.median(np.abs(found.vol / deviation - 1)) < 1e-15


def test_where_vega_ends_answers_go_on_without_nan():
    values = [math.nextafter(0.0, 1.0), 1e-320, 1e-300, 1e-200, 1e-100, 1e-30]
    for k in (0.0, 1e-12, 0.01, 1.0, 30.0):
        K = 100 * math.exp(k)
        for engine in (NUMPY, COMPILED):
            found = implied_volatilities(values, 100.0, K, 0.5, True, engine=engine)
            assert (found.refused == OK).all()
            assert (np.diff(found.vol) >= 0).all()
            assert (found.vol[2:] > 0).all()
        one = [implied_volatility(value, 100.0, K, 0.5, "call") for value in values]
        assert one == pytest.approx(list(found.vol), rel=1e-9)


@given(st.floats(-8, 8), st.floats(1e-4, 20))
@settings(max_examples=150)
def test_far_and_wide_options_come_back_too(k, deviation):
    K = 100 * math.exp(k)
    value = float(exact_value(100.0, K, deviation, k >= 0))
    if not 1e-290 < value < min(100.0, K) * (1 - 1e-9):
        return
    found = inverse.deviation(value, 100.0, K)
    again = float(exact_value(100.0, K, found, k >= 0))
    assert again == pytest.approx(value, rel=1e-12)


@given(st.floats(-1, 1), st.floats(0.01, 2), st.floats(0.1, 2), st.booleans(), st.floats(0.8, 1))
@settings(max_examples=100)
def test_any_price_is_met_again_in_every_engine(k, years, vol, is_call, discount):
    K = 100 * math.exp(k)
    price = float(black_prices(100.0, K, years, vol, is_call, discount=discount))
    for engine in (NUMPY, COMPILED):
        found = implied_volatilities(
            price, 100.0, K, years, is_call, discount=discount, engine=engine
        )
        assert int(found.refused) == OK
        again = black_prices(100.0, K, years, found.vol, is_call, discount=discount)
        assert float(again) == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_no_volatility_gives_says_why(engine):
    price = [19.99, 120.0, 20.0, 20.0 * (1 - 2e-16), 25.0, 25.0, 0.0]
    F = [120.0, 120.0, 120.0, 120.0, 120.0, 0.0, 80.0]
    years = [1.0, 0.25, 1.0, 1.0, 0.0, 1.0, 1.0]
    found = implied_volatilities(price, F, 100.0, years, True, engine=engine)
    assert found.refused.tolist() == [BELOW, ABOVE, OK, OK, SENSELESS, SENSELESS, OK]
    assert found.vol.tolist() == [0.0, 48.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_senseless_inputs_are_refused():
    with pytest.raises(Malformed):
        implied_volatilities(math.nan, 100.0, 100.0, 1.0, True)
    with pytest.raises(Malformed):
        implied_volatilities(1.0, 100.0, 100.0, 1.0, True, discount=0.0)


def test_mills_ratio_is_right_to_the_last_bits():
    for a in (0.0, 1e-9, 0.1, 1.0, 4.999, 5.0, 12.0, 40.0, 1e5):
        assert abs(inverse.mills(a) / exact_mills(a) - 1) < 5e-16
