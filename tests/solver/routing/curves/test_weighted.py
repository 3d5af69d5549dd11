"""Weighted pools: no swap beats the bound, the best one reaches it, recorded quotes are equal."""

import json
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import WeightedPool
from solver.domain.numbers import WAD
from solver.routing import curves
from solver.routing.curves import PRICE_UNIT, weighted
from tests.recorded import POOLS, needs


@st.composite
def pools(draw):
    count = draw(st.integers(2, 4))
    parts = draw(st.lists(st.integers(1, 80), min_size=count, max_size=count))
    weights = [part * WAD // sum(parts) for part in parts]
    weights[-1] = WAD - sum(weights[:-1])
    decimals = draw(st.lists(st.sampled_from((6, 8, 18)), min_size=count, max_size=count))
    return WeightedPool(
        "balancer",
        "0xp",
        tuple("abcd"[:count]),
        tuple(draw(st.integers(10**d // 100, 10 ** (d + 8))) for d in decimals),
        tuple(weights),
        tuple(10 ** (36 - d) for d in decimals),
        draw(st.integers(0, WAD // 10)),
        120_000,
        draw(st.integers(1, 3)),
    )


def fair_prices(pool):
    """Returns prices at which no pair of the pool gains, fee or not."""
    return {
        token: weight * PRICE_UNIT * 10**20 // (WAD * balance)
        for token, weight, balance in zip(pool.tokens, pool.weights, pool.balances, strict=True)
    }


def gain(pool, prices, pair, amount):
    try:
        return prices[pair[1]] * curves.amount_out(pool, pair, amount) - prices[pair[0]] * amount
    except Infeasible:
        return 0


@given(pools(), st.lists(st.integers(-400, 400), min_size=4, max_size=4), st.integers(0, 10**6))
def test_no_swap_beats_the_bound(pool, skews, part):
    fair = fair_prices(pool)
    prices = {
        t: fair[t] * (1000 + skew) // 1000 for t, skew in zip(pool.tokens, skews, strict=False)
    }
    bound = curves.arbitrage_up(pool, prices)
    for i, there in enumerate(pool.tokens):
        for here in pool.tokens:
            if there != here:
                amount = pool.balances[i] * part // 10**6
                assert gain(pool, prices, (there, here), amount) <= bound


@given(pools(), st.integers(1, 250), st.booleans())
def test_the_bound_is_reached_by_the_best_swap(pool, skew, is_more):
    prices, tokens = fair_prices(pool), pool.tokens
    first = prices[tokens[0]]
    prices[tokens[0]] = first * (1000 + skew) // 1000 if is_more else first * 1000 // (1000 + skew)
    best = 0
    for other in tokens[1:]:
        pair = (other, tokens[0]) if is_more else (tokens[0], other)
        amount = best_input(pool, prices, pair)
        best = max(best, gain(pool, prices, pair, amount))
    bound = curves.arbitrage_up(pool, prices)
    worth = prices[tokens[0]] * pool.balances[0]
    # Rounding takes a few atoms, and powUp 1e-14 of the balance and its share of the 18 decimals.
    dust = worth // 10**12 + 4 * max(prices.values())
    assert best <= bound <= best + bound // 10**9 + dust


def best_input(pool, prices, pair):
    i, j = (pool.tokens.index(token) for token in pair)
    kept, ratio = 1 - pool.fee / WAD, pool.weights[i] / pool.weights[j]
    cost = prices[pair[0]] * pool.balances[i] / (kept * ratio)
    q = cost / (prices[pair[1]] * pool.balances[j])
    t = q ** (1 / (1 + ratio))
    return max(0, int(pool.balances[i] * (1 / t - 1) / kept))


def test_a_pool_inside_the_fee_band_gains_nothing():
    pool = WeightedPool(
        "balancer",
        "0xp",
        ("a", "b", "c"),
        (10**12, 10**24, 10**22),
        (WAD // 2, WAD // 4, WAD // 4),
        (10**30, 10**18, 10**18),
        WAD // 100,
        120_000,
    )
    fair = fair_prices(pool)
    assert curves.arbitrage_up(pool, fair) == 0
    assert curves.arbitrage_up(pool, fair | {"a": fair["a"] * 1009 // 1000}) == 0
    assert curves.arbitrage_up(pool, fair | {"a": fair["a"] * 1012 // 1000}) > 0


@given(pools(), st.integers(1, 10**6))
def test_what_an_exact_output_costs_buys_it_up_to_the_powers_error(pool, part):
    pair = pool.tokens[:2]
    amount = pool.balances[1] * part // 10**7
    try:
        cost = curves.amount_in(pool, pair, amount)
        bought = curves.amount_out(pool, pair, cost)
    except Infeasible:
        return
    assert bought >= amount - pool.balances[1] // 10**11 - 1
    rest = curves.after(pool, pair, cost)
    assert rest.balances[:2] == (pool.balances[0] + cost, pool.balances[1] - bought)


@given(pools(), st.integers(1, 10**6))
def test_twice_the_input_never_buys_more_than_twice(pool, part):
    pair, amount = pool.tokens[:2], pool.balances[0] * part // 10**7
    try:
        half = curves.amount_out(pool, pair, amount + 2)  # the fee rounds up by an atom
        whole = curves.amount_out(pool, pair, 2 * amount)
        assert whole <= 2 * half + pool.balances[1] // 10**12 + 3
    except Infeasible:
        return


@needs(POOLS, "pools")
def test_quotes_are_the_recorded_ones():
    pools = {}
    for path in POOLS.glob("state/1_balancer_weighted_*.json"):
        state = json.loads(path.read_text())
        pools[state["address"]] = WeightedPool(
            "balancer",
            state["pool_id"],
            tuple(token["symbol"] for token in state["tokens"]),
            tuple(state["balances"]),
            tuple(state["weights"]),
            tuple(10 ** (36 - token["decimals"]) for token in state["tokens"]),
            int(Fraction(state["fee"]) * WAD),
            120_000,
            int(state["pow_version"].removeprefix("v")),
        )
    compared = 0
    for path in POOLS.glob("quotes/test_balancer_v2_*.json"):
        for key, entry in json.loads(path.read_text())["entries"].items():
            address, _, kind, *names, amount = key.split("|")
            pool = pools[address]
            if len(names) == 2:
                first, second = (pool.tokens[int(name[2:])] for name in names)
            else:
                first, second = names[0].split("->")
            quote = weighted.amount_out if kind == "GIVEN_IN" else weighted.amount_in
            assert quote(pool, (first, second), int(amount)) == entry["value"], key
            compared += 1
    assert compared == 270
