"""Stable pools: no swap beats the bound, the best one reaches it, recorded quotes are equal."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import StablePool
from solver.domain.numbers import WAD, mul_up
from solver.routing import curves
from solver.routing.curves import PRICE_UNIT, balancer, balancer_stable
from tests.recorded import SHARED, needs

RECORDED = SHARED / "data/amm/balancer_v3_maths/1-22247251-StableSurgeHook.json"


ANY_DECIMALS = st.sampled_from((6, 8, 18))


@st.composite
def pools(draw, coins=ANY_DECIMALS):
    count = draw(st.integers(2, 5))
    decimals = draw(st.lists(coins, min_size=count, max_size=count))
    rates = draw(st.lists(st.integers(WAD, 2 * WAD), min_size=count, max_size=count))
    size = 10 ** draw(st.integers(3, 8))
    return StablePool(
        "balancer",
        "0xp",
        tuple("abcde"[:count]),
        tuple(size * draw(st.integers(1, 3000)) * 10**d // 1000 for d in decimals),
        1000 * draw(st.integers(1, 5000)),
        tuple(rate * 10 ** (18 - d) for rate, d in zip(rates, decimals, strict=True)),
        draw(st.integers(0, WAD // 100)),
        120_000,
        draw(st.integers(1, 3)),
    )


def level_prices(pool):
    """Returns prices at which every token is worth its rate."""
    return {
        t: scaling * PRICE_UNIT // WAD
        for t, scaling in zip(pool.tokens, pool.scalings, strict=True)
    }


def gain(pool, prices, pair, amount):
    try:
        return prices[pair[1]] * curves.amount_out(pool, pair, amount) - prices[pair[0]] * amount
    except Infeasible:
        return 0


def pairs(pool):
    return [(there, here) for there in pool.tokens for here in pool.tokens if there != here]


@given(pools(), st.lists(st.integers(-200, 200), min_size=5, max_size=5), st.integers(1, 2 * 10**6))
def test_no_swap_beats_the_bound(pool, skews, part):
    level = level_prices(pool)
    prices = {
        t: level[t] * (1000 + skew) // 1000 for t, skew in zip(pool.tokens, skews, strict=False)
    }
    bound = curves.arbitrage_up(pool, prices)
    for pair in pairs(pool):
        amount = pool.balances[pool.tokens.index(pair[0])] * part // 10**6
        assert gain(pool, prices, pair, amount) <= bound
        give = pool.balances[pool.tokens.index(pair[1])] * part // (21 * 10**5)
        try:
            cost = curves.amount_in(pool, pair, give)
        except Infeasible:
            continue
        assert prices[pair[1]] * give - prices[pair[0]] * cost <= bound


@settings(max_examples=8)  # each one searches every pair of a pool
@given(pools(coins=st.just(18)), st.integers(1, 200), st.booleans())
def test_the_bound_is_reached_by_the_best_swap(pool, skew, is_more):
    prices, first = level_prices(pool), pool.tokens[0]
    factor = (1000 + skew, 1000) if is_more else (1000, 1000 + skew)
    prices[first] = prices[first] * factor[0] // factor[1]
    best = max(best_gain(pool, prices, pair) for pair in pairs(pool))
    bound = curves.arbitrage_up(pool, prices)
    # The 18 decimals are cut several times over, where a rate is broken by an atom each.
    worth = sum(prices[t] * held for t, held in zip(pool.tokens, pool.balances, strict=True))
    assert best <= bound <= best + bound // 10**9 + worth // 10**15 + 50 * max(prices.values())


def best_gain(pool, prices, pair):
    low, high = 0, 30 * sum(pool.balances)
    while high - low > 2:  # concave, but for rounding
        third = (high - low) // 3
        left, right = (trade(pool, prices, pair, x) for x in (low + third, high - third))
        low, high = (low + third, high) if left < right else (low, high - third)
    return max(0, *(gain(pool, prices, pair, x) for x in range(low, high + 1)))


def trade(pool, prices, pair, amount):
    """Returns the gain, or where the pool refuses what a free gift of nothing would cost."""
    try:
        return prices[pair[1]] * curves.amount_out(pool, pair, amount) - prices[pair[0]] * amount
    except Infeasible:
        return -prices[pair[0]] * amount


@given(pools(), st.integers(0, WAD // 10**4))
def test_a_level_pool_gains_nothing_within_its_fee(pool, fee):
    even = tuple(10**6 * WAD * WAD // scaling for scaling in pool.scalings)
    pool, prices = pool._replace(balances=even, fee=fee), level_prices(pool)
    assert curves.arbitrage_up(pool, prices) <= 60 * max(prices.values())
    apart = prices | {"a": prices["a"] * (WAD + fee // 2) // WAD}
    assert curves.arbitrage_up(pool, apart) <= 60 * max(prices.values()) + prices["a"] * even[
        0
    ] // (10**12)


@given(pools(), st.integers(1, 10**6))
def test_what_an_exact_output_costs_buys_it_but_for_dust(pool, part):
    pair = pool.tokens[:2]
    amount = pool.balances[1] * part // 10**7
    try:
        cost = curves.amount_in(pool, pair, amount)
        bought = curves.amount_out(pool, pair, cost)
    except Infeasible:
        return
    assert bought >= amount - 10 - 10**6 * max(1, pool.scalings[0] // pool.scalings[1])
    rest = curves.after(pool, pair, cost)
    assert rest.balances[:2] == (pool.balances[0] + cost, pool.balances[1] - bought)


@given(pools(), st.integers(1, 10**6))
def test_twice_the_input_never_buys_more_than_twice(pool, part):
    pair, amount = pool.tokens[:2], pool.balances[0] * part // 10**6
    try:
        half = curves.amount_out(pool, pair, amount + 2)  # the fee rounds up by an atom
        whole = curves.amount_out(pool, pair, 2 * amount)
    except Infeasible:
        return
    assert whole <= 2 * half + 10


def surge_fee(pool, hook, pair, amount, is_in):
    """Returns the fee of Balancer's StableSurge hook: it grows with the imbalance a swap leaves."""
    (i, j), balances = balancer.indices(pool, pair), balancer.upscaled(pool)
    after, threshold = list(balances), int(hook["surgeThresholdPercentage"])
    if is_in:
        given = amount * pool.scalings[i] // WAD
        out = balancer_stable._bought(pool, balances, i, j, given)
    else:
        out = mul_up(amount, pool.scalings_up[j])
        given = balancer_stable._cost(pool, balances, i, j, out)
    after[i], after[j] = after[i] + given, after[j] - out
    before, now = imbalance(balances), imbalance(after)
    if now <= before or now <= threshold:
        return pool.fee
    rise = (now - threshold) * WAD // (WAD - threshold)
    return pool.fee + (int(hook["maxSurgeFeePercentage"]) - pool.fee) * rise // WAD


