"""What no choice of legs can beat: whole legs at a share each, under the limit on their number.

Each leg is the convex hull of its fills (Dantzig-Wolfe): a column is one way to fill a leg in full
levels, its fixed cost inside, and the shares of all legs sum to at most `legs_max`. Columns enter
as the multipliers price them (all legs at once, vectorised). At any multipliers, converged or not,
rows + the `legs_max` best legs is a lower bound on every choice (Lagrange): that is what is told.
"""

from typing import NamedTuple

import numpy as np

from solver.routing.legs.linear import Linear, Point
from solver.routing.legs.menu import Cut, Flags, Floats, Menu, cut_of, filled

ENTER = 10  # legs that may enter a round
ROUNDS = 60
CLOSE = 1e-3  # of the value: once the bound is this near it, nothing more is priced


class Relaxed(NamedTuple):
    """No choice costs less than `bound`, which holds at these multipliers; `shares` of each leg;
    what every round's multipliers tell of any legs.
    """

    bound: float
    shares: Floats
    prices: Floats
    cuts: tuple[Cut, ...]


class Relaxation:
    """The linear program over the fills that were priced so far."""

    def __init__(self, menu: Menu, penalty: float) -> None:
        self._menu, self._starts = menu, menu.starts
        self._linear = Linear(menu, penalty, extra_rows=1)
        self._count_row = len(menu.low)
        self._owners: list[int] = []  # of each column: its leg
        self._fills: dict[int, list[int]] = {}  # columns that are fills of a leg
        self._seen: set[tuple[int, bytes]] = set()
        self._hulls: dict[int, int] = {}  # row that keeps a leg's shares within 1
        self._gone: tuple[int, ...] = ()  # the legs that are shut
        self._linear.bound_row(self._count_row, -np.inf, float(menu.legs_max))

    @property
    def solved(self) -> int:
        """How many linear programs it took."""
        return self._linear.solved

    def relaxed(self, shut: tuple[int, ...] = (), rounds: int = ROUNDS) -> Relaxed:
        """Returns the relaxation's answer, without the legs that are shut."""
        self._shut(shut)
        best, cuts = Relaxed(-np.inf, np.zeros(0), np.zeros(0), ()), []
        for _ in range(rounds):
            point = self._linear.solve()
            shares, prices = self._shares(point), point.prices[: self._count_row]
            worths, is_good = filled(self._menu, prices)
            base = self._base(point)
            cuts.append(cut_of(base, worths))
            worths[list(self._gone)] = 0.0
            bound = base + self._most(worths)
            if bound > best.bound:
                best = Relaxed(bound, shares, prices, ())
            best = best._replace(shares=shares)
            is_split = self._separated(shares)
            if bound >= point.value - CLOSE * abs(point.value) and not is_split:
                break
            if not self._enter(worths - point.prices[self._count_row], is_good) and not is_split:
                break
        return best._replace(cuts=tuple(cuts))

    def _shut(self, gone: tuple[int, ...]) -> None:
        for other, most in ((self._gone, 1.0), (gone, 0.0)):
            fills = np.array([f for g in other for f in self._fills.get(g, ())], dtype=np.int64)
            if len(fills):
                self._linear.cap(fills, np.full(len(fills), most))
        self._gone = gone

    def _base(self, point: Point) -> float:
        """Returns the Lagrangian's value without any leg: rows and the margin."""
        is_open = ~np.isin(np.array(self._owners, dtype=np.int64), list(self._gone))
        columns = float(np.minimum(point.reduced[is_open], 0.0).sum())
        columns += sum(float(point.prices[row]) for row in self._hulls.values())
        return point.value - columns - float(point.prices[self._count_row]) * self._menu.legs_max

    def _most(self, worths: Floats) -> float:
        room = self._menu.legs_max
        best = np.partition(worths, min(room, len(worths) - 1))[:room]
        return float(np.minimum(best, 0.0).sum())

    def _shares(self, point: Point) -> Floats:
        owners, count = np.array(self._owners, dtype=np.int64), len(self._menu.fixed)
        shares: Floats = np.bincount(owners, point.units, minlength=count).astype(float)
        return shares

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
            own = slice(int(self._starts[leg]), int(self._starts[leg + 1]))
            key = (leg, is_good[own].tobytes())
            if worths[leg] < -1e-9 and key not in self._seen:
                self._seen.add(key)
                self._add_fill(leg, own, np.where(is_good[own], self._menu.size[own], 0.0))
                entered += 1
        return entered

    def _add_fill(self, leg: int, own: slice, units: Floats) -> None:
        menu = self._menu
        rows, block = np.arange(self._count_row + 1), np.append(menu.rows[:, own] @ units, 1.0)
        if leg in self._hulls:
            rows, block = np.append(rows, self._hulls[leg]), np.append(block, 1.0)
        cost = float(menu.cost[own] @ units + menu.fixed[leg])
        column = self._linear.add(np.array([cost]), np.ones(1), block[None, :], rows)
        self._owners.append(leg)
        self._fills.setdefault(leg, []).append(column)
