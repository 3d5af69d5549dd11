"""Fills in atoms: what is sold whole is given, marginal orders and pools take up the rest.

At exact prices all that is pulled is worth at least all that is delivered, for each delivery is
rounded down. What a rounding or a float left short in one token is moved along the tree of marginal
orders and pools to the token that has it, one atom at a time if need be.
"""

from collections import defaultdict
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from math import gcd
from typing import NamedTuple

from solver.domain.errors import Infeasible
from solver.domain.market import Pool
from solver.routing import curves


class Trade(NamedTuple):
    """What one trader gives to the batch and takes from it, atoms."""

    given: int
    taken: int


class Marginal(NamedTuple):
    """An order that may be filled to any part, at the batch's prices."""

    place: int
    gives: int  # token
    takes: int
    amount: int
    least: int
    sold_at: int  # integer prices
    bought_at: int

    def giving(self, given: int) -> Trade:
        """Returns the fill that gives at least so much, if it can."""
        given = min(max(given, 0), self.amount)
        for filled in (given, self._least_for(given), -(-given // self._step) * self._step):
            if given <= filled <= self.amount and self._is_fair(filled):
                return self._trade(filled)
        return self._trade(min(given, self.amount // self._step * self._step))

    def taking(self, taken: int) -> Trade:
        """Returns the largest fill that takes at most so much."""
        taken = max(taken, 0)
        most = min(((taken + 1) * self.bought_at - 1) // self.sold_at, self.amount)
        got = most * self.sold_at // self.bought_at
        fair = got * self.amount // self.least if self.least else most
        for filled in (most, min(fair, most)):
            if self._is_fair(filled):
                return self._trade(filled)
        return self._trade(most // self._step * self._step)

    def _trade(self, filled: int) -> Trade:
        return Trade(filled, filled * self.sold_at // self.bought_at)

    def _is_fair(self, filled: int) -> bool:
        return self._trade(filled).taken * self.amount >= self.least * filled

    def _least_for(self, filled: int) -> int:
        """Returns the least fill that gets one atom more."""
        got = filled * self.sold_at // self.bought_at
        return -(-(got + 1) * self.bought_at // self.sold_at)

    @property
    def _step(self) -> int:
        """Fills in multiples of this get exactly the limit in whole atoms."""
        return self.amount // gcd(self.amount, self.least)


class Swapping(NamedTuple):
    """A pool that trades one way; what it gives is what its own code gives."""

    pool: Pool
    pair: curves.Pair  # (in, out)
    gives: int  # token
    takes: int

    def giving(self, given: int) -> Trade:
        """Returns the swap that gives at least so much; nothing if it cannot."""
        try:
            return self.taking(curves.amount_in(self.pool, self.pair, given) if given > 0 else 0)
        except Infeasible:
            return Trade(0, 0)

    def taking(self, taken: int) -> Trade:
        """Returns the swap that takes so much; nothing if it cannot."""
        try:
            out = curves.amount_out(self.pool, self.pair, taken) if taken > 0 else 0
        except Infeasible:
            return Trade(0, 0)
        return Trade(out, taken) if out else Trade(0, 0)


Trader = Marginal | Swapping
ROOTS_MAX = 8  # tokens tried as the one that has enough: the richest nearly always has


def balanced(
    traders: Sequence[Trader], trades: list[Trade], balance: list[int], prices: Sequence[int]
) -> list[int]:
    """Changes trades and balances until no token is short. Returns the tokens that still are."""
    short: list[int] = []
    for group in _groups(traders, len(balance)):
        if all(balance[token] >= 0 for token in group):
            continue
        before = list(trades), list(balance)
        richest = sorted(group, key=lambda token: (-balance[token] * prices[token], token))
        for root in richest[:ROOTS_MAX]:
            trades[:], balance[:] = list(before[0]), list(before[1])
            _drained(traders, trades, balance, root)
            if all(balance[token] >= 0 for token in group):
                break
        else:
            short += [token for token in group if balance[token] < 0]
    known = {token for trader in traders for token in (trader.gives, trader.takes)}
    short += [token for token, left in enumerate(balance) if left < 0 and token not in known]
    return sorted(short)


def _drained(traders: Sequence[Trader], trades: list[Trade], balance: list[int], root: int) -> None:
    """Moves what is short from the leaves to the root, and what is left as far as that is free."""
    for place, token in reversed(_tree(traders, root)):
        trader, trade, other = traders[place], trades[place], balance[token]
        if other > 0 and trader.takes == token and isinstance(trader, Swapping):
            continue  # more of it would be a worse swap
        if trader.gives == token:
            changed = trader.giving(trade.given - other)
        else:
            changed = trader.taking(trade.taken + other)
        trades[place] = changed
        balance[trader.gives] += changed.given - trade.given
        balance[trader.takes] -= changed.taken - trade.taken


def _tree(traders: Sequence[Trader], root: int) -> list[tuple[int, int]]:
    """Returns (trader, its token away from the root), parents first; earlier traders first."""
    at = defaultdict[int, list[int]](list)
    for place, trader in enumerate(traders):
        at[trader.gives].append(place)
        at[trader.takes].append(place)
    reached, found, frontier = {root}, list[tuple[int, int]](), list(at[root])
    heapify(frontier)
    while frontier:
        place = heappop(frontier)
        ends = {traders[place].gives, traders[place].takes} - reached
        if not ends:
            continue
        (fresh,) = ends
        found.append((place, fresh))
        reached.add(fresh)
        for other in at[fresh]:
            heappush(frontier, other)
    return found


def _groups(traders: Sequence[Trader], tokens: int) -> list[list[int]]:
    """Returns the sets of tokens that traders join."""
    group = {token: {token} for token in range(tokens)}
    for trader in traders:
        joined = group[trader.gives] | group[trader.takes]
        group |= dict.fromkeys(joined, joined)
    sets = {min(members): members for members in group.values() if len(members) > 1}
    return [sorted(members) for _, members in sorted(sets.items())]
