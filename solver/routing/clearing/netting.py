"""Whole orders meet before they go to the pools: at one price vector, inside everybody's limits.

The prices are as near to what the pools quote as the limits allow; at them as much is exchanged as
goes round. Those who sell one token for another share what their side exchanges and what it routes.
"""

from collections.abc import Sequence
from math import frexp
from typing import NamedTuple

import numpy as np
import scipy.optimize

from solver.routing.clearing.atoms import Marginal, Trade, balanced
from solver.routing.clearing.curves import NO_CURVES
from solver.routing.clearing.marginal import CLOSE, fills
from solver.routing.clearing.orders import Floats, Places

PRICE_BITS = 160  # of the greatest price
SPARED = 1e-12  # of what goes round: room to balance every token to the atom
APART = 2e-6  # of a log price: how much better than a limit prices are, for dust and roundings


class Limit(NamedTuple):
    """Who sells `amount` atoms of one token wants at least `least` of the other for them."""

    sell: int
    buy: int
    amount: int
    least: int


class Side(NamedTuple):
    """All that is sold of one token for another, atoms."""

    sell: int
    buy: int
    amount: int


def fair_prices(limits: Sequence[Limit], quoted: Floats) -> tuple[int, ...] | None:
    """Returns integer prices that keep every limit, nearest to the logs `quoted` (the sum of their
    distances); None where no prices serve all. HiGHS.
    """
    tokens, held = quoted.size, [limit for limit in limits if limit.least]
    if not all(limit.amount > 0 for limit in limits):
        return None
    rows, goal = np.zeros((len(held) + 2 * tokens, 2 * tokens)), np.zeros(len(held) + 2 * tokens)
    for row, limit in enumerate(held):  # quoted + shift of the one sold, less the one bought
        rows[row, limit.sell], rows[row, limit.buy] = -1.0, 1.0
        wanted = float(np.log(float(limit.least + 1)) - np.log(float(limit.amount)))
        goal[row] = quoted[limit.sell] - quoted[limit.buy] - wanted - APART
    one = np.eye(tokens)
    rows[len(held) :] = np.block([[one, -one], [-one, -one]])
    bounds = [(None, None)] * tokens + [(0.0, None)] * tokens
    cost = np.concatenate((np.zeros(tokens), np.ones(tokens)))
    found = scipy.optimize.linprog(
        cost, A_ub=rows, b_ub=goal, bounds=bounds, method="highs-ds", options=CLOSE
    )
    if found.x is None:
        return None
    logs = quoted + found.x[:tokens]
    return tuple(_integer(float(log)) for log in np.exp(logs - logs.max()))


def _integer(price: float) -> int:
    mantissa, exponent = frexp(price)
    whole, shift = int(mantissa * 2**53), PRICE_BITS + exponent - 53
    return max(1, whole << shift if shift >= 0 else whole >> -shift)


def met(sides: Sequence[Side], prices: Sequence[int]) -> list[Trade] | None:
    """Returns what each side gives to and takes from the others at these prices: the most value
    that goes round, whole atoms, no token short; None where nothing does.
    """
    top = max(prices)
    logs = np.log(np.array([price / top for price in prices]))
    sell, buy = (np.array([side[end] for side in sides]) for end in (0, 1))
    value = np.array([float(side.amount) for side in sides])
    most = _roundable(sell, buy, value * np.exp(logs[sell])) * np.exp(-logs[sell])
    if not most.any():
        return None
    whole = np.zeros((logs.size, logs.size))
    shares = fills((sell, buy, most), whole, NO_CURVES, logs) * most / value
    traders = [
        Marginal(place, *side, 0, prices[side.sell], prices[side.buy])
        for place, (side, share) in enumerate(zip(sides, shares, strict=True))
        if share > 0
    ]
    kept = shares * (1 - SPARED)
    trades = [
        trader.giving(int(kept[trader.place] * trader.amount) - len(sides)) for trader in traders
    ]
    balance = [0] * len(prices)
    for trader, trade in zip(traders, trades, strict=True):
        balance[trader.gives] += trade.given
        balance[trader.takes] -= trade.taken
    if balanced(traders, trades, balance, prices) or not any(trade.taken for trade in trades):
        return None
    done = {trader.place: trade for trader, trade in zip(traders, trades, strict=True)}
    return [done.get(place, Trade(0, 0)) for place in range(len(sides))]


def _roundable(sell: Places, buy: Places, worth: Floats) -> Floats:
    """Returns bounds of what of each side can go round: no more than comes in of what it sells, nor
    than is sold of what it buys. Keeps the program's numbers near one another.
    """
    tokens = int(max(sell.max(), buy.max())) + 1
    for _ in range(sell.size):
        into, out = np.bincount(buy, worth, tokens), np.bincount(sell, worth, tokens)
        worth = np.minimum(worth, np.minimum(into[sell], out[buy]))
    return worth
