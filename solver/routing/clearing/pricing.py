"""From the kink to a clearing: exact prices, the marginal fills, and everything in atoms."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import log
from typing import NamedTuple

import numpy as np

from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.domain.route import Swap
from solver.routing.clearing import atoms, curves, marginal
from solver.routing.clearing.exact import Tie, Trees, integer_prices
from solver.routing.clearing.orders import Book, Clearing, Floats, Orders, log_limits

WHOLE = 1e-12  # of a fill: nearer to 0 or 1 it is that

Sold = dict[tuple[int, int], int]  # atoms of one token for another


class Attempt(NamedTuple):
    """One round: the orders and pools that are in it and where they clear."""

    tokens: Sequence[Address]
    orders: Orders
    book: Book
    pieces: curves.Curves
    pools: Sequence[Pool]
    kink: marginal.Kink


class Refused(NamedTuple):
    """Without whom it is tried again: places of orders, addresses of pools."""

    orders: tuple[int, ...] = ()
    pools: frozenset[Address] = frozenset()


class _Pinned(NamedTuple):
    ties: list[Tie]
    free: list[int]  # places of orders that may be filled in part
    whole: list[int]


class _Fills(NamedTuple):
    whole: Sequence[int]  # places of orders
    parts: Sequence[int]
    shares: Sequence[float]  # of each of the parts


class _Priced(NamedTuple):
    prices: tuple[int, ...]
    logs: Floats  # the same, at the book's units


def settled(attempt: Attempt, pad: int) -> tuple[Clearing | None, Refused]:
    """Returns the clearing, or without whom to try again. Orders filled in part are priced `pad`
    atoms above their limit, so that their fill may be rounded and still be fair.
    """
    orders, prices_then = attempt.orders, attempt.kink.prices + attempt.book.units
    pinned = _pinned(attempt, pad)
    sold = _sold(orders, pinned.whole)
    prices = integer_prices(pinned.ties, sold, prices_then)
    priced = _Priced(prices, _logs(prices, prices_then) - attempt.book.units)
    free = [
        place
        for place in pinned.free
        if prices[orders.sell[place]] * orders.amounts[place]
        >= prices[orders.buy[place]] * orders.leasts[place]
    ]
    shares = dict(zip(free, _shares(attempt, free, sold, priced.logs), strict=True))
    whole_or_not = [place for place in free if not orders.is_partial[place]]
    refused = tuple(place for place in whole_or_not if WHOLE < shares[place] < 1 - WHOLE)
    if refused:
        return None, Refused(refused)
    full = pinned.whole + [place for place in whole_or_not if shares[place] > 0.5]
    parts = [place for place in free if orders.is_partial[place]]
    return _in_atoms(attempt, priced, _Fills(full, parts, [shares[place] for place in parts]))


def _pinned(attempt: Attempt, pad: int) -> _Pinned:
    """Returns what pins prices: marginal orders, the most surely marginal first, then pools. What
    joins nothing new is not marginal unless it is tied, and then it is whole or out.
    """
    orders, kink = attempt.orders, attempt.kink
    whole = attempt.book.order[kink.is_whole].tolist()
    ties, free, trees = list[Tie](), list[int](), Trees(kink.prices.size)
    for sorted_place, fill, ahead in zip(kink.open_, kink.fills, kink.ahead, strict=True):
        place = int(attempt.book.order[sorted_place])
        limit = Fraction(orders.leasts[place], orders.amounts[place])
        part = int(float(fill) * orders.leasts[place])
        if part and fill < 1 - marginal.EDGE:
            limit *= Fraction(part + pad, part)
        tie = Tie(int(orders.sell[place]), int(orders.buy[place]), limit)
        if limit and trees.join(tie):
            ties.append(tie)
            free.append(place)
        elif abs(ahead) <= marginal.TIED:
            free.append(place)
        elif ahead > 0:
            whole.append(place)
    paid, _, _ = curves.flows(attempt.pieces, kink.prices)
    logs = kink.prices + attempt.book.units
    for piece in np.flatnonzero(paid > 0):
        ends = int(attempt.pieces.token_in[piece]), int(attempt.pieces.token_out[piece])
        ties.append(Tie(*ends, Fraction(float(np.exp(logs[ends[0]] - logs[ends[1]])))))
    return _Pinned(ties, free, whole)


def _sold(orders: Orders, whole: list[int]) -> Sold:
    sold = Counter[tuple[int, int]]()
    pairs = zip(orders.sell[whole].tolist(), orders.buy[whole].tolist(), strict=True)
    for pair, place in zip(pairs, whole, strict=True):
        sold[pair] += orders.amounts[place]
    return sold


def _logs(prices: Sequence[int], near: Floats) -> Floats:
    """Returns the logs of integer prices, in the common unit of the floating ones."""
    found = np.array([log(price) for price in prices])
    logs: Floats = found - (found - near).mean()
    return logs


def _shares(attempt: Attempt, free: list[int], sold: Sold, logs: Floats) -> list[float]:
    orders, units = attempt.orders, attempt.book.units
    value = np.array([float(orders.amounts[place]) for place in free])
    sell, buy = orders.sell[free], orders.buy[free]
    whole = np.zeros((logs.size, logs.size))
    for (token, other), amount in sold.items():
        whole[token, other] = amount * float(np.exp(units[token]))
    value = value * np.exp(units[sell])
    chosen = marginal.fills((sell, buy, value), whole, attempt.pieces, logs)
    return [float(share) for share in chosen]


def _in_atoms(attempt: Attempt, priced: _Priced, fills: _Fills) -> tuple[Clearing | None, Refused]:
    orders, prices = attempt.orders, priced.prices
    sell, buy = orders.sell.tolist(), orders.buy.tolist()
    filled, received, balance = [0] * len(sell), [0] * len(sell), [0] * len(prices)
    for place in fills.whole:
        amount = orders.amounts[place]
        filled[place] = amount
        received[place] = amount * prices[sell[place]] // prices[buy[place]]
        balance[sell[place]] += amount
        balance[buy[place]] -= received[place]
    traders, trades = list[atoms.Trader](), list[atoms.Trade]()
    for place, share in zip(fills.parts, fills.shares, strict=True):
        ends, signed = (sell[place], buy[place]), (orders.amounts[place], orders.leasts[place])
        at = prices[ends[0]], prices[ends[1]]
        traders.append(atoms.Marginal(place, *ends, *signed, *at))
        given = signed[0] if share >= 1 - WHOLE else int(share * signed[0])
        trades.append(traders[-1].giving(given))
    for swapping, taken in _swaps(attempt, priced.logs):
        traders.append(swapping)
        trades.append(swapping.taking(taken))
    for trader, trade in zip(traders, trades, strict=True):
        balance[trader.gives] += trade.given
        balance[trader.takes] -= trade.taken
    short = atoms.balanced(traders, trades, balance, prices)
    swaps = []
    for trader, trade in zip(traders, trades, strict=True):
        if isinstance(trader, atoms.Marginal):
            filled[trader.place], received[trader.place] = trade
        elif trade.taken:
            pool = trader.pool
            swaps.append(Swap(pool.venue, pool.address, *trader.pair, trade.taken, trade.given))
    refused = _refused(attempt, priced.logs, (filled, received), short)
    if short or refused.orders:
        return None, refused
    return Clearing(prices, filled, received, tuple(swaps), tuple(balance)), refused


def _swaps(attempt: Attempt, logs: Floats) -> list[tuple[atoms.Swapping, int]]:
    """Returns each pool that trades, with the atoms that go in."""
    pieces, units = attempt.pieces, attempt.book.units
    paid, _, _ = curves.flows(pieces, logs)
    tied, _, _ = curves.flows(pieces, attempt.kink.prices)
    taken: dict[tuple[int, int, int], float] = {}
    for piece in np.flatnonzero((paid > 0) | (tied > 0)):
        ends = int(pieces.token_in[piece]), int(pieces.token_out[piece])
        key = (int(pieces.pool[piece]), *ends)
        taken[key] = taken.get(key, 0.0) + float(paid[piece])
    found = []
    for (pool, token_in, token_out), value in sorted(taken.items()):
        pair = attempt.tokens[token_in], attempt.tokens[token_out]
        swapping = atoms.Swapping(attempt.pools[pool], pair, token_out, token_in)
        found.append((swapping, int(value * float(np.exp(-units[token_in])))))
    return found


def _refused(
    attempt: Attempt, logs: Floats, done: tuple[list[int], list[int]], short: Sequence[int]
) -> Refused:
    """Returns the orders that would get less than they signed and, of each token that is short, the
    filled order nearest its limit that buys it, or else the pools that trade it.
    """
    orders, units = attempt.orders, attempt.book.units
    rows = zip(*done, orders.amounts, orders.leasts, strict=True)
    unfair = {
        place
        for place, (given, taken, amount, least) in enumerate(rows)
        if taken * amount < least * given
    }
    pools = set[Address]()
    if short:
        absolute = logs + units
        margin = absolute[orders.sell] - absolute[orders.buy] - log_limits(orders)
    for token in short:
        buying = [place for place in np.flatnonzero(orders.buy == token).tolist() if done[0][place]]
        if buying:
            unfair.add(min(buying, key=lambda place: (float(margin[place]), place)))
        else:
            here = attempt.tokens[token]
            pools |= {pool.address for pool in attempt.pools if here in pool.tokens}
    return Refused(tuple(sorted(unfair)), frozenset(pools))
