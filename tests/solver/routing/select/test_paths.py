"""The best single path, found by bounds, is the best of all paths by the integers."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reference.paths import Quotes, percent_split, single_path
from solver.routing.network import network
from solver.routing.select import best_route
from solver.routing.select.field import field_of
from solver.routing.select.paths import best_path
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

PAIRS = list(itertools.permutations((WETH, USDC, DAI, WBTC), 2))


@settings(max_examples=20)
@given(st.sampled_from(PAIRS), st.floats(1, 6.5), st.floats(0, 50))
def test_no_path_nets_more(pair, log_dollars, gwei):
    snapshot = world.snapshot(gas_price=int(gwei * 10**9))
    source, sink = (token.address for token in pair)
    amount, per_gas = world.atoms(pair[0], 10**log_dollars), toll(sink, snapshot)
    here = network(snapshot.pools, source, sink, amount)
    assert here is not None
    unit = float(here.units[here.sink])
    whole = field_of(here, float(per_gas) / unit, here.is_used)
    found = best_path(whole, np.ones(whole.tokens.size), amount, -np.inf)
    alone = single_path(Quotes(snapshot.pools, per_gas), source, sink, amount)
    assert found is not None
    assert alone is not None
    net = found.amount_out - per_gas.up(sum(edge.pool.gas for edge in found.edges))
    assert net >= alone.net - 1 - alone.net // 10**14  # paths are compared in floats


@settings(max_examples=10)
@given(st.sampled_from(PAIRS), st.floats(3, 6), st.floats(0, 50))
def test_a_route_nets_no_less_than_a_splitter_in_steps(pair, log_dollars, gwei):
    snapshot = world.snapshot(gas_price=int(gwei * 10**9))
    source, sink = (token.address for token in pair)
    amount, per_gas = world.atoms(pair[0], 10**log_dollars), toll(sink, snapshot)
    if not per_gas.numerator:
        snapshot = snapshot._replace(gas_price=0)  # nothing says what gas is worth: both free
    route = best_route(snapshot, source, sink, amount)
    other = percent_split(Quotes(snapshot.pools, per_gas), source, sink, amount)
    assert other is not None
    dust = int(30 * len(route.swaps) * max(1.0, route.prices[source]))
    assert route.amount_out - per_gas.up(route.gas) >= other.net - dust
