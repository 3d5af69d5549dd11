"""The convex split against what is known in closed form, and by its optimality conditions."""

import numpy as np
import pytest

from solver.routing.network import network
from solver.routing.network.gains import gains
from solver.routing.select.field import field_of
from solver.routing.split import CLOSED, split
from tests.solver.routing import world
from tests.solver.routing.world import USDC, WETH

AMOUNT = 200 * 10**18


def trade(pools, amount=AMOUNT):
    here = network(pools, WETH.address, USDC.address, amount)
    assert here is not None
    return field_of(here, 0.0, here.is_used).trade


def solved(one, *args, **options):
    """The split, which must exist."""
    answer = split(one, *args, **options)
    assert answer is not None
    return answer


def sold(one, answer):
    """What each edge takes of the source."""
    a, b = one.ends
    taken = np.where(a == one.source, -answer.flow_a, 0.0)
    return taken - np.where(b == one.source, answer.flow_b, 0.0)


def test_equal_pools_share_equally():
    one = trade(tuple(world.product(n, WETH, USDC, 10**6, 0) for n in range(1, 5)))
    assert sold(one, solved(one)) == pytest.approx([0.25] * 4, abs=1e-9)


def test_two_pools_split_as_the_closed_form_says():
    deep, thin = world.product(1, WETH, USDC, 4 * 10**6, 0), world.product(2, WETH, USDC, 10**6, 0)
    one = trade((deep, thin))
    assert sold(one, solved(one)) == pytest.approx([0.8, 0.2], abs=1e-9)  # as the reserves


def test_no_trade_at_the_prices_gains_more_than_the_flows_do():
    one = trade(world.POOLS)
    answer = solved(one)
    a, b = one.ends
    done = answer.prices[a] * answer.flow_a + answer.prices[b] * answer.flow_b
    assert done == pytest.approx(gains(one.graph, answer.prices), abs=1e-12)
    assert answer.value == pytest.approx(answer.prices[one.source] + done.sum(), rel=1e-12)


def test_nothing_is_left_but_of_the_sink():
    one = trade(world.POOLS)
    answer = solved(one)
    left = np.zeros(one.graph.tokens)
    left[one.source] = 1.0
    for ends, flow in zip(one.ends, (answer.flow_a, answer.flow_b), strict=True):
        np.add.at(left, ends, flow)
    assert left[one.sink] == pytest.approx(answer.value, rel=1e-9)
    assert np.delete(left, one.sink) == pytest.approx(0, abs=1e-9)


def test_a_closed_edge_carries_nothing():
    one = trade(world.POOLS)
    way = np.zeros(one.ends[0].size, np.int8)
    way[0] = CLOSED
    answer = solved(one, way)
    assert answer.flow_a[0] == answer.flow_b[0] == 0
    assert answer.value < solved(one).value


def test_a_cost_that_is_paid_through_gates_bounds_the_net():
    one = trade(world.POOLS)
    free, cost = solved(one), np.full(one.ends[0].size, 1e-4)
    tolled = solved(one, cost=cost, softness=1e-6)
    assert free.value - cost.sum() < tolled.value < free.value
    assert ((tolled.gates >= 0) & (tolled.gates <= 1)).all()


def test_solving_again_changes_nothing():
    one = trade(world.POOLS)
    first, again = solved(one), solved(one)
    assert (first.flow_a == again.flow_a).all()
    assert (first.prices == again.prices).all()
