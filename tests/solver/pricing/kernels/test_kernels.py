"""Arrays of options against 50 digits, published tables, the scalars, and their limits."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Malformed
from solver.pricing.black import price_and_greeks
from solver.pricing.kernels import (
    COMPILED,
    NUMPY,
    PARALLEL,
    BlackGreeks,
    black_greeks,
    black_prices,
    spot_greeks,
)
from tests.recorded import SHARED, needs
from tests.solver.pricing.kernels.exact import exact_greeks

VECTORS = SHARED / "vectors/risk.json"
ENGINES = (NUMPY, COMPILED, PARALLEL)
PUBLISHED = {"delta": "delta_fwd", "gamma": "gamma_fwd", "vega": "vega", "theta": "theta_yr"}
needs_vectors = needs(VECTORS, "reference vectors")

positive = st.floats(min_value=1e-3, max_value=1e6)
unit = st.floats(min_value=0.0, max_value=3.0)
row = st.tuples(positive, positive, unit, unit, st.booleans(), st.floats(0.5, 1.0))


@needs_vectors
@pytest.mark.parametrize("engine", ENGINES)
def test_every_mpmath_vector_holds_to_1e_10_with_vanna_and_volga(engine):
    rows = json.loads(VECTORS.read_text())["black76_mpmath50"]
    assert len(rows) == 8
    F, K, T, vol, rate = (
        np.array([float(x[name]) for x in rows]) for name in ("F", "K", "T", "vol", "r")
    )
    call, discount = np.array([int(x["cp"]) == 1 for x in rows]), np.exp(-rate * T)
    found = black_greeks(F, K, T, vol, call, discount=discount, engine=engine)
    for i, expected in enumerate(rows):
        assert found.price[i] == pytest.approx(float(expected["price"]), rel=1e-10, abs=1e-12)
        for name, published in PUBLISHED.items():
            value = getattr(found, name)[i]
            assert value == pytest.approx(float(expected[published]), rel=1e-10), (i, name)
        assert found.rho[i] == pytest.approx(float(expected["rho_const_fwd"]), rel=1e-10)
        exact = exact_greeks(F[i], K[i], T[i], vol[i], call[i], discount[i])
        for name in ("vanna", "volga"):
            assert getattr(found, name)[i] == pytest.approx(float(exact[name]), rel=1e-10), (
                i,
                name,
            )


@pytest.mark.parametrize("engine", ENGINES)
def test_greeks_of_a_wide_draw_equal_50_digits(engine):
    draw = np.random.default_rng(3)
    F, T, vol = draw.uniform(10, 9000, 60), draw.uniform(1e-3, 2, 60), draw.uniform(0.05, 2, 60)
    K = F * np.exp(draw.uniform(-4, 4, 60) * vol * np.sqrt(T))
    call = draw.random(60) < 0.5
    found = black_greeks(F, K, T, vol, call, discount=0.97, engine=engine)
    for i in range(60):
        exact = exact_greeks(F[i], K[i], T[i], vol[i], call[i], 0.97)
        for name, value in exact.items():
            slack = 1e-13 * float(abs(exact["vega"]) + abs(exact["price"]))
            assert getattr(found, name)[i] == pytest.approx(float(value), rel=1e-10, abs=slack), (
                name
            )


@needs_vectors
@pytest.mark.parametrize("engine", [NUMPY, COMPILED])
def test_published_european_options_are_met(engine):
    rows = json.loads(VECTORS.read_text())["european"]
    assert len(rows) == 43
    for x in rows:
        found = spot_greeks(
            x["S"], x["K"], x["T"], x["vol"], x["type"] == "Call",
            rate=x["r"], dividend=x["q"], engine=engine,
        )  # fmt: skip
        assert float(found.price) == pytest.approx(x["published"], abs=6e-5)
        assert float(found.price) == pytest.approx(x["npv"], rel=1e-10)
        for ours, theirs in (
            ("delta",) * 2,
            ("gamma",) * 2,
            ("vega",) * 2,
            ("theta", "theta_yr"),
            ("rho",) * 2,
        ):
            assert float(getattr(found, ours)) == pytest.approx(x[theirs], rel=1e-9), (x, ours)


@pytest.mark.parametrize("engine", ENGINES)
def test_vectors_of_a_venues_contracts(engine):
    inputs = [(1000, 1200, 30 / 365, 0.25, True), (1000, 1200, 30 / 365, 0.25, False),
              (1000, 700, 1, 25, True), (1000, 700, 1, 25, False),
              (1000, 0, 0.1, 0.5, True), (0, 1000, 0.1, 0.5, False)]  # fmt: skip
    discount = [0.9991784198737006] * 2 + [0.9801986733067553] * 2 + [0.99] * 2
    expected = [0.137082128426579297, 199.972766103166719631, 980.198673306755, 686.139071314729,
                990, 990]  # fmt: skip
    found = black_prices(
        *([x[i] for x in inputs] for i in range(5)), discount=discount, engine=engine
    )
    assert found == pytest.approx(expected, rel=1e-12)


@given(st.lists(row, min_size=1, max_size=12))
@settings(max_examples=60)
def test_every_engine_says_what_the_scalar_says(rows):
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    for engine in (NUMPY, COMPILED):
        found = black_greeks(*columns[:5], discount=columns[5], engine=engine)
        prices = black_prices(*columns[:5], discount=columns[5], engine=engine)
        assert all(np.isfinite(column).all() for column in found)
        for i, (F, K, T, vol, call, D) in enumerate(rows):
            one = price_and_greeks(F, K, T, vol, "call" if call else "put", discount=D)
            scale = max(F, K)
            assert found.price[i] == pytest.approx(one.price, rel=1e-9, abs=1e-11 * scale)
            assert prices[i] == pytest.approx(one.price, rel=1e-9, abs=1e-11 * scale)
            for name in ("delta", "gamma", "vega"):
                expected = getattr(one, name)
                assert getattr(found, name)[i] == pytest.approx(expected, rel=1e-9, abs=1e-12)


LIMITS = [  # forward, strike, years, vol: no time, no volatility, no price, all volatility
    (1200.0, 1000.0, 0.0, 0.5), (900.0, 1000.0, 0.5, 0.0), (0.0, 1000.0, 0.1, 0.5),
    (1000.0, 0.0, 0.1, 0.5), (0.0, 0.0, 1.0, 1.0), (1000.0, 1000.0, 0.0, 0.5),
    (1000.0, 1000.0, 0.5, 0.0), (1000.0, 700.0, 1.0, 24.0), (1000.0, 700.0, 4.0, 20.0),
    (1e30, 1e-30, 1.0, 1.0), (1e-31, 1.0, 1.0, 1.0), (5.0, 5.0, 1e-30, 1e-3),
]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("is_call", [True, False])
def test_limits_are_the_scalars_limits(engine, is_call):
    F, K, T, vol = (np.array(column) for column in zip(*LIMITS, strict=True))
    found = black_greeks(F, K, T, vol, is_call, discount=0.9, engine=engine)
    prices = black_prices(F, K, T, vol, is_call, discount=0.9, engine=engine)
    for i, limits in enumerate(LIMITS):
        one = price_and_greeks(*limits, "call" if is_call else "put", discount=0.9)
        got = [column[i] for column in found[:5]]
        assert got == pytest.approx(list(one), rel=1e-12), limits
        assert prices[i] == pytest.approx(one.price, rel=1e-12)
    assert all(np.isfinite(column).all() for column in found)


def test_the_value_at_the_money_still_moves_with_volatility_when_there_is_none():
    one = black_greeks(100.0, 100.0, 0.25, 0.0, True)
    slope = float(black_prices(100.0, 100.0, 0.25, 1e-6, True)) / 1e-6
    assert float(one.vega) == pytest.approx(slope, rel=1e-6)
    assert float(one.vanna) == pytest.approx(0.5 * 0.5 / math.sqrt(2 * math.pi))


@given(positive, st.floats(-3, 3), st.floats(1e-4, 3), st.floats(1e-3, 3))
def test_rounding_never_takes_a_value_below_its_floor_or_above_its_bound(F, k, years, vol):
    K = F * math.exp(k)
    for right, floor, most in (("call", F - K, F), ("put", K - F, K)):
        value = price_and_greeks(F, K, years, vol, right).price
        assert max(floor, 0.0) <= value <= most
        for engine in (NUMPY, COMPILED):
            assert max(floor, 0.0) <= float(
                black_prices(F, K, years, vol, right == "call", engine=engine)
            )


def test_shapes_broadcast_and_pieces_join():
    strikes, vols = np.linspace(50, 150, 3001), np.linspace(0.1, 1.0, 7)[:, None]
    for engine in (NUMPY, COMPILED):
        grid = black_greeks(100.0, strikes, 0.5, vols, True, engine=engine)
        assert grid.price.shape == (7, 3001)
        single = black_greeks(100.0, strikes[17], 0.5, 0.1, True, engine=engine)
        assert single.price.shape == ()
        assert float(grid.vanna[0, 17]) == pytest.approx(float(single.vanna), rel=1e-13)
        assert float(grid.price[6, 2999]) == float(
            black_greeks(100.0, strikes[2999], 0.5, 1.0, True, engine=engine).price
        )
    assert black_prices([], 1.0, 1.0, 1.0, True).shape == (0,)


def test_greeks_may_be_written_where_they_are_wanted():
    out = np.empty((8, 3))
    found = black_greeks([90.0, 100.0, 110.0], 100.0, 1.0, 0.2, True, out=out)
    assert np.shares_memory(found.volga, out)
    assert len(BlackGreeks._fields) == 8
    with pytest.raises(Malformed):
        black_greeks([90.0, 100.0], 100.0, 1.0, 0.2, True, out=out)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_senseless_inputs_are_refused(bad):
    for place in range(5):
        inputs = [3000.0, 3000.0, 0.1, 0.5, 1.0]
        inputs[place] = bad
        with pytest.raises(Malformed):
            black_greeks(inputs[0], inputs[1], inputs[2], inputs[3], True, discount=inputs[4])
    with pytest.raises(Malformed):
        black_prices(1.0, 1.0, 1.0, 1.0, True, engine="abacus")
