"""Which orders are marginal at the prices found, and how far each of them is filled.

Strictly in the money is filled whole, strictly out of it not at all; for those at the kink a small
linear program (HiGHS) chooses fills at which every token balances.
"""

from typing import NamedTuple

import numpy as np
import scipy.optimize

from solver.routing.clearing.curves import Curves, flows
from solver.routing.clearing.interior import Interior, Window, interior
from solver.routing.clearing.loops import places
from solver.routing.clearing.orders import Book, Flags, Floats, Places
from solver.routing.clearing.ramps import ramped

WHOLE_MAX = 2_000  # orders that are all looked at, without the prefix sums
SPREAD = 1e-2  # of a log price: how near the first prices may be
BELOW, ABOVE = 2.5, 1.5  # of a ramp's width: the window of orders that may be marginal
WIDER = 8.0  # each time a window proved too narrow
EDGE = 1e-6  # of a fill: nearer to 0 or 1 an order is not marginal
NEAR = 1e-5  # of a log price: farther from its limit an order is not marginal
TIED = 3e-9  # of a log price: so near the limit an order counts as at it
CLOSE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # HiGHS
SLACK_COST = 1e3  # of an imbalance, in the value of fills


class Kink(NamedTuple):
    """Where the market clears: log prices at the book's units, orders by place in the book."""

    prices: Floats
    is_whole: Flags  # of each sorted order
    open_: Places  # sorted orders that may be filled in part, the most surely so first
    fills: Floats  # of the open ones
    ahead: Floats  # how far their ratio of prices is above the limit, in logs
    residual: float


def kink(book: Book, pieces: Curves, prices: Floats) -> Kink:
    """Returns prices at which the market clears, and who is marginal there."""
    reach, start = np.inf, SPREAD
    if book.limit.size > WHOLE_MAX:
        done = ramped(book, pieces, prices)
        prices, start = done.prices, done.width or SPREAD
        reach = done.width or np.inf
    while True:
        low, high = _window(book, prices, reach)
        inside = _ranges(low, high)
        pair = np.repeat(np.arange(low.size), high - low)
        whole = np.zeros((prices.size, prices.size))
        whole[book.pair_sell, book.pair_buy] = book.sums[low + np.arange(low.size)]
        columns = book.pair_sell[pair], book.pair_buy[pair], book.limit[inside], book.value[inside]
        window = Window(*columns, whole)
        found = interior(window, pieces, prices, start)
        if np.isinf(reach) or _holds(book, found.prices, low, high):
            return _sorted_out(book, (low, inside), window, found)
        reach = reach * WIDER if reach < 1 else np.inf


def _window(book: Book, prices: Floats, reach: float) -> tuple[Places, Places]:
    """Returns of each pair where the orders begin and end that may be marginal: their limits were
    within the ramp below the prices, or nearly so.
    """
    if np.isinf(reach):
        return book.first[:-1], book.first[1:]
    ratio = prices[book.pair_sell] - prices[book.pair_buy]
    low = places(book.limit, book.first, ratio - BELOW * reach, is_up_to=True)
    return low, places(book.limit, book.first, ratio + ABOVE * reach, is_up_to=True)


def _ranges(low: Places, high: Places) -> Places:
    sizes = high - low
    shift = np.repeat(low - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
    return np.arange(int(sizes.sum())) + shift


def _holds(book: Book, prices: Floats, low: Places, high: Places) -> bool:
    """Returns whether all below the windows are in the money and all above out of it."""
    ratio = prices[book.pair_sell] - prices[book.pair_buy]
    padded = np.concatenate((book.limit, [np.inf]))
    below = np.where(low > book.first[:-1], padded[low - 1], -np.inf)
    above = np.where(high < book.first[1:], padded[high], np.inf)
    return bool((below < ratio).all() and (above > ratio).all())


def _sorted_out(book: Book, where: tuple[Places, Places], window: Window, found: Interior) -> Kink:
    low, inside = where
    is_whole = np.zeros(book.limit.size, np.bool_)
    is_whole[_ranges(book.first[:-1], low)] = True
    apart = found.prices[window.sell] - found.prices[window.buy] - window.limit
    is_open = (np.minimum(found.fills, 1 - found.fills) > EDGE) & (np.abs(apart) < NEAR)
    is_whole[inside[~is_open & (apart > 0)]] = True
    half = np.minimum(found.fills, 1 - found.fills)
    rank = np.flatnonzero(is_open)
    rank = rank[np.argsort(-half[rank], kind="stable")]
    return Kink(
        found.prices, is_whole, inside[rank], found.fills[rank], apart[rank], found.residual
    )


def fills(
    market: tuple[Places, Places, Floats], whole: Floats, pieces: Curves, prices: Floats
) -> Floats:
    """Returns fills of the marginal orders (sell, buy, value) that balance what is sold `whole`
    (value at unit prices, row for column) and what the pools trade; the most value if there is
    a choice, the least imbalance if there is no balance.
    """
    sell, buy, value = market
    tokens, count = prices.size, value.size
    if not count:
        return np.zeros(0)
    worth = value * np.exp(prices[sell])
    sold = whole * np.exp(prices)[:, None]
    net = sold.sum(0) - sold.sum(1)
    if pieces.root.size:
        _, out, _ = flows(pieces, prices)
        given = out * np.exp(prices[pieces.token_out])
        net += np.bincount(pieces.token_in, given, tokens)
        net -= np.bincount(pieces.token_out, given, tokens)
    scale = float(worth.max())
    rows = np.zeros((tokens, count + 2 * tokens))
    np.add.at(rows, (buy, np.arange(count)), worth / scale)
    np.add.at(rows, (sell, np.arange(count)), -worth / scale)
    rows[:, count : count + tokens], rows[:, count + tokens :] = np.eye(tokens), -np.eye(tokens)
    cost = np.concatenate((-worth / scale, np.full(2 * tokens, SLACK_COST)))
    bounds = [(0.0, 1.0)] * count + [(0.0, None)] * (2 * tokens)
    found = scipy.optimize.linprog(
        cost, A_eq=rows, b_eq=-net / scale, bounds=bounds, method="highs-ds", options=CLOSE
    )
    if found.x is None:
        return np.zeros(count)
    chosen: Floats = np.clip(found.x[:count], 0.0, 1.0)
    return chosen
