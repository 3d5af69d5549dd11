"""Stableswap in integers: the invariant's true solution within atoms, and sound swaps."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.routing.curves.stableswap import after, amount_in, amount_out, contract
from tests.solver.routing.curves.stableswap import pools as stable

SHARES = st.integers(1, 10**6)  # of the pool's own balance, in millionths
COINS = st.permutations(range(4))


def pair_of(pool, order):
    source, sink = [coin for coin in order if coin < len(pool.tokens)][:2]
    return (pool.tokens[source], pool.tokens[sink]), source, sink


@given(stable.pools())
@settings(max_examples=20)
def test_the_invariant_is_the_true_one_within_a_few_atoms(pool):
    scaled, total = contract.shape_of(pool)
    count, skew = len(scaled), 1 + max(scaled) // (50 * min(scaled))
    assert abs(total - stable.true_invariant(pool, scaled)) <= 2 * count**2 * skew


@given(stable.pools(), COINS, SHARES)
@settings(max_examples=20)
def test_the_balance_left_is_the_true_one_within_a_few_atoms(pool, order, share):
    _, _, sink = pair_of(pool, order)
    scaled, total = contract.shape_of(pool)
    others = [held for index, held in enumerate(scaled) if index != sink]
    others[0] += others[0] * share // 10**6
    left = contract.solved(pool, others, total)
    assert -2 <= left - stable.true_balance(pool, others, total) <= 3


@given(stable.pools(), COINS, SHARES)
def test_more_in_is_more_out_and_each_atom_buys_less(pool, order, share):
    pair, source, _ = pair_of(pool, order)
    step = pool.balances[source] * share // 10**6 + 10**4
    outs = [amount_out(pool, pair, amount) for amount in (step, 2 * step, 3 * step)]
    assert outs[0] <= outs[1] <= outs[2] < pool.balances[pool.tokens.index(pair[1])]
    assert outs[2] - outs[1] <= outs[1] - outs[0] + 4


@given(stable.pools(), COINS, SHARES)
def test_exact_out_buys_the_amount_and_an_atom_less_does_not(pool, order, share):
    pair, _, sink = pair_of(pool, order)
    wanted = pool.balances[sink] * share // (10**6 + 10**4) + 1
    try:
        cost = amount_in(pool, pair, wanted)
    except Infeasible:
        assert wanted > pool.balances[sink] * 9 // 10
        return
    assert amount_out(pool, pair, cost) >= wanted
    assert cost == 1 or not contract._buys(pool, pair, cost - 1, wanted)


@given(stable.pools(), COINS, SHARES)
def test_a_swap_never_lowers_the_invariant(pool, order, share):
    pair, source, _ = pair_of(pool, order)
    paid = pool.balances[source] * share // 10**6 + 10**4
    moved = after(pool, pair, paid)
    assert contract.shape_of(moved).total >= contract.shape_of(pool).total - 3


@given(stable.pools(), COINS, SHARES)
def test_there_and_back_earns_nothing(pool, order, share):
    pool = pool._replace(fee=max(pool.fee, 10**4))  # a millionth: more than D's roundings
    pair, source, _ = pair_of(pool, order)
    paid = pool.balances[source] * share // 10**6 + 10**4
    out = amount_out(pool, pair, paid)
    assume(out > 0)
    back = amount_out(after(pool, pair, paid), (pair[1], pair[0]), out)
    assert back <= paid


def test_what_leaves_is_the_payment_and_the_protocols_fee():
    pool = stable.pool([10**24, 2 * 10**24], [10**18, 10**30])
    moved = after(pool, pool.tokens, 10**21)
    out = amount_out(pool, pool.tokens, 10**21)
    assert moved.balances[0] == pool.balances[0] + 10**21
    fee = pool.balances[1] - moved.balances[1] - out
    assert 0 <= fee * 10**10 // out - 4_000_000 // 10**4 <= 2 or fee > 0


def test_impossible_trades_are_refused():
    pool = stable.pool([10**24, 10**24], [10**18, 10**18])
    for amount in (-1, 2**255):
        with pytest.raises(Infeasible):
            amount_out(pool, pool.tokens, amount)
    for amount in (-1, 10**24, 10**24 - 1):
        with pytest.raises(Infeasible):
            amount_in(pool, pool.tokens, amount)
    assert amount_out(pool, pool.tokens, 0) == amount_in(pool, pool.tokens, 0) == 0
    with pytest.raises(Infeasible):
        amount_out(pool._replace(balances=(0, 10**24)), pool.tokens, 10**18)
