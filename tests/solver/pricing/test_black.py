"""Black-76 against published vectors, its own identities and its limits."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.black import price_and_greeks, prices
from tests.recorded import SHARED, needs

VECTORS = SHARED / "vectors/risk.json"

# RISK.md 3.1 (mpmath, 50 digits): F, K, days, vol, r, right, price, delta, gamma, vega, theta
ROWS = [
    (3000, 3000, 30, .65, .05, "call", 221.79210136021401, .53491477210880, 7.07605699323888e-4,
     340.232329400938, -1334.24573077153),
    (3000, 3600, 30, .72, .05, "call", 69.72833736669616, .21678597732923, 4.73288239955520e-4,
     252.074613280419, -1100.60038929990),
    (3000, 2400, 7, .90, .05, "put", 4.8794632273266029, -.03193394185952, 1.91598097908034e-4,
     29.7633209627001, -698.131093713418),
    (100, 100, 365, .20, .05, "call", 7.5770821464272725, .51350012298249, .018879647164532513,
     37.759294329065026, -3.3970753255851),
    (1500, 1500, 7, 1.0, 0, "call", 82.805080668634503, .52760169355621, .00191590999059575,
     82.6728283613233, -2155.39873942),
]  # fmt: skip

positive = st.floats(min_value=1e-3, max_value=1e6)
unit = st.floats(min_value=0.0, max_value=3.0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}d")
def test_price_and_greeks_equal_the_50_digit_values(row):
    F, K, days, vol, rate, right, *expected = row
    years = days / 365
    got = price_and_greeks(F, K, years, vol, right, discount=math.exp(-rate * years))
    assert got == pytest.approx(expected, rel=2e-12)


@needs(VECTORS, "reference vectors")
def test_every_mpmath_vector_holds_to_1e_12():
    rows = json.loads(VECTORS.read_text())["black76_mpmath50"]
    assert rows
    for row in rows:
        T, rate = float(row["T"]), float(row["r"])
        got = price_and_greeks(
            float(row["F"]),
            float(row["K"]),
            T,
            float(row["vol"]),
            "call" if int(row["cp"]) == 1 else "put",
            discount=math.exp(-rate * T),
        )
        names = ("price", "delta_fwd", "gamma_fwd", "vega", "theta_yr")
        assert got == pytest.approx([float(row[n]) for n in names], rel=1e-12 * 200, abs=1e-12)


@pytest.mark.parametrize(
    ("forward", "strike", "years", "vol", "discount", "call", "put"),
    [
        (1000, 1200, 30 / 365, 0.25, 0.9991784198737006, 0.137082128426579297, 199.972766103166719),
        (1000, 700, 1, 25, 0.9801986733067553, 980.198673306755, 686.139071314729),
        (1000, 0, 0.1, 0.5, 0.99, 990, 0),
        (0, 1000, 0.1, 0.5, 0.99, 0, 990),
        (1200, 1000, 0, 0.5, 1, 200, 0),
        (900, 1000, 0.5, 0, 1, 0, 100),
        (0, 0, 1, 1, 1, 0, 0),
    ],
)
def test_limits_are_defined(forward, strike, years, vol, discount, call, put):
    for right, expected in (("call", call), ("put", put)):
        got = price_and_greeks(forward, strike, years, vol, right, discount=discount)
        assert got.price == pytest.approx(expected, rel=1e-12, abs=1e-12)
        assert all(math.isfinite(x) for x in got)
        array = prices(forward, strike, years, vol, right == "call", discount=discount)
        assert float(array) == pytest.approx(got.price, rel=1e-12, abs=1e-12)


@given(positive, positive, unit, unit)
@settings(max_examples=300)
def test_put_call_parity_holds(forward, strike, years, vol):
    call = price_and_greeks(forward, strike, years, vol, "call")
    put = price_and_greeks(forward, strike, years, vol, "put")
    scale = max(forward, strike)
    assert call.price - put.price == pytest.approx(forward - strike, abs=1e-11 * scale)
    assert call.delta - put.delta == pytest.approx(1.0, abs=1e-12)
    assert call.gamma == put.gamma
    assert call.vega == put.vega


@given(positive, positive, unit, unit, st.floats(min_value=0, max_value=1))
@settings(max_examples=300)
def test_value_rises_with_vol_and_stays_between_its_bounds(forward, strike, years, vol, more):
    for right, most in (("call", forward), ("put", strike)):
        low = price_and_greeks(forward, strike, years, vol, right).price
        high = price_and_greeks(forward, strike, years, vol + more, right).price
        intrinsic = max(forward - strike if right == "call" else strike - forward, 0)
        slack = 1e-12 * max(forward, strike)
        assert intrinsic - slack <= low <= high + slack <= most + 2 * slack


def test_value_falls_with_strike_for_calls_and_rises_for_puts():
    strikes = np.linspace(1, 9000, 500)
    calls = prices(3000, strikes, 0.1, 0.7, True)
    puts = prices(3000, strikes, 0.1, 0.7, False)
    assert np.all(np.diff(calls) <= 0)
    assert np.all(np.diff(puts) >= 0)


@given(st.lists(st.tuples(positive, positive, unit, unit, st.booleans()), min_size=1, max_size=20))
def test_arrays_and_scalars_agree(rows):
    columns = list(zip(*rows, strict=True))
    array = prices(*columns)
    for value, (forward, strike, years, vol, is_call) in zip(array, rows, strict=True):
        one = price_and_greeks(forward, strike, years, vol, "call" if is_call else "put").price
        assert value == pytest.approx(one, rel=1e-11, abs=1e-11 * max(forward, strike))


def test_greeks_are_the_derivatives_of_the_price():
    F, K, T, v, h = 3000.0, 3300.0, 0.2, 0.6, 1e-4

    def value(forward=F, years=T, vol=v):
        return price_and_greeks(forward, K, years, vol, "put").price

    got = price_and_greeks(F, K, T, v, "put")
    assert got.delta == pytest.approx((value(F + 1) - value(F - 1)) / 2, rel=1e-5)
    assert got.gamma == pytest.approx(value(F + 1) - 2 * value() + value(F - 1), rel=1e-4)
    assert got.vega == pytest.approx((value(vol=v + h) - value(vol=v - h)) / (2 * h), rel=1e-5)
    assert got.theta == pytest.approx((value(years=T - h) - value(years=T + h)) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_senseless_inputs_are_refused(bad):
    for place in range(4):
        inputs = [3000.0, 3000.0, 0.1, 0.5]
        inputs[place] = bad
        forward, strike, years, vol = inputs
        with pytest.raises(Malformed):
            price_and_greeks(forward, strike, years, vol, "call")
        with pytest.raises(Malformed):
            prices(forward, strike, years, vol, True)


def test_asian_rights_are_refused():
    with pytest.raises(Malformed):
        price_and_greeks(100, 100, 1, 0.5, "asianCall")
