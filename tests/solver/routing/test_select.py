"""Routes: never worse than one path, nothing lost on the way, more in is more out."""

import itertools
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.numbers import WAD
from solver.domain.route import Case
from solver.pricing.gas import gas_cost
from solver.routing import curves
from solver.routing.certify.pools import token_bound
from solver.routing.proof import dual_prices
from solver.routing.select import best_route
from solver.routing.target import cheapest_route
from solver.routing.toll import toll
from tests.solver.routing import world
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

SNAPSHOT = world.snapshot()
FREE = world.snapshot(gas_price=0)
PAIRS = list(itertools.permutations((WETH, USDC, DAI, WBTC), 2))


def single_paths(pools, source, sink, amount, hops=2):
    """Yields (output, gas) of every path without a split."""
    for pool in pools:
        if source not in pool.tokens:
            continue
        there = curves.other_token(pool, source)
        try:
            out = curves.amount_out(pool, curves.pair_from(pool, source), amount)
        except Infeasible:
            continue
        if there == sink:
            yield out, pool.gas
        elif hops > 1:
            rest = [other for other in pools if other != pool]
            for end, gas in single_paths(rest, there, sink, out, hops - 1):
                yield end, gas + pool.gas


def value_of_gas(snapshot, gas, token):
    dollars = gas_cost(gas, snapshot) / 10**6
    return world.atoms(token, 1) * dollars


@settings(max_examples=25)
@given(st.sampled_from(PAIRS), st.floats(1, 6.5), st.booleans())
def test_a_route_is_never_worse_than_any_single_path(pair, log_dollars, is_free):
    snapshot, (sell, buy) = FREE if is_free else SNAPSHOT, pair
    amount = world.atoms(sell, 10**log_dollars)
    route = best_route(snapshot, sell.address, buy.address, amount)
    net = route.amount_out - value_of_gas(snapshot, route.gas, buy)
    for out, gas in single_paths(snapshot.pools, sell.address, buy.address, amount):
        alone = out - value_of_gas(snapshot, gas, buy)
        assert net >= alone - max(1, 2e-6 * out)  # gas is weighed at mid prices, in floats


@settings(max_examples=25)
@given(st.sampled_from(PAIRS), st.floats(1, 6.5))
def test_every_atom_is_accounted_for(pair, log_dollars):
    sell, buy = pair
    amount = world.atoms(sell, 10**log_dollars)
    route = best_route(SNAPSHOT, sell.address, buy.address, amount)
    held = {sell.address: amount}
    pools = {pool.address: pool for pool in SNAPSHOT.pools}
    for swap in route.swaps:
        assert curves.amount_out(pools[swap.pool], swap[2:4], swap.amount_in) == swap.amount_out
        pools[swap.pool] = curves.after(pools[swap.pool], swap[2:4], swap.amount_in)
        held[swap.token_in] -= swap.amount_in
        held[swap.token_out] = held.get(swap.token_out, 0) + swap.amount_out
    assert held.pop(buy.address) == route.amount_out
    assert not any(held.values())


@settings(max_examples=15)
@given(st.sampled_from(PAIRS), st.floats(3, 6), st.floats(1.01, 2))
def test_more_in_is_more_out(pair, log_dollars, factor):
    sell, buy = pair
    small = world.atoms(sell, 10**log_dollars)
    one = best_route(FREE, sell.address, buy.address, small)
    two = best_route(FREE, sell.address, buy.address, int(small * factor))
    assert two.amount_out > one.amount_out


@pytest.mark.parametrize(("sell", "buy"), PAIRS, ids=lambda token: token.symbol)
@pytest.mark.parametrize("dollars", [10_000, 300_000, 3_000_000])
def test_the_gap_without_gas_is_under_a_part_per_million(sell, buy, dollars):
    amount = world.atoms(sell, dollars)
    route = best_route(FREE, sell.address, buy.address, amount)
    prices = dual_prices(route.prices, buy.address)
    case = Case((), (), tuple(prices.items()))
    bound = token_bound({sell.address: amount}, FREE, (case,), toll(buy.address, FREE))
    # Where the output has few atoms (WBTC), integers themselves cost more than the plan.
    assert bound <= route.amount_out * 1.000001 + 20 * len(route.swaps)


def test_splitting_beats_the_best_pool_where_trades_are_large():
    amount = 500 * WAD
    route = best_route(SNAPSHOT, WETH.address, USDC.address, amount)
    single = max(out for out, _ in single_paths(SNAPSHOT.pools, WETH.address, USDC.address, amount))
    assert len(route.swaps) > 3
    assert route.amount_out > single * 1.001


def test_dear_gas_means_fewer_pools():
    used = [
        len(
            best_route(
                world.snapshot(gas_price=gwei * 10**9), WETH.address, USDC.address, 50 * WAD
            ).swaps
        )
        for gwei in (0, 1, 100, 10_000)
    ]
    assert used == sorted(used, reverse=True)
    assert used[0] > used[-1] == 1


def test_a_far_token_is_reached_over_two_others():
    pools = (
        *tuple(
            pool
            for pool in world.POOLS
            if set(pool.tokens) != {WBTC.address, USDC.address} and DAI.address not in pool.tokens
        ),
        world.product(77, DAI, USDC, 10**6, 0),
    )
    route = best_route(SNAPSHOT._replace(pools=pools), WBTC.address, DAI.address, 10**7)
    assert [swap.token_out for swap in route.swaps][-1] == DAI.address
    assert {USDC.address, WETH.address} <= {swap.token_in for swap in route.swaps}


def test_no_pools_is_no_route():
    with pytest.raises(Infeasible) as caught:
        best_route(SNAPSHOT._replace(pools=()), WETH.address, USDC.address, WAD)
    assert caught.value.code == "noRoute"


@settings(max_examples=12)
@given(st.sampled_from(PAIRS), st.floats(2, 6))
def test_an_exact_output_is_reached_and_hardly_passed(pair, log_dollars):
    sell, buy = pair
    wanted = world.atoms(buy, 10**log_dollars)
    most = world.atoms(sell, 10**log_dollars * 2)
    sold, route = cheapest_route(FREE, sell.address, buy.address, wanted, most)
    assert sum(s.amount_in for s in route.swaps if s.token_in == sell.address) == sold
    # One atom of what is sold may be worth many of what is bought.
    atom = route.prices[sell.address]
    assert wanted <= route.amount_out <= wanted + wanted // 10**6 + 40 * max(1, int(atom))


def test_both_optimisers_live_in_one_process():
    code = "import ortools.linear_solver.pywraplp, cvxpy, solver.routing.split, solver.routing.legs"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=world.ROOT)


def test_importing_the_solver_starts_no_optimiser():
    code = (
        "import sys, solver.solve, solver.auction; "
        "bad = {'cvxpy', 'ortools', 'fastapi', 'httpx', 'web3', 'adapters', 'app'}; "
        "bad &= set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=world.ROOT)
