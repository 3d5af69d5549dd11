"""Integers from float shares: nothing left over, nothing invented, no plan in a circle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.routing.network import Edge
from solver.routing.rounding import LOT, Share, divide, execute, lots_down, lots_up
from tests.solver.routing import world
from tests.solver.routing.world import DAI, POOLS, USDC, WBTC, WETH

BY_ADDRESS = {pool.address: pool for pool in POOLS}


def share(number, sell, buy, weight=1.0):
    return Share(Edge(POOLS[number - 1], sell.address, buy.address), weight)


@given(st.integers(0, 10**30), st.lists(st.floats(1e-7, 3), min_size=1, max_size=12))
def test_parts_add_up_to_the_atom(amount, weights):
    shares = sorted((share(1, WETH, USDC, weight) for weight in weights), key=lambda s: s.weight)
    parts = divide(amount, shares)
    assert sum(parts) == amount
    assert min(parts) >= 0


@given(st.integers(0, 10**24))
def test_lots_stay_on_the_safe_side(quantity):
    assert lots_down(quantity) * LOT <= quantity <= lots_up(quantity) * LOT
    assert lots_up(quantity) - lots_down(quantity) == (quantity % LOT > 0)


def test_a_token_is_spent_after_everything_that_brings_it():
    shares = (share(3, DAI, USDC), share(2, WETH, DAI), share(1, WETH, USDC))
    swaps = execute(shares, BY_ADDRESS, WETH.address, 10**18)
    assert [swap.token_in for swap in swaps] == [WETH.address, WETH.address, DAI.address]
    brought = next(swap.amount_out for swap in swaps if swap.token_out == DAI.address)
    assert swaps[-1].amount_in == brought


def test_a_circle_is_refused():
    circle = (share(1, WETH, USDC), share(2, DAI, WETH), share(3, USDC, DAI))
    with pytest.raises(Infeasible):
        execute(circle, BY_ADDRESS, WETH.address, 10**18)


def test_what_goes_round_leaves_first_and_is_spent_when_it_is_back():
    def planned(number, sell, buy, weight):
        return share(number, sell, buy, weight)._replace(gives=weight)

    # A tenth of the ether goes over DAI and USDC and comes back; then all of it becomes WBTC.
    round_trip = (
        planned(2, WETH, DAI, 0.1),
        planned(3, DAI, USDC, 0.1),
        planned(1, USDC, WETH, 0.1),
    )
    swaps = execute((*round_trip, planned(4, WETH, WBTC, 1.0)), BY_ADDRESS, WETH.address, 10**18)
    assert [swap.token_in for swap in swaps] == [
        WETH.address, DAI.address, USDC.address, WETH.address,
    ]  # fmt: skip
    assert swaps[0].amount_in == 10**17
    assert swaps[-1].amount_in == 9 * 10**17 + swaps[2].amount_out


def test_a_step_that_gives_nothing_is_refused():
    with pytest.raises(Infeasible):
        execute((share(1, WETH, USDC),), BY_ADDRESS, WETH.address, 1)


def test_one_pool_takes_all():
    (swap,) = execute((share(1, WETH, USDC),), BY_ADDRESS, WETH.address, 10**18)
    assert swap.amount_in == 10**18
    assert world.atoms(USDC, 3_000) < swap.amount_out < world.atoms(USDC, 3_600)
