"""The convex split against what is known in closed form, and by its optimality conditions."""

import numpy as np
import pytest

from solver.routing.network import network
from solver.routing.split import split
from tests.solver.routing import world
from tests.solver.routing.world import USDC, WETH

AMOUNT = 200 * 10**18
PLAN = network(world.POOLS, WETH.address, USDC.address, AMOUNT)


def test_equal_pools_share_equally():
    pools = tuple(world.product(n, WETH, USDC, 10**6, 0) for n in range(1, 5))
    plan = network(pools, WETH.address, USDC.address, AMOUNT)
    answer = split(plan, plan.is_onward)
    assert answer is not None
    assert answer.flows[plan.is_onward] == pytest.approx([0.25] * 4, abs=1e-4)


def test_two_pools_split_as_the_closed_form_says():
    deep, thin = world.product(1, WETH, USDC, 4 * 10**6, 0), world.product(2, WETH, USDC, 10**6, 0)
    plan = network((deep, thin), WETH.address, USDC.address, AMOUNT)
    answer = split(plan, plan.is_onward)
    assert answer is not None
    flows = [f for f, onward in zip(answer.flows, plan.is_onward, strict=True) if onward]
    assert flows == pytest.approx([0.8, 0.2], abs=1e-4)  # in proportion to the reserves


def test_used_pools_have_one_marginal_price_and_unused_a_worse_one():
    answer = split(PLAN, PLAN.is_onward)
    assert answer is not None
    for index, edge in enumerate(PLAN.edges):
        flow = answer.flows[index]
        pieces = list(PLAN.pieces_of(index))
        if not PLAN.is_onward[index] or len(pieces) != 1:
            continue
        (piece,) = pieces
        marginal = piece.rate / (1 + piece.kappa * flow) ** 2
        ratio = marginal * answer.prices[edge.token_out] / answer.prices[edge.token_in]
        assert ratio == pytest.approx(1, abs=1e-5) if flow > 1e-3 else ratio <= 1 + 1e-5


def test_a_closed_edge_carries_nothing():
    is_open = PLAN.is_onward.copy()
    is_open[np.flatnonzero(is_open)[0]] = False
    answer = split(PLAN, is_open)
    assert answer is not None
    assert not answer.flows[~is_open].any()


def test_solving_again_changes_nothing():
    first, again = split(PLAN), split(PLAN)
    assert first is not None
    assert again is not None
    assert (first.flows == again.flows).all()
    assert first.prices == again.prices


def test_the_first_answer_of_a_process_is_that_of_every_later_one(monkeypatch):
    monkeypatch.setattr("solver.routing.split._idle", {})
    first = split(PLAN)
    other = split(network(world.POOLS, WETH.address, USDC.address, AMOUNT // 2))
    later = split(PLAN)
    assert first is not None
    assert other is not None
    assert later is not None
    assert (first.flows == later.flows).all()
    assert (first.prices, first.output) == (later.prices, later.output)


def test_nothing_to_route_is_no_answer():
    assert split(network((), WETH.address, USDC.address, AMOUNT)) is None
