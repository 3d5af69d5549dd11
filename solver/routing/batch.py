"""Many orders at once: netting at one price vector, pools included, exact in every atom.

Only within a circle of tokens, where each can be turned into each, can anything be exchanged: every
circle is cleared by itself and the circles' prices are then put so far apart that no order between
them would trade. In a circle: floating prices where the market clears, exact prices from whoever is
marginal there, fills in atoms (solver.routing.clearing). All-or-nothing orders that would be filled
in part are left out and the rest is cleared again, at most ROUNDS_MAX times; then nothing trades.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import gcd

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.domain.route import Swap
from solver.routing.clearing import curves
from solver.routing.clearing.marginal import kink
from solver.routing.clearing.orders import Clearing, Flags, Orders, Places, book
from solver.routing.clearing.pricing import Attempt, settled

ROUNDS_MAX = 64
PADS = (0, 3)  # atoms above its limit that an order filled in part is priced at, so it may round


def clear(tokens: Sequence[Address], orders: Orders, pools: Sequence[Pool] = ()) -> Clearing:
    """Returns prices and fills that `check_clearing` accepts; an order's tokens are places in
    `tokens`. Orders strictly in the money are filled whole, strictly out of it not at all.

    What stays with nobody: roundings, and what pools give beyond these prices (`left`). Raises
    Malformed for orders that are none.
    """
    orders.require_sound()
    places = {token: place for place, token in enumerate(tokens)}
    known = curves.usable(pools, places)
    circle = _circles(len(tokens), orders, [[places[t] for t in pool.tokens] for pool in known])
    filled, received = [0] * len(orders.amounts), [0] * len(orders.amounts)
    prices, left = [1] * len(tokens), [0] * len(tokens)
    swaps, dropped = list[Swap](), list[int]()
    inside = np.where(circle[orders.sell] == circle[orders.buy], circle[orders.sell], -1)
    sizes = np.bincount(circle, minlength=1)
    for number in np.flatnonzero(sizes > 1):
        members = np.flatnonzero(circle == number)
        here = np.flatnonzero(inside == number)
        names = [tokens[member] for member in members.tolist()]
        part = _part(orders, here, np.searchsorted(members, np.arange(len(tokens))))
        made = _cleared(names, part, [pool for pool in known if pool.tokens[0] in set(names)])
        for place, given, taken in zip(here.tolist(), made.filled, made.received, strict=True):
            filled[place], received[place] = given, taken
        for member, price, atoms in zip(members.tolist(), made.prices, made.left, strict=True):
            prices[member], left[member] = price, atoms
        swaps += made.swaps
        dropped += here[list(made.dropped)].tolist()
    scales = _scales(circle, orders, np.flatnonzero(inside < 0), prices)
    scaled = tuple(
        price * scales[place] for price, place in zip(prices, circle.tolist(), strict=True)
    )
    return Clearing(scaled, filled, received, tuple(swaps), tuple(left), tuple(sorted(dropped)))


def _circles(tokens: int, orders: Orders, ends: Sequence[Sequence[int]]) -> Places:
    """Returns the number of each token's circle; orders lead one way, pools both."""
    pairs = np.unique(orders.sell * tokens + orders.buy)
    there = np.array([end[0] for end in ends], np.int64)
    back = np.array([end[1] for end in ends], np.int64)
    rows = np.concatenate((pairs // max(tokens, 1), there, back))
    columns = np.concatenate((pairs % max(tokens, 1), back, there))
    graph = scipy.sparse.csr_matrix((np.ones(rows.size), (rows, columns)), (tokens, tokens))
    _, numbers = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    circle: Places = numbers.astype(np.int64)
    return circle


def _part(orders: Orders, here: Places, place: Places) -> Orders:
    """Returns some of the orders, their tokens numbered anew."""
    amounts, leasts = orders.amounts, orders.leasts
    if here.size < len(amounts):
        amounts = [amounts[index] for index in here.tolist()]
        leasts = [leasts[index] for index in here.tolist()]
    sell, buy = place[orders.sell[here]], place[orders.buy[here]]
    return Orders(sell, buy, amounts, leasts, orders.is_partial[here])


def _scales(circle: Places, orders: Orders, between: Places, prices: Sequence[int]) -> list[int]:
    """Returns a factor for the prices of each circle at which every order from one circle to
    another is out of the money: what can only be bought is dear.
    """
    onward: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    waits = [0] * (int(circle.max(initial=-1)) + 1)
    for place in between.tolist():
        sell, buy = int(orders.sell[place]), int(orders.buy[place])
        worth, wanted = prices[sell] * orders.amounts[place], prices[buy] * orders.leasts[place]
        onward[int(circle[sell])].append((int(circle[buy]), worth, wanted))
        waits[int(circle[buy])] += 1
    scales = [1] * len(waits)
    ready = [number for number, count in enumerate(waits) if not count]
    while ready:
        number = ready.pop()
        for other, worth, wanted in onward[number]:
            if wanted:
                scales[other] = max(scales[other], scales[number] * worth // wanted + 1)
            waits[other] -= 1
            ready += [other] if not waits[other] else []
    return scales


def _cleared(tokens: Sequence[Address], orders: Orders, pools: Sequence[Pool]) -> Clearing:
    """Returns the clearing of one circle."""
    places = {token: place for place, token in enumerate(tokens)}
    known, is_out = list(pools), np.zeros(len(orders.amounts), np.bool_)
    for _ in range(ROUNDS_MAX):
        here = orders.without(is_out) if is_out.any() else orders
        sorted_ = book(len(tokens), here, curves.quoted(known, places))
        pieces = curves.curves(known, places, sorted_.units)
        found = kink(sorted_, pieces, np.zeros(len(tokens)))
        for pad in PADS:
            cleared, refused = settled(Attempt(tokens, here, sorted_, pieces, known, found), pad)
            if cleared is not None:
                return _spread(cleared, is_out)
        if not refused.orders and not refused.pools:
            break
        is_out[np.flatnonzero(~is_out)[list(refused.orders)]] = True
        known = [pool for pool in known if pool.address not in refused.pools]
    nothing = (0,) * is_out.size
    return Clearing((1,) * len(tokens), nothing, nothing, (), (0,) * len(tokens))


def _spread(cleared: Clearing, is_out: Flags) -> Clearing:
    """Returns the clearing with places among all orders, its prices in the least integers."""
    unit = gcd(*cleared.prices)
    cleared = cleared._replace(prices=tuple(price // unit for price in cleared.prices))
    dropped = tuple(np.flatnonzero(is_out).tolist())
    if not dropped:
        return cleared
    filled, received = [0] * is_out.size, [0] * is_out.size
    rows = zip(cleared.filled, cleared.received, strict=True)
    for place, row in zip(np.flatnonzero(~is_out).tolist(), rows, strict=True):
        filled[place], received[place] = row
    return cleared._replace(filled=filled, received=received, dropped=dropped)
