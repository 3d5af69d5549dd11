"""Recorded order books walked as pools: every lot at its price, and no order above the bound."""

import gzip
import itertools
import json
import random
import zipfile
from decimal import Decimal
from typing import Any

import pytest

from solver.domain.errors import Infeasible
from solver.domain.market import BookPool
from solver.routing.curves import book
from tests.recorded import SHARED, needs

RECORDED = SHARED / "data/l2"
UNIT = 2**96
USDT = 10**6  # atoms
FEE_PPM = 1000
LINES = 600

Sides = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]

pytestmark = needs(RECORDED, "books")


def changed(sides, bids, asks):
    for side, changes in zip(sides, (bids, asks), strict=True):
        for price, size in changes:
            side[Decimal(price)] = Decimal(size)
            if not side[Decimal(price)]:
                del side[Decimal(price)]


def binance(name):
    """Returns both sides after some seconds of diffs, those before the snapshot included."""
    sides: Sides = ({}, {})
    last, early = None, list[dict[str, Any]]()
    with gzip.open(RECORDED / f"{name}_20240808.ndjson.gz", "rt") as lines:
        for line in itertools.islice(lines, LINES):
            told = json.loads(line.split(" ", 1)[1])
            if "lastUpdateId" in told:
                last = told["lastUpdateId"]
                changed(sides, told["bids"], told["asks"])
                for diff in early:
                    if diff["u"] > last:
                        changed(sides, diff["b"], diff["a"])
            elif told["data"].get("e") == "depthUpdate":
                if last is None:
                    early.append(told["data"])
                else:
                    changed(sides, told["data"]["b"], told["data"]["a"])
    assert last is not None
    return sides


def bybit():
    sides: Sides = ({}, {})
    with zipfile.ZipFile(RECORDED / "bybit_xrpusdt_ob500.data.zip") as archive:
        for line in archive.read(archive.namelist()[0]).splitlines():
            told = json.loads(line)["data"]
            changed(sides, told["b"], told["a"])
    return sides


BOOKS = {  # the lot: its price at one tick is whole atoms
    "binance spot": (lambda: binance("binance_spot_btcusdt"), Decimal("0.0001"), 8),
    "binance perpetual": (lambda: binance("binance_usdm_btcusdt"), Decimal("0.001"), 8),
    "bybit": (bybit, Decimal("0.1"), 6),
}


@pytest.fixture(scope="module", params=BOOKS)
def market(request):
    """Returns (the pool, its levels as recorded, in decimals, best first)."""
    read, lot, decimals = BOOKS[request.param]
    bought, sold = read()
    sides = sorted(bought.items(), reverse=True), sorted(sold.items())
    bids, asks = (
        tuple((int(price * lot * USDT), int(size / lot)) for price, size in side if size >= lot)
        for side in sides
    )
    assert all((price * lot * USDT) % 1 == 0 for side in sides for price, _ in side)
    assert min(len(bids), len(asks)) > 300
    atoms = int(lot * 10**decimals)
    pool = BookPool("cex", "0xbook", "0xbase", "0xusdt", bids, asks, atoms, FEE_PPM, 0)
    return pool, sides, lot


def sizes(pool, side, count=60):
    draw = random.Random(len(side))
    depth = sum(size for _, size in side)
    return [1, depth, *(int(10 ** draw.uniform(0, len(str(depth)) - 1)) for _ in range(count))]


def exact(side, lot, lots):
    """Returns what so many lots are worth at the recorded prices, in USDT."""
    worth = Decimal(0)
    for price, size in side:
        take = min(lots, int(size / lot))
        worth, lots = worth + price * lot * take, lots - take
    return worth


def test_the_book_is_not_crossed(market):
    pool, _, _ = market
    assert pool.bids[0][0] < pool.asks[0][0]
    assert list(pool.bids) == sorted(pool.bids, reverse=True)
    assert list(pool.asks) == sorted(pool.asks)


def test_a_market_order_pays_the_recorded_prices(market):
    pool, (bids, asks), lot = market
    for lots in sizes(pool, pool.bids):
        quote = exact(bids, lot, lots) * USDT
        told = book.amount_out(pool, ("0xbase", "0xusdt"), lots * pool.lot)
        assert told == quote * (10**6 - FEE_PPM) // 10**6
    for lots in sizes(pool, pool.asks):
        quote = int(exact(asks, lot, lots) * USDT)
        told = book.amount_out(pool, ("0xusdt", "0xbase"), quote)
        assert told == lots * pool.lot * (10**6 - FEE_PPM) // 10**6
        with pytest.raises(Infeasible) as refusal:
            book.amount_out(pool, ("0xusdt", "0xbase"), quote + 1)
        assert refusal.value.data["below"] == quote


def test_exact_out_and_what_is_left_agree_with_the_way_in(market):
    pool, _, _ = market
    for pair, side in ((pool.tokens, pool.bids), (pool.tokens[::-1], pool.asks)):
        for lots in sizes(pool, side, 12):
            each = pool.lot if pair == pool.tokens else side[-1][0]
            paid = book.fitting(pool, pair, lots * each)
            out = book.amount_out(pool, pair, paid)
            assert book.amount_in(pool, pair, out) == paid
            rest = book.after(pool, pair, paid)
            left = sum(size for _, size in rest.bids + rest.asks)
            taken = paid // pool.lot if pair == pool.tokens else out * 10**6 // (10**6 - FEE_PPM)
            taken = taken if pair == pool.tokens else -(-taken // pool.lot)
            assert left + taken == sum(size for _, size in pool.bids + pool.asks)


def test_no_order_on_real_depth_beats_the_bound(market):
    pool, _, _ = market
    middle = (pool.bids[0][0] + pool.asks[0][0]) // 2
    for skew in (-20_000, -2_000, -1_001, -999, 0, 999, 1_010, 2_000, 20_000):
        worth = UNIT * middle * (10**6 + skew) // (10**6 * pool.lot)
        prices, best = {"0xbase": worth, "0xusdt": UNIT}, 0
        bound = book.arbitrage_up(pool, prices)
        for pair, side in ((pool.tokens, pool.bids), (pool.tokens[::-1], pool.asks)):
            paid, got = 0, 0
            for price, size in side:
                paid += size * (pool.lot if pair == pool.tokens else price)
                got += size * (price if pair == pool.tokens else pool.lot)
                out = got * (10**6 - FEE_PPM) // 10**6
                best = max(best, prices[pair[1]] * out - prices[pair[0]] * paid)
        assert best <= bound <= best + max(prices.values())
        if abs(skew) < 999:
            assert bound == 0
