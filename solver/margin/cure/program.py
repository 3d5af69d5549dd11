"""The cheapest trades after which every bound holds, by a linear program that learns as it goes.

HiGHS on one thread, without presolve. Each convex group is a column that is above the tangents
known so far (J. E. Kelley, "The cutting-plane method for solving convex programs", 1960): all cases
at the start, then the one that is most violated, until none is. Pieces are linear and few, so that
it ends; what it costs to touch an instrument at all is charged by the unit traded last time
(E. Candes, M. Wakin, S. Boyd, "Enhancing sparsity by reweighted l1 minimization", 2008).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from solver.margin.cure.convex import Floats, Frame

ROUNDS_MAX = 60  # programs solved for one cure: four to eight are usual
PIVOTS_MAX = 5_000  # of one program
SLACK = 1e-9  # of equity, by which a bound may be missed in floats: integers judge afterwards
PASSES = 2  # the second knows what the first one touched


class Offer(NamedTuple):
    """From `least` to `most` units of a column at `price`, bought (+1) or sold (-1). `cost` is what
    a unit loses against its mark, >= 0; `gas` what touching the instrument takes. Settlement units.
    """

    column: int
    sign: int
    price: float
    cost: float
    most: float
    gas: float = 0.0
    least: float = 0.0


class Cheapest(NamedTuple):
    """Units of every offer, and what they cost, gas included; how many programs were solved."""

    units: Floats
    cost: float
    rounds: int


def cheapest(frame: Frame, offers: Sequence[Offer]) -> Cheapest | None:
    """Returns the optimum, None where no trades on offer satisfy the bounds."""
    return Program(frame, offers).best() if offers else None


def _cost(units: Floats, offers: Sequence[Offer]) -> float:
    touched = {o.column: o.gas for o, unit in zip(offers, units, strict=True) if unit > 0}
    return sum(touched.values()) + float(units @ np.array([o.cost for o in offers]))


class Program:
    """Columns: one of every offer (at least one), one of every group. Asked for more, it starts
    where it last ended."""

    def __init__(self, frame: Frame, offers: Sequence[Offer]) -> None:
        import highspy

        self._frame, self._offers, self._count, self.rounds = frame, offers, len(offers), 0
        self._columns = np.array([o.column for o in offers])
        self._signs = np.array([float(o.sign) for o in offers])
        self._costs = np.array([o.cost for o in offers])
        self._gas = np.array([o.gas for o in offers])
        self._most = np.array([o.most for o in offers])
        self._least = np.array([o.least for o in offers])
        prices = np.array([o.price for o in offers])
        self._gains = self._signs * (frame.worth[self._columns] - prices)  # of equity, by a unit
        self._start = frame.cash + float(frame.worth @ frame.held)
        self._slack = SLACK * max(abs(self._start), 1.0)
        self._highs = _empty()
        self._optimal = highspy.HighsModelStatus.kOptimal
        totals = np.bincount(self._columns, self._most, len(frame.held))
        self._build(self._costs + self._gas / np.maximum(totals[self._columns], 1e-12))

    def best(self) -> Cheapest | None:
        """Returns the optimum, None where no trades on offer satisfy the bounds."""
        best: Cheapest | None = None
        for _ in range(PASSES if self._gas.any() else 1):
            units = self._solve()
            if units is None:
                return best
            found = Cheapest(units, _cost(units, self._offers), self.rounds)
            if best is None or found.cost < best.cost:
                best = found
            self._charge(units)
        return best

    def tighten(self, amount: float) -> None:
        """Asks every bound for so much equity more, settlement units."""
        self._start -= amount
        for row in range(len(self._frame.bounds)):
            self._highs.changeRowBounds(row, -self._start, np.inf)

    def _solve(self) -> Floats | None:
        """Returns units of every offer that satisfy all bounds; None where there are none."""
        for _ in range(ROUNDS_MAX):
            self.rounds += 1
            self._highs.run()
            if self._highs.getModelStatus() != self._optimal:
                return None
            point = np.array(self._highs.getSolution().col_value)
            units: Floats = np.clip(point[: self._count], self._least, self._most)
            held = self._after(units)
            values = self._frame.values(held)
            equity = self._start + float(self._gains @ units)
            if all(equity + self._slack >= b.weights @ values for b in self._frame.bounds):
                return units
            below = np.flatnonzero(values > point[self._count :] + self._slack / 4)
            if not len(below):
                return None
            slopes = np.array([self._frame.groups[place].tangent(held) for place in below])
            self._add(self._cuts(slopes, below), slopes @ self._frame.held)
        return None

    def _charge(self, units: Floats) -> None:
        """Spreads the gas of an instrument over the units last traded, not over what might be."""
        traded = np.bincount(self._columns, units, len(self._frame.held))[self._columns]
        least = self._most * 1e-3 + 1e-12
        costs = self._costs + self._gas / np.maximum(traded, least)
        places = np.arange(self._count, dtype=np.int32)
        self._highs.changeColsCost(self._count, places, costs)

    def _after(self, units: Floats) -> Floats:
        moved = np.bincount(self._columns, self._signs * units, len(self._frame.held))
        held: Floats = self._frame.held + moved
        return held

    def _build(self, costs: Floats) -> None:
        groups = len(self._frame.groups)
        costs = np.append(costs, np.zeros(groups))
        least = np.append(self._least, np.zeros(groups))
        most = np.append(self._most, np.full(groups, np.inf))
        none, nowhere = np.zeros(0), np.zeros(0, np.int32)
        width = len(costs)
        starts = np.zeros(width, np.int32)
        self._highs.addCols(width, costs, least, most, 0, starts, nowhere, none)
        bounds = np.array([np.append(self._gains, -bound.weights) for bound in self._frame.bounds])
        slopes = [each.tangents(self._frame.held) for each in self._frame.groups]
        counts = [len(each) for each in slopes]
        cuts = self._cuts(np.concatenate(slopes), np.repeat(np.arange(groups), counts))
        low = np.concatenate(slopes) @ self._frame.held
        self._add(
            np.concatenate([bounds, cuts]), np.append(np.full(len(bounds), -self._start), low)
        )

    def _cuts(self, slopes: Floats, places: Any) -> Floats:
        """Returns rows of: group - slope . moves >= slope . held."""
        rows = np.zeros((len(slopes), self._count + len(self._frame.groups)))
        rows[:, : self._count] = -slopes[:, self._columns] * self._signs
        rows[np.arange(len(slopes)), self._count + places] = 1.0
        return rows

    def _add(self, rows: Floats, low: Floats) -> None:
        where, index = np.nonzero(rows)
        count, entries = len(rows), len(index)
        starts = np.searchsorted(where, np.arange(count)).astype(np.int32)
        high = np.full(count, np.inf)
        values = rows[where, index]
        self._highs.addRows(count, low, high, entries, starts, index.astype(np.int32), values)


def _empty() -> Any:
    import highspy

    model: Any = highspy.Highs()
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("presolve", "off"),
        ("solver", "simplex"),
        ("simplex_iteration_limit", PIVOTS_MAX),
    ):
        model.setOptionValue(name, value)
    return model
