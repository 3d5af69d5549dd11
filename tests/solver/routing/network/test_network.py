"""Pools as float curves: what they gain is what the exact integers say, whatever the kind."""

import numpy as np
import pytest

from solver.domain.market import BookPool, StablePool, StableswapPool, WeightedPool
from solver.domain.numbers import WAD
from solver.routing import curves
from solver.routing.curves import PRICE_UNIT
from solver.routing.network import network, reference_prices
from solver.routing.network.gains import gains, held
from tests.solver.routing import world
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

SCALE = {WETH: 10**18, USDC: 10**30, DAI: 10**18, WBTC: 10**28}


def weighted(*parts, number=70):
    tokens = sorted(token for token, _, _ in parts)
    by = {token: (dollars, weight) for token, dollars, weight in parts}
    return WeightedPool(
        "balancer_v2",
        f"0x{number:040x}",
        tuple(token.address for token in tokens),
        tuple(world.atoms(token, by[token][0]) for token in tokens),
        tuple(by[token][1] * WAD // 100 for token in tokens),
        tuple(SCALE[token] for token in tokens),
        WAD // 500,
        100_000,
    )


STABLE = StablePool(
    "balancer_v2",
    f"0x{71:040x}",
    (USDC.address, DAI.address),
    (world.atoms(USDC, 3_000_000), world.atoms(DAI, 2_500_000)),
    200_000,
    (10**30, 10**18),
    WAD // 2_500,
    100_000,
)
STABLESWAP = StableswapPool(
    "curve",
    f"0x{72:040x}",
    (DAI.address, USDC.address),
    (world.atoms(DAI, 2_000_000), world.atoms(USDC, 2_600_000)),
    1_000,
    (10**18, 10**30),
    4_000_000,
    130_000,
)
BOOK = BookPool(
    "book",
    f"0x{73:040x}",
    WETH.address,
    USDC.address,
    ((3_590 * 10**4, 500), (3_580 * 10**4, 900)),
    ((3_605 * 10**4, 400), (3_620 * 10**4, 700)),
    10**16,
    300,
    60_000,
)
POOLS = (
    world.product(60, WETH, USDC, 3_000_000, 0),
    world.concentrated(61, WETH, USDC, 500, 0, world.DEEP),
    weighted((WETH, 4_000_000, 80), (USDC, 1_000_000, 20)),
    weighted((WETH, 900_000, 30), (USDC, 900_000, 30), (DAI, 1_200_000, 40), number=74),
    STABLE,
    STABLESWAP,
    BOOK,
)


def gained(pools, prices):
    """What each pool gains by the floats, in units of USDC's atoms."""
    here = network(pools, WETH.address, USDC.address, 10 * WAD)
    assert here is not None
    own = np.array([prices.get(token, 1.0) for token in here.market.tokens]) * here.units
    own /= here.units[here.sink]
    each = gains(here.graph, own, here.market.room) * here.is_used
    best = np.zeros(len(pools))
    np.maximum.at(best, here.market.pool_of, each)
    return best * here.units[here.sink], here


@pytest.mark.parametrize("drift", [-0.02, -0.004, 0.001, 0.006, 0.03])
def test_floats_gain_what_the_checker_bounds(drift):
    fair = {token.address: 10.0**-token.decimals * world.DOLLARS[token] for token in SCALE}
    prices = {token: price * 10**6 for token, price in fair.items()}
    prices[WETH.address] *= 1 + drift
    prices[DAI.address] *= 1 - drift / 3
    found, here = gained(POOLS, prices)
    integers = {token: round(price * PRICE_UNIT) for token, price in prices.items()}
    for pool, gain in zip(here.market.pools, found, strict=True):
        exact = curves.arbitrage_up(pool, integers) / PRICE_UNIT
        assert gain == pytest.approx(exact, rel=1e-6, abs=20), type(pool).__name__


def test_prices_come_through_the_deepest_pools():
    astray = world.product(80, WBTC, WETH, 1_000, 9_000)  # thin, and almost twice the price
    prices = reference_prices((*world.POOLS, astray), USDC.address)
    for token in (WETH, WBTC, DAI):
        worth = prices[token.address] * 10**token.decimals / 10**6
        assert worth == pytest.approx(world.DOLLARS[token], rel=0.01)


def test_what_a_weighted_pool_cannot_take_at_once_is_a_range():
    pool = weighted((WETH, 40_000, 80), (USDC, 10_000, 20))
    small = network((pool,), WETH.address, USDC.address, WAD // 10)
    large = network((pool,), WETH.address, USDC.address, 100 * WAD)
    assert small is not None
    assert large is not None
    assert small.is_used.tolist() == [True, False]
    assert large.is_used.tolist() == [False, True]
    most_weth, most_usdc = (float(each[1]) for each in held(large.graph))
    assert most_usdc * large.units[large.sink] < pool.balances[1] * 0.7
    assert most_weth * large.units[large.source] < pool.balances[0] * 0.3


def test_a_market_is_made_once_for_the_same_pools():
    one = network(POOLS, WETH.address, USDC.address, WAD)
    two = network(POOLS, WETH.address, DAI.address, 7 * WAD)
    assert one is not None
    assert two is not None
    assert one.market is two.market


def test_what_no_pool_leads_to_has_no_network():
    assert network((), WETH.address, USDC.address, WAD) is None
    assert network(world.POOLS[:1], WETH.address, WBTC.address, WAD) is None
    apart = (world.product(1, WETH, USDC, 10**6, 0), world.product(2, WBTC, DAI, 10**6, 0))
    assert network(apart, WETH.address, DAI.address, WAD) is None
    here = network(apart, WETH.address, USDC.address, WAD)
    assert here is not None
    assert len(here.market.pools) == 1