def imbalance(balances):
    median = sum(balances) // 2  # of two
    return sum(abs(held - median) for held in balances) * WAD // sum(balances)


@needs(RECORDED, "pools")
def test_swaps_are_the_recorded_ones_of_vault_v3():
    data = json.loads(RECORDED.read_text())
    state = data["pool"]
    rates = tuple(int(rate) for rate in state["tokenRates"])
    live = [int(held) for held in state["balancesLiveScaled18"]]
    pool = StablePool(
        "balancer_v3",
        state["poolAddress"],
        tuple(address.lower() for address in state["tokens"]),
        tuple(-(-held * WAD // rate) for held, rate in zip(live, rates, strict=True)),
        int(state["amp"]),
        rates,
        int(state["swapFee"]),
        120_000,
        3,
        tuple(rate + 1 for rate in rates),
    )
    assert balancer.upscaled(pool) == live
    assert len(data["swaps"]) == 4
    for swap in data["swaps"]:
        pair, amount = (swap["tokenIn"], swap["tokenOut"]), int(swap["amountRaw"])
        is_in = swap["swapKind"] == 0
        fee = surge_fee(pool, state["hook"]["dynamicData"], pair, amount, is_in)
        quote = balancer_stable.amount_out if is_in else balancer_stable.amount_in
        assert quote(pool._replace(fee=fee), pair, amount) == int(swap["outputRaw"])
