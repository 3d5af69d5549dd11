"""Pools of every kind in one plan: proved where honest, each used as often as its bound allows."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import BookPool, StablePool, StableswapPool, WeightedPool
from solver.domain.numbers import WAD
from solver.domain.route import Case
from solver.routing import curves
from solver.routing.certify import certify
from solver.routing.certify.pools import token_bound
from solver.routing.curves import PRICE_UNIT
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.certify.claims import (
    CODE,
    CONSERVES,
    DAI_V2,
    PRICES,
    USDT,
    V2,
    V3,
    V3_DAI,
    WALLET,
    at,
    refused,
    routed,
)
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

ONCE = "a pool bound for one swap is used once"
COINS = (DAI, USDC, USDT)


def of_each(tokens, dollars):
    return tuple(int(dollars / PRICES[token.address]) for token in tokens)


def addresses(tokens):
    return tuple(token.address for token in tokens)


BASKET = (WETH, USDC, DAI, WBTC)
WEIGHTED = WeightedPool(
    "balancer_v2",
    "0x" + "ba01" * 16,
    addresses(BASKET),
    of_each(BASKET, 2_000_000),
    (WAD // 4,) * 4,
    tuple(10 ** (36 - token.decimals) for token in BASKET),
    WAD // 1_000,
    150_000,
)
STABLE = StablePool(
    "balancer_v2",
    "0x" + "ba02" * 16,
    addresses(COINS),
    of_each(COINS, 3_000_000),
    200_000,
    tuple(10 ** (36 - token.decimals) for token in COINS),
    WAD // 10_000,
    160_000,
)
CURVE = StableswapPool(
    "curve",
    "0x" + "cc" * 20,
    addresses(COINS),
    of_each(COINS, 5_000_000),
    2_000,
    tuple(10 ** (36 - token.decimals) for token in COINS),
    4 * 10**6,
    180_000,
)
BOOK = BookPool(
    "book",
    "0x" + "b0" * 20,
    WETH.address,
    USDC.address,
    ((35_990_000, 500), (35_950_000, 2_000)),
    ((36_010_000, 500), (36_050_000, 2_000)),
    WAD // 100,
    100,
    120_000,
)
SNAPSHOT = world.snapshot(pools=(*world.POOLS, WEIGHTED, STABLE, CURVE, BOOK))
SWAP = world.swap(WETH, USDC, 40 * WAD)
W, U, D, T = (token.address for token in (WETH, USDC, DAI, USDT))
STEPS = (
    (BOOK, W, U, 10 * WAD),
    (V2, W, U, WAD // 2),
    (V3, W, U, 20 * WAD),
    (WEIGHTED, W, D, None),
    (CURVE, D, U, 10_000 * WAD),
    (STABLE, D, U, None),
)
PLAN = routed(SWAP, SNAPSHOT, STEPS)


def test_a_plan_over_every_kind_is_proved():
    certify(SWAP, SNAPSHOT, PLAN, WALLET)
    assert len({type(step[0]) for step in STEPS}) == 6


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_an_atom_more_or_less_of_any_kind_is_refused(place):
    out = PLAN.swaps[place].amount_out
    for wrong in (out - 1, out + 1):
        with refused(CODE):
            certify(SWAP, SNAPSHOT, at(PLAN, "swaps", place, amount_out=wrong), WALLET)


@pytest.mark.parametrize(
    "again",
    [
        ((WEIGHTED, W, D, 2 * WAD), (WEIGHTED, W, D, None), (CURVE, D, U, None)),
        ((WEIGHTED, W, D, None), (WEIGHTED, D, U, None)),
        ((WEIGHTED, W, D, None), (CURVE, D, T, None), (CURVE, T, U, None)),
        ((WEIGHTED, W, D, None), (STABLE, D, T, None), (STABLE, T, U, None)),
    ],
)
def test_a_pool_whose_bound_is_of_one_swap_is_used_once(again):
    with refused(ONCE):
        certify(SWAP, SNAPSHOT, routed(SWAP, SNAPSHOT, again), WALLET)


def test_pools_of_any_number_of_swaps_may_be_used_again():
    first = ((BOOK, W, U, 10 * WAD), (V3, W, U, 9 * WAD), (V2, W, U, WAD))
    again = (*first, (BOOK, W, U, WAD), (V2, W, U, WAD), (V3, W, U, None))
    certify(SWAP, SNAPSHOT, routed(SWAP, SNAPSHOT, again), WALLET)


def test_a_book_takes_no_part_of_a_lot():
    tokens = list(PLAN.swaps)
    tokens[0] = tokens[0]._replace(amount_in=tokens[0].amount_in - 1)
    with refused("takes whole lots"):
        certify(SWAP, SNAPSHOT, PLAN._replace(swaps=tuple(tokens)), WALLET)


def test_a_leftover_in_a_token_on_the_way_is_refused():
    with refused(CONSERVES):
        certify(SWAP, SNAPSHOT, PLAN._replace(swaps=PLAN.swaps[:-1]), WALLET)


KINDS = (BOOK, V2, V3, WEIGHTED, STABLE, CURVE, V3_DAI, DAI_V2)
WALK = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(0, 3), st.floats(0, 1)),
    min_size=1,
    max_size=10,
)


def walked(steps):
    """Returns what is held after any swaps that the pools take, and how often each was used."""
    held, used = Counter({W: 100 * WAD}), Counter[str]()
    now = {pool.address: pool for pool in KINDS}
    for place, first, second, part in steps:
        pool = now[KINDS[place].address]
        pair = (pool.tokens[first % len(pool.tokens)], pool.tokens[second % len(pool.tokens)])
        amount = int(held[pair[0]] * part)
        if amount == 0 or (used[pool.address] and not curves.is_repeatable(pool)):
            continue
        if isinstance(pool, BookPool):
            amount -= amount % pool.lot if pair[0] == W else 0
        try:
            out = curves.amount_out(pool, pair, amount)
            now[pool.address] = curves.after(pool, pair, amount)
        except Infeasible:
            continue
        used[pool.address] += 1
        held.update({pair[0]: -amount, pair[1]: out})
    return held, used


@settings(max_examples=150)
@given(WALK, st.lists(st.floats(0.9, 1.1), min_size=5, max_size=5))
def test_no_plan_is_worth_more_than_any_bound(steps, skews):
    """At any prices, whatever is left: what it holds, net of gas, of the case it is in too."""
    held, used = walked(steps)
    prices = {
        token: int(PRICES[token] * skew * PRICE_UNIT)
        for token, skew in zip((W, U, D, T, WBTC.address), skews, strict=True)
    }
    gas = {pool.address: pool.gas for pool in KINDS}
    per_gas = toll(U, SNAPSHOT)
    spent = per_gas.up(sum(gas[address] * times for address, times in used.items()))
    worth = sum(prices[token] * atoms for token, atoms in held.items()) // PRICE_UNIT - spent
    world_ = SNAPSHOT._replace(pools=KINDS)
    at = tuple(prices.items())
    own = Case(tuple(a for a in gas if not used[a]), tuple(a for a in gas if used[a]), at)
    for case in (Case((), (), at), own):
        assert worth <= token_bound({W: 100 * WAD}, world_, (case,), per_gas)


TURNS = st.lists(st.tuples(st.booleans(), st.floats(-6, -0.5)), min_size=1, max_size=4)


@given(st.sampled_from([V2, V3, BOOK]), st.floats(0.9, 1.1), TURNS)
def test_no_number_of_swaps_beats_the_bound_of_what_may_be_used_again(pool, skew, turns):
    prices = {token: int(PRICES[token] * PRICE_UNIT) for token in pool.tokens}
    prices[W] = int(prices[W] * skew)
    bound, gain, now = curves.arbitrage_up(pool, prices), 0, pool
    for is_sold, part in turns:
        pair = (W, U) if is_sold else (U, W)
        amount = int(2_000_000 / PRICES[pair[0]] * 10**part)
        if pool is BOOK and is_sold:
            amount -= amount % BOOK.lot
        try:
            out = curves.amount_out(now, pair, amount)
            now = curves.after(now, pair, amount)
        except Infeasible:
            continue
        gain += prices[pair[1]] * out - prices[pair[0]] * amount
        assert gain <= bound


TWO_WEIGHTED = WEIGHTED._replace(
    tokens=(W, U),
    balances=of_each((WETH, USDC), 1_000_000),
    weights=(WAD // 2, WAD // 2),
    scalings=(WAD, 10**30),
)
TWO_COINS = CURVE._replace(
    tokens=(D, U),
    balances=of_each((DAI, USDC), 1_000_000),
    amplification=1,
    rates=(WAD, 10**30),
)


@pytest.mark.parametrize(("pool", "percent"), [(TWO_WEIGHTED, 28), (TWO_COINS, 53)])
def test_two_swaps_may_beat_the_bound_of_one(pool, percent):
    """Why a second use is refused even of two tokens: Balancer's 30 %, Curve's fee that stays."""
    there, here = pool.tokens
    prices = {there: int(PRICES[there] * PRICE_UNIT), here: int(PRICES[here] * PRICE_UNIT) * 3}
    half, now, gain = pool.balances[0] * percent // 100, pool, 0
    for _ in range(2):
        gain += prices[here] * curves.amount_out(now, (there, here), half) - prices[there] * half
        now = curves.after(now, (there, here), half)
    assert not curves.is_repeatable(pool)
    assert gain > curves.arbitrage_up(pool, prices)
