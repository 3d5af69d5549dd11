"""What option legs may be chosen from, as arrays: the problem that the search solves.

Minimise cost over the units of every column (one level of one maker, one side), the legs used (a
leg is one contract at one maker) and one spare unit, the margin, that every scenario row may draw
on. Floats: whoever takes an answer over completes it in integers and proves it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

STAKE = 1_000.0  # of a search, the cost of missing a row by its unit


class Menu(NamedTuple):
    """Columns are sorted by leg, and within a leg by run: the levels of one side, best first.

    Rows: low <= rows @ units + spare * margin <= high.
    """

    cost: Floats  # per unit
    size: Floats  # most units
    leg: Whole  # each column's leg, ascending from 0, none left out
    run: Whole  # each column's run, ascending from 0, none left out
    fixed: Floats  # cost of each leg that is used
    rows: Floats  # rows x columns
    low: Floats
    high: Floats
    spare: Floats  # each row's share in the margin
    spare_cost: float
    spare_max: float
    legs_max: int

    @property
    def starts(self) -> Whole:
        """Returns where each leg's columns begin, and the end."""
        counts = np.bincount(self.leg, minlength=len(self.fixed))
        return np.concatenate(([0], np.cumsum(counts)))


class Cut(NamedTuple):
    """What multipliers tell of any legs: using all of them costs no less than `base` and the sum of
    their `worths`, fixed costs included. The last, 0, stands for none.
    """

    base: float
    worths: Floats


def cut_of(base: float, worths: Floats) -> Cut:
    """Returns the cut where legs cost that at best."""
    return Cut(base, np.append(worths, 0.0))


class Found(NamedTuple):
    """An answer: units of each column, their cost, and what no answer can cost less than.

    `prices` are the rows' multipliers at which `bound` is reached, `margin` the spare unit used.
    `work` counts the linear programs that were solved.
    """

    units: Floats
    margin: float
    cost: float
    bound: float
    prices: Floats
    work: int


def filled(menu: Menu, prices: Floats) -> tuple[Floats, Flags]:
    """Returns what each leg costs at its best where rows have these multipliers, below zero where
    it gains, and which levels that fills.
    """
    priced = np.flatnonzero(prices)
    reduced = menu.cost - prices[priced] @ menu.rows[priced]
    is_good = reduced < 0
    gains = np.where(is_good, reduced, 0.0) * menu.size
    worths: Floats = np.add.reduceat(gains, menu.starts[:-1]) + menu.fixed
    return worths, is_good


def trimmed(menu: Menu) -> Menu:
    """Returns the menu with no level larger than what the levels before it leave in a row that
    nothing else makes room in: a leg alone cannot break a budget. No answer is lost, and a share of
    a leg that is far too large is no longer a bargain: the relaxation is tighter for it.
    """
    first = np.searchsorted(menu.run, np.arange(menu.run[-1] + 1)) if len(menu.run) else menu.run
    size = menu.size.copy()
    for row, most, spare in zip(menu.rows, menu.high, menu.spare, strict=True):
        if not np.isfinite(most) or spare or row.min(initial=0.0) < 0:
            continue
        before = np.cumsum(row * menu.size) - row * menu.size
        left = np.maximum(most - (before - before[first][menu.run]), 0.0)
        size = np.minimum(size, np.divide(left, row, where=row > 0, out=np.full(len(row), np.inf)))
    return menu._replace(size=size)


def scaled(menu: Menu) -> tuple[Menu, Floats, float]:
    """Returns the menu with every row in its own unit, what the rows were divided by, and what one
    unit of any row's violation is charged in a search: a gamma and a dollar are then alike.
    """
    moved = np.abs(menu.rows * menu.size)
    largest = moved.max(axis=1, initial=0.0)
    units = np.maximum(np.median(moved, axis=1) if moved.size else largest, largest / 1_000)
    units[units == 0] = 1.0
    rows = np.ascontiguousarray(menu.rows / units[:, None])
    same = menu._replace(
        rows=rows, low=menu.low / units, high=menu.high / units, spare=menu.spare / units
    )
    stake = float(np.abs(menu.cost * menu.size).max(initial=0.0) + menu.fixed.max(initial=0.0))
    return same, units, stake or 1.0


def normal(menu: Menu) -> tuple[Menu, Floats, float]:
    """Returns the menu as a search likes it: a unit is a whole level, a row its own unit, a cost a
    thousandth of the greatest; what its row multipliers are to be multiplied by; and that cost.
    """
    table, units, stake = scaled(menu)
    unit = stake / STAKE
    return (
        table._replace(
            cost=table.cost * menu.size / unit,
            size=np.where(menu.size > 0, 1.0, 0.0),
            fixed=table.fixed / unit,
            rows=np.ascontiguousarray(table.rows * menu.size),
            spare_cost=table.spare_cost / unit,
        ),
        unit / units,
        unit,
    )
