"""Batches clear at one price vector, in atoms: conserved, fair, the same in any order of orders."""

import gzip
import itertools
import json
import sys
from math import log

import fastparquet
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reference.batches import batch
from solver.domain.errors import Malformed
from solver.domain.market import ConstantProductPool
from solver.domain.numbers import PPM
from solver.routing.batch import clear
from solver.routing.clearing.check import check_clearing
from solver.routing.clearing.orders import Orders, log_limits
from tests.recorded import SHARED, needs

TOKENS = tuple(f"0x{place + 1:040x}" for place in range(6))
NEAR = 1e-6  # of a log price: an order this far in the money is whole, this far out is nothing


def orders_of(rows, is_partial=True):
    sell, buy, amounts, leasts = (list(column) for column in zip(*rows, strict=True))
    partial = np.array(is_partial) if isinstance(is_partial, list) else is_partial
    flags = np.broadcast_to(partial, len(rows)).copy()
    return Orders(np.array(sell), np.array(buy), amounts, leasts, flags)


def cleared(tokens, orders, pools=()):
    """The clearing, checked."""
    found = clear(tokens, orders, pools)
    check_clearing(tokens, orders, pools, found)
    return found


def not_complementary(orders, found):
    """Returns the orders that are in the money and not whole, or out of it and filled."""
    logs = np.array([log(price) for price in found.prices])
    ahead = logs[orders.sell] - logs[orders.buy] - log_limits(orders)
    amounts = np.array(orders.amounts, dtype=object)
    filled = np.array(found.filled, dtype=object)
    wrong = ((ahead > NEAR) & (filled < amounts)) | ((ahead < -NEAR) & (filled > 0))
    wrong[list(found.dropped)] = False
    return np.flatnonzero(wrong).tolist()


def traded_value(orders, found):
    logs = np.array([float(log(price)) for price in found.prices])
    filled = np.array([float(amount) for amount in found.filled])
    return float((filled * np.exp(logs - logs.max())[orders.sell]).sum())


amounts = st.integers(10**6, 10**24)
odd = st.sampled_from((1, 2, 3, 7, 10**6, 10**27, 2**128, 2**256 - 1))
ratios = st.integers(900, 1100)


@st.composite
def books(draw, tokens=4):
    pairs = st.tuples(st.integers(0, tokens - 1), st.integers(0, tokens - 2))
    rows = draw(st.lists(st.tuples(pairs, amounts, ratios), min_size=2, max_size=12))
    return [
        (sell, other + (other >= sell), amount, amount * ratio // 1000)
        for (sell, other), amount, ratio in rows
    ]


@settings(max_examples=25)
@given(books(), st.booleans())
def test_any_book_clears_conserved_and_fair(rows, is_partial):
    cleared(TOKENS[:4], orders_of(rows, is_partial))


@settings(max_examples=20)
@given(st.lists(st.tuples(st.permutations((0, 1, 2)), odd, odd | st.just(0)), max_size=12))
def test_amounts_of_any_size_clear_conserved_and_fair(drawn):
    rows = [(*tokens[:2], amount, least) for tokens, amount, least in drawn] or [(0, 1, 1, 0)]
    pools = [
        ConstantProductPool("v2", "0xaa", TOKENS[0], TOKENS[1], 1, 10**27, fee_ppm=3_000, gas=1),
        ConstantProductPool("v2", "0xbb", TOKENS[1], TOKENS[2], 10**6, 2**111, fee_ppm=0, gas=1),
    ]
    cleared(TOKENS[:3], orders_of(rows), pools)
    cleared(TOKENS[:3], orders_of(rows, is_partial=False))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ((0, 1, 0, 1), "amounts"),
        ((0, 1, 2**256, 1), "amounts"),
        ((0, 1, 1, -1), "leasts"),
        ((0, 1, 1, 2**256), "leasts"),
        ((1, 1, 1, 1), "buy"),
    ],
)
def test_what_is_no_order_is_refused(row, field):
    with pytest.raises(Malformed) as caught:
        clear(TOKENS[:2], orders_of([(0, 1, 5, 5), row]))
    assert caught.value.field == field


