"""One linear program that is kept warm: columns come and go, and it starts where it last ended.

HiGHS on one thread without presolve: with ten to three hundred columns a change costs a few pivots,
tens of microseconds, where a fresh model costs a millisecond. Rows may be violated at a price, so
that there is always an answer, and how far it is from allowed is known.
"""

from typing import Any, NamedTuple

import numpy as np

from solver.domain.errors import Broken
from solver.routing.legs.menu import Floats, Menu, Whole

ROUNDS_MAX = 10_000  # simplex iterations of one solve: far more than any takes
# What helps where a warm start went astray, one after the other, each from nothing; then as usual.
RESCUES = (
    ("simplex_strategy", 1, 1),
    ("simplex_strategy", 4, 1),
    ("presolve", "on", "off"),
    ("solver", "ipm", "simplex"),
)


class Point(NamedTuple):
    """An optimum: value, units of every column added, multipliers of rows, reduced costs.

    `slack` is how far rows are violated together, in their units; `margin` the spare unit used;
    `misses` how far each is above its end, below zero where it is below.
    """

    value: float
    units: Floats
    prices: Floats
    reduced: Floats
    slack: float
    margin: float
    misses: Floats


class Linear:
    """Columns are numbered from 0 in the order they were added."""

    def __init__(self, menu: Menu, penalty: float, extra_rows: int = 0) -> None:
        """`extra_rows` follow the menu's rows, empty and unbounded, for the caller to bound."""
        import highspy

        self._model: Any = highspy.Highs()
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("presolve", "off"),
            ("solver", "simplex"),
            ("simplex_iteration_limit", ROUNDS_MAX),
        ):
            self._model.setOptionValue(name, value)
        self._optimal = highspy.HighsModelStatus.kOptimal
        count = len(menu.low)
        self.rows = count + extra_rows
        self._fixed = 1 + 2 * count
        self.count = 0
        self.solved = 0
        free = np.full(extra_rows, np.inf)
        low, high = np.append(menu.low, -free), np.append(menu.high, free)
        self._model.addRows(
            self.rows, low, high, 0, _starts(self.rows, 0), np.zeros(0, np.int32), np.zeros(0)
        )
        spare = np.append(menu.spare, np.zeros(extra_rows))
        used = np.flatnonzero(spare).astype(np.int32)
        self._model.addCol(menu.spare_cost, 0.0, menu.spare_max, len(used), used, spare[used])
        each = np.arange(count, dtype=np.int32)
        for sign in (1.0, -1.0):
            self._model.addCols(
                count, np.full(count, penalty), np.zeros(count), np.full(count, np.inf), count,
                each, each, np.full(count, sign),
            )  # fmt: skip

    def add(self, cost: Floats, most: Floats, block: Floats, rows: Whole | None = None) -> int:
        """Adds columns: `block` is columns x rows, over all rows or those named. Returns the
        number of the first.
        """
        count, width = block.shape
        named = np.arange(width) if rows is None else rows
        index = np.tile(named.astype(np.int32), count)
        self._model.addCols(
            count, cost, np.zeros(count), most, block.size, _starts(count, width), index,
            np.ascontiguousarray(block).ravel(),
        )  # fmt: skip
        first, self.count = self.count, self.count + count
        return first

    def keep(self, count: int) -> None:
        """Removes every column from number `count` on."""
        gone = np.arange(self._fixed + count, self._fixed + self.count, dtype=np.int32)
        if len(gone):
            self._model.deleteCols(len(gone), gone)
        self.count = count

    def cap(self, columns: Whole, most: Floats) -> None:
        """Sets the most units of columns."""
        places = (columns + self._fixed).astype(np.int32)
        self._model.changeColsBounds(len(places), places, np.zeros(len(places)), most)

    def charge(self, penalties: Floats) -> None:
        """Sets what a unit of each row's violation costs."""
        places = np.arange(1, self._fixed, dtype=np.int32)
        self._model.changeColsCost(len(places), places, np.tile(penalties, 2))

    def bound_row(self, row: int, low: float, high: float) -> None:
        """Sets a row's range."""
        self._model.changeRowBounds(row, low, high)

    def add_row(self, columns: Whole, high: float) -> int:
        """Adds the sum of columns <= high. Returns the row's number."""
        places = (columns + self._fixed).astype(np.int32)
        self._model.addRow(-np.inf, high, len(places), places, np.ones(len(places)))
        self.rows += 1
        return self.rows - 1

    def solve_whole(self, nodes: int) -> Floats | None:
        """Returns the first whole units of every column added that hold every row, found in so many
        branches; None where none were.
        """
        import highspy

        model, gaps = self._model, np.arange(1, self._fixed, dtype=np.int32)
        none = np.zeros(len(gaps))
        model.changeColsBounds(len(gaps), gaps, none, none)
        places = np.arange(self._fixed, self._fixed + self.count, dtype=np.int32)
        whole = np.full(self.count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        model.changeColsIntegrality(self.count, places, whole)
        for name, value in (
            ("mip_max_nodes", nodes),
            ("mip_max_improving_sols", 1),
            ("presolve", "on"),
        ):
            model.setOptionValue(name, value)
        model.run()
        status = model.getInfo().primal_solution_status
        if status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        units: Floats = np.array(model.getSolution().col_value)[self._fixed :].round()
        return units

    def solve(self) -> Point:
        """Returns the optimum. Raises Broken when HiGHS finds none: there always is one."""
        self.solved += 1
        self._model.run()
        for name, other, usual in RESCUES:
            if self._model.getModelStatus() == self._optimal:
                break
            self._model.setOptionValue(name, other)
            self._model.clearSolver()
            self._model.run()
            self._model.setOptionValue(name, usual)
        if self._model.getModelStatus() != self._optimal:
            raise Broken(f"a small linear program ended {self._model.getModelStatus()}")
        found = self._model.getSolution()
        units, prices, reduced = (
            np.array(part) for part in (found.col_value, found.row_dual, found.col_dual)
        )
        fixed = self._fixed
        return Point(
            self._model.getObjectiveValue(), units[fixed:], prices, reduced[fixed:],
            float(units[1:fixed].sum()), float(units[0]),
            units[1 + fixed // 2 : fixed] - units[1 : 1 + fixed // 2],
        )  # fmt: skip


def _starts(count: int, width: int) -> Any:
    return (
        np.arange(0, count * width, width, dtype=np.int32) if width else np.zeros(count, np.int32)
    )
