"""Marginal orders take up atoms one by one, never below their limit; pools as their code does."""

from hypothesis import given
from hypothesis import strategies as st

from solver.domain.market import ConstantProductPool
from solver.routing.clearing.atoms import Marginal, Swapping, Trade, balanced

POOL = ConstantProductPool("pool", "0x01", "a", "b", 10**12, 10**12, fee_ppm=3_000, gas=1)


@given(st.integers(1, 10**20), st.integers(1, 10**20), st.integers(0, 50), st.integers(0, 10**20))
def test_a_marginal_order_is_never_filled_unfairly(amount, least, extra, wanted):
    order = Marginal(0, 0, 1, amount, least, least * 10**6 + extra, amount * 10**6)
    for trade in (order.giving(wanted), order.taking(wanted)):
        assert 0 <= trade.given <= amount
        assert trade.taken == trade.given * order.sold_at // order.bought_at
        assert trade.taken * amount >= least * trade.given
    assert order.taking(wanted).taken <= wanted


def test_a_pool_gives_what_its_code_gives():
    pool = Swapping(POOL, ("a", "b"), 1, 0)
    trade = pool.giving(10**6)
    assert trade.given >= 10**6
    assert pool.taking(trade.taken) == trade
    assert pool.giving(10**12) == Trade(0, 0), "more than it holds"
    assert pool.taking(0) == Trade(0, 0)


def test_what_is_short_is_moved_along_the_tree():
    orders = [Marginal(0, 0, 1, 10**9, 1, 1, 1), Marginal(1, 1, 2, 10**9, 1, 1, 1)]
    trades = [Trade(500, 500), Trade(400, 400)]
    balance = [7, -3, 5]
    assert balanced(orders, trades, balance, (1, 1, 1)) == []
    assert min(balance) >= 0
    assert sum(balance) == 9


def test_what_nobody_can_give_stays_short():
    balance = [-1, 0]
    assert balanced([], [], balance, (1, 1)) == [0]
