"""What a batch is made of: limit orders by column, sorted books of them, and what cleared.

A market is linear Arrow-Debreu with limit orders (SPEEDEX, arXiv 2111.02719): an order sells when
the price of what it sells, in what it buys, is at least its limit, which is least/amount.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.domain.errors import Malformed
from solver.domain.route import Swap

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

ATOMS_MAX = 2**256 - 1
FREE = -40.0  # log of the limit of an order that takes any price
FIRM = 1e3  # how much more a pool's price counts than what an order asks
LOST = -300.0  # below this a log limit tells nothing about a price


class Quote(NamedTuple):
    """What somebody offers: logs of atoms out per atom in, and of the root of both depths."""

    token_in: int
    token_out: int
    price: float
    depth: float = 0.0


class Orders(NamedTuple):
    """Exact-in orders: each sells up to `amounts` atoms of token `sell` for at least `leasts` of
    token `buy` for the whole, a part in proportion. Tokens are places in the batch's list.
    """

    sell: Places
    buy: Places
    amounts: Sequence[int]
    leasts: Sequence[int]
    is_partial: Flags  # may be filled in part; the others whole or not at all

    def without(self, is_out: Flags) -> "Orders":
        """Returns the orders that are not marked."""
        kept = np.flatnonzero(~is_out)
        amounts = [self.amounts[place] for place in kept.tolist()]
        leasts = [self.leasts[place] for place in kept.tolist()]
        return Orders(self.sell[kept], self.buy[kept], amounts, leasts, self.is_partial[kept])

    def require_sound(self) -> None:
        """Raises Malformed for an order that sells nothing or what it buys, or names an amount that
        no token has.
        """
        for field, amounts, least in (("amounts", self.amounts, 1), ("leasts", self.leasts, 0)):
            if not (least <= min(amounts, default=least) and max(amounts, default=0) <= ATOMS_MAX):
                raise Malformed(f"{field} are {least} to 2^256 - 1 atoms", field=field)
        if (self.sell == self.buy).any():
            raise Malformed("an order buys another token than it sells", field="buy")


class Clearing(NamedTuple):
    """What a batch trades, in integers. An order gets floor(filled * price sold / price bought)."""

    prices: tuple[int, ...]  # of one atom of each token, any common unit
    filled: Sequence[int]  # atoms sold by each order
    received: Sequence[int]  # atoms bought by each order
    swaps: tuple[Swap, ...]  # with pools, in order
    left: tuple[int, ...]  # atoms of each token that nobody gets: roundings, the pools' own gains
    dropped: tuple[int, ...] = ()  # places of orders left out although the prices suit them


class Book(NamedTuple):
    """Orders sorted by pair and limit with running sums; values are at the batch's own units."""

    order: Places  # the place of each sorted order in the batch
    pair_sell: Places
    pair_buy: Places
    first: Places  # pairs + 1 offsets into the sorted orders
    limit: Floats  # log of price sold over price bought, both in units of their token
    value: Floats  # of the amount
    sums: Floats  # of value, of the orders before; one more entry a pair than it has orders
    moments: Floats  # of value * limit, likewise
    units: Floats  # logs of what an atom of each token is worth: prices here are relative to them

    @property
    def value_of_pairs(self) -> Floats:
        """The value of all orders of each pair."""
        last = self.first[1:] + np.arange(self.pair_sell.size)
        values: Floats = self.sums[last]
        return values


def log_limits(orders: Orders) -> Floats:
    """Returns the log of each order's limit, atoms bought per atom sold; FREE where it has none."""
    amounts = np.array(orders.amounts, dtype=np.float64)
    leasts = np.array(orders.leasts, dtype=np.float64)
    limits: Floats = np.log(np.maximum(leasts, 1e-300)) - np.log(amounts)
    return limits


