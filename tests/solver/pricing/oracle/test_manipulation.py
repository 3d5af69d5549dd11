"""What moving a mean costs is what an attacker would really pay, and decides whether it votes."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.market import ConcentratedPool
from solver.domain.numbers import WAD
from solver.pricing.oracle import Mean, manipulation_cost, mean_of, mean_weight
from solver.pricing.oracle.manipulation import STEP, blocks_needed, held_cost

DEEP = Mean(10_000_000 * WAD, 600, 500)
Q96 = 2**96


@pytest.mark.parametrize(("window", "blocks", "move"), [(1800, 5, 1.05), (300, 1, 1.05)])
def test_a_held_price_costs_what_trades_in_a_pool_say(window, blocks, move):
    """Push a constant-product pool up, let somebody trade it back, as often as blocks are held."""
    base, quote, paid = 1.0, 1.0, 0.0
    spot = move ** (window / (12 * blocks))
    for _ in range(blocks):
        wanted = math.sqrt(spot)  # quote reserve at that price, k = 1
        paid += (wanted - quote) - (base - 1 / wanted)  # quote in, base out at the fair price of 1
    lost, fees = held_cost(window, blocks, move, 3_000)
    assert lost == pytest.approx(paid)
    assert fees == pytest.approx(2 * 0.003 * (math.sqrt(spot) - 1))
    # The mean moved as far as was wanted: log spot over the share of the window it stood.
    assert math.exp(blocks * 12 / window * math.log(spot)) == pytest.approx(move)


@pytest.mark.parametrize("move", [1.01, 1.05, 1.2])
def test_cut_steps_need_as_many_blocks_as_a_replay_of_them(move):
    wanted = math.log(move) * 600 / 12

    def summed(blocks):
        level, total = 0.0, 0.0
        for block in range(200):
            target = 1e9 if block < blocks else 0.0
            level += max(min(target - level, math.log(STEP)), -math.log(STEP))
            total += level
        return total

    blocks = blocks_needed(600, move)
    assert summed(blocks) >= wanted * (1 - 1e-12)
    assert summed(blocks - 1) < wanted


def test_two_blocks_in_one_hand_are_not_enough_for_five_percent():
    assert blocks_needed(600, 1.05) == 16
    cost = manipulation_cost(DEEP)
    assert cost == pytest.approx(0.0374 * DEEP.reserve, rel=0.01)
    alone = manipulation_cost(DEEP, blocks=16)
    assert alone < cost, "whoever proposes them all unwinds for fees"


@given(st.integers(1, 10**9), st.floats(1.005, 1.5), st.integers(1, 10))
def test_a_deeper_pool_and_a_longer_way_cost_more(reserve, move, times):
    mean = Mean(reserve * WAD, 600, 500)
    deeper = mean._replace(reserve=times * reserve * WAD)
    assert manipulation_cost(deeper, move) >= manipulation_cost(mean, move)
    assert manipulation_cost(mean, move * 1.1) >= manipulation_cost(mean, move)


def test_a_mean_votes_while_moving_it_costs_ten_times_what_it_guards():
    cost = manipulation_cost(DEEP)
    assert mean_weight(DEEP, cost // 10) == 1
    assert mean_weight(DEEP, cost // 10 + 1) == 0
    assert mean_weight(DEEP, 0) == 1
    assert mean_weight(Mean(0, 600, 500), 1) == 0


def pool(ticks, liquidity, root=Q96, tick=0):
    return ConcentratedPool("v3", "0x1", "0xa", "0xb", 500, 10, root, tick, liquidity, ticks, 0)


def test_the_reserve_is_that_of_the_thinnest_liquidity_an_attack_meets():
    wide, narrow = 5 * 10**18, 95 * 10**18
    ticks = ((-5_000, wide), (-100, narrow), (100, -narrow), (5_000, -wide))
    found = mean_of(pool(ticks, wide + narrow), 600, is_base_first=True, quote_unit=10**6)
    assert found == Mean(wide * WAD // 10**6, 600, 500)
    near = ((-5_000, wide + narrow), (5_000, -wide - narrow))
    deep = mean_of(pool(near, wide + narrow), 600, is_base_first=True, quote_unit=10**6)
    assert deep.reserve == 20 * found.reserve
    gap = ((-5_000, wide), (900, -wide))
    assert mean_of(pool(gap, wide), 600, is_base_first=True, quote_unit=1).reserve == 0


def test_either_order_of_tokens_has_the_same_reserve():
    ticks = ((-60_000, 10**18), (60_000, -(10**18)))
    for root, tick in ((2 * Q96, 13_863), (Q96 // 2, -13_864)):
        first = mean_of(pool(ticks, 10**18, root, tick), 600, is_base_first=True, quote_unit=1)
        second = mean_of(
            pool(ticks, 10**18, Q96 * Q96 // root, -tick), 600, is_base_first=False, quote_unit=1
        )
        assert first == second
        assert first.reserve == 10**18 * root // Q96 * WAD


def test_more_is_guarded_only_by_more_money():
    guarded = [manipulation_cost(Mean(10**n * WAD, 600, 500)) for n in range(4, 9)]
    assert all(a < b for a, b in itertools.pairwise(guarded))
