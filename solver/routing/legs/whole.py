"""Lots: the same legs in whole lots, as near to their best as rounding and repair get.

A vertex of a linear program has few units between two levels, so all ways to round those are tried
at once; then lots move between pairs of columns while that repairs a row or saves a cost. Where a
row is still missed, a small mixed-integer program is asked. What lots cost is what this ends above
the answer without them.
"""

import numpy as np

from solver.routing.legs.linear import Linear
from solver.routing.legs.menu import Floats, Found, Menu, Whole, scaled
from solver.routing.legs.restricted import USED

TRIED = 12  # fractional columns of which all roundings are tried: 4,096
MOVES_MAX = 60
HAIR = 1e-6  # of a row's unit
AROUND, BRANCHES = 3, 500  # of the program that is asked where moves are not enough
HOLDS = 1e-9  # of a row's unit: the violation up to which it holds


def in_lots(menu: Menu, found: Found, lot: float) -> Found | None:
    """Returns the answer in multiples of `lot`; None where no rounding near it holds every row."""
    table, _, penalty = scaled(menu)
    is_used = found.units > USED
    is_next = np.append(False, is_used[:-1]) & np.append(False, menu.run[1:] == menu.run[:-1])
    own = np.flatnonzero(is_used | is_next)
    part = _Part(table, own, lot, penalty)
    lots = part.repaired(part.rounded(found.units[own] / lot))
    margin, missed = part.margin(lots[None, :])
    if missed[0] > HOLDS:
        lots = part.repaired(part.programmed(found.units[own] / lot))
        margin, missed = part.margin(lots[None, :])
    if missed[0] > HOLDS:
        return None
    units = np.zeros(len(menu.cost))
    units[own] = lots * lot
    used = np.unique(menu.leg[units > 0])
    cost = float(menu.cost @ units + menu.fixed[used].sum()) + menu.spare_cost * float(margin[0])
    return found._replace(units=units, margin=float(margin[0]), cost=cost)


class _Part:
    """The columns of the legs in use, a lot each."""

    def __init__(self, menu: Menu, own: Whole, lot: float, penalty: float) -> None:
        self._menu, self._penalty = menu, penalty
        self._rows, self._cost = menu.rows[:, own] * lot, menu.cost[own] * lot
        self._most = np.floor(menu.size[own] / lot + 1e-9)
        self._is_free = menu.spare > 0

    def rounded(self, lots: Floats) -> Floats:
        """Returns the best way to round the fractional lots up or down."""
        low = np.minimum(np.floor(lots + 1e-7), self._most)
        part = np.flatnonzero((lots - low > 1e-7) & (low < self._most))
        part = part[np.argsort(-np.abs(self._cost[part]), kind="stable")][:TRIED]
        ways = (np.arange(2 ** len(part))[:, None] >> np.arange(len(part))) & 1
        tried = np.repeat(low[None, :], len(ways), axis=0)
        tried[:, part] += ways
        best: Floats = tried[int(np.argmin(self._cost_of(tried)))]
        return best

    def repaired(self, lots: Floats) -> Floats:
        """Returns the lots after the moves of one or two of them that help most."""
        ones = np.concatenate((np.eye(len(lots)), -np.eye(len(lots))))
        first, second = np.triu_indices(len(ones))
        steps = np.concatenate((ones, ones[first] + ones[second]))
        cost = float(self._cost_of(lots[None, :])[0])
        for _ in range(MOVES_MAX):
            tried = lots + steps
            costs = self._cost_of(tried)
            costs[((tried < 0) | (tried > self._most)).any(axis=1)] = np.inf
            best = int(np.argmin(costs))
            if costs[best] >= cost - 1e-9 * max(abs(cost), 1.0):
                break
            lots, cost = tried[best], float(costs[best])
        return lots

    def programmed(self, lots: Floats) -> Floats:
        """Returns the lots near these that a mixed-integer program finds: where moves of two are
        not enough, as when several rows have no room at once.
        """
        menu, least = self._menu, np.maximum(np.floor(lots) - AROUND, 0.0)
        moved, most = self._rows @ least, np.minimum(least + 2 * AROUND + 1, self._most)
        hair = np.minimum(HAIR, (menu.high - menu.low) / 4)  # what HiGHS takes for holding
        near = menu._replace(low=menu.low - moved + hair, high=menu.high - moved - hair)
        linear = Linear(near, self._penalty)
        linear.add(self._cost, most - least, np.ascontiguousarray(self._rows.T))
        found = linear.solve_whole(BRANCHES)
        return lots if found is None else least + found

    def margin(self, lots: Floats) -> tuple[Floats, Floats]:
        """Returns the margin each choice needs, at most what there is, and what rows then miss."""
        menu = self._menu
        moved = lots @ self._rows.T
        short = menu.low - moved
        needed = np.zeros(len(lots))
        if self._is_free.any():
            ratio = short[:, self._is_free] / menu.spare[self._is_free]
            needed = np.clip(ratio.max(axis=1), 0.0, menu.spare_max)
        drawn = np.outer(needed, menu.spare)
        missed = np.maximum(short - drawn, 0.0) + np.maximum(moved + drawn - menu.high, 0.0)
        return needed, missed.sum(axis=1)

    def _cost_of(self, lots: Floats) -> Floats:
        margin, missed = self.margin(lots)
        cost = lots @ self._cost + self._menu.spare_cost * margin
        charged: Floats = cost + np.where(missed > HOLDS, self._penalty * (1 + missed), 0.0)
        return charged
