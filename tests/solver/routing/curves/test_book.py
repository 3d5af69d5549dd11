"""A book taken lot by lot: what it pays, what it refuses, and what no order gains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.domain.errors import Infeasible
from solver.domain.market import BookPool
from solver.routing.curves import book

UNIT = 2**96
LOT = 1000


def pool_of(bids, asks, fee_ppm=500, lot=LOT):
    return BookPool("cex", "0xbook", "0xbase", "0xquote", bids, asks, lot, fee_ppm, 0)


SELL, BUY = ("0xbase", "0xquote"), ("0xquote", "0xbase")
SMALL = pool_of(((99, 2), (98, 5)), ((101, 3), (103, 4)))


@st.composite
def books(draw):
    middle = draw(st.integers(10**3, 10**12))
    steps = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 10**6)), max_size=12)
    sides = []
    for sign in (-1, 1):
        price, levels = middle, []
        for step, size in draw(steps):
            price += sign * step
            levels.append((price, size))
        sides.append(tuple(levels))
    bids, asks = sides
    return pool_of(bids, asks, draw(st.integers(0, 10**4)), draw(st.integers(1, 10**15)))


def costs(levels):
    """Returns the quote atoms of 0, 1, 2, ... lots."""
    total = [0]
    for price, size in levels:
        for _ in range(size):
            total.append(total[-1] + price)
    return total


def test_a_sale_of_whole_lots_walks_the_bids():
    for lots, quote in enumerate(costs(SMALL.bids)):
        assert book.amount_out(SMALL, SELL, lots * LOT) == quote * 999_500 // 10**6


def test_a_purchase_pays_exactly_what_its_lots_cost():
    for lots, quote in enumerate(costs(SMALL.asks)):
        assert book.amount_out(SMALL, BUY, quote) == lots * LOT * 999_500 // 10**6


@pytest.mark.parametrize(
    ("pair", "amount", "below", "above"),
    [
        (SELL, 1, 0, 1000),
        (SELL, 2500, 2000, 3000),
        (SELL, 8000, 7000, 0),
        (BUY, 100, 0, 101),
        (BUY, 304, 303, 406),
        (BUY, 10**6, 715, 0),
        (BUY, -1, 0, 101),
    ],
)
def test_what_is_not_whole_lots_is_refused_with_the_nearest(pair, amount, below, above):
    with pytest.raises(Infeasible) as refusal:
        book.amount_out(SMALL, pair, amount)
    assert refusal.value.data == {"below": below, "above": above}
    for near in {below, above} - {0}:
        assert book.amount_out(SMALL, pair, near) > 0
    assert book.fitting(SMALL, pair, amount) == below


@given(books(), st.booleans(), st.data())
def test_the_fewest_lots_are_bought_for_an_exact_output(pool, is_sale, data):
    pair = SELL if is_sale else BUY
    most = book.fitting(pool, pair, 10**60)
    available = book.amount_out(pool, pair, most)
    wanted = data.draw(st.integers(0, available))
    cost = book.amount_in(pool, pair, wanted)
    assert book.amount_out(pool, pair, cost) >= wanted
    assert cost <= most
    if cost:
        fewer = book.fitting(pool, pair, cost - 1)
        assert book.amount_out(pool, pair, fewer) < wanted
    with pytest.raises(Infeasible) as refusal:
        book.amount_in(pool, pair, available + 1)
    assert refusal.value.data == {"available": available}


@given(books(), st.booleans(), st.integers(0, 10**21), st.integers(0, 10**21))
def test_two_orders_take_what_one_would(pool, is_sale, first, second):
    pair = SELL if is_sale else BUY
    first = book.fitting(pool, pair, first)
    rest = book.after(pool, pair, first)
    second = book.fitting(rest, pair, second)
    whole = book.amount_out(pool, pair, first + second)
    parts = book.amount_out(pool, pair, first) + book.amount_out(rest, pair, second)
    assert whole - 1 <= parts <= whole
    assert book.after(rest, pair, second) == book.after(pool, pair, first + second)


@given(books(), st.integers(-100, 100), st.integers(0, 10**21))
def test_no_order_beats_the_bound_and_one_reaches_it(pool, skew, amount):
    levels = pool.bids + pool.asks
    fair = levels[0][0] if levels else 1000
    prices = {"0xquote": UNIT * pool.lot, "0xbase": UNIT * fair * (1000 + skew) // 1000}
    bound, best = book.arbitrage_up(pool, prices), 0
    for pair, side in ((SELL, pool.bids), (BUY, pool.asks)):
        ends = [0]
        for price, size in side:
            ends.append(ends[-1] + (size * pool.lot if pair == SELL else size * price))
        for paid in (*ends, book.fitting(pool, pair, amount)):
            out = book.amount_out(pool, pair, paid)
            gain = prices[pair[1]] * out - prices[pair[0]] * paid
            assert gain <= bound
            best = max(best, gain)
    assert bound - best <= max(prices.values())


def test_an_empty_book_trades_nothing():
    empty = pool_of((), ())
    assert book.amount_out(empty, SELL, 0) == book.amount_in(empty, BUY, 0) == 0
    assert book.arbitrage_up(empty, {"0xbase": UNIT, "0xquote": UNIT}) == 0
    for quote in (book.amount_out, book.amount_in):
        with pytest.raises(Infeasible):
            quote(empty, SELL, LOT)
    with pytest.raises(Infeasible):
        book.amount_in(empty, SELL, -1)
