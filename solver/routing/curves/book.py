"""An order book as a pool: whole lots at the levels' prices, best first, a fee on what is bought.

A swap spends its whole input, so a book takes only inputs that are the price of whole lots: whole
lots of base, or exactly what some number of lots costs in quote. Anything else is refused with the
nearest amounts that fit; `fitting` tells them to a planner. The venue rounds its fee up.
"""

from collections.abc import Mapping
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import BookPool
from solver.domain.numbers import PPM, div_up

Pair = tuple[Address, Address]
Levels = tuple[tuple[int, int], ...]


class Walk(NamedTuple):
    """What a market order takes from one side of the book."""

    lots: int
    quote: int  # atoms, before the fee
    next_price: int  # of the first lot not taken, 0 where there is none


def amount_out(pool: BookPool, pair: Pair, amount_in: int) -> int:
    """Returns atoms out for an exact input. Raises Infeasible with data `below` and `above`, the
    nearest inputs that are whole lots, or beyond the book's depth (`above` 0).
    """
    walk = _walk(pool, pair, max(0, amount_in))
    spent = walk.lots * pool.lot if pair[0] == pool.base else walk.quote
    if spent != amount_in:
        step = pool.lot if pair[0] == pool.base else walk.next_price
        above = spent + step if walk.next_price else 0
        raise Infeasible(
            f"book {pool.address} takes whole lots, not {amount_in}",
            data={"below": spent, "above": above},
        )
    bought = walk.quote if pair[0] == pool.base else walk.lots * pool.lot
    return bought * (PPM - pool.fee_ppm) // PPM


def amount_in(pool: BookPool, pair: Pair, amount_out: int) -> int:
    """Returns the price of the fewest lots that give at least the output after the fee. Raises
    Infeasible beyond the book's depth.
    """
    if amount_out <= 0:
        if amount_out == 0:
            return 0
        raise Infeasible(f"book {pool.address} cannot give {amount_out}")
    kept = PPM - pool.fee_ppm
    wanted = div_up(amount_out * PPM, kept) if kept else 0
    lots = cost = got = 0
    for price, size in _side(pool, pair):
        each = price if pair[0] == pool.base else pool.lot
        take = min(size, div_up(wanted - got, each))
        lots, cost, got = lots + take, cost + take * price, got + take * each
        if kept and got >= wanted:
            return lots * pool.lot if pair[0] == pool.base else cost
    available = {"available": got * kept // PPM}
    raise Infeasible(f"book {pool.address} cannot give {amount_out}", data=available)


def after(pool: BookPool, pair: Pair, amount_in: int) -> BookPool:
    """Returns the book without the lots that the exact input takes."""
    amount_out(pool, pair, amount_in)
    left = _walk(pool, pair, amount_in).lots
    rest = []
    for price, size in _side(pool, pair):
        taken = min(left, size)
        left -= taken
        if size > taken:
            rest.append((price, size - taken))
    if pair[0] == pool.base:
        return pool._replace(bids=tuple(rest))
    return pool._replace(asks=tuple(rest))


def fitting(pool: BookPool, pair: Pair, amount_in: int) -> int:
    """Returns the greatest input, at most the amount, that the book takes whole."""
    walk = _walk(pool, pair, max(0, amount_in))
    return walk.lots * pool.lot if pair[0] == pool.base else walk.quote


def arbitrage_up(pool: BookPool, prices: Mapping[Address, int]) -> int:
    """Returns the most that any orders gain: the sum of the levels' positive gains, rounded up.

    Exact but for the rounding of the fee; neither side adds to the other, so that the sum of both
    bounds any number of swaps.
    """
    base, quote = prices.get(pool.base, 0), prices.get(pool.quote, 0)
    kept, gains = PPM - pool.fee_ppm, 0
    worth, cost = quote * kept, base * pool.lot * PPM
    for price, size in pool.bids:
        gain = worth * price - cost
        if gain <= 0:
            break
        gains += gain * size
    worth, cost = base * pool.lot * kept, quote * PPM
    for price, size in pool.asks:
        gain = worth - cost * price
        if gain <= 0:
            break
        gains += gain * size
    return div_up(gains, PPM)


def _side(pool: BookPool, pair: Pair) -> Levels:
    return pool.bids if pair[0] == pool.base else pool.asks


def _walk(pool: BookPool, pair: Pair, amount_in: int) -> Walk:
    """Returns the whole lots that an input reaches, never more than it pays for."""
    is_sale = pair[0] == pool.base
    left, lots, quote = amount_in // pool.lot if is_sale else amount_in, 0, 0
    for price, size in _side(pool, pair):
        take = min(size, left if is_sale else left // price)
        lots, quote = lots + take, quote + take * price
        left -= take if is_sale else take * price
        if take < size:
            return Walk(lots, quote, price)
    return Walk(lots, quote, 0)
