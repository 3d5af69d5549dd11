"""Gas that a gaining pool cannot go without: that of another pool at a token it passes on.

Part of the checker. Let t be a token that nobody sells or buys. Where a plan uses one pool p at t
and no other, t may have any price, for only p's term sees it: p adds at most its arbitrage at some
other price of t less its gas, and `is_idle_alone` says that this is nothing. Every other plan with
p uses, and pays, a second pool at t. So where all other pools at t gain less than their gas, a part
c of what they lack, at most the least of it, can be moved to p: p then adds max(0, gain - gas - c)
and they still add nothing. Over the pools of any plan the sum does not fall: p gives up c, and one
pool at t or more receives it. What is moved is gone, so a pool never adds more than nothing by it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.ids import Address
from solver.domain.market import Pool
from solver.routing import curves

Prices = Mapping[Address, int]  # PRICE_UNIT


class Case(NamedTuple):
    """A case's prices and fixed pools, and the pools of the market at each token not traded."""

    prices: Prices
    closed: Collection[Address]
    opened: Collection[Address]
    meeting: Mapping[Address, list[Pool]]
    gas: Mapping[Address, int]  # what each pool's gas is worth, times PRICE_UNIT


def meeting(pools: Iterable[Pool], traded: Collection[Address]) -> dict[Address, list[Pool]]:
    """Returns the pools at each token that nobody sells or buys."""
    out: dict[Address, list[Pool]] = {}
    for pool in pools:
        for token in pool.tokens:
            if token not in traded:
                out.setdefault(token, []).append(pool)
    return out


def moved(gaining: Mapping[Address, tuple[Pool, int]], case: Case) -> int:
    """Returns how much less the pools that gain more than their gas add together, times PRICE_UNIT.

    `gaining` has each of them, but those the case opens, with what it gains beyond its gas.
    """
    lack, total = dict[Address, int](), 0
    for pool, surplus in sorted(gaining.values(), key=lambda each: (-each[1], each[0].address)):
        left = surplus
        for token, others in _company(pool, case):
            is_busy = any(o.address in gaining or o.address in case.opened for o in others)
            if not left or is_busy or not is_idle_alone(pool, token, case):
                continue
            for other in others:
                if other.address not in lack:
                    gas = case.gas[other.address]
                    gain = curves.arbitrage_up(other, case.prices, enough=max(gas - left, 0))
                    lack[other.address] = gas - gain
            part = max(0, min([left, *(lack[other.address] for other in others)]))
            left -= part
            for other in others:
                lack[other.address] -= part
        total += surplus - left
    return total


def _company(pool: Pool, case: Case) -> list[tuple[Address, list[Pool]]]:
    """Returns the pool's tokens that nobody trades and the other open pools there, fewest first."""
    out = list[tuple[Address, list[Pool]]]()
    for token in pool.tokens:
        if token in case.meeting:
            others = [o for o in case.meeting[token] if o is not pool]
            out.append((token, [o for o in others if o.address not in case.closed]))
    return sorted(out, key=lambda each: len(each[1]))


def is_idle_alone(pool: Pool, token: Address, case: Case) -> bool:
    """Returns whether the pool, alone at a token, gains no more than its gas at some price of it:
    tried are those at which a small swap with the pool is fair.

    Tokens that no other pool has at all may be priced anyhow too.
    """
    gas = case.gas[pool.address]
    own = {other for other in pool.tokens if case.meeting.get(other) == [pool]} | {token}
    prices = {other: case.prices.get(other, 0) for other in pool.tokens}
    for paid in pool.tokens:
        fair = {other: _fair(pool, (paid, other), prices[paid], gas) for other in own - {paid}}
        if paid not in own and curves.arbitrage_up(pool, prices | fair, enough=gas) <= gas:
            return True
    return False


def _fair(pool: Pool, pair: tuple[Address, Address], price: int, gas: int) -> int:
    """Returns what a token costs when gas is spent on it, 0 where the pool has none to sell."""
    try:
        given = max(1, gas // max(1, price))
        return price * given // max(1, curves.amount_out(pool, pair, given))
    except Infeasible:
        return 0