@settings(max_examples=10)
@given(books(), st.randoms(use_true_random=False))
def test_the_order_of_orders_changes_nothing_that_is_traded(rows, shuffle):
    moved = list(rows)
    shuffle.shuffle(moved)
    first = cleared(TOKENS[:4], orders_of(rows))
    second = cleared(TOKENS[:4], orders_of(moved))
    volumes = [
        traded_value(orders_of(each), found) for each, found in ((rows, first), (moved, second))
    ]
    assert volumes[0] == pytest.approx(volumes[1], rel=1e-6, abs=1e-6 * max(volumes))


@settings(max_examples=10)
@given(books(), books())
def test_added_orders_leave_everybody_served_fairly(rows, more):
    cleared(TOKENS[:4], orders_of(rows))
    found = cleared(TOKENS[:4], orders_of(rows + more))
    assert len(found.filled) == len(rows) + len(more)


@pytest.mark.parametrize(("tokens", "count"), [(10, 10), (10, 100), (50, 100), (50, 1_000)])
def test_thin_books_clear_exactly(tokens, count):
    for seed in range(12 if count <= 100 else 2):
        given = batch(tokens, count, seed)
        found = cleared(given.tokens, given.orders)
        assert found.dropped == ()
        assert not_complementary(given.orders, found) == []
        parts = sum(0 < f < a for f, a in zip(found.filled, given.orders.amounts, strict=True))
        assert parts < tokens, "marginal orders are a forest"


def test_a_thick_book_clears_through_its_running_sums():
    given = batch(10, 6_000, 1)
    found = cleared(given.tokens, given.orders)
    assert not_complementary(given.orders, found) == []
    assert sum(amount > 0 for amount in found.filled) > 1_500


@pytest.mark.parametrize("is_partial", [True, False])
def test_pools_trade_with_the_batch(is_partial):
    for seed in range(4):
        given = batch(10, 60, seed, pools=20, is_partial=is_partial)
        found = cleared(given.tokens, given.orders, given.pools)
        assert found.swaps
        if is_partial:
            assert not_complementary(given.orders, found) == []


