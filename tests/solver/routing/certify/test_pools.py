"""The token part of the bound: what a pool adds, in one case and over many."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.market import BookPool, WeightedPool
from solver.domain.numbers import WAD
from solver.domain.route import Case
from solver.routing import curves
from solver.routing.certify.pools import SCREENED_FROM, token_bound
from solver.routing.curves import PRICE_UNIT, weighted
from solver.routing.toll import FREE, Toll, toll
from tests.solver.routing import world
from tests.solver.routing.certify.claims import PRICES, ROUTED, SNAPSHOT
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

PRICED = dict(ROUTED.certificate.token_prices)
PER_GAS = toll(USDC.address, SNAPSHOT)
SOLD = {WETH.address: 20 * WAD}


def case(closed=(), opened=(), **changes):
    prices = PRICED | {getattr(world, name).address: price for name, price in changes.items()}
    return Case(tuple(closed), tuple(opened), tuple(prices.items()))


def bound(*cases, pools=SNAPSHOT.pools, per_gas=PER_GAS):
    return token_bound(SOLD, world.snapshot(pools=pools), cases, per_gas)


def test_a_pool_adds_what_it_gains_beyond_its_gas():
    pool = SNAPSHOT.pools[0]
    weth = PRICED[WETH.address] * 98 // 100  # so that the pool is worth trading with
    idle = -(-weth * 20 * WAD // PRICE_UNIT)
    free = bound(case(WETH=weth), pools=(pool,), per_gas=FREE)
    assert bound(case((pool.address,), WETH=weth), pools=(pool,)) == idle
    used = bound(case((), (pool.address,), WETH=weth), pools=(pool,))
    assert used == bound(case(WETH=weth), pools=(pool,)) > idle
    assert 0 <= free - used - PER_GAS.down(pool.gas) <= 1


def test_a_pool_that_is_not_worth_its_gas_adds_nothing_but_takes_its_gas_where_it_is_used():
    pool = SNAPSHOT.pools[0]
    idle = bound(case((pool.address,)), pools=(pool,))
    assert bound(case(), pools=(pool,)) == idle
    assert 0 <= idle - bound(case((), (pool.address,)), pools=(pool,)) <= PER_GAS.up(pool.gas)


def test_many_cases_are_bound_by_the_greatest():
    """With many, pools that add nothing in any are found first: the answer is the same."""
    rng = random.Random(3)
    one, other = (pool.address for pool in SNAPSHOT.pools[5:7])
    kinds = (((one,), ()), ((), (one, other)), ((other,), (one,)), ((), ()))
    cases = [
        case(
            *fixed,
            WETH=int(PRICED[WETH.address] * rng.uniform(0.97, 1.03)),
            DAI=int(PRICED[DAI.address] * rng.uniform(0.999, 1.001)),
            WBTC=int(PRICED[WBTC.address] * rng.uniform(0.99, 1.01)),
        )
        for fixed in kinds * 4
    ]
    alone = [bound(each) for each in cases]
    for some in itertools.islice(itertools.combinations(range(16), SCREENED_FROM), 0, 4_368, 400):
        assert bound(*(cases[i] for i in some)) == max(alone[i] for i in some)
    assert bound(*cases) == max(alone)


def test_a_crossed_book_is_not_left_out_for_what_it_gives_of_both_tokens():
    """10 lots of base and 900 of quote for nothing: worth its gas only where both are dear."""
    book = BookPool("book", "0xb", "base", "quote", ((110, 90),), ((90, 100),), 1, 0, 1_980)
    cases = [
        Case((), (), (("base", base * PRICE_UNIT // 100), ("quote", quote * PRICE_UNIT // 100)))
        for base, quote in ((10_000, 100), (10_500, 100), (10_000, 105), (10_500, 105), (1, 1))
    ]
    alone = [bound(each, pools=(book,), per_gas=Toll(1, 1)) for each in cases]
    assert alone == [0, 0, 0, 15, 0]
    assert bound(*cases, pools=(book,), per_gas=Toll(1, 1)) == 15


@pytest.mark.parametrize("dollars", [1, 10**5, 10**8])
@given(st.lists(st.floats(0.8, 1.25), min_size=3, max_size=3))
def test_a_rough_bound_is_above_the_tight_one(dollars, skews):
    """WeightedPool 20/30/50 at the world's prices, moved; `enough` only says when rough will do."""
    tokens, weights = (USDC, DAI, WETH), (2 * WAD // 10, 3 * WAD // 10, WAD // 2)
    pool = WeightedPool(
        "balancer_v2",
        "0x" + "ba" * 20,
        tuple(token.address for token in tokens),
        tuple(
            world.atoms(token, dollars * weight / WAD)
            for token, weight in zip(tokens, weights, strict=True)
        ),
        weights,
        tuple(10 ** (36 - token.decimals) for token in tokens),
        WAD // 1000,
        150_000,
    )
    prices = {
        token.address: int(PRICES[token.address] * skew * PRICE_UNIT)
        for token, skew in zip(tokens, skews, strict=True)
    }
    tight, rough = curves.arbitrage_up(pool, prices), weighted.roughly_up(pool, prices)
    assert tight <= rough
    assert curves.arbitrage_up(pool, prices, enough=rough) in (tight, rough)
    assert curves.arbitrage_up(pool, prices, enough=rough // 2) == tight
