"""Laws that hold between two routes, whatever either is: in integers, on pools of several kinds.

Tolerances are a part of the output and some atoms for each step: floats plan, integers execute.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.market import ConcentratedPool, WeightedPool
from solver.domain.numbers import WAD
from solver.routing.select import best_route
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

TOKENS = (WETH, USDC, DAI, WBTC)
SAME = 1e-9  # of the output: what floats may plan differently
BETTER = 2e-6  # of the output: what a choice of pools that all pay gas may miss
ATOMS = 30  # of the output, for each step
COARSE = world.DOLLARS[WBTC] / 10**WBTC.decimals  # dollars in the greatest atom on any way
OFF = 0.4  # of its fee, by which a pool is off the market's prices: so there is no arbitrage

SEEDS = st.integers(0, 2**32)
DOLLARS = st.floats(3, 6).map(lambda digits: 10**digits)
PAIRS = st.permutations(TOKENS).map(lambda tokens: tuple(tokens[:2]))


def product(rng, number):
    base, quote = rng.sample(TOKENS, 2)
    fee_ppm = rng.choice((500, 2_500, 3_000))
    offset_bps = fee_ppm / 100 * rng.uniform(-OFF, OFF)
    pool = world.product(number, base, quote, 10 ** rng.uniform(5, 7), offset_bps)
    return pool._replace(fee_ppm=fee_ppm)


def weighted(rng, number):
    tokens = rng.sample(TOKENS, rng.choice((2, 3)))
    shares = [rng.choice((1, 2, 4)) for _ in tokens]
    weights = [WAD * share // sum(shares) for share in shares]
    weights[0] += WAD - sum(weights)
    dollars = 10 ** rng.uniform(5.5, 7)
    return WeightedPool(
        "balancer_v2",
        f"0x{number:040x}",
        tuple(token.address for token in tokens),
        tuple(
            world.atoms(token, dollars * weight / WAD * (1 + 2e-3 * rng.uniform(-OFF, OFF) / 2))
            for token, weight in zip(tokens, weights, strict=True)
        ),
        tuple(weights),
        tuple(10 ** (36 - token.decimals) for token in tokens),
        WAD // 500,
        140_000,
    )


def market(seed, *, count=9, gas_price=0):
    """A connected market: one deep pool from each token to USDC, then any."""
    rng = random.Random(seed)
    pools = [
        world.product(
            900 + place, token, USDC, 10 ** rng.uniform(6, 7.5), 30 * rng.uniform(-OFF, OFF)
        )
        for place, token in enumerate((WETH, DAI, WBTC))
    ]
    pools += [product(rng, 1_000 + number) for number in range(count - 5)]
    pools += [weighted(rng, 2_000 + number) for number in range(2)]
    return world.snapshot(pools=tuple(pools), gas_price=gas_price)


def traded(snapshot, pair, dollars):
    """Returns what the best route of so many dollars gives, net of its gas, and its dust."""
    return swapped(snapshot, pair, world.atoms(pair[0], dollars))


def swapped(snapshot, pair, amount):
    """As `traded`, of so many atoms."""
    sell, buy = pair
    route = best_route(snapshot, sell.address, buy.address, amount)
    net = route.amount_out - float(toll(buy.address, snapshot)) * route.gas
    return net, len(route.swaps) * max(ATOMS, 2 * COARSE / world.DOLLARS[buy] * 10**buy.decimals)


def is_same(one, other, part=SAME):
    (net, dust), (other_net, other_dust) = one, other
    return abs(net - other_net) <= part * abs(net) + dust + other_dust


def is_at_least(one, other, part):
    (net, dust), (other_net, other_dust) = one, other
    return net >= other_net * (1 - part) - dust - other_dust


@settings(max_examples=20)
@given(SEEDS, PAIRS, DOLLARS, st.sampled_from([0, 10**9, 2 * 10**10]), st.data())
def test_a_pool_more_is_never_less_output_net_of_gas(seed, pair, dollars, gas_price, data):
    snapshot = market(seed, gas_price=gas_price)
    left_out = data.draw(st.integers(3, len(snapshot.pools) - 1))
    fewer = snapshot.pools[:left_out] + snapshot.pools[left_out + 1 :]
    poor = traded(snapshot._replace(pools=fewer), pair, dollars)
    assert is_at_least(traded(snapshot, pair, dollars), poor, BETTER if gas_price else SAME)


@settings(max_examples=15)
@given(SEEDS, PAIRS, DOLLARS, st.sampled_from([0, 10**10]), st.randoms(use_true_random=False))
def test_the_order_of_pools_changes_nothing(seed, pair, dollars, gas_price, rng):
    snapshot = market(seed, gas_price=gas_price)
    shuffled = list(snapshot.pools)
    rng.shuffle(shuffled)
    mixed = traded(snapshot._replace(pools=tuple(shuffled)), pair, dollars)
    assert is_same(traded(snapshot, pair, dollars), mixed, BETTER if gas_price else SAME)


def rescaled(snapshot, token, factor):
    """The same market with a token that has more decimals: `factor` atoms for one."""
    pools = []
    for pool in snapshot.pools:
        if isinstance(pool, WeightedPool):
            balances, scalings = list(pool.balances), list(pool.scalings)
            for place, address in enumerate(pool.tokens):
                if address == token.address:
                    balances[place] *= factor
                    scalings[place] //= factor
            pools.append(pool._replace(balances=tuple(balances), scalings=tuple(scalings)))
        elif pool.token0 == token.address:
            pools.append(pool._replace(reserve0=pool.reserve0 * factor))
        elif pool.token1 == token.address:
            pools.append(pool._replace(reserve1=pool.reserve1 * factor))
        else:
            pools.append(pool)
    return snapshot._replace(pools=tuple(pools))


@settings(max_examples=15)
@given(SEEDS, PAIRS, DOLLARS, st.sampled_from([USDC, WBTC]), st.integers(1, 10))
def test_the_decimals_of_a_token_change_nothing(seed, pair, dollars, token, digits):
    snapshot, factor = market(seed), 10**digits
    amount = world.atoms(pair[0], dollars)
    fine = rescaled(snapshot, token, factor)
    net, dust = swapped(fine, pair, amount * factor if token == pair[0] else amount)
    scale = factor if token == pair[1] else 1
    assert is_same(swapped(snapshot, pair, amount), (net / scale, dust))


@settings(max_examples=15)
@given(SEEDS, PAIRS, DOLLARS, st.floats(0.05, 0.95))
def test_output_is_concave_in_input(seed, pair, dollars, part):
    """Where gas is free: a fixed cost is not concave."""
    snapshot, most = market(seed), world.atoms(pair[0], dollars)
    step = int(most * (1 - part) / 2)
    less, middle, more = (swapped(snapshot, pair, most - step * back) for back in (2, 1, 0))
    mean = (less[0] + more[0]) / 2, less[1] + more[1]
    assert is_at_least(middle, mean, SAME)
    assert more[0] > middle[0] > less[0]


@settings(max_examples=15)
@given(SEEDS, PAIRS, DOLLARS, st.integers(0, 6), st.floats(0.05, 0.95))
def test_a_pool_in_two_parts_is_the_same_pool(seed, pair, dollars, place, share):
    """Where gas is free. Of several kinds: reserves or balances, in proportion."""
    snapshot = market(seed)
    pool = snapshot.pools[place]

    def part(number, of_one):
        address = f"0x{number:040x}"
        if isinstance(pool, WeightedPool):
            balances = tuple(int(balance * of_one) for balance in pool.balances)
            return pool._replace(address=address, balances=balances)
        reserves = int(pool.reserve0 * of_one), int(pool.reserve1 * of_one)
        return pool._replace(address=address, reserve0=reserves[0], reserve1=reserves[1])

    rest = snapshot.pools[:place] + snapshot.pools[place + 1 :]
    parts = (part(7_001, share), part(7_002, 1 - share))
    split = traded(snapshot._replace(pools=rest + parts), pair, dollars)
    assert is_same(traded(snapshot, pair, dollars), split)


@settings(max_examples=10)
@given(SEEDS, PAIRS, DOLLARS)
def test_a_market_of_twice_the_depth_takes_twice_as_much(seed, pair, dollars):
    snapshot = market(seed)
    deep = tuple(
        pool._replace(balances=tuple(2 * balance for balance in pool.balances))
        if isinstance(pool, WeightedPool)
        else pool._replace(reserve0=2 * pool.reserve0, reserve1=2 * pool.reserve1)
        for pool in snapshot.pools
    )
    amount = world.atoms(pair[0], dollars)
    net, dust = swapped(snapshot._replace(pools=deep), pair, 2 * amount)
    assert is_same(swapped(snapshot, pair, amount), (net / 2, dust))


@settings(max_examples=10)
@given(DOLLARS, PAIRS, st.sampled_from([0, 10**10]))
def test_concentrated_pools_obey_the_same_laws(dollars, pair, gas_price):
    """On the local chain's own pools: half of them, all of them, all in another order."""
    snapshot = world.snapshot(gas_price=gas_price)
    part = BETTER if gas_price else SAME
    products = [pool for pool in snapshot.pools if not isinstance(pool, ConcentratedPool)]
    few = traded(snapshot._replace(pools=tuple(products)), pair, dollars)
    turned = traded(snapshot._replace(pools=snapshot.pools[::-1]), pair, dollars)
    whole = traded(snapshot, pair, dollars)
    assert is_at_least(whole, few, part)
    assert is_same(whole, turned, part)
