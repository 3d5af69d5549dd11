"""What no choice of legs can beat: whole legs at a share each, under the limit on their number.

Each leg is the convex hull of its fills (Dantzig-Wolfe): a column is one way to fill a leg in full
levels, its fixed cost inside, and the shares of all legs sum to at most `legs_max`. Columns enter
as the multipliers price them (all legs at once, vectorised). At any multipliers, converged or not,
rows + the `legs_max` best legs is a lower bound on every choice (Lagrange): that is what is told.
Legs may be taken in whole (levels free, a share of 1) or shut: the nodes of the search's tree.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from solver.routing.legs.linear import Linear, Point
from solver.routing.legs.menu import Flags, Floats, Menu

ENTER = 10  # legs that may enter a round
ROUNDS = 6  # of pricing at one node
ROUNDS_FIRST = 60
CLOSE = 1e-3  # of the value: a node whose bound is this near its value is priced out


class Visit(NamedTuple):
    """A node: no choice within it costs less than `bound`; `shares` of each leg; the multipliers
    at which the bound holds.
    """

    bound: float
    shares: Floats
    prices: Floats


class Relaxation:
    """Keeps its columns from node to node."""

    def __init__(self, menu: Menu, penalty: float) -> None:
        self._menu, self._starts = menu, menu.starts
        self._linear = Linear(menu, penalty, extra_rows=1)
        self._count_row = len(menu.low)
        self._owners: list[int] = []  # of each column: its leg, or -1 for a level of a leg taken
        self._fills: dict[int, list[int]] = {}  # columns that are fills of a leg
        self._seen: set[tuple[int, bytes]] = set()
        self._levels: dict[int, int] = {}  # first column of a leg's levels
        self._hulls: dict[int, int] = {}  # row that keeps a leg's shares within 1
        self._taken: frozenset[int] = frozenset()
        self._shut: frozenset[int] = frozenset()
        self._linear.bound_row(self._count_row, -np.inf, float(menu.legs_max))

    @property
    def solved(self) -> int:
        """How many linear programs it took."""
        return self._linear.solved

    def visit(
        self, taken: Iterable[int], shut: Iterable[int], cut: float, *, rounds: int = ROUNDS
    ) -> Visit:
        """Returns the node; no further priced once its bound reaches `cut`."""
        self._go(frozenset(taken), frozenset(shut))
        menu, best = self._menu, Visit(-np.inf, np.zeros(0), np.zeros(0))
        base = float(menu.fixed[sorted(self._taken)].sum())
        for _ in range(rounds):
            point = self._linear.solve()
            shares = self._shares(point)
            worths, is_good = self._priced(point.prices)
            bound = base + self._bound(point, worths)
            if bound > best.bound:
                best = Visit(bound, shares, point.prices[: len(menu.low)])
            best = best._replace(shares=shares)
            is_split = self._separated(shares)
            if bound >= min(cut, base + point.value - CLOSE * abs(point.value)) and not is_split:
                break
            if not self._enter(worths - point.prices[self._count_row], is_good) and not is_split:
                break
        return best

    def gains(self, prices: Floats) -> Floats:
        """Returns what each leg would cost at the rows' multipliers, below zero where it gains."""
        worths, _ = self._filled(prices)
        return worths

    def _priced(self, prices: Floats) -> tuple[Floats, Flags]:
        """Returns `_filled` without the legs that are taken or shut."""
        worths, is_good = self._filled(prices)
        worths[sorted(self._taken | self._shut)] = 0.0
        return worths, is_good

    def _filled(self, prices: Floats) -> tuple[Floats, Flags]:
        """Returns each leg's reduced cost at its best, and which levels that fills."""
        menu, rows = self._menu, self._count_row
        priced = np.flatnonzero(prices[:rows])
        reduced = menu.cost - prices[priced] @ menu.rows[priced]
        is_good = reduced < 0
        gains = np.where(is_good, reduced, 0.0) * menu.size
        return np.add.reduceat(gains, self._starts[:-1]) + menu.fixed, is_good

    def _bound(self, point: Point, worths: Floats) -> float:
        """Returns the Lagrangian's value: rows, levels of legs taken, and the best other legs."""
        is_closed = np.zeros(len(worths) + 1, dtype=bool)  # the last stands for no leg
        is_closed[[*self._taken, *self._shut, -1]] = True
        is_open = ~is_closed[np.array(self._owners, dtype=np.int64)]
        shares = float(np.minimum(point.reduced[is_open], 0.0).sum())
        shares += sum(float(point.prices[row]) for row in self._hulls.values())
        room = self._menu.legs_max - len(self._taken)
        shares += float(point.prices[self._count_row]) * room
        if room <= 0:
            return point.value - shares
        best = np.partition(worths, min(room, len(worths) - 1))[:room]
        return point.value - shares + float(np.minimum(best, 0.0).sum())

    def _shares(self, point: Point) -> Floats:
        out = np.zeros(len(self._menu.fixed))
        owners = np.array(self._owners, dtype=np.int64)
        is_fill = owners >= 0
        np.add.at(out, owners[is_fill], point.units[is_fill])
        return out

    def _separated(self, shares: Floats) -> bool:
        """Keeps the shares of a leg within 1 together, where they are not. Returns whether any."""
        over = [int(g) for g in np.flatnonzero(shares > 1 + 1e-6) if int(g) not in self._hulls]
        for leg in over:
            self._hulls[leg] = self._linear.add_row(np.array(self._fills[leg]), 1.0)
        return bool(over)

    def _enter(self, worths: Floats, is_good: Flags) -> int:
        """Adds the best fills at the multipliers. Returns how many are new."""
        count = min(ENTER, len(worths))
        entered = 0
        for leg in sorted(np.argpartition(worths, count - 1)[:count].tolist()):
            own = self._own(leg)
            key = (leg, is_good[own].tobytes())
            if worths[leg] < -1e-9 and key not in self._seen:
                self._seen.add(key)
                self._add_fill(leg, np.where(is_good[own], self._menu.size[own], 0.0))
                entered += 1
        return entered

    def _add_fill(self, leg: int, units: Floats) -> None:
        menu, own = self._menu, self._own(leg)
        rows, block = np.arange(self._count_row + 1), np.append(menu.rows[:, own] @ units, 1.0)
        if leg in self._hulls:
            rows, block = np.append(rows, self._hulls[leg]), np.append(block, 1.0)
        cost = float(menu.cost[own] @ units + menu.fixed[leg])
        column = self._linear.add(np.array([cost]), np.ones(1), block[None, :], rows)
        self._owners.append(leg)
        self._fills.setdefault(leg, []).append(column)

    def _go(self, taken: frozenset[int], shut: frozenset[int]) -> None:
        """Moves to another node: levels of legs taken open, fills of those taken or shut closed."""
        for leg in sorted(self._taken ^ taken):
            own = self._own(leg)
            most = self._menu.size[own] if leg in taken else np.zeros(own.stop - own.start)
            if leg not in self._levels:
                block = self._menu.rows[:, own].T
                self._levels[leg] = self._linear.add(self._menu.cost[own], most, block)
                self._owners += [-1] * len(most)
            else:
                self._linear.cap(self._levels[leg] + np.arange(len(most)), most)
        before, after = self._taken | self._shut, taken | shut
        for leg in sorted(before ^ after):
            fills = np.array(self._fills.get(leg, []), dtype=np.int64)
            if len(fills):
                self._linear.cap(fills, np.full(len(fills), 0.0 if leg in after else 1.0))
        self._taken, self._shut = taken, shut
        room = float(self._menu.legs_max - len(taken))
        self._linear.bound_row(self._count_row, -np.inf, room)

    def _own(self, leg: int) -> slice:
        return slice(int(self._starts[leg]), int(self._starts[leg + 1]))
