"""Branch and bound: no set of pools nets more than the bound, and the leaves are every plan."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.routing.network import network
from solver.routing.select.closing import ENOUGH_CHEAP, LEAVES_MAX, Tree
from solver.routing.select.plans import Plans
from solver.routing.select.relaxed import rooted
from tests.solver.routing import world
from tests.solver.routing.world import DAI, USDC, WBTC, WETH

PAIRS = list(itertools.permutations((WETH, USDC, DAI, WBTC), 2))


def closed(pools, pair, dollars, gas_dollars):
    """The tree over some pools, a swap of `dollars` where 100,000 gas cost `gas_dollars`."""
    sell, buy = pair
    here = network(pools, sell.address, buy.address, world.atoms(sell, dollars))
    assert here is not None
    field, root = rooted(here, gas_dollars / 100_000 / dollars)
    plans = Plans(field)
    tree = Tree(field, plans, root)
    tree.close()
    return tree


@settings(max_examples=12)
@given(st.sampled_from(PAIRS), st.floats(2.5, 6), st.floats(-1, 1.3))
def test_no_set_of_pools_nets_more_than_the_bound(pair, log_dollars, log_gas):
    tree = closed(world.POOLS, pair, 10**log_dollars, 10**log_gas)
    plans = Plans(tree.field)
    pools = range(tree.field.pools.size)
    for count in (1, 2, 3):
        for chosen in itertools.islice(itertools.combinations(pools, count), 40):
            plans.over(chosen)
    assert tree.bound >= max(plans.net, tree.plans.net) - 1e-9


@settings(max_examples=12)
@given(st.sampled_from(PAIRS), st.floats(2.5, 6), st.floats(-1, 1.3))
def test_the_leaves_are_every_plan_once(pair, log_dollars, log_gas):
    leaves = [leaf for _, _, leaf in closed(world.POOLS, pair, 10**log_dollars, 10**log_gas).leaves]
    assert len(leaves) <= LEAVES_MAX
    assert sum(Fraction(1, 2 ** len(leaf.opened + leaf.closed)) for leaf in leaves) == 1
    for one, other in itertools.combinations(leaves, 2):
        assert {*one.opened} & {*other.closed} or {*one.closed} & {*other.opened}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].symbol}-{pair[1].symbol}")
@pytest.mark.parametrize("dollars", [3_000, 60_000])
def test_the_gap_is_less_than_what_one_or_two_pools_cost(pair, dollars):
    tree = closed(world.POOLS, pair, dollars, 4.0)
    most = 1.0 if dollars < 10_000 else ENOUGH_CHEAP  # where gates are whole a branch says nothing
    assert tree.bound - tree.plans.net <= most * tree.least + 1.5e-6


def test_gas_that_nobody_can_pay_leaves_nothing_to_branch_on():
    tree = closed(world.POOLS, (WETH, USDC), 100.0, 10**6)
    assert len(tree.leaves) == 1
    assert tree.bound == pytest.approx(1, abs=0.01)  # what is sold, at its price
    assert tree.plans.net <= 1e-9
