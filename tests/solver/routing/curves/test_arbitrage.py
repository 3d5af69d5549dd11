"""The dual's terms: no exact trade ever gains more than the bound, and the best gains almost it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import (
    ConcentratedPool,
    ConstantProductPool,
    StablePool,
    StableswapPool,
    WeightedPool,
)
from solver.domain.numbers import WAD
from solver.routing import curves
from solver.routing.curves import PRICE_UNIT
from solver.routing.curves.ticks import RATIO_MAX, RATIO_MIN, ratio_at, tick_at

LIQUIDITY = 10**21


PLAIN = ("balancer", "0xr", ("0xa", "0xb"), (10**20, 10**20))
WEIGHTED = WeightedPool(*PLAIN, (WAD // 2, WAD // 2), (WAD, WAD), WAD // 1000, 120_000)
STABLE = StablePool(*PLAIN, 200_000, (WAD, WAD), WAD // 1000, 120_000)
STABLESWAP = StableswapPool(*PLAIN, 200, (WAD, WAD), 4 * 10**6, 120_000)


def product(reserve0, reserve1, fee_ppm=3000):
    return ConstantProductPool("v2", "0xp", "0xa", "0xb", reserve0, reserve1, fee_ppm, 80_000)


def concentrated(
    tick, ticks=((-6000, LIQUIDITY), (-600, LIQUIDITY), (600, -LIQUIDITY), (6000, -LIQUIDITY))
):
    liquidity = sum(net for at, net in ticks if at <= tick)
    return ConcentratedPool(
        "v3", "0xq", "0xa", "0xb", 3000, 60, ratio_at(tick) + 12345, tick, liquidity, ticks, 120_000
    )


POOLS = st.one_of(
    st.builds(
        product, st.integers(10**6, 10**26), st.integers(10**6, 10**26), st.integers(0, 30_000)
    ),
    st.builds(concentrated, st.integers(-5900, 5900)),
)


@given(POOLS, st.integers(-100, 100), st.integers(0, 10**26), st.booleans())
def test_no_trade_beats_the_bound(pool, skew, amount, is_down):
    ratio = 1.01**skew
    if isinstance(pool, ConstantProductPool):
        ratio *= pool.reserve1 / pool.reserve0
    price0, price1 = int(ratio * PRICE_UNIT), PRICE_UNIT
    token_in = pool.token0 if is_down else pool.token1
    try:
        out = curves.amount_out(pool, curves.pair_from(pool, token_in), amount)
    except Infeasible:
        return
    paid, got = (price0, price1) if is_down else (price1, price0)
    assert got * out - paid * amount <= curves.arbitrage_up(
        pool, {pool.token0: price0, pool.token1: price1}
    )


@given(POOLS, st.integers(5, 100), st.booleans())
def test_the_bound_is_reached_by_some_trade(pool, skew, is_down):
    spot = (
        pool.reserve1 / pool.reserve0
        if isinstance(pool, ConstantProductPool)
        else (pool.sqrt_price_x96 / 2**96) ** 2
    )
    price0 = int(spot * 1.01 ** (-skew if is_down else skew) * PRICE_UNIT)
    bound = curves.arbitrage_up(pool, {pool.token0: price0, pool.token1: PRICE_UNIT})
    token_in = pool.token0 if is_down else pool.token1
    paid, got = (price0, PRICE_UNIT) if is_down else (PRICE_UNIT, price0)

    def gain(amount):
        try:
            return (
                got * curves.amount_out(pool, curves.pair_from(pool, token_in), amount)
                - paid * amount
            )
        except Infeasible:
            return -(10**99)

    low, high = 0, 10**27
    while high - low > 2:  # the gain is concave up to rounding
        third = (high - low) // 3
        if gain(low + third) < gain(high - third):
            low += third
        else:
            high -= third
    dust = 200 * max(paid, got)
    assert bound - max(gain(n) for n in range(low, high + 1)) <= bound // 10**6 + dust


CUT = concentrated(0)._replace(ticks=((-6000, LIQUIDITY), (-600, LIQUIDITY)))  # the rest unread


@given(st.integers(1, 10**30), st.integers(-2000, 2000), st.booleans())
def test_liquidity_beyond_the_last_tick_is_in_the_bound(amount, skew, is_down):
    prices = {CUT.token0: int(1.01**skew * PRICE_UNIT), CUT.token1: PRICE_UNIT}
    pair = curves.pair_from(CUT, CUT.token0 if is_down else CUT.token1)
    try:
        out = curves.amount_out(CUT, pair, amount)
    except Infeasible:
        return
    gained = prices[pair[1]] * out - prices[pair[0]] * amount
    assert gained <= curves.arbitrage_up(CUT, prices)


BROKEN = (  # states that no pool should be in, and what all of them are asked
    product(10**20, 10**20, 10**6),
    concentrated(0)._replace(tick=887_271),
    concentrated(0)._replace(sqrt_price_x96=0),
    concentrated(0)._replace(sqrt_price_x96=RATIO_MIN, tick=-887_272),
    concentrated(0)._replace(sqrt_price_x96=RATIO_MAX, tick=887_272),
    concentrated(0, ((-60, LIQUIDITY), (60, -2 * LIQUIDITY), (120, LIQUIDITY))),
    WEIGHTED._replace(weights=(0, WAD)),
    WEIGHTED._replace(weights=(WAD, 0)),
    WEIGHTED._replace(scalings=(WAD, 0)),
    WEIGHTED._replace(scalings=(0, WAD), edition=3),
    WEIGHTED._replace(balances=(0, 10**20)),
    WEIGHTED._replace(fee=WAD),
    STABLE._replace(scalings=(0, WAD)),
    STABLE._replace(scalings=(WAD, 0), edition=3),
    STABLE._replace(amplification=0),
    STABLE._replace(amplification=1, edition=3),
    STABLE._replace(balances=(0, 10**20)),
    STABLE._replace(fee=WAD),
    STABLESWAP._replace(rates=(0, WAD)),
    STABLESWAP._replace(rates=(WAD, 0)),
    STABLESWAP._replace(amplification=0),
    STABLESWAP._replace(balances=(0, 0)),
    STABLESWAP._replace(fee=10**10),
)


@pytest.mark.parametrize("pool", BROKEN)
@pytest.mark.parametrize("pair", [("0xa", "0xb"), ("0xb", "0xa")])
def test_a_broken_state_gives_nothing_beyond_its_bound_or_is_refused(pool, pair):
    prices = {pair[0]: PRICE_UNIT, pair[1]: 3 * PRICE_UNIT}
    bound = curves.arbitrage_up(pool, prices)
    assert curves.arbitrage_up(pool, prices, enough=1) >= 0
    for amount in (0, 1, 10**18, 2 * 10**21):
        with suppress(Infeasible):
            out = curves.amount_out(pool, pair, amount)
            assert prices[pair[1]] * out - prices[pair[0]] * amount <= bound
        with suppress(Infeasible):
            assert curves.amount_in(pool, pair, amount) >= 0


def test_a_pool_at_the_dual_price_gains_nothing():
    for pool in (product(10**20, 10**20), concentrated(0)):
        assert curves.arbitrage_up(pool, dict.fromkeys(pool.tokens, PRICE_UNIT)) == 0


@given(POOLS, st.integers(1, 10**18), st.booleans())
def test_exact_out_costs_no_less_than_it_gives(pool, amount, is_down):
    token_in = pool.token0 if is_down else pool.token1
    try:
        cost = curves.amount_in(pool, curves.pair_from(pool, token_in), amount)
        assert curves.amount_out(pool, curves.pair_from(pool, token_in), cost) >= amount
    except Infeasible:
        return


@given(POOLS, st.integers(1, 10**20), st.booleans())
def test_two_halves_never_beat_the_whole_by_more_than_fees_on_fees(pool, amount, is_down):
    token_in = pool.token0 if is_down else pool.token1
    try:
        whole = curves.amount_out(pool, curves.pair_from(pool, token_in), 2 * amount)
        first = curves.amount_out(pool, curves.pair_from(pool, token_in), amount)
        second = curves.amount_out(
            curves.after(pool, curves.pair_from(pool, token_in), amount),
            curves.pair_from(pool, token_in),
            amount,
        )
    except Infeasible:
        return
    assert second <= first + 3  # rounding of the ratio
    assert abs(first + second - whole) <= whole // 20 + 3


@given(st.integers(RATIO_MIN, RATIO_MAX - 1))
def test_a_tick_is_the_greatest_whose_ratio_fits(ratio):
    tick = tick_at(ratio)
    assert ratio_at(tick) <= ratio
    assert tick == 887272 or ratio < ratio_at(tick + 1)