def test_two_opposite_orders_meet_at_the_price_that_fills_both():
    rows = [(0, 1, 10**18, 2_900 * 10**6), (1, 0, 3_000 * 10**6, 10**18 * 30 // 32)]
    found = cleared(TOKENS[:2], orders_of(rows))
    assert found.filled == [10**18, 3_000 * 10**6]
    assert found.received == [3_000 * 10**6, 10**18]
    assert found.left == (0, 0)


def test_equal_and_opposite_limits_meet_exactly_there():
    rows = [(0, 1, 5 * 10**18, 15_000 * 10**6), (1, 0, 3_000 * 10**6, 10**18)]
    found = cleared(TOKENS[:2], orders_of(rows))
    assert found.received == [3_000 * 10**6, 10**18]


def test_a_ring_of_three_needs_no_opposite():
    rows = [(0, 1, 10**20, 10**20), (1, 2, 10**20, 10**20), (2, 0, 10**20, 10**20)]
    found = cleared(TOKENS[:3], orders_of(rows, is_partial=False))
    assert found.received == [10**20] * 3


def test_a_book_without_an_overlap_trades_nothing():
    rows = [(0, 1, 10**18, 2 * 10**18), (1, 0, 10**18, 10**18)]
    found = cleared(TOKENS[:2], orders_of(rows))
    assert found.filled == [0, 0]


def test_a_marginal_order_that_must_be_whole_is_left_out():
    rows = [(0, 1, 10**20, 10**20), (1, 0, 10**18, 10**17)]
    found = cleared(TOKENS[:2], orders_of(rows, is_partial=[False, True]))
    assert found.dropped == (0,)
    assert found.filled == [0, 0]


def test_an_empty_batch_clears():
    empty = Orders(np.zeros(0, np.int64), np.zeros(0, np.int64), [], [], np.zeros(0, np.bool_))
    assert list(cleared(TOKENS[:2], empty).filled) == []


def test_two_tokens_clear_where_supply_crosses_demand():
    for seed in range(20):
        given = batch(2, 12, seed, scatter=0.05)
        found = cleared(given.tokens, given.orders)
        price = found.prices[0] / found.prices[1]
        low, high = crossing(given.orders)
        assert low * (1 - 1e-9) <= price <= high * (1 + 1e-9) or not any(found.filled)


def crossing(orders):
    """Returns the least and greatest price of token 0 in token 1 at which the market can clear."""
    limits = [
        least / amount if sell == 0 else amount / least
        for sell, amount, least in zip(orders.sell, orders.amounts, orders.leasts, strict=True)
    ]
    ends = sorted(limits)
    near = [price * (1 + sign * 1e-7) for price in ends for sign in (-1, 1)]
    candidates = sorted(near + [(a + b) / 2 for a, b in itertools.pairwise(ends)])

    def excess(price):
        offered = sum(
            float(amount)
            for sell, amount, limit in zip(orders.sell, orders.amounts, limits, strict=True)
            if sell == 0 and price >= limit
        )
        wanted = sum(
            float(amount) / price
            for sell, amount, limit in zip(orders.sell, orders.amounts, limits, strict=True)
            if sell == 1 and price <= limit
        )
        return wanted - offered

    above = [price for price in candidates if excess(price) > 0]
    below = [price for price in candidates if excess(price) < 0]
    return max(above, default=ends[0]), min(below, default=ends[-1])


RECORDED = SHARED / "data/cow"
needs_recorded = needs(RECORDED, "auctions")


@needs_recorded
def test_a_recorded_auctions_orders_clear_with_its_pools():
    told = json.loads(gzip.decompress((RECORDED / "mainnet_auction_7400681.json.gz").read_bytes()))
    pools = []
    for key, amm in told["amms"].items():
        if amm["kind"] == "ConstantProduct":
            (token0, reserve0), (token1, reserve1) = sorted(amm["reserves"].items())
            held, fee = (int(reserve0), int(reserve1)), round(float(amm["fee"]) * PPM)
            pools.append(ConstantProductPool("v2", key, token0, token1, *held, fee, gas=90_000))
    tokens = tuple(sorted({*told["tokens"], *(token for pool in pools for token in pool.tokens)}))
    rows = [
        (tokens.index(o["sell_token"]), tokens.index(o["buy_token"]), sell, buy)
        for o in told["orders"].values()
        if (sell := int(o["sell_amount"])) and (buy := int(o["buy_amount"]))
    ]
    assert len(rows) > 500
    assert len(pools) > 300
    found = cleared(tokens, orders_of(rows), pools)
    assert sum(amount > 0 for amount in found.filled) >= 10
    assert found.swaps


@needs_recorded
def test_recorded_limit_orders_clear_auction_by_auction():
    columns = ["auction_id", "token_sold_symbol", "token_bought_symbol"]
    columns += ["token_sold_amount", "token_bought_amount"]
    with (RECORDED / "cow_mainnet_auction_orders_2024.parquet").open("rb") as file:
        table = fastparquet.ParquetFile(file).to_pandas(columns=columns).dropna()
    for _, here in itertools.islice(table.groupby("auction_id"), 4):
        rows = [
            (sold, bought, int(sell * 10**12), int(buy * 10**12))
            for _, sold, bought, sell, buy in here.itertuples(index=False)
        ]
        rows = [row for row in rows if row[0] != row[1] and row[2] and row[3]]
        names = sorted({name for row in rows for name in row[:2]})
        orders = orders_of([(names.index(a), names.index(b), *rest) for a, b, *rest in rows])
        assert len(rows) > 1_000
        found = cleared(names, orders)
        assert not_complementary(orders, found) == []
        assert sum(amount > 0 for amount in found.filled) >= 10


@pytest.mark.night
@pytest.mark.parametrize("part", range(4))
def test_thousands_of_seeded_batches_clear(part, capsys):
    shapes = [(3, 5, 0), (3, 8, 4), (10, 10, 0), (10, 40, 10), (10, 100, 0), (50, 100, 60)]
    shapes += [(50, 100, 0), (10, 400, 30), (50, 1_000, 100), (10, 3_000, 0)]
    left_out, partly = 0, 0
    for seed in range(120):
        for shape, (tokens, count, pools) in enumerate(shapes):
            is_partial = (seed + shape) % 4 != 0 or count > 400
            scatter = (0.01, 0.1, 0.001, 1.0)[seed % 4]
            made = 10_000 * part + 100 * seed + shape
            given = batch(tokens, count, made, pools=pools, is_partial=is_partial, scatter=scatter)
            found = cleared(given.tokens, given.orders, given.pools)
            left_out += is_partial and bool(found.dropped)
            wrong = not_complementary(given.orders, found)
            partly += is_partial and bool(wrong)
    with capsys.disabled():
        sys.stdout.write(
            f"part {part}: {left_out} with orders left out, {partly} with a kink off\n"
        )
    assert left_out <= 12
    assert partly <= 12