def book(tokens: int, orders: Orders, quoted: Sequence[Quote] = ()) -> Book:
    """Returns the orders sorted by pair and limit, in units of about equal value."""
    count, limits = orders.sell.size, log_limits(orders)
    key = orders.sell * tokens + orders.buy
    order = np.lexsort((limits, key)).astype(np.int64)
    pairs, start = np.unique(key[order], return_index=True)
    first = np.append(start, count).astype(np.int64)
    sell, buy, limit = pairs // tokens, pairs % tokens, limits[order]
    middle = limit[(first[:-1] + first[1:]) // 2]
    told = [Quote(*row) for row in zip(sell.tolist(), buy.tolist(), middle.tolist(), strict=True)]
    units = reference(tokens, quoted, told)
    limit -= np.repeat(units[sell] - units[buy], np.diff(first))
    limit = np.maximum(limit, FREE)
    value = np.array(orders.amounts, dtype=np.float64)[order]
    value *= np.repeat(np.exp(units[sell]), np.diff(first))
    sums, moments = np.zeros(count + pairs.size), np.zeros(count + pairs.size)
    for pair in range(pairs.size):  # each by itself: no sum is larger than its own pair
        here = slice(first[pair], first[pair + 1])
        there = slice(first[pair] + pair + 1, first[pair + 1] + pair + 1)
        np.cumsum(value[here], out=sums[there])
        np.cumsum(value[here] * limit[here], out=moments[there])
    return Book(order, sell, buy, first, limit, value, sums, moments, units)


def reference(tokens: int, quoted: Sequence[Quote], asked: Sequence[Quote] = ()) -> Floats:
    """Returns logs of the worth of an atom of each token: along the deepest quotes, and where those
    do not reach by least squares over what is asked.

    Only a start and a scale: what clears is not decided here.
    """
    found: dict[tuple[int, int], list[float]] = {}
    for quote in asked:
        if quote.price > LOST:
            sign = 1.0 if quote.token_in < quote.token_out else -1.0
            pair = min(quote[:2]), max(quote[:2])
            found.setdefault(pair, []).append(sign * quote.price)
    rows = [(*pair, sum(prices) / len(prices), 1.0) for pair, prices in found.items()]
    rows += [(*quote[:3], FIRM) for quote in deepest(quoted, tokens)]
    if not rows:
        return np.zeros(tokens)
    sold, bought, price, weight = (np.array(column) for column in zip(*rows, strict=True))
    matrix, row = np.zeros((len(rows), tokens)), np.arange(len(rows))
    matrix[row, sold], matrix[row, bought] = weight, -weight
    logs, *_ = np.linalg.lstsq(matrix, price * weight, rcond=None)
    units: Floats = logs - logs.mean()
    return units


def deepest(quotes: Sequence[Quote], tokens: int) -> list[Quote]:
    """Returns the quotes along which the tokens are best priced: a tree, the deepest first."""
    best: dict[tuple[int, int], Quote] = {}
    for quote in quotes:
        pair = min(quote[:2]), max(quote[:2])
        best[pair] = max(best.get(pair, quote), quote, key=lambda each: (each.depth, each))
    logs, known, tree = [0.0] * tokens, set[int](), list[Quote]()
    while len(known) < tokens:
        frontier = [q for q in best.values() if (q.token_in in known) != (q.token_out in known)]
        if not frontier:
            known.add(min(set(range(tokens)) - known))
            continue
        found = max(frontier, key=lambda quote: (_worth(quote, known, logs), quote))
        if found.token_in in known:
            logs[found.token_out] = logs[found.token_in] - found.price
        else:
            logs[found.token_in] = logs[found.token_out] + found.price
        known |= set(found[:2])
        tree.append(found)
    return tree


def _worth(quote: Quote, known: set[int], logs: Sequence[float]) -> float:
    """Returns the log of a quote's depth in units of worth, by the token that is known."""
    if quote.token_in in known:
        return quote.depth - quote.price / 2 + logs[quote.token_in]
    return quote.depth + quote.price / 2 + logs[quote.token_out]
