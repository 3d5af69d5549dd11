"""Gas moved to a pool that cannot gain alone: less is claimed, and never less than a plan has."""

import random

import pytest

from solver.domain.numbers import WAD
from solver.domain.route import Case
from solver.routing.certify.pools import token_bound
from solver.routing.proof import dual_prices
from solver.routing.select import best_route
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.certify.claims import ROUTED
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

SOLD = {WETH.address: 20 * WAD}
PRICED = dict(ROUTED.certificate.token_prices)
MAIN = world.product(1, WETH, USDC, 10**7, 0)
CHEAP = world.product(2, WETH, DAI, 10**5, 150)  # DAI for too little ether: worth a swap
FAIR = world.product(3, DAI, USDC, 10**6, 0)
TRADED = (WETH.address, USDC.address)


def bound(pools, traded, closed=(), opened=()):
    snapshot = world.snapshot(pools=pools)
    cases = [Case(tuple(closed), tuple(opened), tuple(PRICED.items()))]
    return token_bound(SOLD, snapshot, cases, toll(USDC.address, snapshot), traded)


def test_a_pool_that_gains_at_a_token_in_passing_pays_for_a_second_one():
    plain, moved = bound((MAIN, CHEAP, FAIR), None), bound((MAIN, CHEAP, FAIR), TRADED)
    alone = bound((MAIN, FAIR), None)
    assert alone <= moved < plain


def test_without_a_second_pool_it_adds_nothing():
    assert bound((MAIN, CHEAP), TRADED) == bound((MAIN,), None) < bound((MAIN, CHEAP), None)
    without = bound((MAIN, CHEAP, FAIR), None, [CHEAP.address, FAIR.address])
    assert bound((MAIN, CHEAP, FAIR), TRADED, [FAIR.address]) == without


@pytest.mark.parametrize("traded", [None, (*TRADED, DAI.address)])
def test_at_a_token_that_is_traded_it_pays_for_itself_alone(traded):
    pools = (MAIN, CHEAP, FAIR)
    assert bound(pools, traded) == bound(pools, None)


def test_a_second_pool_that_is_paid_already_is_not_paid_again():
    pools = (MAIN, CHEAP, FAIR)
    assert bound(pools, TRADED, (), [FAIR.address]) == bound(pools, None, (), [FAIR.address])


def test_no_route_nets_more():
    """Markets of cheap and dear pools about tokens in passing, at the prices that routes bring."""
    rng, lowered = random.Random(7), 0
    for _ in range(25):
        pools = [MAIN]
        for number in range(2, 9):
            pair = rng.choice([(WETH, DAI), (DAI, USDC), (WETH, WBTC), (WBTC, USDC), (DAI, WBTC)])
            pools.append(world.product(number, *pair, 10 ** rng.uniform(3, 6), rng.gauss(0, 150)))
        snapshot = world.snapshot(pools=tuple(pools))
        per_gas = toll(USDC.address, snapshot)
        route = best_route(snapshot, WETH.address, USDC.address, SOLD[WETH.address])
        prices = dual_prices(route.prices, USDC.address)
        terms = SOLD, snapshot, [Case((), (), tuple(prices.items()))], per_gas
        net = route.amount_out - per_gas.up(route.gas)
        assert net <= token_bound(*terms, TRADED) <= token_bound(*terms)
        lowered += token_bound(*terms, TRADED) < token_bound(*terms)
    assert lowered
